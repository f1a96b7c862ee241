"""The cascade: who decides which claim, that nothing which fails supports one, and how little a judge has to be asked."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.errors import GroundcrewError, InputError
from groundcrew.grounding.cascade import SHIPPED, Asked, Bounds, Cascade, Memory, Stage
from groundcrew.grounding.cascade_fit import FittedCascade, LabelledClaim, asked_shares, fit_cascade
from groundcrew.grounding.trust import TrustScorer
from groundcrew.grounding.verifiers.protocol import ClaimToVerify, ClaimVerdict, VerifierFailure, checked, stretched
from groundcrew.grounding.verifiers.threaded import ShippedStack
from groundcrew.grounding.verifiers.windows import nearest, windows
from groundcrew.stats.risk_control import walk_ranks

SENTENCE = "Claim number {} stands here."
Say = Callable[[Sequence[ClaimToVerify]], Any]


class Scripted:
    """A verifier that says what it is told, and remembers what it was asked."""

    def __init__(self, say: Say, name: str = "second") -> None:
        self.name, self._say = name, say
        self.asked: list[ClaimToVerify] = []

    async def verify(self, claims: Sequence[ClaimToVerify]) -> Any:
        self.asked += claims
        found = self._say(claims)
        return await found if asyncio.iscoroutine(found) else found


def always(support: float, **fields: Any) -> Say:
    return lambda claims: [ClaimVerdict(support=support, **fields) for _ in claims]


def report_of(*supports: float, contradicted: Sequence[int] = ()) -> tuple[TrustReport, Asked]:
    """A report of the shipped stack on an answer with one claim a support."""
    answer, claims = "", []
    for number, support in enumerate(supports):
        text = SENTENCE.format(number)
        start = len(answer)
        answer += text + " "
        claims.append(
            ClaimScore(start=start, end=start + len(text), support=support, source=0, contradicted=number in contradicted)
        )
    spans = tuple((claim.start, claim.end) for claim in claims if claim.support < 0.5)
    state = "unsupported" if spans else "supported"
    report = TrustReport(trust=min(supports), state=state, claims=tuple(claims), unsupported=spans)  # type: ignore[arg-type]
    return report, Asked(answer=answer, sources=["A passage."], question="What?")


async def test_only_open_claims_go_on_and_each_names_who_decided_it() -> None:
    report, asked = report_of(0.97, 0.5, 0.03, 0.6, 0.4, contradicted=[4])
    second = Scripted(lambda claims: [ClaimVerdict(support=0.95), ClaimVerdict(support=0.5)], "second")
    third = Scripted(always(0.2, cost_usd=0.01), "third")
    cascade = Cascade(Bounds(accept=0.9, reject=0.1), [Stage(verifier=second), Stage(verifier=third)])
    found = await cascade.decide(report, asked, first_ms=12.5)
    assert [claim.decided_by for claim in found.claims] == [SHIPPED, "second", SHIPPED, "third", SHIPPED]
    assert [each.text for each in second.asked] == [SENTENCE.format(1), SENTENCE.format(3)]
    assert [each.text for each in third.asked] == [SENTENCE.format(3)]
    assert second.asked[1].context.endswith(SENTENCE.format(2))
    assert [(stage.name, stage.claims, stage.cost_usd) for stage in found.stages] == [
        (SHIPPED, 5, 0.0),
        ("second", 2, 0.0),
        ("third", 1, 0.01),
    ]
    assert found.stages[0].latency_ms == 12.5
    assert found.trust == min(claim.support for claim in found.claims)
    assert found.state == "unsupported"


async def test_a_report_that_needs_nobody_stays_as_it_is() -> None:
    report, asked = report_of(0.97, 0.95)
    second = Scripted(always(0.0))
    found = await Cascade(Bounds(), [Stage(verifier=second)]).decide(report, asked)
    assert (found.trust, found.state, second.asked) == (report.trust, "supported", [])
    nothing = TrustReport(trust=None, state="no_claims", reason="the answer asserts nothing")
    assert (await Cascade(Bounds(), [Stage(verifier=second)]).decide(nothing, asked)).trust is None


def raising(error: Exception) -> Say:
    def say(_: Sequence[ClaimToVerify]) -> Any:
        raise error

    return say


FAULTS: dict[str, Say] = {
    "raises": raising(RuntimeError("broken")),
    "raises its own": raising(VerifierFailure("no", cost_usd=0.5)),
    "recursion": raising(RecursionError()),
    "nan": always(math.nan),
    "infinite": always(math.inf),
    "above one": always(1.5),
    "below nothing": always(-0.1),
    "text": always("0.99"),  # type: ignore[arg-type]
    "true": always(True),
    "too few": lambda claims: [ClaimVerdict(support=0.99)] * (len(claims) - 1),
    "too many": lambda claims: [ClaimVerdict(support=0.99)] * (len(claims) + 1),
    "nothing": lambda _: None,
    "a mapping": lambda claims: {"support": 0.99},
    "other things": lambda claims: [{"support": 0.99}] * len(claims),
    "both at once": always(0.99, contradicted=True),
    "odd contradiction": always(0.99, contradicted="no"),
    "unknown": lambda claims: [ClaimVerdict(support=None)] * len(claims),
    "slow": lambda claims: asyncio.sleep(30),
}


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_a_verifier_that_fails_decides_nothing_and_what_was_decided_stands(fault: str) -> None:
    report, asked = report_of(0.97, 0.6, 0.03)
    failures: list[tuple[str, str]] = []
    stage = Stage(verifier=Scripted(FAULTS[fault]), timeout_s=0.05)
    found = await Cascade(Bounds(), [stage]).decide(report, asked, failed=lambda name, why: failures.append((name, why)))
    assert [claim.decided_by for claim in found.claims] == [SHIPPED, None, SHIPPED]
    assert found.claims[1].support < 0.5, "what leant to support is not supported as long as nobody can tell"
    assert (found.claims[1].start, found.claims[1].end) in found.unsupported
    assert found.trust is not None
    assert not math.isnan(found.trust)
    assert failures[0][0] == "second"


async def test_a_stage_that_fails_leaves_its_claims_to_the_next_one() -> None:
    report, asked = report_of(0.6)
    stages = [Stage(verifier=Scripted(FAULTS["raises"])), Stage(verifier=Scripted(always(0.95), "third"))]
    found = await Cascade(Bounds(), stages).decide(report, asked)
    assert found.claims[0].decided_by == "third"


async def test_no_stage_begins_when_the_time_is_over() -> None:
    report, asked = report_of(0.6)
    second = Scripted(always(0.95))
    ends_s = asyncio.get_running_loop().time() - 1
    found = await Cascade(Bounds(), [Stage(verifier=second)]).decide(report, asked, ends_s=ends_s)
    assert second.asked == []
    assert found.state == "unsupported"


async def test_a_claim_of_an_answer_that_grows_is_asked_once() -> None:
    second, memory = Scripted(always(0.95)), Memory()
    cascade = Cascade(Bounds(), [Stage(verifier=second)])
    for count in (1, 2, 3):
        report, asked = report_of(*[0.6] * count)
        found = await cascade.decide(report, asked, memory=memory)
        assert all(claim.decided_by == "second" for claim in found.claims)
    assert len(second.asked) == 3


supports = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(first=supports, said=st.lists(st.one_of(st.floats(), st.none(), st.integers(-2, 2)), max_size=9), accept=st.floats(0.5, 1))
def test_whatever_a_verifier_says_no_claim_is_supported_without_a_verdict(
    first: list[float], said: list[Any], accept: float
) -> None:
    report, asked = report_of(*first)
    verifier = Scripted(lambda claims: [ClaimVerdict(support=each) for each in said])
    cascade = Cascade(Bounds(accept=accept), [Stage(verifier=verifier)])
    found = asyncio.run(cascade.decide(report, asked))
    for before, claim in zip(report.claims, found.claims, strict=True):
        assert 0 <= claim.support <= 1
        if claim.decided_by is None:
            assert (claim.start, claim.end) in found.unsupported
        elif claim.decided_by == SHIPPED:
            assert claim.support == before.support
    assert (found.state == "unsupported") == bool(found.unsupported)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.floats(0.01, 0.99))
def test_a_stretched_score_keeps_its_order_and_range(scores: list[float], threshold: float) -> None:
    found = [stretched(score, threshold) for score in sorted(scores)]
    assert found == sorted(found)
    assert all(0 <= each <= 1 for each in found)
    assert stretched(threshold, threshold) == 0.5


def test_verdicts_are_checked_against_their_claims() -> None:
    claim = ClaimToVerify(text="short", passages=("p",))
    (found,) = checked([claim], [ClaimVerdict(support=0.1, spans=((0, 2), (3, 99), (-1, 2)), cost_usd=math.nan)])
    assert found.spans == ((0, 2),)
    assert found.cost_usd is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab .", max_size=60), max_size=6), st.integers(1, 30))
def test_windows_hold_every_word_and_none_is_too_long(passages: list[str], size_max: int) -> None:
    found = windows(passages, lambda texts: [len(text) for text in texts], size_max)
    letters = [character for text in found for character in text if not character.isspace()]
    wanted = [character for text in passages for character in text if not character.isspace()]
    assert len(letters) >= len(wanted)
    assert all(sum(len(part) for part in text.split(" ")) <= size_max for text in found)
    assert nearest("a", found, 2) == found if len(found) <= 2 else len(nearest("a", found, 2)) == 2


async def test_the_shipped_stack_is_a_verifier_too() -> None:
    stack = ShippedStack(TrustScorer())
    card = ("The replacement card costs CHF 20.",)
    good, bad, empty = await stack.verify(
        [
            ClaimToVerify(text="The replacement card costs CHF 20.", passages=card),
            ClaimToVerify(text="The replacement card costs CHF 30.", passages=card),
            ClaimToVerify(text="Hello!", passages=card),
        ]
    )
    assert good.support is not None
    assert good.support > 0.9
    assert bad.support is not None
    assert bad.support < 0.5
    assert empty.support is None


def simulated(count: int, separation: float, rates: tuple[float, float], seed: int) -> list[LabelledClaim]:
    """Claims with a cheap score whose two classes lie `separation` standard deviations apart (2.4 is an AUROC of .955), and a
    judge that is wrong at known rates: P(supports an unsupported claim), P(doubts a supported one)."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        supported = chance.random() < 0.7
        logit = chance.gauss(separation / 2 if supported else -separation / 2, 1.0)
        wrong = chance.random() < rates[1 if supported else 0]
        judge = 0.95 if supported != wrong else 0.05
        found.append(LabelledClaim(supported=supported, supports=(1 / (1 + math.exp(-1.5 * logit)), judge)))
    return found


