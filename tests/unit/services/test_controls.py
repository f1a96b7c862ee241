"""Coverage of controls: computed from evidence, a person's word shown as one, unknown not counted, nothing claimed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.framework import Bearing, BearingKind, ControlCoverage, CoverageState, When, frameworks, state_of
from groundcrew.domain.risk import RiskAnswer
from groundcrew.errors import NotFound
from groundcrew.services.bundle import Services
from groundcrew.services.control_features import FEATURES, RIGHTS_QUESTIONS
from groundcrew.services.controls import STATE_WORDS, active, subject_of
from groundcrew.services.gates import default_policies


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("ready", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        yield services


async def control(services: Services, framework: str, number: str) -> ControlCoverage:
    found = (await services.controls.of(bank.NAME, framework))[0]
    return next(each for each in found.controls if each.control.id == number)


def test_the_data_are_whole() -> None:
    criteria = {each.key for policy in default_policies() for each in policy.criteria}
    for framework in frameworks():
        assert framework.sources
        assert framework.note
        assert framework.checked_on >= framework.published_on
        assert (framework.status == "retired") == (framework.retired_on is not None)
        assert len({each.id for each in framework.controls}) == len(framework.controls)
        for each in framework.controls:
            assert each.when in get_args(When)
            assert not each.dates or each.dates in framework.dates
            assert each.rests_on
            for name in each.rests_on:
                kind, _, key = name.partition(":")
                known = {"criterion": criteria, "feature": FEATURES, "attestation": [""]}[kind]
                assert key in known, (framework.key, each.id, name)


def test_the_frameworks_have_the_controls_that_they_have() -> None:
    ids = {each.key: [one.id for one in each.controls] for each in frameworks()}
    rmf = ids["nist-ai-rmf"]
    functions = [sum(each.startswith(name) for each in rmf) for name in ("GOVERN", "MAP", "MEASURE", "MANAGE")]
    assert (functions, len(rmf)) == ([19, 18, 22, 13], 72)
    assert len(ids["nist-ai-600-1"]) == 12
    assert len(ids["iso-iec-42001"]) == 38
    articles = {re.match(r"Art\. (\d+)", each).group(1) for each in ids["eu-ai-act"]}  # type: ignore[union-attr]
    assert {"9", "10", "11", "12", "13", "14", "15", "17", "26", "27", "50", "72", "73"} <= articles
    assert [each.key for each in frameworks() if each not in active()] == ["sr-11-7"]


def test_no_word_claims_conformity() -> None:
    told = [*STATE_WORDS.values(), *(each.title for framework in frameworks() for each in framework.controls)]
    assert not [each for each in told if re.search(r"complian|compl(y|ies)\b|conforms|certified|fulfil", each, re.IGNORECASE)]


bearings = st.builds(
    Bearing,
    name=st.just("x"),
    kind=st.sampled_from(get_args(BearingKind)),
    met=st.booleans(),
    figure=st.just(""),
)


@given(st.lists(bearings, max_size=5).map(tuple))
def test_what_is_not_there_never_counts(found: tuple[Bearing, ...]) -> None:
    state = state_of(found)
    assert state in get_args(CoverageState)
    assert (state in ("covered", "attested")) == (bool(found) and all(each.met for each in found))
    assert (state == "not_covered") == (not any(each.met for each in found))
    if state == "covered":
        assert {each.kind for each in found} == {"computed"}


async def test_a_control_is_covered_by_what_is_computed_and_shows_the_figure(services: Services) -> None:
    found = await control(services, "nist-ai-rmf", "MAP 1.3")
    assert found.state == "covered"
    assert "Draft answers to e-mails" in found.bearings[0].figure
    stop = await control(services, "nist-ai-rmf", "GOVERN 1.7")
    assert stop.state == "partly", "the drill is recorded, no rollback plan is"
    drill, rollback = stop.bearings
    assert (drill.met, bool(drill.evidence), drill.kind) == (True, True, "computed")
    assert (rollback.met, rollback.kind, "attest" in rollback.missing) == (False, "attested", True)


async def test_a_word_covers_until_it_ends_and_never_that_of_a_builder(services: Services) -> None:
    framework = next(each for each in frameworks() if each.key == "iso-iec-42001")
    wanted = next(each for each in framework.controls if each.id == "A.2.2")
    assert (await control(services, "iso-iec-42001", "A.2.2")).state == "not_covered"
    subject = subject_of(framework, wanted)
    await services.evidence.attest(bank.NAME, subject, actor="user:anna", statement="Our policy of May 2026.", valid_s=3_600)
    found = await control(services, "iso-iec-42001", "A.2.2")
    assert (found.state, found.bearings[0].by, found.bearings[0].figure) == ("attested", "user:anna", "Our policy of May 2026.")
    services.database.clock.advance(3_601)  # type: ignore[attr-defined]
    found = await control(services, "iso-iec-42001", "A.2.2")
    assert (found.state, found.bearings[0].figure) == ("not_covered", "word expired")


async def test_what_does_not_apply_says_why_and_an_open_question_keeps_it_applying(services: Services) -> None:
    found = await control(services, "eu-ai-act", "Art. 12(1)")
    assert (found.state, found.why) == ("not_applicable", "the tier is limited, and every question of it is answered")
    unknown = RiskAnswer(question="decides_credit", answer="unknown", reason="the desk has to say")
    await services.risks.answer(bank.NAME, [unknown], actor="cli:maria")
    assert (await control(services, "eu-ai-act", "Art. 12(1)")).state == "partly", "it might be high"
    yes = RiskAnswer(question="decides_credit", answer="yes", reason="it does")
    await services.risks.answer(bank.NAME, [yes], actor="cli:maria")
    assert (await control(services, "eu-ai-act", "Art. 27(1)")).state == "not_covered"
    for subject in RIGHTS_QUESTIONS:
        await services.evidence.attest(bank.NAME, subject, actor="user:anna", statement="Assessed in June.")
    rights = await control(services, "eu-ai-act", "Art. 27(1)")
    assert (rights.state, len(rights.bearings[0].evidence)) == ("attested", len(RIGHTS_QUESTIONS))
    assert (await control(services, "nist-ai-rmf", "MEASURE 2.10")).state == "covered", "pii is declared, probed and masked"


async def test_a_retired_framework_is_shown_and_not_computed(services: Services) -> None:
    found = (await services.controls.of(bank.NAME, "sr-11-7"))[0]
    assert found.counts == {"not_applicable": 3}
    assert "retired on 2026-04-17" in found.controls[0].why
    with pytest.raises(NotFound, match="did you mean 'sr-11-7'"):
        await services.controls.of(bank.NAME, "sr-11-8")


async def test_the_overview_counts_what_the_pages_show(services: Services) -> None:
    rows, pages = await services.controls.overview(page=99)
    assert (len(rows), pages) == (1, 1)
    assert rows[0].counts == {each.framework.key: each.counts for each in await services.controls.of(bank.NAME)}
    assert set(rows[0].counts) == {each.key for each in active()}
