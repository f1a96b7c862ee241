"""One look at all alert rules: which there are, what their metrics say, and where that takes each of them. Nothing is written."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import resources

import msgspec

from groundcrew.domain.alert import AlertRule, Figure
from groundcrew.domain.alert_track import Track, look
from groundcrew.domain.use_case import TERMINAL_STAGES, UseCase
from groundcrew.errors import GroundcrewError
from groundcrew.metrics.registry import definitions
from groundcrew.services.alert_metrics import PLATFORM, Look, figure_of, metrics, unknown
from groundcrew.services.metrics import MetricsReport
from groundcrew.store import alerts as stored
from groundcrew.store import catalog
from groundcrew.store.database import Connection

#: How long a figure that takes a while to compute is used again.
SLOW_EVERY = timedelta(seconds=600)
#: Slow figures that are kept; the oldest make room.
KEPT_MAX = 10_000

logger = logging.getLogger(__name__)

Report = Callable[[str], Awaitable[MetricsReport]]


@lru_cache(maxsize=1)
def default_rules() -> tuple[AlertRule, ...]:
    """The rules that ship. One of the same name that is declared takes its place."""
    data = resources.files("groundcrew.domain").joinpath("default_alerts.json").read_bytes()
    return msgspec.json.decode(data, type=tuple[AlertRule, ...])


async def rules_in_force(connection: Connection) -> dict[str, AlertRule]:
    """Declared rules and the shipped ones that none of them replaces, by name, switched-off ones too."""
    found = {each.name: each for each in default_rules()}
    found.update({each.name: each for each in await catalog.ALERT_RULES.find(connection)})
    return dict(sorted(found.items()))


def is_platform(rule: AlertRule) -> bool:
    """Whether the rule is about the platform as a whole."""
    known = metrics().get(rule.metric)
    return known is not None and known.subject == "platform"


def metric_names(use_cases: Mapping[str, UseCase]) -> frozenset[str]:
    """Every name that a rule's metric may have: of what is computed at every look, and of what reports hold."""
    business = {each.name for use_case in use_cases.values() for each in use_case.metrics}
    return frozenset({*metrics(), *(each.name for each in definitions()), *business})


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One rule and subject after a look: where it stood and stands. `before` is None where it was never looked at, `rule` where
    there is no such rule or subject any more."""

    key: tuple[str, str]
    rule: AlertRule | None
    before: stored.StoredTrack | None
    track: Track
    figure: Figure

    @property
    def changed(self) -> bool:
        """Whether there is anything to write: most rules are ok and stay so."""
        return self.track != (self.before.track if self.before else Track(rule=self.key[0], use_case=self.key[1]))


class Evaluation:
    """Computes looks; keeps slow figures from one to the next. `report` gives a use case's metrics report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._kept: dict[tuple[str, ...], tuple[datetime, Mapping[str, Figure]]] = {}

    async def steps(self, connection: Connection, now: datetime) -> list[Step]:
        """Where every rule in force stands for each of its subjects after a look at `now`."""
        rules = [each for each in (await rules_in_force(connection)).values() if each.enabled]
        live = {each.name: each for each in await catalog.USE_CASES.find(connection) if each.stage not in TERMINAL_STAGES}
        before = await stored.tracks(connection)
        figures = await self.figures(connection, rules, live, now)
        found = []
        for rule in rules:
            for subject in subjects(rule, live):
                key = rule.name, subject
                old = before.pop(key, None)
                track = old.track if old is not None else Track(rule=rule.name, use_case=subject)
                figure = figures[rule.name].get(subject, unknown("not computed"))
                found.append(Step(key=key, rule=rule, before=old, track=look(rule, track, figure, now), figure=figure))
        for key, left in before.items():
            found.append(Step(key=key, rule=None, before=left, track=left.track, figure=unknown("no longer looked at")))
        return found

    async def figures(
        self, connection: Connection, rules: list[AlertRule], use_cases: Mapping[str, UseCase], now: datetime
    ) -> dict[str, Mapping[str, Figure]]:
        """What the metric of each rule says, by rule and subject; each metric and window is computed once."""
        found: dict[str, Mapping[str, Figure]] = {}
        computed: dict[tuple[str, int | None], Mapping[str, Figure]] = {}
        for rule in rules:
            known = metrics().get(rule.metric)
            if known is None:
                found[rule.name] = await self._of_reports(rule, use_cases, now)
                continue
            window_s = (rule.window_s or known.window_s) if known.window_s is not None else None
            place = rule.metric, window_s
            if place not in computed:
                asked = Look(connection=connection, now=now, use_cases=use_cases, window_s=window_s)
                computed[place] = await self._computed(known.compute, asked, rule.metric, slow=known.slow)
            found[rule.name] = computed[place]
        return found

    async def _computed(
        self, compute: Callable[[Look], Awaitable[Mapping[str, Figure]]], asked: Look, name: str, *, slow: bool
    ) -> Mapping[str, Figure]:
        # A use case that was declared since is not in what was kept.
        key = (name, str(asked.window_s), *sorted(asked.use_cases))
        kept = self._kept.get(key) if slow else None
        if kept is not None and timedelta(0) <= asked.now - kept[0] < SLOW_EVERY:
            return kept[1]
        try:
            found = await compute(asked)
        except (ArithmeticError, ValueError, LookupError, TypeError, msgspec.MsgspecError, GroundcrewError) as error:
            logger.warning("the alert metric %s could not be computed: %s", name, error)
            return {subject: unknown("it could not be computed") for subject in (PLATFORM, *asked.use_cases)}
        if slow:
            self._keep(key, asked.now, found)
        return found

    async def _of_reports(self, rule: AlertRule, use_cases: Mapping[str, UseCase], now: datetime) -> Mapping[str, Figure]:
        """The figure of the rule's metric in each use case's report of the last days; sample data are no figure."""
        found = {}
        for subject in subjects(rule, use_cases):
            key = ("report", subject)
            kept = self._kept.get(key)
            if kept is None or not timedelta(0) <= now - kept[0] < SLOW_EVERY:
                try:
                    report = await self._report(subject)
                except GroundcrewError as error:
                    found[subject] = unknown(str(error))
                    continue
                kept = now, {each.name: figure_of(each.interval) for each in report.figures if not each.sample}
                self._keep(key, *kept)
            found[subject] = kept[1].get(rule.metric, unknown("the metrics report has no such figure"))
        return found

    def _keep(self, key: tuple[str, ...], now: datetime, figures: Mapping[str, Figure]) -> None:
        self._kept.pop(key, None)
        while len(self._kept) >= KEPT_MAX:
            self._kept.pop(next(iter(self._kept)))
        self._kept[key] = now, figures


def subjects(rule: AlertRule, use_cases: Mapping[str, UseCase]) -> list[str]:
    """What a rule looks at: the platform, or the use cases in its scope."""
    if is_platform(rule):
        return [PLATFORM]
    return [name for name, each in use_cases.items() if rule.covers(name, each.business_unit)]