def quality(claims: Sequence[LabelledClaim], fitted: FittedCascade) -> tuple[float, float, float, float]:
    """The share asked, and F1 for unsupported claims of the cascade, of the judge alone and of the cheap stage alone."""
    scores = np.array([each.supports for each in claims])
    labels = np.array([each.supported for each in claims])
    bounds = fitted.bounds[0]
    cheap, judge = scores[:, 0] >= 0.5, scores[:, 1] >= 0.5
    sure = (scores[:, 0] >= bounds.accept) | (scores[:, 0] <= bounds.reject)
    share = asked_shares(scores, np.zeros(len(claims), dtype=bool), fitted.bounds)[0]

    def f1(said: Any) -> float:
        return float(2 * (~said & ~labels).sum() / ((~said).sum() + (~labels).sum()))

    return share, f1(np.where(sure, cheap, judge)), f1(judge), f1(cheap)


@pytest.mark.parametrize("rates", [(0.05, 0.05), (0.1, 0.1), (0.03, 0.08)])
def test_at_equal_quality_a_judge_is_asked_for_at_most_two_fifths_of_the_claims(rates: tuple[float, float]) -> None:
    """Bounds from 2,000 labelled claims, measured on 20,000 others: F1 within .01 of the judge's own."""
    fitted = fit_cascade(simulated(2_000, 2.4, rates, seed=1))
    share, cascade, judge, cheap = quality(simulated(20_000, 2.4, rates, seed=2), fitted)
    assert share <= 0.40
    assert cascade >= judge - 0.01
    assert fitted.asked[0] == pytest.approx(share, abs=0.05)
    if rates == (0.05, 0.05):
        assert cheap < judge, "else there would be nothing to gain"


