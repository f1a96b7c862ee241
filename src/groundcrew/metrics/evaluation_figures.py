"""What one answer to a case of an evaluation is worth, figure by figure, and how each figure is to be read."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from groundcrew.domain.call import CallStatus
from groundcrew.domain.evaluation import EvaluationCase, JudgeRule
from groundcrew.domain.hypothesis import RATING_MAX, RATING_MIN, Direction, MetricKind
from groundcrew.domain.trust import TrustReport
from groundcrew.metrics.edit_distance import TEXT_LENGTH_MAX, pair_similarity

JUDGE_PREFIX = "judge:"


class FigureRule(msgspec.Struct, frozen=True, kw_only=True):
    """How a figure is read: its kind, which way is better, its unit, and the range of one value (None: unbounded above)."""

    title: str
    kind: MetricKind
    direction: Direction
    unit: str = ""
    bounds: tuple[float, float] | None = (0.0, 1.0)


#: Every figure but the judges', in the order in which reports show them. `trust` and `grounded` are unknown for an answer without
#: claims and where there should be none; `similarity`, `edit_similarity` and `exact` without a reference; `contains` and
#: `excludes` without words to look for.
FIGURES: dict[str, FigureRule] = {
    "answered": FigureRule(title="answered", kind="proportion", direction="increase"),
    "behaves": FigureRule(title="answers and declines where it should", kind="proportion", direction="increase"),
    "declined": FigureRule(title="declined", kind="proportion", direction="decrease"),
    "fallback": FigureRule(title="replaced by approved text", kind="proportion", direction="decrease"),
    "failed": FigureRule(title="failed or refused", kind="proportion", direction="decrease"),
    "trust": FigureRule(title="trust", kind="mean", direction="increase"),
    "grounded": FigureRule(title="grounded", kind="proportion", direction="increase"),
    "contains": FigureRule(title="holds every expected fact", kind="proportion", direction="increase"),
    "excludes": FigureRule(title="holds nothing forbidden", kind="proportion", direction="increase"),
    "exact": FigureRule(title="is the reference word for word", kind="proportion", direction="increase"),
    "similarity": FigureRule(title="similarity to the reference", kind="mean", direction="increase", bounds=(-1.0, 1.0)),
    "edit_similarity": FigureRule(title="share of the reference kept", kind="mean", direction="increase"),
    "latency_ms": FigureRule(title="latency", kind="duration", direction="decrease", unit="ms", bounds=None),
    "cost_usd": FigureRule(title="cost a question", kind="cost", direction="decrease", unit="USD", bounds=None),
}
#: What says whether an answer is good; the others say how it came about.
QUALITY = ("behaves", "trust", "grounded", "contains", "excludes", "similarity", "edit_similarity")

_STARS = FigureRule(title="", kind="rating", direction="increase", unit="stars", bounds=(RATING_MIN, RATING_MAX))
_YES = FigureRule(title="", kind="proportion", direction="increase")
_SPACE = re.compile(r"\s+")
_SAME = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "–": "-", "—": "-", "‑": "-", "“": '"', "”": '"', "«": '"', "»": '"'})


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it is measured: its text ("" where there is none) and what the gateway says of it."""

    status: CallStatus
    text: str = ""
    trust: TrustReport | None = None
    latency_ms: float | None = None
    cost_usd: float | None = None


def figure_rules(judges: tuple[JudgeRule, ...] = ()) -> dict[str, FigureRule]:
    """The rules of all figures that a suite with these judges may have, in order."""
    found = dict(FIGURES)
    for judge in judges:
        rule = _STARS if judge.scale == "stars" else _YES
        found[JUDGE_PREFIX + judge.name] = msgspec.structs.replace(rule, title=f"judge {judge.name}")
    return found


def figures_of(case: EvaluationCase, answered: Answered, similarity: float | None) -> dict[str, float]:
    """The figures of one answer; those that do not apply to the case, or could not be told, are left out.

    An answer that failed or was refused is worth nothing in every check of its text: whoever asked got none. Otherwise a target
    that fails at the hard questions would look better for it.
    """
    text = answered.text
    has_failed = answered.status in ("failed", "refused", "cancelled", "opened")
    declined = answered.status == "declined"
    found: dict[str, float | None] = {
        "answered": float(not has_failed and not declined and bool(text)),
        "behaves": float(answered.status != "failed" and (declined or answered.status == "refused") == case.declines),
        "declined": float(declined),
        "fallback": float(answered.status == "fallback"),
        "failed": float(has_failed),
        "latency_ms": answered.latency_ms if not has_failed else None,
        "cost_usd": answered.cost_usd,
    }
    report = None if case.declines else answered.trust
    if has_failed and not case.declines:
        found |= {"trust": 0.0, "grounded": 0.0}
    elif report is not None and not declined and report.state != "no_claims":
        found |= {"trust": report.trust, "grounded": float(report.state == "supported")}
    if not case.declines:
        if case.contains:
            found["contains"] = float(bool(text) and all(_holds(text, each) for each in case.contains))
        if case.reference is not None:
            found["exact"] = float(bool(text) and plain(text) == plain(case.reference))
            found["edit_similarity"] = _kept(case.reference, text)
            found["similarity"] = similarity if text else 0.0
    if case.excludes and not has_failed:
        found["excludes"] = float(not any(_holds(text, each) for each in case.excludes))
    return {name: value for name, value in found.items() if value is not None}


def plain(text: str) -> str:
    """`text` for comparing words: compatible characters, case, marks and white space do not count."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text).translate(_SAME).casefold()).strip()


def _holds(text: str, words: str) -> bool:
    """Whether `words` stand in `text`, not as a part of longer ones: CHF 20 does not stand in CHF 200."""
    wanted = plain(words)
    before = r"(?<!\w)" if wanted[:1].isalnum() else ""
    after = r"(?!\w|[.,']\d)" if wanted[-1:].isalnum() else ""
    return re.search(before + re.escape(wanted) + after, plain(text)) is not None


def _kept(reference: str, text: str) -> float | None:
    if max(len(reference), len(text)) > TEXT_LENGTH_MAX:
        return None
    return pair_similarity(reference, text) if text else 0.0
