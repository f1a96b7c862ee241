"""The rules of the domain as properties: names, scopes, data classes, tiers, stages, gates and evidence."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services import bank

from groundcrew.domain import risk
from groundcrew.domain.data_class import DATA_CLASSES, DataClass, highest, provider_may_see, rank
from groundcrew.domain.evidence import Evidence, state_at
from groundcrew.domain.gate import CriterionResult, CriterionStatus, passes
from groundcrew.domain.identifiers import NAME_LENGTH_MAX, name_problem, new_id
from groundcrew.domain.key import new_secret, secret_sha256
from groundcrew.domain.kill_switch import SCOPE_KINDS, KillSwitch, KillSwitchState, Scope, parse_scope
from groundcrew.domain.stage import DISCOVERY_TOKENS_PER_DAY_MAX, check_advance, check_demote, limits, next_stage
from groundcrew.domain.use_case import STAGES, TERMINAL_STAGES, Budget, Stage
from groundcrew.errors import Conflict, InputError

CLASSES = st.sampled_from(DATA_CLASSES)
TIERS = ("minimal", "limited", "high", "prohibited")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_ids_are_of_version_7_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(2_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {uuid.UUID(each).version for each in ids} == {7}


@given(st.text(max_size=80))
def test_a_name_is_safe_wherever_names_go(name: str) -> None:
    """In a path, a scope, a subject of the audit log, a header and a URL."""
    if name_problem(name) is None:
        assert 1 <= len(name) <= NAME_LENGTH_MAX
        assert name.isascii()
        assert not set(name) & set(" /\\:@%?#\n\0\"'")
        assert name == name.lower()
        assert name[0] not in ".-_"
        assert name[-1] not in ".-_"


@pytest.mark.parametrize("name", ["a", "bank-email", "v1.2_b", "0", "x" * 64])
def test_names_that_are_valid(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a b", "x" * 65, "ä", "..", "a\n"])
def test_names_that_are_not(name: str) -> None:
    assert "is not a valid name" in str(name_problem(name))


@given(st.sampled_from(SCOPE_KINDS), st.text(min_size=1, max_size=40))
def test_a_scope_is_read_as_it_is_written(kind: Any, name: str) -> None:
    scope = Scope("all") if kind == "all" else Scope(kind, name)
    assert parse_scope(str(scope)) == scope


@pytest.mark.parametrize("text", ["", "everything", "all:", "all:x", "use-case", "use-case:", "Use-Case:x", "team:x", ":x"])
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a scope"):
        parse_scope(text)


def test_every_state_of_a_switch_but_armed_denies() -> None:
    for state in get_args(KillSwitchState):
        assert KillSwitch(scope=Scope("all"), state=state).denies == (state != "armed")


@given(CLASSES, st.lists(CLASSES), st.booleans())
def test_a_provider_sees_nothing_it_was_not_declared_for(needed: DataClass, allowed: list[DataClass], baa: bool) -> None:
    may = provider_may_see(needed, allowed, baa=baa)
    assert may == (any(rank(each) >= rank(needed) for each in allowed) and (needed != "phi" or baa))
    assert not provider_may_see(needed, [], baa=baa)


@given(st.lists(CLASSES))
def test_the_highest_class_is_at_least_each(classes: list[DataClass]) -> None:
    assert all(rank(highest(classes)) >= rank(each) for each in classes)
    assert highest(classes) == "public" or highest(classes) in classes


@given(st.sets(st.sampled_from(sorted(risk.QUESTIONS))), st.sampled_from(sorted(risk.QUESTIONS)))
def test_another_yes_never_lowers_the_tier(answers: set[str], another: str) -> None:
    before = risk.assess(bank.use_case(risk_answers=dict.fromkeys(answers, True)))
    after = risk.assess(bank.use_case(risk_answers=dict.fromkeys({*answers, another}, True)))
    assert TIERS.index(after.tier) >= TIERS.index(before.tier)
    assert before.reasons
    assert after.reasons


@pytest.mark.parametrize(
    ("changes", "tier"),
    [
        ({}, "limited"),
        ({"data_classes": ("phi",)}, "high"),
        ({"solution": "vendor_feature", "autonomy": "assist"}, "minimal"),
        ({"risk_answers": {"decides_credit": True}}, "high"),
        ({"risk_answers": {"decides_credit": False}}, "limited"),
        ({"risk_answers": {"emotion_recognition_at_work": True, "decides_credit": True}}, "prohibited"),
    ],
)
def test_tiers(changes: dict[str, Any], tier: str) -> None:
    assert risk.assess(bank.use_case(**changes)).tier == tier


def test_the_stages_are_climbed_one_at_a_time_and_left_downwards() -> None:
    every: tuple[Stage, ...] = (*STAGES, *TERMINAL_STAGES)
    for current, to in itertools.product(every, every):
        advances = current in STAGES[:-1] and to == STAGES[STAGES.index(current) + 1]
        assert (next_stage(current) == to) == advances
        assert allowed(check_advance, current, to) == advances
        if current in TERMINAL_STAGES:
            demotes = False
        else:
            demotes = to in TERMINAL_STAGES or STAGES.index(to) < STAGES.index(current)
        assert allowed(check_demote, current, to) == demotes
        assert not (advances and demotes)


def allowed(check: Any, current: Stage, to: Stage) -> bool:
    try:
        check(current, to)
    except Conflict:
        return False
    return True


@given(st.sampled_from((*STAGES, *TERMINAL_STAGES)), st.one_of(st.none(), st.integers(0, 10**12)))
def test_a_stage_bounds_what_is_spent(stage: Stage, tokens: int | None) -> None:
    found = limits(bank.use_case(stage=stage, budget=None if tokens is None else Budget(tokens_per_day=tokens)))
    assert found.serves == (stage in STAGES)
    assert found.tokens_per_day >= 0
    if stage == "discovery":
        assert found.tokens_per_day <= DISCOVERY_TOKENS_PER_DAY_MAX
    if stage in TERMINAL_STAGES:
        assert found.tokens_per_day == 0
    if tokens is not None:
        assert found.tokens_per_day <= tokens


@given(st.lists(st.sampled_from(get_args(CriterionStatus))))
def test_a_gate_opens_only_when_every_criterion_passes(statuses: list[CriterionStatus]) -> None:
    results = tuple(CriterionResult(key=f"{each}", title="", status=status) for each, status in enumerate(statuses))
    assert passes(results) == (len(statuses) > 0 and set(statuses) == {"pass"})


@given(
    st.sampled_from(["valid", "revoked", "superseded"]),
    st.booleans(),
    st.timedeltas(timedelta(days=-3), timedelta(days=3)),
)
def test_evidence_is_valid_only_when_nothing_speaks_against_it(state: Any, same: bool, ahead: timedelta) -> None:
    evidence = Evidence(
        id="1",
        use_case=bank.NAME,
        kind="attestation",
        subject="x",
        content={},
        sha256="",
        version_digest="a",
        producer="user:anna",
        recorded_at=NOW - timedelta(days=9),
        valid_until=NOW + ahead,
        state=state,
    )
    found = state_at(evidence, NOW, "a" if same else "b")
    assert (found == "valid") == (state == "valid" and same and ahead > timedelta(0))
    if state != "valid":
        assert found == state, "what was taken back stays so"


def test_secrets_are_long_different_and_kept_as_a_hash() -> None:
    secrets = {new_secret() for _ in range(200)}
    assert len(secrets) == 200
    assert all(each.startswith("gc_") and len(each) == 46 for each in secrets)
    hashes = {secret_sha256(each) for each in secrets}
    assert len(hashes) == 200
    assert not any(each[3:] in " ".join(hashes) for each in secrets)


def test_a_struct_of_the_domain_can_not_be_changed_in_place() -> None:
    item = bank.use_case()
    with pytest.raises(AttributeError):
        item.stage = "scale"  # type: ignore[misc]
    assert msgspec.structs.replace(item, stage="pilot").stage == "pilot"
