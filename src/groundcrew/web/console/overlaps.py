"""Overlaps, vendors' capabilities and waiting pilots in the console: pairs side by side, why, and what can be decided."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.overlap import REASON_LENGTH_MAX
from groundcrew.errors import InputError
from groundcrew.services.overlaps import POSSIBLE, Terms
from groundcrew.services.purgatory import WHO, WaitingRow, as_csv
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.refusing import Refusal, status_of, words_of
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

#: Pairs that one page shows of those that are decided.
DECIDED_SHOWN_MAX = 100
OPEN_SHOWN_MAX = 200
#: For how many days a build is justified where the form is not changed.
JUSTIFIED_DAYS = 180
WORDS = {
    "adopt_vendor": "Adopt the vendor's",
    "join_existing": "Join the other",
    "justified_build": "Build it all the same, until a day",
    "false_positive": "They do not overlap",
}
WHO_WORDS = {"owner": "its owner", "function": "a function", "data": "data", "money": "money", "vendor": "a vendor"}


class SettleForm(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of an overlap; `reopen` opens a decided one again."""

    disposition: Annotated[str, msgspec.Meta(max_length=40)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""
    expires_on: Annotated[str, msgspec.Meta(max_length=10)] = ""
    into: Annotated[str, msgspec.Meta(max_length=64)] = ""


@get("/overlaps", action="read")
async def overlaps_page(
    request: PageRequest,
    use_case: Annotated[str, QueryParameter(max_length=64)] = "",
    done: Annotated[str, QueryParameter(max_length=40)] = "",
) -> Page:
    """Open pairs side by side, then what was decided."""
    return await _page(request, use_case=use_case, message=DONE.get(done))


@post("/overlaps/scan", action="scan_overlaps")
async def scan_all(request: PageRequest) -> Page:
    """Compare everything."""
    try:
        await services_of(request).overlaps.scan_all(actor=principal_of(request).actor)
    except Refusal as error:
        return await _page(request, status=status_of(error), problem=words_of(error))
    return see("/overlaps?done=overlaps_scanned")


@post("/overlaps/{overlap_id:str}/settle", action="settle_overlap")
async def settle(request: PageRequest, overlap_id: FromPath[str]) -> Page:
    """Decide an open pair, or open a decided one again."""
    form = await read_form(request, SettleForm)
    actor, overlaps = principal_of(request).actor, services_of(request).overlaps
    try:
        if form.disposition == "reopen":
            await overlaps.reopen(overlap_id, form.reason, actor=actor)
        else:
            await overlaps.settle(overlap_id, _terms(form), actor=actor)
    except Refusal as error:
        return await _page(request, status=status_of(error), problem=words_of(error))
    return see("/overlaps?done=overlap_settled")


@get("/overlaps/vendors", action="read")
async def vendors_page(request: PageRequest, vendor: Annotated[str, QueryParameter(max_length=120)] = "") -> Page:
    """What vendors sell or plan, and what is to be checked again."""
    found = await services_of(request).capabilities.find()
    groups: dict[str, list[Any]] = {}
    for each in found:
        groups.setdefault(each.capability.vendor, []).append(each)
    return await render(
        request,
        "overlap_vendors.html",
        here="overlaps",
        groups=[(name, rows) for name, rows in groups.items() if not vendor or name == vendor],
        vendor=vendor,
        number=len(found),
        stale=sum(each.stale for each in found),
        to_check=[each for each in found if each.check_shipped],
    )


@get("/purgatory", action="read")
async def purgatory_page(request: PageRequest) -> Page:
    """What waits before production: for whom, since when, at what cost."""
    portfolio = await services_of(request).purgatory.portfolio()
    return await render(
        request,
        "purgatory.html",
        here="purgatory",
        portfolio=portfolio,
        rows=[(each, _groups(each)) for each in portfolio.rows],
        who=[(WHO_WORDS[who], portfolio.waiting_for[who]) for who in WHO],
    )


@get("/purgatory.csv", action="read")
async def purgatory_csv(request: PageRequest) -> Response[str]:
    """The same as a file."""
    text = as_csv(await services_of(request).purgatory.portfolio())
    headers = {"Content-Disposition": 'attachment; filename="waiting-pilots.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _groups(row: WaitingRow) -> list[tuple[str, list[Any]]]:
    """What a use case waits for, by who must act."""
    groups = [(who, [each for each in row.waits if each.who == who]) for who in WHO]
    return [(WHO_WORDS[who], waits) for who, waits in groups if waits]


def _terms(form: SettleForm) -> Terms:
    expires_on = None
    if form.disposition == "justified_build":
        try:
            expires_on = date.fromisoformat(form.expires_on)
        except ValueError:
            raise InputError("expected a date as YYYY-MM-DD", field="expires_on") from None
    into = form.into or None if form.disposition == "join_existing" else None
    return Terms(disposition=form.disposition, reason=form.reason, expires_on=expires_on, into=into)  # type: ignore[arg-type]


async def _page(
    request: PageRequest, *, use_case: str = "", status: int = 200, message: str | None = None, problem: str | None = None
) -> Page:
    services = services_of(request)
    found = await services.overlaps.find(use_case=use_case or None)
    opened = [each for each in found if each.state == "open"]
    decided = [each for each in found if each.state not in ("open", "gone")]
    return await render(
        request,
        "overlaps.html",
        status=status,
        here="overlaps",
        use_case=use_case,
        open=opened[:OPEN_SHOWN_MAX],
        open_number=len(opened),
        decided=decided[:DECIDED_SHOWN_MAX],
        decided_number=len(decided),
        capabilities=len(await services.capabilities.find()),
        spoken=await services.overlaps.languages(use_case or None),
        possible=POSSIBLE,
        words=WORDS,
        until=services.database.clock.now().date() + timedelta(days=JUSTIFIED_DAYS),
        message=message,
        problem=problem,
    )


HANDLERS: list[Any] = [overlaps_page, scan_all, settle, vendors_page, purgatory_page, purgatory_csv]
