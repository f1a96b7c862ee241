"""Hashing: one canonical form, a digest that every part of a version moves, and a chain that no edit survives."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services import bank

from groundcrew.domain.audit import GENESIS_HASH, AuditEntry, chain_problems, entry_hash, seal
from groundcrew.domain.canonical import canonical_json, digest
from groundcrew.domain.provider import BreakerRule, Price, Target
from groundcrew.domain.use_case import Grounding, SignOffCondition, SignOffRule, UseCase, version_digest

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@given(VALUES)
def test_the_canonical_form_is_one_and_is_json(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value
    assert canonical_json(json.loads(json.dumps(value))) == canonical_json(value)


@given(st.dictionaries(st.text(max_size=5), SCALARS, min_size=2, max_size=5), st.randoms())
def test_the_order_of_keys_does_not_matter(members: dict[str, Any], random: Any) -> None:
    names = list(members)
    random.shuffle(names)
    assert canonical_json({name: members[name] for name in names}) == canonical_json(members)


def test_structs_sets_and_times_have_a_form() -> None:
    moment = datetime(2026, 3, 2, 9, 0, 0, 5, tzinfo=UTC)
    assert canonical_json({"b": {"y", "x"}, "a": moment}) == b'{"a":"2026-03-02T09:00:00.000005Z","b":["x","y"]}'
    assert digest(bank.use_case()) == digest(bank.use_case())
    assert digest(bank.use_case()) != digest(bank.use_case(prompt="Answer politely"))


def version(use_case: UseCase, **parts: Any) -> str:
    given = {
        "model": bank.model(),
        "providers": (bank.provider(), bank.provider(name="second")),
        "policy": bank.policy(),
        "knowledge_revision": "r1",
    }
    return version_digest(use_case, **(given | parts))


def test_every_part_of_a_version_moves_its_digest() -> None:
    base = version(bank.use_case())
    others = [
        version(bank.use_case(prompt="Answer politely!")),
        version(bank.use_case(purpose="Another")),
        version(bank.use_case(autonomy="assist")),
        version(bank.use_case(grounding=None)),
        version(bank.use_case(grounding=Grounding(knowledge=bank.BASE, release="sentence"))),
        version(bank.use_case(data_classes=("internal",))),
        version(bank.use_case(), model=None),
        version(bank.use_case(), providers=(bank.provider(),)),
        version(bank.use_case(), policy=None),
        version(bank.use_case(), knowledge_revision=None),
        version(bank.use_case(), knowledge_revision="r2"),
    ]
    assert len({base, *others}) == len(others) + 1


def test_what_is_no_part_of_a_version_does_not() -> None:
    base = version(bank.use_case())
    assert version(bank.use_case(stage="scale", run_state="suspended", title="T", owner="o", budget=None)) == base
    assert version(bank.use_case(data_classes=("pii", "internal"))) == base
    assert version(bank.use_case(), providers=(bank.provider(name="second"), bank.provider())) == base


def test_a_release_that_is_not_declared_leaves_the_version_what_it_was() -> None:
    """Evidence that was gathered before there was a choice stays bound to its version."""

    class Before(msgspec.Struct):
        knowledge: str = "bank-policies"
        mode: str = "required"
        threshold: float = 0.7
        below: str = "fallback"

    now = version(bank.use_case(grounding=Grounding(knowledge="bank-policies")))
    assert now == version(bank.use_case(grounding=Before()))


def test_of_a_sign_off_what_waits_and_for_whose_word_counts() -> None:
    def under(**fields: Any) -> str:
        return version(bank.use_case(sign_off=SignOffRule(**{"when": "always", "qualification": "agent"} | fields)))

    base = under()
    assert base == under(respond_within_s=60, expires_after_s=600, webhook="desk", second_review_share=0.1)
    share, trust = SignOffCondition(share=0.1), SignOffCondition(trust_below=0.1)
    others = [
        under(when="never"),
        under(when="rules", rules=(share,)),
        under(when="rules", rules=(trust,)),
        under(qualification="lead"),
        under(readers=2),
        under(escalate_to="lead"),
    ]
    assert len({base, *others}) == len(others) + 1


def aim(model: str = "m", **fields: Any) -> Target:
    return Target(provider=bank.provider().name, model=model, **fields)


def test_of_a_model_only_who_may_answer_in_which_role_counts() -> None:
    def over(*targets: Target, **parts: Any) -> str:
        return version(bank.use_case(), model=bank.model(targets=targets), providers=(bank.provider(),), **parts)

    base = over(aim(), aim("n"))
    price = Price(input_usd=1.0, output_usd=2.0)
    tuned = aim(weight=3, timeout_s=1.0, first_byte_s=0.5, retries=3, breaker=BreakerRule(failures=1), price=price)
    trial = Target(provider="elsewhere", model="trial", role="shadow", share_percent=100)
    assert over(tuned, aim("n")) == over(aim("n"), aim()) == over(aim(), aim("n"), trial) == base
    others = [
        over(aim()),
        over(aim(), aim("o")),
        over(aim(), aim("n", role="canary", share_percent=5)),
        over(aim(), aim("n", role="shadow", share_percent=5)),
        over(aim(), Target(provider="elsewhere", model="n")),
    ]
    assert base not in others
    assert len(set(others)) == len(others) - 1, "a shadow is as good as none"
    canary = over(aim(), aim("n", role="canary", share_percent=5))
    assert over(aim(), aim("n", role="canary", share_percent=50)) == canary


ENTRIES = st.lists(
    st.tuples(st.text(max_size=6), st.text(max_size=6), st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)),
    min_size=2,
    max_size=8,
)


def chain(rows: list[tuple[str, str, dict[str, Any]]]) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for actor, subject, details in rows:
        entries.append(
            seal(
                AuditEntry(
                    sequence=len(entries) + 1,
                    at=datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=len(entries)),
                    actor=actor,
                    action="do",
                    subject=subject,
                    subject_digest=None,
                    reason="",
                    details=details,
                    previous_hash=entries[-1].hash if entries else GENESIS_HASH,
                    hash="",
                )
            )
        )
    return entries


@given(ENTRIES)
def test_a_chain_verifies_also_after_a_way_through_json(rows: list[tuple[str, str, dict[str, Any]]]) -> None:
    entries = chain(rows)
    assert chain_problems(entries) == chain_problems([]) == []
    through = [msgspec.json.decode(msgspec.json.encode(each), type=AuditEntry) for each in entries]
    assert through == entries
    assert chain_problems(through) == []


EDITS: dict[str, Any] = {
    "sequence": 99,
    "at": datetime(2020, 1, 1, tzinfo=UTC),
    "actor": "somebody else",
    "action": "undo",
    "subject": "another subject",
    "subject_digest": "f" * 64,
    "reason": "another reason",
    "details": {"another": "detail"},
    "previous_hash": "f" * 64,
    "hash": "f" * 64,
}


@given(ENTRIES, st.data())
def test_no_edit_of_a_chain_survives(rows: list[tuple[str, str, dict[str, Any]]], data: st.DataObject) -> None:
    entries = chain(rows)
    place = data.draw(st.integers(0, len(entries) - 1))
    field = data.draw(st.sampled_from(sorted(EDITS)))
    edited = msgspec.structs.replace(entries[place], **{field: EDITS[field]})
    assert chain_problems([*entries[:place], edited, *entries[place + 1 :]])
    # Hashed anew, an entry no longer carries the one after it; the newest one is what the head is for.
    if field not in ("hash", "sequence", "previous_hash") and place < len(entries) - 1:
        forged = seal(edited)
        assert forged.hash == entry_hash(forged)
        assert chain_problems([*entries[:place], forged, *entries[place + 1 :]])
    assert chain_problems([*entries[:place], *entries[place + 1 :]]) or place == len(entries) - 1
    assert chain_problems([*entries[: place + 1], entries[place], *entries[place + 1 :]])
    if place:
        assert chain_problems([*entries[: place - 1], entries[place], entries[place - 1], *entries[place + 1 :]])


def test_a_broken_chain_is_told_in_a_bounded_number_of_lines() -> None:
    entries = chain([("a", "b", {})] * 100)
    assert len(chain_problems([msgspec.structs.replace(each, actor="x") for each in entries], problems_max=5)) == 5
