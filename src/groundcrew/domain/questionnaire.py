"""The questionnaire of risk: what is asked, what a yes implies, and from when, as versioned data rather than code.

It is data because rules and dates move. The questions are in our own words after Regulation (EU) 2024/1689 and its amendments;
the sources, and the day on which somebody last held the data against them, stand in the file.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Literal

import msgspec

from groundcrew.domain.use_case import RiskTier

#: A rule gives a tier; an exception may take Annex III away, and a bar keeps it from that; a note changes no tier.
QuestionKind = Literal["rule", "exception", "bar", "note"]
#: `in_force`: as the regulation was published. `adopted`: by an amendment. `superseded`: by one. `proposed`: no law yet.
DateStatus = Literal["in_force", "adopted", "superseded", "proposed"]
#: The group of the sections of Annex III, whose rules the exceptions of Art. 6(3) may take away.
ANNEX_III = "annex_iii"


class EffectiveDate(msgspec.Struct, frozen=True, kw_only=True, rename={"starts": "from"}):
    """From when something applies, under which text, and how sure that is."""

    starts: date
    status: DateStatus
    under: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where something stands, publicly."""

    title: str
    url: str


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Questions that belong together. `group` joins the areas of Annex III."""

    key: str
    title: str
    basis: str
    intro: str
    group: str = ""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question in plain language. `text` is how a yes is told as a reason, `implies` what follows from it, `since` the
    version of the questionnaire that asked it first. `keywords` of a purpose are a hint to look at it, and never an answer."""

    key: str
    section: str
    kind: QuestionKind
    basis: str
    text: str
    question: str
    implies: str
    dates: str
    since: int
    tier: RiskTier | None = None
    help: str = ""
    decides_on_persons: bool = False
    keywords: tuple[str, ...] = ()

    @property
    def must_be_answered(self) -> bool:
        """Whether leaving it open keeps a gate closed: what may be prohibited or high is not passed by silence."""
        return self.tier in ("prohibited", "high")


class EarlierQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A question of an earlier version, still taken in declarations. A no answers all that it `covers`; a yes gives its
    tier."""

    key: str
    tier: RiskTier
    basis: str
    text: str
    covers: tuple[str, ...]
    since: int
    decides_on_persons: bool = False


class Questionnaire(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the questionnaire. `checked_on` is when it was last held against its sources."""

    version: int
    published_on: date
    checked_on: date
    title: str
    note: str
    sources: tuple[Source, ...]
    #: Version → what it brought.
    changes: dict[str, str]
    dates: dict[str, tuple[EffectiveDate, ...]]
    sections: tuple[Section, ...]
    questions: tuple[Question, ...]
    earlier: tuple[EarlierQuestion, ...]

    def group_of(self, question: Question) -> str:
        """The group of a question's section, "" where it has none."""
        return next(each.group for each in self.sections if each.key == question.section)


@lru_cache(maxsize=1)
def questionnaire() -> Questionnaire:
    """The questionnaire in force, as it ships."""
    data = resources.files("groundcrew.domain").joinpath("risk_questionnaire.json").read_bytes()
    return msgspec.json.decode(data, type=Questionnaire)


@lru_cache(maxsize=1)
def questions_by_key() -> dict[str, Question]:
    """The questions of the questionnaire in force."""
    return {each.key: each for each in questionnaire().questions}


@lru_cache(maxsize=1)
def earlier_by_key() -> dict[str, EarlierQuestion]:
    """The questions of earlier versions that are still taken."""
    return {each.key: each for each in questionnaire().earlier}


@lru_cache(maxsize=1)
def annex_iii_keys() -> frozenset[str]:
    """The questions of Annex III."""
    known = questionnaire()
    return frozenset(each.key for each in known.questions if known.group_of(each) == ANNEX_III)


def section_names() -> tuple[str, ...]:
    """What `none_of` of a declaration may name: sections, and the group of Annex III."""
    return (*(each.key for each in questionnaire().sections), ANNEX_III)


def questions_of(name: str, version: int) -> tuple[str, ...]:
    """The questions of a section or group that `version` asked already: a no from then is no answer to what is asked since."""
    known = questionnaire()
    return tuple(each.key for each in known.questions if name in (each.section, known.group_of(each)) and each.since <= version)
