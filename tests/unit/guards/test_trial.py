"""A policy tried on labelled texts: what counts as caught, what as wrong, and what is said about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.guard import Finding, GuardRule, Policy, Verdict
from groundcrew.errors import InputError
from groundcrew.guards import registry
from groundcrew.guards.registry import guard, verdict_of
from groundcrew.guards.runner import GuardRunner
from groundcrew.guards.trial import TrialReport, as_enforced, below, read_trial, rows_of, try_policy


@pytest.fixture(autouse=True)
def planted() -> Iterator[None]:
    """A guard that blocks BAD, flags ODD and has no verdict on BROKEN."""

    @guard("planted", inline=True)
    def check(text: str, context: Any) -> Verdict:
        if "BROKEN" in text:
            raise RuntimeError("broken")
        scores = {"BAD": 0.9, "ODD": 0.5}
        found = [
            Finding(start=text.index(word), end=text.index(word) + len(word), type=word, score=score, reason=f"holds {word}")
            for word, score in scores.items()
            if word in text
        ]
        return verdict_of(found, block_at=0.8)

    yield
    registry._GUARDS.pop("planted")


def rule(**fields: Any) -> GuardRule:
    return GuardRule(**{"guard": "planted", "on": ("output",), "action": "refuse", **fields})


async def trial(rows: list[dict[str, Any]], *rules: GuardRule, by: str | None = None, enforced: bool = False) -> TrialReport:
    policy = Policy(name="tried", guards=rules or (rule(),))
    runner = GuardRunner()
    try:
        return await try_policy(
            as_enforced(policy) if enforced else policy, rows_of(enumerate(rows, 1), "rows", by), runner=runner, group_field=by
        )
    finally:
        runner.close()


def row(text: str, label: str, **fields: Any) -> dict[str, Any]:
    return {"id": text, "text": text, "label": label, **fields}


async def test_caught_wrong_and_missed_are_told_apart() -> None:
    report = await trial(
        [row("BAD", "block"), row("fine", "block"), row("BAD too", "pass"), row("good", "pass"), row("ODD", "pass")]
    )
    rates = report.blocked
    assert (rates.to_block, rates.to_pass, rates.caught, rates.wrong) == (2, 3, 1, 1)
    assert rates.recall.estimate == 0.5
    assert rates.precision.estimate == 0.5
    assert rates.false_block_rate.estimate == pytest.approx(1 / 3)
    (one,) = report.guards
    assert (one.guard, one.place, one.mode) == ("planted", "output", "enforce")
    assert (one.noticed.caught, one.noticed.wrong) == (1, 2)
    assert [(each.line, each.label, each.action, each.guard) for each in report.mistakes] == [
        (2, "block", "allow", ""),
        (3, "pass", "refuse", "planted"),
    ]


async def test_the_intervals_are_wilsons() -> None:
    """Reference values of 1 in 29 and 0 in 20."""
    report = await trial(
        [row(f"BAD {n}" if n == 0 else f"{n}", "block") for n in range(29)] + [row(f"g{n}", "pass") for n in range(20)]
    )
    assert report.blocked.recall.lower == pytest.approx(0.0061, abs=1e-4)
    assert report.blocked.recall.upper == pytest.approx(0.1718, abs=1e-4)
    assert report.blocked.false_block_rate.lower == 0
    assert report.blocked.false_block_rate.upper == pytest.approx(0.1611, abs=1e-4)


async def test_masking_keeps_nothing_back() -> None:
    report = await trial([row("BAD", "block"), row("BAD 2", "pass")], rule(action="redact"))
    assert (report.masked, report.blocked.caught, report.blocked.wrong) == (2, 0, 0)
    assert report.guards[0].blocked.caught == 1


async def test_a_rule_that_monitors_acts_only_where_it_is_asked_to() -> None:
    rows = [row("BAD", "block"), row("good", "pass")]
    quiet = await trial(rows, rule(mode="monitor"))
    assert (quiet.blocked.caught, quiet.guards[0].blocked.caught, quiet.guards[0].mode) == (0, 1, "monitor")
    assert (await trial(rows, rule(mode="monitor"), enforced=True)).blocked.caught == 1


@pytest.mark.parametrize(("on_failure", "wrong"), [("closed", 1), ("open", 0)])
async def test_a_guard_without_a_verdict_counts_as_its_rule_says(on_failure: str, wrong: int) -> None:
    report = await trial([row("BROKEN", "pass"), row("good", "pass")], rule(on_failure=on_failure))
    assert (report.failed, report.partial, report.blocked.wrong) == (1, 1, wrong)
    assert report.guards[0].failed == 1
    assert report.guards[0].blocked.to_pass == 1


async def test_groups_are_told_apart() -> None:
    rows = [
        row("BAD", "block", language="de"),
        row("x", "block", language="fr"),
        row("y", "pass"),
        row("z", "pass", language="de"),
    ]
    report = await trial(rows, by="language")
    assert [(each.value, each.blocked.caught, each.blocked.to_block) for each in report.groups] == [
        ("", 0, 0),
        ("de", 1, 1),
        ("fr", 0, 1),
    ]


async def test_rows_name_their_own_place_role_and_context() -> None:
    seen: list[Any] = []

    @guard("listening", inline=True)
    def check(text: str, context: Any) -> Verdict:
        seen.append((text, context.get("role"), context.get("request")))
        return Verdict(verdict="pass")

    try:
        listening = GuardRule(guard="listening", on=("input", "output"))
        await trial([row("a", "pass", place="input", role="tool"), row("b", "pass", context={"request": "c"})], listening)
    finally:
        registry._GUARDS.pop("listening")
    assert seen == [("a", "tool", None), ("b", None, "c")]


async def test_a_policy_that_looks_at_nothing_there_is_no_pass() -> None:
    with pytest.raises(InputError, match="no rule of the policy 'tried' runs on output"):
        await trial([row("BAD", "block")], rule(on=("input",)))


async def test_what_falls_short_is_named_and_unknown_falls_short() -> None:
    report = await trial([row("BAD", "block"), row("BAD 2", "pass"), row("x", "pass")])
    assert below(report, recall=1.0, precision=0.5, false_blocks=0.5) == []
    assert below(report, recall=None, precision=0.9, false_blocks=0.1) == [
        "precision 0.500 is below 0.900",
        "false-block rate 0.500 is above 0.100",
    ]
    unknown = await trial([row("x", "pass")])
    assert below(unknown, recall=0.1, precision=0.1, false_blocks=None) == [
        "recall is unknown: no row tells",
        "precision is unknown: no row tells",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": 1, "text": "x"}', "missing required field `label`"),
        ('{"id": 1, "text": "x", "label": "good"}', "label"),
        ('{"id": 1, "text": 3, "label": "pass"}', "text"),
        ('{"id": 1, "text": "x", "label": "pass", "place": "attic"}', "place"),
        ("[1]", "object"),
        ("{", "not JSON"),
    ],
)
def test_bad_rows_name_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row("ok", "pass", extra=1, context=None)) + "\n\n" + line + "\n")
    with pytest.raises(InputError, match=said) as caught:
        read_trial(path)
    assert (caught.value.file, caught.value.line) == (str(path), 3)
    path.write_text("\n")
    with pytest.raises(InputError, match="holds no rows"):
        read_trial(path)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["BAD", "ODD", "BROKEN", "good"])), min_size=1, max_size=30))
async def test_counts_add_up(given_rows: list[tuple[bool, str]]) -> None:
    report = await trial([row(text, "block" if bad else "pass") for bad, text in given_rows])
    rates = report.blocked
    assert rates.to_block + rates.to_pass == report.rows == len(given_rows)
    assert rates.to_block - rates.caught + rates.wrong == report.mistakes_total
    assert 0 <= rates.recall.lower <= rates.recall.upper <= 1  # type: ignore[operator]
    (one,) = report.guards
    assert one.blocked.to_block + one.blocked.to_pass + one.failed == report.rows
    assert one.blocked.caught <= one.noticed.caught
