"""The stack behind the trust score: trees, ranking and features, which claims reach the network, and scoring many at once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.domain.trust import TrustReport
from groundcrew.grounding.entailment import Entailment, Reading
from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.features import FEATURE_NAMES, FEATURES
from groundcrew.grounding.reading import read_answer
from groundcrew.grounding.summary import ANSWER_FEATURE_NAMES, summarise
from groundcrew.grounding.trees import Forest, Trees
from groundcrew.grounding.trust import NETWORK_CLAIMS_MAX, ScoreRequest, TrustScorer

SOURCES = (
    "# Debit card\n\nThe debit card costs CHF 48 per year. Withdrawals abroad cost CHF 5 each. Block the card in the app.",
    "The branch in Zug is open Monday to Friday from 9.00 to 17.00. Parcels are delivered within three working days.",
    "Ein Konto kann jederzeit schriftlich gekündigt werden. 😀 Die Kündigung ist kostenlos.",
)
ANSWERS = (
    "The debit card costs CHF 48 per year.",
    "You pay CHF 48 a year for the card, and the app lets you freeze it.",
    "The debit card costs CHF 84 per year.",
    "Our office in Zug opens at nine on weekdays. It has a large car park behind the station.",
    "Sie können das Konto jederzeit kündigen. 👍 It is free of charge.",
    "Parcels usually arrive within three working days unless customs hold them back for longer inspection.",
    "Yes.",
    "I have no verified answer to this question.",
    "",
)


class Network:
    """Stands in for the entailment network: a verdict that depends on the pair alone, and a count of what was read."""

    def __init__(self, supported: float | None = None) -> None:
        self.supported = supported
        self.pairs: list[tuple[str, str]] = []

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        self.pairs.extend(pairs)
        return [self._reading(*pair) for pair in pairs]

    def _reading(self, evidence: str, claim: str) -> Reading:
        digest = hashlib.sha256(f"{evidence}\0{claim}".encode("utf-8", "replace")).digest()
        supported = digest[0] / 255 if self.supported is None else self.supported
        return Reading(supported=supported, contradicted=(1 - supported) * 0.9, words=((0, len(claim), digest[1] / 255),))


def scorer(network: Network) -> TrustScorer:
    return TrustScorer(cast(Entailment, network))


requests = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(ANSWERS), st.text(max_size=80)),
        st.lists(st.one_of(st.sampled_from(SOURCES), st.text(max_size=60)), max_size=3),
        st.sampled_from([None, "What does the debit card cost?"]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(requests)
def test_many_at_once_score_exactly_as_one_by_one(asked: list[tuple[str, list[str], str | None]]) -> None:
    many = scorer(Network()).score_many(
        [ScoreRequest(answer=answer, sources=sources, question=question) for answer, sources, question in asked]
    )
    single = [scorer(Network()).score(answer, sources, question) for answer, sources, question in asked]
    kept = scorer(Network())
    again = [kept.score(answer, sources, question) for answer, sources, question in [*asked, *asked]]
    assert many == single
    assert again == [*single, *single]
    for report in many:
        assert_defined(report)


def assert_defined(report: TrustReport) -> None:
    assert report.trust is None or 0.0 <= report.trust < 1.0
    for claim in report.claims:
        assert 0.0 <= claim.support < 1.0
        assert not math.isnan(claim.support)


def test_only_what_is_open_reaches_the_network() -> None:
    network = Network()
    report = scorer(network).score(" ".join(ANSWERS[:4]), SOURCES)
    read = {claim for _, claim in network.pairs}
    assert "The debit card costs CHF 48 per year." not in read, "verbatim"
    assert "The debit card costs CHF 84 per year." not in read, "vetoed by a check"
    decided = {claim.decided_by for claim in report.claims}
    assert {"verbatim", "checks"} <= decided


RECORD = ("name: Bergsee\ntown: Zug\nfounded: 1897\nstaff: 1200\nbranches: 12\nmanager: Anna Meier\nphone: 041 555 01 44",)


def test_of_records_words_alone_settle_nothing() -> None:
    network = Network()
    scorer(network).score("The bank Bergsee has 12 branches. Anna Meier is the manager of Bergsee in Zug.", RECORD)
    assert len(network.pairs) == 2


@pytest.mark.parametrize("invention", ["Llamas graze on roofs.", "Your loan is granted.", "Pandas eat bamboo."])
def test_true_sentences_do_not_lift_an_invention(invention: str) -> None:
    for mine in (TrustScorer(None), scorer(Network(supported=0.9))):
        report = mine.score(f"{ANSWERS[0]} Withdrawals abroad cost CHF 5 each. {invention}", SOURCES)
        assert report.trust is not None
        assert report.trust < 0.5


def test_a_lead_in_says_nothing_of_a_matter() -> None:
    mine = scorer(Network(supported=0.9))
    report = mine.score(f"{ANSWERS[0]} According to the passages provided. Withdrawals abroad cost CHF 5 each.", SOURCES)
    assert report.trust is not None
    assert report.trust >= 0.5


def test_a_pair_is_read_once() -> None:
    network = Network()
    mine = scorer(network)
    for _ in range(3):
        mine.score_many([ScoreRequest(answer=ANSWERS[3], sources=SOURCES), ScoreRequest(answer=ANSWERS[3], sources=SOURCES)])
    assert len(network.pairs) == len(set(network.pairs))


def test_a_long_answer_asks_the_network_a_bounded_number_of_times() -> None:
    network = Network()
    answer = " ".join(
        f"Office {letter * 3} opens at nine and offers coffee to guests." for letter in "abcdefghijklmnopqrstuvwxyz" * 3
    )
    scorer(network).score(answer, SOURCES)
    assert len(network.pairs) <= NETWORK_CLAIMS_MAX


def test_the_network_can_only_move_a_claim_its_own_way() -> None:
    answer = "Our office in Zug opens at nine on weekdays."
    low = scorer(Network(supported=0.02)).score(answer, SOURCES).claims[0]
    high = scorer(Network(supported=0.98)).score(answer, SOURCES).claims[0]
    assert low.support <= high.support
    if low.support < 0.5:
        assert low.reasons


def test_no_answer_is_certain_for_free() -> None:
    for answer in ANSWERS:
        for sources in ([], [""], ["…"], list(SOURCES)):
            report = scorer(Network(supported=1.0)).score(answer, sources)
            assert_defined(report)
            if report.state == "no_sources":
                assert report.trust == 0.0


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.lists(st.one_of(st.text(max_size=120), st.sampled_from(SOURCES)), max_size=4))
def test_features_are_finite(answer: str, sources: list[str]) -> None:
    reading = read_answer(answer, sources)
    for claim in reading.claims:
        if claim.features is not None:
            assert claim.features.shape == (len(FEATURE_NAMES),)
            assert np.isfinite(claim.features).all()
    if reading.claims:
        figures = summarise(reading, [0.5] * len(reading.claims), {})
        assert figures.shape == (len(ANSWER_FEATURE_NAMES),)
        assert np.isfinite(figures).all()


def test_the_best_evidence_is_found_in_any_passage() -> None:
    sources = [*(f"Passage {number} is about something else." for number in range(30)), SOURCES[1]]
    claim = read_answer("The Zug branch is open on Friday from 9.00.", sources).claims[0]
    assert claim.window is not None
    assert "branch in Zug" in claim.evidence_text
    evidence = read_answer("The Zug branch is open on Friday from 9.00.", sources).evidence
    assert evidence is not None
    assert evidence.sentences[claim.window.best].source == 30


def test_the_question_supports_nothing_and_its_words_tell_nothing() -> None:
    at = FEATURE_NAMES.index("unknown_matter_log")
    plain = read_answer("Llamas graze on the roof.", SOURCES).claims[0].features
    asked = read_answer("Llamas graze on the roof.", SOURCES, "Do llamas graze?").claims[0].features
    assert plain is not None
    assert asked is not None
    assert asked[at] < plain[at]
    coverage = FEATURE_NAMES.index("coverage_sources")
    assert asked[coverage] == plain[coverage]


@pytest.mark.parametrize("name", [feature.name for feature in FEATURES if feature.sign != 0])
def test_no_feature_speaks_against_its_meaning(name: str) -> None:
    model = TrustScorer(None).model
    at, sign = FEATURE_NAMES.index(name), next(feature.sign for feature in FEATURES if feature.name == name)
    rows = np.random.default_rng(3).uniform(0.0, 1.0, (40, len(FEATURE_NAMES)))
    low, high = rows.copy(), rows.copy()
    low[:, at], high[:, at] = 0.0, 3.0
    change = sign * (model.plain(high) - model.plain(low))
    assert (change >= -1e-9).all()


def test_contributions_add_up() -> None:
    trees = Trees(
        depth=2,
        base=-0.5,
        features=((0, 1, 1),),
        thresholds=((0.5, 0.2, 0.8),),
        values=((0.0, -1.0, 1.0, -2.0, -0.5, 0.5, 2.0),),
    )
    rows = np.array([[0.0, 0.0], [0.0, 0.5], [1.0, 0.5], [1.0, 0.9]])
    assert Forest(trees).logits(rows).tolist() == [-2.5, -1.0, 0.0, 1.5]
    assert Forest(trees).contributions(rows).tolist() == [[-1.0, -1.0], [-1.0, 0.5], [1.0, -0.5], [1.0, 1.0]]
    with pytest.raises(ValueError, match="depth"):
        Forest(Trees(depth=3, base=0.0, features=((0,),), thresholds=((0.0,),), values=((0.0,),)))


BREED = "title: Jersey\nCountry of origin: Jersey\nWeight: 400 kilograms\nCoat: Fawn\nUse: Dairy"
PROSE = "Jersey is the country of origin of the breed. Its coat is fawn and it weighs 400 kilograms."


@pytest.mark.parametrize("claim", ["The breed has a fawn coat.", "These cows weigh half a ton or so."])
def test_on_rows_the_network_outweighs_words(claim: str) -> None:
    def support(source: str, said: float) -> float:
        return scorer(Network(said)).score(claim, [source]).claims[0].support

    assert support(BREED, 0.99) > 0.5 > support(BREED, 0.01)
    assert support(BREED, 0.99) - support(BREED, 0.01) >= support(PROSE, 0.99) - support(PROSE, 0.01)


def test_what_a_check_vetoes_is_read_and_stays_down_whatever_the_network_says() -> None:
    for claim, limit in (("Cash is covered.", 0.15), ("Store the cash above 25 °C.", 0.05)):
        source = "Cash is not covered. Store the cash below 25 °C."
        for said in (0.01, 0.99):
            found = scorer(Network(said)).score(claim, [source]).claims[0]
            assert found.decided_by == "checks"
            assert found.support <= limit
            assert found.contradicted


def test_of_claims_that_a_check_vetoes_the_network_still_ranks_the_likelier_first() -> None:
    def support(said: float) -> float:
        return (
            scorer(Network(said))
            .score("Valuables and cash are covered in the car.", ["Cash is not covered in the car."])
            .claims[0]
            .support
        )

    assert support(0.99) >= support(0.01)


@given(st.permutations(range(len(ANSWERS))))
@settings(max_examples=10, deadline=None)
def test_what_is_kept_with_the_sources_changes_no_reading(order: list[int]) -> None:
    shared = Evidence(SOURCES)
    for number in order:
        with_shared = read_answer(ANSWERS[number], SOURCES, evidence=shared)
        fresh = read_answer(ANSWERS[number], SOURCES)
        for mine, theirs in zip(with_shared.claims, fresh.claims, strict=True):
            assert mine.findings == theirs.findings
            assert mine.evidence_text == theirs.evidence_text
            assert np.array_equal(mine.features, theirs.features) if mine.features is not None else theirs.features is None