def test_a_useless_cheap_stage_saves_nothing_and_costs_nothing() -> None:
    fitted = fit_cascade(simulated(2_000, 0.0, (0.02, 0.02), seed=3))
    share, cascade, judge, _ = quality(simulated(20_000, 0.0, (0.02, 0.02), seed=4), fitted)
    assert share > 0.9
    assert cascade >= judge - 0.02


def test_a_useless_judge_is_hardly_asked() -> None:
    fitted = fit_cascade(simulated(2_000, 2.4, (0.5, 0.5), seed=5))
    share, cascade, judge, _ = quality(simulated(20_000, 2.4, (0.5, 0.5), seed=6), fitted)
    assert share < 0.05
    assert cascade > judge


def test_three_stages_are_fitted_from_the_last_to_the_first() -> None:
    chance = random.Random(9)
    two = simulated(2_000, 2.0, (0.03, 0.03), seed=7)
    claims = []
    for each in two:
        middle = 1 / (1 + math.exp(-1.5 * chance.gauss(1.8 if each.supported else -1.8, 1.0)))
        claims.append(LabelledClaim(supported=each.supported, supports=(each.supports[0], middle, each.supports[1])))
    fitted = fit_cascade(claims)
    assert len(fitted.bounds) == 2
    assert fitted.asked[1] < fitted.asked[0] < 1
    assert fitted.accuracy >= fitted.last_accuracy - 0.02


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ([], "two or more stages"),
        ([LabelledClaim(supported=True, supports=(0.5, 0.5))] * 50, "unsupported claims are labelled"),
        ([LabelledClaim(supported=True, supports=(0.5,))] * 50, "two or more stages"),
        ([LabelledClaim(supported=True, supports=(0.5, math.nan))] * 50, "between 0 and 1"),
    ],
)
def test_labels_that_say_nothing_are_refused(claims: list[LabelledClaim], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_cascade(claims)


def test_failures_are_groundcrew_errors() -> None:
    assert isinstance(VerifierFailure("x"), GroundcrewError)


async def test_without_veto_a_contradiction_is_left_to_the_next_stage() -> None:
    report, asked = report_of(0.02, 0.4, contradicted=[0, 1])
    second = Scripted(always(0.95))
    found = await Cascade(Bounds(veto=False), [Stage(verifier=second)]).decide(report, asked)
    assert [claim.decided_by for claim in found.claims] == ["second", "second"]
    assert not any(claim.contradicted for claim in found.claims)
    broken = await Cascade(Bounds(veto=False), [Stage(verifier=Scripted(FAULTS["raises"]))]).decide(report, asked)
    assert all(claim.contradicted for claim in broken.claims), "what nobody overrules stays contradicted"


def test_vetoes_that_are_wrong_more_often_than_the_judge_only_ask() -> None:
    chance = random.Random(3)
    claims = simulated(1_000, 2.4, (0.03, 0.03), seed=8)

    def vetoing(right: float) -> bool:
        vetoed = [
            msgspec.structs.replace(each, contradicted=chance.random() < (right if not each.supported else 1 - right) * 0.2)
            for each in claims
        ]
        return fit_cascade(vetoed).bounds[0].veto

    assert vetoing(0.99)
    assert not vetoing(0.5)


async def test_on_our_own_cases_the_bounds_that_ship_ask_a_judge_little_at_its_quality() -> None:
    """The shipped stack's scores, without its network, and a judge that is wrong on 5 % of either class."""
    scorer, chance = TrustScorer(), random.Random(11)
    labels, verdicts, judged, asked = [], [], [], 0
    for path in sorted((Path(__file__).parent / "cases").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            if "supported" not in case:  # pairs of sentences, for contradictions in knowledge
                continue
            said = case["supported"] != (chance.random() < 0.05)
            judge = Scripted(always(0.95 if said else 0.05))
            report = scorer.score(case["answer"], case["sources"])
            found = await Cascade(Bounds(), [Stage(verifier=judge)]).decide(
                report, Asked(answer=case["answer"], sources=case["sources"])
            )
            labels.append(case["supported"])
            judged.append(said)
            verdicts.append(found.state == "supported")
            asked += bool(judge.asked)
    assert asked <= 0.4 * len(labels)
    right = [sum(mine == label for mine, label in zip(said, labels, strict=True)) for said in (verdicts, judged)]
    assert right[0] >= right[1] - 0.01 * len(labels)


@pytest.mark.parametrize(
    ("rates", "releases"),
    [((0.01, 0.03), True), ((0.05, 0.05), None), ((0.5, 0.5), None), ((0.95, 0.95), None)],
    ids=["very good", "good", "useless", "lying"],
)
def test_the_guarantee_on_what_a_cascade_releases_holds_for_any_judge(rates: tuple[float, float], releases: bool | None) -> None:
    """400 draws of 300 labelled answers: the share of unsupported ones among what is released exceeds 5 % in no more of them than
    δ = 5 % and chance allow."""
    population = simulated(40_000, 1.2, rates, seed=21)
    scores = np.array([each.supports for each in population])
    sure = (scores[:, 0] >= 0.9) | (scores[:, 0] <= 0.1)
    trust = np.where(sure, scores[:, 0], scores[:, 1])
    unsupported = np.array([not each.supported for each in population])
    draws, broken, releasing, chance = 400, 0, 0, np.random.default_rng(22)
    for _ in range(draws):
        sample = chance.integers(0, len(trust), 300)
        threshold = walk_ranks(trust[sample], unsupported[sample], 0.05, 0.05).threshold
        if threshold is None:
            continue
        released = trust >= threshold
        releasing += 1
        broken += bool(unsupported[released].mean() > 0.05)
    assert broken <= int(scipy.stats.binom.ppf(1 - 1e-4, draws, 0.05))
    if releases:
        assert releasing > 0.5 * draws
