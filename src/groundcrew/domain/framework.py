"""Frameworks of rules as versioned data: which controls they have, from when, and what of groundcrew's records bears on each.

Nothing here says that a rule is met. A control rests on criteria of gates and on features that are computed from recorded
data, on a person's word, or on both; how far that goes for one use case is told by `services/controls.py`.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Literal

import msgspec

from groundcrew.domain.questionnaire import EffectiveDate, Source

FrameworkStatus = Literal["in_force", "adopted", "proposed", "retired"]
#: To which use cases a control applies.
When = Literal["always", "high", "personal_data", "grounded", "customized", "talks_to_persons", "makes_deep_fakes"]
#: What covers a control: all of it computed; all, some of it by a person's word; some; none; or it does not apply.
CoverageState = Literal["covered", "attested", "partly", "not_covered", "not_applicable"]
BearingKind = Literal["computed", "attested"]
_FILES = ("eu_ai_act", "nist_ai_rmf", "nist_ai_600_1", "iso_iec_42001", "sr_11_7")


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """One control: its number in the framework, a title in our words and what it rests on (``criterion:KEY`` of a gate,
    ``feature:NAME``, or ``attestation``: a person's word for this control). `dates` names an entry of the framework's dates."""

    id: str
    group: str
    title: str
    rests_on: tuple[str, ...]
    when: When = "always"
    dates: str = ""


class Framework(msgspec.Struct, frozen=True, kw_only=True):
    """One framework. `version` counts our mapping, `edition` names the text; `checked_on` is when it was last held against its
    sources. A retired one is kept for what was made against it."""

    key: str
    title: str
    short: str
    version: int
    edition: str
    issued_by: str
    status: FrameworkStatus
    binding: bool
    published_on: date
    checked_on: date
    note: str
    sources: tuple[Source, ...]
    dates: dict[str, tuple[EffectiveDate, ...]]
    controls: tuple[Control, ...]
    retired_on: date | None = None
    superseded_by: str = ""


class Bearing(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a control rests on, as it stands for one use case. `met` only where it is known to be. `link` leads to
    where it is shown or closed, `evidence` are hashes of recorded evidence, `by` and `until` are of a person's word."""

    name: str
    kind: BearingKind
    met: bool
    figure: str
    missing: str = ""
    link: str = ""
    evidence: tuple[str, ...] = ()
    by: str = ""
    until: str = ""


class ControlCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """How far the records cover one control for one use case. `why` says why it does not apply, where it does not."""

    control: Control
    state: CoverageState
    bearings: tuple[Bearing, ...] = ()
    why: str = ""


@lru_cache(maxsize=1)
def frameworks() -> tuple[Framework, ...]:
    """The frameworks that ship, those in force first."""
    folder = resources.files("groundcrew.domain")
    return tuple(msgspec.json.decode(folder.joinpath(f"framework_{each}.json").read_bytes(), type=Framework) for each in _FILES)


def state_of(bearings: tuple[Bearing, ...]) -> CoverageState:
    """What `bearings` amount to: what is not known to be met does not count, and nothing covers nothing."""
    met = [each for each in bearings if each.met]
    if not met:
        return "not_covered"
    if len(met) < len(bearings):
        return "partly"
    return "covered" if all(each.kind == "computed" for each in met) else "attested"
