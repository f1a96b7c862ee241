"""Drift in the console: alarms on top, then each watched feature drawn small: the reference and the windows held against it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.drift import FEATURE_GROUPS, DriftWindow, Feature, FeatureDrift, FeatureGroup, Point, Resolution
from groundcrew.errors import Conflict, InputError
from groundcrew.services.drift import DriftStatus
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.words import DONE, figure, milliseconds, percent, usd
from groundcrew.web.requests import read_form

#: The drawing of one feature, and the windows that it shows at most.
WIDTH, HEIGHT, LEFT, PAD = 240.0, 56.0, 14.0, 5.0
WINDOWS_DRAWN = 24
ACKNOWLEDGED_SHOWN = 10
KINDS = {
    "window": "A window differs from the reference",
    "slow": "A slow change, window by window too small to see",
    "version": "This version differs from the one before it",
}
RESOLUTIONS: tuple[tuple[Resolution, str], ...] = (
    ("expected", "It is expected: do not tell of it again under this reference"),
    ("fixed", "Its cause is fixed: tell if it comes again"),
    ("new_reference", "It is usual from now on: a new reference of the calls since then"),
)


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """One window in a drawing: its place, the ends of its interval, and whether the feature drifted in it."""

    x: float
    y: float
    low: float
    high: float
    drifted: bool


class FeatureRow(msgspec.Struct, frozen=True, kw_only=True):
    """A feature with its drawing: the reference as a band across, the windows beside each other, oldest first."""

    feature: Feature
    usual: str
    newest: str
    state: str
    note: str
    of: str
    marks: tuple[Mark, ...] = ()
    band: tuple[float, float, float] | None = None
    label: str = ""


class AcknowledgeForm(msgspec.Struct, frozen=True, kw_only=True):
    """What an alarm comes to."""

    resolution: Resolution
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


class ReferenceForm(msgspec.Struct, frozen=True, kw_only=True):
    """Days of the calls that a new reference is made of, both may be left out."""

    since: Annotated[str, msgspec.Meta(max_length=20)] = ""
    until: Annotated[str, msgspec.Meta(max_length=20)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


@get("/use-cases/{name:str}/drift", action="read")
async def drift_page(
    request: PageRequest,
    name: FromPath[str],
    version: Annotated[str, QueryParameter(max_length=64)] = "",
    done: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Page:
    """How the monitors of one version stand."""
    return await _page(request, name, version=version, message=DONE.get(done))


@post("/use-cases/{name:str}/drift/alarms/{alarm:str}", action="manage_drift")
async def acknowledge(request: PageRequest, name: FromPath[str], alarm: FromPath[str]) -> Page:
    """Say what an alarm comes to."""
    form = await read_form(request, AcknowledgeForm)
    try:
        await services_of(request).drift.acknowledge(
            alarm, form.resolution, actor=principal_of(request).actor, reason=form.reason, use_case=name
        )
    except (Conflict, InputError) as error:
        return await _page(request, name, status=409 if isinstance(error, Conflict) else 400, problem=str(error))
    return see(f"/use-cases/{name}/drift?done=acknowledged")


@post("/use-cases/{name:str}/drift/reference", action="manage_drift")
async def ask_reference(request: PageRequest, name: FromPath[str]) -> Page:
    """Ask for a new reference."""
    form = await read_form(request, ReferenceForm)
    try:
        await services_of(request).drift.ask_reference(
            name,
            since=_day(form.since, "since"),
            until=_day(form.until, "until"),
            actor=principal_of(request).actor,
            reason=form.reason,
        )
    except (Conflict, InputError) as error:
        return await _page(request, name, status=409 if isinstance(error, Conflict) else 400, problem=str(error))
    return see(f"/use-cases/{name}/drift?done=reference_asked")


async def _page(
    request: PageRequest,
    name: str,
    *,
    version: str = "",
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
) -> Page:
    services = services_of(request)
    use_case = await services.use_cases.get(name)
    try:
        found = await services.drift.status(name, version=version.strip() or None)
    except InputError as error:
        status, problem = 400, error.message
        found = await services.drift.status(name)
    return await render(
        request,
        "drift.html",
        status=status,
        here="portfolio",
        use_case=use_case,
        drift=found,
        references=await services.drift.references(name),
        open_alarms=[each for each in found.alarms if each.state == "open"],
        acknowledged=[each for each in found.alarms if each.state != "open"][:ACKNOWLEDGED_SHOWN],
        groups=feature_groups(found),
        kinds=KINDS,
        resolutions=RESOLUTIONS,
        resolution_words={key: words.partition(":")[0] for key, words in RESOLUTIONS},
        short_reference=_is_short(found),
        message=message,
        problem=problem,
    )


def feature_groups(found: DriftStatus) -> list[tuple[FeatureGroup, list[FeatureRow]]]:
    """The rows of each group that has any."""
    rows = [feature_row(each, found) for each in found.features]
    return [(group, own) for group in FEATURE_GROUPS if (own := [each for each in rows if each.feature.group == group])]


def feature_row(feature: Feature, found: DriftStatus) -> FeatureRow:
    """How a feature is shown."""
    usual = next((each for each in found.reference_points if each.feature == feature.name), None)
    windows = [(each, _point(each, feature.name)) for each in found.windows[-WINDOWS_DRAWN:]]
    known = [(window, point) for window, point in windows if point is not None and point.estimate is not None]
    newest = known[-1][1] if known else None
    said = _said(found.windows[-1], feature.name) if found.windows else None
    marks, band = _drawn(feature.name, usual, known)
    label = f"{feature.title}: reference {value_words(usual, feature)}" + "".join(
        f"; {window.until:%d %b}: {value_words(point, feature)}" for window, point in known
    )
    return FeatureRow(
        feature=feature,
        usual=value_words(usual, feature),
        newest=value_words(newest, feature),
        state=_state(feature.name, said, usual, found),
        note=(said.words or said.reason) if said is not None else "",
        of=usual.of if usual is not None else "",
        marks=marks,
        band=band,
        label=label,
    )


def value_words(point: Point | None, feature: Feature) -> str:
    """A feature's figure in its unit."""
    if point is None or point.estimate is None:
        return "–"
    if feature.kind == "category":
        return percent(point.estimate)
    if feature.unit == "ms":
        return milliseconds(point.estimate)
    if feature.unit == "USD":
        return usd(point.estimate)
    plain = figure(point.estimate) if abs(point.estimate) >= 100 else f"{point.estimate:.2f}"
    return f"{plain} {feature.unit}".strip()


