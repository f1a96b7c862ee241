"""Guards of other packages: found by entry points, loaded late, never in a shipped guard's place, never holding up a call."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.guards.plug_in import TONE, clean_up, install

from groundcrew.domain.guard import GuardRule, Policy
from groundcrew.errors import InputError, NotFound
from groundcrew.guards import plug_ins, registry
from groundcrew.guards.registry import Guard, find_guard, guard_names, verdict_of
from groundcrew.guards.runner import GuardRunner
from groundcrew.guards.warming import warm_guards


@pytest.fixture(autouse=True)
def own_guards() -> Iterator[None]:
    for name in registry.BUILT_IN:
        find_guard(name)
    before, modules = dict(registry._GUARDS), set(sys.modules)
    yield
    clean_up(before)
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def runner() -> Iterator[GuardRunner]:
    made = GuardRunner()
    yield made
    made.close()


async def test_a_guard_is_found_by_its_entry_point_and_loaded_when_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: GuardRunner
) -> None:
    install(tmp_path, "tone-guard", TONE, {"tone": "tone", "plain-tone": "check"}, monkeypatch)
    assert {"tone", "plain-tone", "pii"} <= set(guard_names())
    assert "tone_guard" not in sys.modules
    rules = Policy(name="p", guards=tuple(GuardRule(guard=each, action="redact") for each in ("tone", "plain-tone")))
    outcome = await runner.run(rules, "output", ["a stupid text"])
    assert outcome.texts == ("a [RUDE] text",)
    assert [(each.guard, each.verdict) for each in outcome.results] == [("tone", "block"), ("plain-tone", "block")]
    assert find_guard("tone").name == "tone"


def test_a_guard_of_another_package_runs_in_a_thread_so_that_its_time_limit_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "tone-guard", TONE, {"tone": "tone"}, monkeypatch)
    found = find_guard("tone")
    assert not found.inline
    assert found.quick is None


async def test_one_that_hangs_fails_as_its_rule_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: GuardRunner
) -> None:
    module = "import threading\nover = threading.Event()\n\ndef check(text, context):\n    over.wait()\n"
    install(tmp_path, "endless-guard", module, {"endless": "check"}, monkeypatch)
    for on_failure, action in (("closed", "refuse"), ("open", "allow")):
        rule = GuardRule(guard="endless", timeout_ms=20, on_failure=on_failure)  # type: ignore[arg-type]
        outcome = await runner.run(Policy(name="p", guards=(rule,)), "input", ["text"])
        assert (outcome.action, outcome.failed) == (action, 1)
    over: threading.Event = sys.modules["endless_guard"].over
    over.set()


TAKES_PII = "from groundcrew.guards.registry import guard\n@guard('pii')\ndef check(text, context): pass\n"
BROKEN = [
    ("does not import", "import a_module_that_is_not_there\n", "check", "ModuleNotFoundError"),
    ("raises", "raise RuntimeError('no licence')\n", "check", "no licence"),
    ("lacks what is named", "x = 1\n", "check", "AttributeError"),
    ("is no guard", TONE, "not_a_guard", "must name a function or a Guard"),
    ("has a schema that is none", "def check(text, context): pass\ncheck.schema = dict\n", "check", "schema"),
    (
        "takes a shipped name",
        "from groundcrew.guards.registry import guard\n@guard('pii')\ndef check(t, c): pass\n",
        "check",
        "pii",
    ),
]


@pytest.mark.parametrize(("module", "what", "says"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN])
async def test_one_that_does_not_load_is_reported_and_fails_as_its_rule_declares(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    runner: GuardRunner,
    caplog: pytest.LogCaptureFixture,
    module: str,
    what: str,
    says: str,
) -> None:
    install(tmp_path, "broken-guard", module, {"broken": what}, monkeypatch)
    shipped = find_guard("pii")
    for _ in range(2):
        with pytest.raises(InputError, match=f"the guard 'broken' of broken-guard does not load: .*{says}"):
            find_guard("broken")
    for on_failure, action in (("closed", "refuse"), ("open", "allow")):
        rule = GuardRule(guard="broken", on_failure=on_failure)  # type: ignore[arg-type]
        outcome = await runner.run(Policy(name="p", guards=(rule,)), "input", ["text"])
        assert (outcome.action, outcome.results[0].verdict, outcome.failed) == (action, "failed", 1)
        assert says not in outcome.results[0].reason
    with caplog.at_level(logging.ERROR):
        await warm_guards([Policy(name="p", guards=(GuardRule(guard="broken"),))])
    assert says in caplog.text
    assert find_guard("pii") is shipped


def test_no_package_takes_the_place_of_a_shipped_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "bold-guard", TONE, {"pii": "check", "Bad Name": "check", "secrets": "check"}, monkeypatch)
    shipped = find_guard("pii")
    assert shipped.check.__module__ == "groundcrew.guards.pii"
    assert "Bad Name" not in guard_names()
    problems = plug_ins.plug_in_problems()
    assert [each for each in problems if "'pii' of bold-guard is not used: a guard of this name ships" in each]
    assert [each for each in problems if "'Bad Name'" in each and "not a valid name" in each]
    assert "bold_guard" not in sys.modules


def test_a_name_that_two_packages_offer_is_nobody_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "a", "a-guard", TONE, {"tone": "check"}, monkeypatch)
    install(tmp_path / "b", "b-guard", TONE, {"tone": "check"}, monkeypatch)
    with pytest.raises(InputError, match="of a-guard and b-guard does not load: more than one package"):
        find_guard("tone")


def test_a_promise_about_streams_that_makes_no_sense_promises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = (
        TONE
        + "\nimport msgspec\n"
        + "\n".join(
            f"g{number} = msgspec.structs.replace(tone, settled={settled})"
            for number, settled in enumerate(("lambda text: 1 / 0", "lambda text: len(text) + 1", "lambda text: 'all'", "len"))
        )
    )
    install(tmp_path, "stream-guard", module, {f"stream{number}": f"g{number}" for number in range(4)}, monkeypatch)
    settled = [find_guard(f"stream{number}").settled for number in range(4)]
    assert [each("text") if each is not None else None for each in settled] == [0, 0, 0, 4]


def test_what_no_package_offers_is_not_found() -> None:
    with pytest.raises(NotFound, match="there is no guard 'tone'"):
        find_guard("tone")


async def test_a_settled_that_hangs_costs_its_own_rule_and_holds_up_nothing(runner: GuardRunner) -> None:
    let_go = threading.Event()

    def hanging(text: str) -> int:
        let_go.wait(20)
        return len(text)

    registry._GUARDS["hanging"] = Guard(name="hanging", check=lambda text, context: verdict_of([], block_at=1.0), settled=hanging)
    rules = [GuardRule(guard="hanging", timeout_ms=100, on_failure=each) for each in ("closed", "open")]
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    beating = asyncio.create_task(beat())
    try:
        scans = await runner.scan(rules, "output", "a beginning")
    finally:
        let_go.set()
        beating.cancel()
    assert beats > 1
    assert [(each.failed, each.refuses, each.settled) for each in scans] == [(True, True, 0), (True, False, 0)]
    assert scans[0].result.reason.startswith("no verdict within 100 ms")