def _drawn(
    name: str, usual: Point | None, known: list[tuple[DriftWindow, Point]]
) -> tuple[tuple[Mark, ...], tuple[float, float, float] | None]:
    """Windows side by side, on the scale of all that is drawn; the band of the reference as (top, height, its middle)."""
    points = [point for _, point in known] + ([usual] if usual is not None and usual.estimate is not None else [])
    ends = [value for point in points for value in (point.lower, point.upper, point.estimate) if value is not None]
    if not ends:
        return (), None
    low, high = min(ends), max(ends)
    span = (high - low) or max(abs(high), 1.0) * 0.1

    def up(value: float | None, otherwise: float) -> float:
        return round(PAD + (1 - ((otherwise if value is None else value) - low) / span) * (HEIGHT - 2 * PAD), 1)

    step = (WIDTH - LEFT - PAD) / max(len(known), 1)
    marks = tuple(
        Mark(
            x=round(LEFT + (place + 0.5) * step, 1),
            y=up(point.estimate, low),
            low=up(point.lower, low),
            high=up(point.upper, high),
            drifted=bool((said := _said(window, name)) is not None and said.drifted),
        )
        for place, (window, point) in enumerate(known)
    )
    if usual is None or usual.estimate is None:
        return marks, None
    top, bottom = up(usual.upper, high), up(usual.lower, low)
    return marks, (top, round(max(bottom - top, 1.0), 1), up(usual.estimate, low))


def _state(name: str, said: FeatureDrift | None, usual: Point | None, found: DriftStatus) -> str:
    if name in found.muted:
        return "expected"
    if said is None:
        return "waiting" if usual is not None else "not recorded"
    return "unknown" if said.drifted is None else ("drifted" if said.drifted else "steady")


def _said(window: DriftWindow, name: str) -> FeatureDrift | None:
    return next((each for each in window.features if each.feature == name), None)


def _point(window: DriftWindow, name: str) -> Point | None:
    return next((each for each in window.points if each.feature == name), None)


def _is_short(found: DriftStatus) -> bool:
    """Whether the reference is of less than a day, so that what changes between day and night shows as drift."""
    head = found.reference
    return head is not None and (head.until - head.since).total_seconds() < 86_400


def _day(text: str, field: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time(), UTC)
    except ValueError:
        raise InputError(f"{text.strip()!r} is no day: write YYYY-MM-DD", field=field) from None


HANDLERS = [drift_page, acknowledge, ask_reference]
