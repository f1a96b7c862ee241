"""The runner: side by side, each rule within its own time, bounded, remembering only what may be; never a false pass."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.domain.guard import Finding, GuardRule, Policy, Verdict
from groundcrew.errors import GroundcrewError
from groundcrew.guards import plans, registry
from groundcrew.guards.plans import Memory
from groundcrew.guards.registry import FINDINGS_MAX, guard, verdict_of
from groundcrew.guards.runner import INLINE_LENGTH_MAX, GuardOutcome, GuardRunner
from groundcrew.guards.threads import GuardThreads

PASS = Verdict(verdict="pass")
LIVE_S_MAX = 5.0


@pytest.fixture(autouse=True)
def own_guards() -> Iterator[None]:
    for name in registry.BUILT_IN:
        registry.find_guard(name)
    before = dict(registry._GUARDS)
    yield
    registry._GUARDS.clear()
    registry._GUARDS.update(before)


@pytest.fixture
def runner() -> Iterator[GuardRunner]:
    made = GuardRunner(threads=2)
    yield made
    made.close()


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Lets go what hangs when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def policy(*rules: GuardRule) -> Policy:
    return Policy(name="p", guards=rules)


def finding(start: int, end: int, kind: str = "WORD", score: float = 0.9, reason: str = "") -> Finding:
    return Finding(start=start, end=end, type=kind, score=score, reason=reason)


def counting(name: str, verdict: Verdict = PASS, **options: Any) -> list[tuple[str, Any]]:
    """A guard that notes what it was asked."""
    asked: list[tuple[str, Any]] = []

    @guard(name, **options)
    def check(text: str, context: registry.Context) -> Verdict:
        asked.append((text, context.get("role")))
        return verdict

    return asked


# Side by side.


async def test_rules_that_need_threads_run_at_the_same_time(runner: GuardRunner) -> None:
    both = threading.Barrier(2, timeout=LIVE_S_MAX)
    for name in ("one", "two"):

        @guard(name)
        def check(text: str, context: registry.Context) -> Verdict:
            both.wait()  # only passed when the other one is here as well
            return PASS

    outcome = await runner.run(policy(*(GuardRule(guard=each, timeout_ms=5_000) for each in ("one", "two"))), "input", ["text"])
    assert [each.verdict for each in outcome.results] == ["pass", "pass"]


async def test_a_rules_time_begins_when_its_check_does() -> None:
    """Many texts at once wait for their thread; that is no fault of the guard, and refuses nobody."""

    @guard("steady")
    def steady(text: str, context: registry.Context) -> Verdict:
        time.sleep(0.05)
        return PASS

    runner = GuardRunner(threads=1)
    try:
        rules = policy(GuardRule(guard="steady", timeout_ms=500))
        outcomes = await asyncio.gather(*(runner.run(rules, "input", [f"text {number}"]) for number in range(15)))
    finally:
        runner.close()
    assert [each.results[0].verdict for each in outcomes] == ["pass"] * 15


async def test_each_rule_has_its_own_time(runner: GuardRunner, release: threading.Event) -> None:
    @guard("hangs")
    def hangs(text: str, context: registry.Context) -> Verdict:
        release.wait()
        return PASS

    counting("fine")
    rules = policy(GuardRule(guard="hangs", timeout_ms=30), GuardRule(guard="fine", timeout_ms=5_000, action="hold"))
    outcome = await runner.run(rules, "input", ["text"])
    assert [(each.guard, each.verdict) for each in outcome.results] == [("hangs", "failed"), ("fine", "pass")]
    assert outcome.results[0].reason.startswith("no verdict within 30 ms")
    assert (outcome.action, outcome.ran, outcome.failed, outcome.is_closed) == ("refuse", 1, 1, True)


async def test_the_order_of_the_rules_is_the_order_of_the_results(runner: GuardRunner) -> None:
    counting("threaded")
    counting("inline", inline=True)
    names = ("threaded", "inline", "unknown", "threaded")
    outcome = await runner.run(policy(*(GuardRule(guard=each, mode="monitor") for each in names)), "output", ["a", "", "b"])
    assert [each.guard for each in outcome.results] == list(names)
    assert all(each.latency_ms >= 0 for each in outcome.results)


async def test_a_guard_that_hangs_does_not_take_the_others_with_it(release: threading.Event) -> None:
    threads = GuardThreads(2, lost_after_s=0.01)

    async def hang() -> None:
        async with asyncio.timeout(0.02):
            await threads.run(lambda _wanted: release.wait())

    for _ in range(6):
        with pytest.raises(TimeoutError):
            await hang()
        await asyncio.sleep(0.02)
    async with asyncio.timeout(LIVE_S_MAX):
        assert await threads.run(lambda _wanted: "still here") == "still here"
    threads.close()


async def test_waiting_is_bounded_and_work_that_nobody_waits_for_never_begins(release: threading.Event) -> None:
    threads = GuardThreads(1, queue_max=2, lost_after_s=LIVE_S_MAX)
    begun: list[str] = []
    has_begun = threading.Event()

    def work(name: str) -> Callable[[Callable[[], bool]], None]:
        def run(_wanted: Callable[[], bool]) -> None:
            begun.append(name)
            has_begun.set()
            release.wait()

        return run

    first = asyncio.create_task(threads.run(work("first")))
    assert await asyncio.to_thread(has_begun.wait, LIVE_S_MAX)
    waiting = [asyncio.create_task(threads.run(work(name))) for name in ("second", "third")]
    await asyncio.sleep(0)
    with pytest.raises(GroundcrewError, match="too many"):
        await threads.run(work("fourth"))
    waiting[0].cancel()
    await asyncio.gather(waiting[0], return_exceptions=True)
    release.set()
    async with asyncio.timeout(LIVE_S_MAX):
        await asyncio.gather(first, waiting[1])
    assert begun == ["first", "third"]
    threads.close()


async def test_a_guard_that_ends_its_thread_has_failed_and_the_thread_serves_on(runner: GuardRunner) -> None:
    @guard("leaves")
    def leaves(text: str, context: registry.Context) -> Verdict:
        raise SystemExit

    @guard("stops")
    def stops(text: str, context: registry.Context) -> Verdict:
        raise StopIteration

    counting("fine")
    for _ in range(4):
        outcome = await runner.run(policy(*(GuardRule(guard=each) for each in ("leaves", "stops", "fine"))), "input", ["text"])
        assert [each.verdict for each in outcome.results] == ["failed", "failed", "pass"]


async def test_loading_a_guard_does_not_count_against_its_rule_s_time(runner: GuardRunner) -> None:
    loaded = threading.Event()
    loads: list[str] = []

    def warm() -> None:
        loads.append("heavy")
        threading.Event().wait(0.3)
        loaded.set()

    @guard("heavy", warm=warm)
    def heavy(text: str, context: registry.Context) -> Verdict:
        loaded.wait()
        return PASS

    rules = policy(GuardRule(guard="heavy", timeout_ms=250))  # less than it takes to load
    outcomes = await asyncio.gather(*(runner.run(rules, "input", ["text"]) for _ in range(3)))
    assert [each.results[0].verdict for each in outcomes] == ["pass"] * 3
    assert loads == ["heavy"]


async def test_making_a_rule_ready_does_not_count_against_its_time(runner: GuardRunner) -> None:
    made: list[int] = []

    def prepare(context: registry.Context) -> None:
        threading.Event().wait(0.2)
        made.append(context["number"])

    @guard("told", prepare=prepare)
    def told(text: str, context: registry.Context) -> Verdict:
        return PASS if context["number"] in made else Verdict(verdict="block")

    for number in (1, 2):
        rules = policy(GuardRule(guard="told", timeout_ms=100, settings={"number": number}))
        outcomes = await asyncio.gather(*(runner.run(rules, "input", ["text"]) for _ in range(3)))
        assert [each.results[0].verdict for each in outcomes] == ["pass"] * 3
    assert made == [1, 2]


async def test_what_can_not_be_made_ready_is_for_the_check_to_say(runner: GuardRunner) -> None:
    def prepare(context: registry.Context) -> None:
        raise ValueError

    @guard("unready", prepare=prepare)
    def unready(text: str, context: registry.Context) -> Verdict:
        raise ValueError

    outcome = await runner.run(policy(GuardRule(guard="unready")), "input", ["text"])
    assert (outcome.action, outcome.failed) == ("refuse", 1)


async def test_a_guard_that_can_not_load_fails_at_its_check(runner: GuardRunner) -> None:
    def warm() -> None:
        raise FileNotFoundError

    @guard("lacking", warm=warm)
    def lacking(text: str, context: registry.Context) -> Verdict:
        raise FileNotFoundError

    outcome = await runner.run(policy(GuardRule(guard="lacking")), "input", ["text"])
    assert (outcome.action, outcome.results[0].reason) == ("refuse", "the guard failed (FileNotFoundError)")


# Quick answers and remembering.


async def test_what_a_guard_knows_at_once_takes_no_thread(runner: GuardRunner) -> None:
    threads: list[str] = []

    def quick(text: str, context: registry.Context) -> Verdict | None:
        threads.append(threading.current_thread().name)
        return None if text == "new" else verdict_of([finding(0, 3)], block_at=0.5)

    asked = counting("quick", quick=quick)
    outcome = await runner.run(policy(GuardRule(guard="quick", action="redact")), "input", ["old one", "new", ""])
    assert [text for text, _ in asked] == ["new"]
    assert set(threads) == {threading.current_thread().name}
    assert outcome.texts == ("[WORD] one", "new", "")


@pytest.mark.parametrize("inline", [True, False])
async def test_verdicts_of_guards_that_say_what_they_look_at_are_remembered(runner: GuardRunner, inline: bool) -> None:
    clean = counting("clean", inline=inline, by=frozenset())
    finds = counting("finds", verdict_of([finding(0, 1)], block_at=2), inline=inline, by=frozenset({"role"}))
    unsure = counting("unsure", inline=inline)
    rules = policy(*(GuardRule(guard=each, mode="monitor") for each in ("clean", "finds", "unsure")))
    for _ in range(3):
        outcome = await runner.run(rules, "input", ["system text", "user text"], roles=["system", "user"])
        assert [each.verdict for each in outcome.results] == ["pass", "flag", "pass"]
        assert outcome.results[1].types == {"WORD": 2}
    assert len(clean) == 2
    assert len(finds) == 2
    assert len(unsure) == 6
    await runner.run(rules, "input", ["system text"], roles=["user"])
    assert finds[-1] == ("system text", "user")


async def test_a_verdict_that_depends_on_the_call_is_not_remembered(runner: GuardRunner) -> None:
    asked = counting("bound", inline=True, by=frozenset({"knowledge"}))
    rules = policy(GuardRule(guard="bound"))
    for knowledge in (["a passage"], ["another"], []):
        await runner.run(rules, "output", ["text"], {"knowledge": knowledge})
    await runner.run(rules, "output", ["text"], {"knowledge": []})
    assert len(asked) == 3


async def test_each_rule_remembers_under_its_own_settings(runner: GuardRunner) -> None:
    @guard("lengths", inline=True, by=frozenset({"most"}))
    def lengths(text: str, context: registry.Context) -> Verdict:
        return PASS if len(text) <= context["most"] else verdict_of([finding(0, len(text))], block_at=0.5)

    short, long = (policy(GuardRule(guard="lengths", settings={"most": most})) for most in (3, 30))
    for _ in range(2):
        assert (await runner.run(short, "input", ["some text"])).action == "refuse"
        assert (await runner.run(long, "input", ["some text"])).action == "allow"


async def test_a_failure_is_not_remembered(runner: GuardRunner) -> None:
    failures = [ZeroDivisionError(), ZeroDivisionError()]

    @guard("recovers", inline=True, by=frozenset())
    def recovers(text: str, context: registry.Context) -> Verdict:
        if failures:
            raise failures.pop()
        return PASS

    rules = policy(GuardRule(guard="recovers"))
    assert (await runner.run(rules, "input", ["text"])).action == "refuse"
    assert (await runner.run(rules, "input", ["text"])).action == "allow"


@given(lengths=st.lists(st.integers(0, 40_000), max_size=200))
@settings(max_examples=30, deadline=None)
def test_memory_is_bounded_and_never_says_what_was_not_kept(lengths: list[int]) -> None:
    memory = Memory()
    for number, length in enumerate(lengths):
        text = f"{number}-".ljust(length, "x")
        assert memory.find((1, None, text)) is None
        memory.keep((1, None, text), (PASS,))
        assert memory.find((1, None, text)) in ((PASS,), None)
        assert memory.find((2, None, text)) is None
        assert memory.find((1, "user", text)) is None
    for generation in (memory.young, memory._old):
        assert len(generation) <= plans.TEXTS_MAX
        assert sum(len(key[2]) for key in generation) <= plans.LENGTH_MAX


async def test_long_texts_of_quick_guards_go_to_a_thread_so_that_their_time_limit_holds(
    runner: GuardRunner, release: threading.Event
) -> None:
    @guard("slow-when-long", inline=True)
    def slow(text: str, context: registry.Context) -> Verdict:
        release.wait()
        return PASS

    outcome = await runner.run(policy(GuardRule(guard="slow-when-long", timeout_ms=20)), "input", ["x" * (INLINE_LENGTH_MAX + 1)])
    assert outcome.results[0].verdict == "failed"


# What was not looked at.


async def run_one(runner: GuardRunner, verdict: Any, rule: GuardRule, text: str = "some text") -> GuardOutcome:
    @guard("says", inline=True)
    def says(text: str, context: registry.Context) -> Verdict:
        return verdict

    return await runner.run(policy(rule), "input", [text])


PARTIAL = Verdict(verdict="pass", complete=False)
PARTIAL_FOUND = Verdict(verdict="block", score=0.9, findings=(finding(0, 4),), complete=False)


@pytest.mark.parametrize("verdict", [PARTIAL, PARTIAL_FOUND])
@pytest.mark.parametrize("mode", ["enforce", "monitor"])
@pytest.mark.parametrize("on_failure", ["open", "closed"])
@pytest.mark.parametrize("action", ["redact", "hold", "refuse"])
async def test_a_part_that_was_not_looked_at_is_a_missing_scan(
    runner: GuardRunner, verdict: Verdict, mode: Any, on_failure: Any, action: Any
) -> None:
    rule = GuardRule(guard="says", mode=mode, on_failure=on_failure, action=action)
    outcome = await run_one(runner, verdict, rule)
    assert (outcome.ran, outcome.failed) == (1, 1)
    if mode == "monitor":
        expected = "allow"
    elif verdict is PARTIAL_FOUND and action != "redact":
        expected = action  # what was found keeps the text from leaving already
    elif on_failure == "closed":
        expected = "refuse"
    else:
        expected = "redact" if verdict is PARTIAL_FOUND else "allow"
    assert outcome.action == expected
    assert outcome.is_closed == (mode == "enforce" and on_failure == "closed")
    if verdict is PARTIAL:
        assert outcome.results[0].verdict == "failed"
        assert outcome.results[0].reason == "looked at a part of the text only; send a long text in parts"


async def test_more_findings_than_a_verdict_carries_are_no_complete_scan() -> None:
    found = [finding(place, place + 1) for place in range(FINDINGS_MAX + 1)]
    assert verdict_of(found[:-1], block_at=0.5).complete
    assert not verdict_of(found, block_at=0.5).complete


async def test_a_text_that_is_blocked_without_a_span_is_not_let_through_by_masking(runner: GuardRunner) -> None:
    blocked = Verdict(verdict="block", score=1.0)
    for on_failure, action in (("closed", "refuse"), ("open", "allow")):
        rule = GuardRule(guard="says", action="redact", on_failure=on_failure)  # type: ignore[arg-type]
        outcome = await run_one(runner, blocked, rule)
        assert (outcome.action, outcome.failed) == (action, 1)
        assert "masked" in outcome.results[0].reason


RUBBISH: list[Any] = [
    None,
    True,
    "pass",
    {"verdict": "pass"},
    Verdict(verdict="fine"),  # type: ignore[arg-type]
    Verdict(verdict=["pass"]),  # type: ignore[arg-type]
    Verdict(verdict="pass", score=math.nan),
    Verdict(verdict="pass", score=1.5),
    Verdict(verdict="pass", score=-0.1),
    Verdict(verdict="pass", score="high"),  # type: ignore[arg-type]
    Verdict(verdict="pass", score=True),
    Verdict(verdict="pass", complete=None),  # type: ignore[arg-type]
    Verdict(verdict="flag", findings=None),  # type: ignore[arg-type]
    Verdict(verdict="flag", findings=[finding(0, 1)]),  # type: ignore[arg-type]
    Verdict(verdict="flag", findings=("x",)),  # type: ignore[arg-type]
    Verdict(verdict="flag", findings=(finding(-1, 2),)),
    Verdict(verdict="flag", findings=(finding(0, 10),)),
    Verdict(verdict="flag", findings=(finding(3, 3),)),
    Verdict(verdict="flag", findings=(finding(4, 2),)),
    Verdict(verdict="flag", findings=(finding(0.0, 2),)),  # type: ignore[arg-type]
    Verdict(verdict="flag", findings=(finding(False, 2),)),
    Verdict(verdict="flag", findings=(finding(0, 2, score=math.inf),)),
    Verdict(verdict="flag", findings=(finding(0, 2, kind="A B"),)),
    Verdict(verdict="flag", findings=(finding(0, 2, kind="A]"),)),
    Verdict(verdict="flag", findings=(finding(0, 2, kind=""),)),
    Verdict(verdict="flag", findings=(finding(0, 2, reason=b"x"),)),  # type: ignore[arg-type]
    Verdict(verdict="flag", findings=(finding(0, 1),) * (FINDINGS_MAX + 1)),
]


@pytest.mark.parametrize("verdict", RUBBISH, ids=lambda each: repr(each)[:60])
@pytest.mark.parametrize("inline", [True, False])
async def test_a_verdict_that_makes_no_sense_is_a_failed_scan(runner: GuardRunner, verdict: Any, inline: bool) -> None:
    @guard("rubbish", inline=inline, by=frozenset())
    def rubbish(text: str, context: registry.Context) -> Any:
        return verdict

    for _ in range(2):  # and is not remembered as anything else
        outcome = await runner.run(policy(GuardRule(guard="rubbish")), "input", ["some text"])
        assert (outcome.results[0].verdict, outcome.action, outcome.ran, outcome.failed) == ("failed", "refuse", 0, 1)
        assert outcome.results[0].reason


async def test_rules_that_are_left_out_are_missing_scans(runner: GuardRunner) -> None:
    counting("clean", inline=True, by=frozenset())
    counting("finds", verdict_of([finding(0, 1)], block_at=2), inline=True, by=frozenset())
    for name in ("clean", "finds"):
        rules = policy(GuardRule(guard="clean", mode="enforce"), GuardRule(guard=name, mode="monitor"))
        outcome = await runner.run(rules, "output", ["text"], monitor_only=True)
        assert (outcome.action, outcome.ran, outcome.failed) == ("allow", 1, 1)
    only = policy(GuardRule(guard="clean", mode="enforce"))
    assert (await runner.run(only, "output", ["text"], monitor_only=True)).failed == 1
    assert (await runner.run(only, "input", ["text"])).failed == 0


async def test_what_a_plug_in_s_error_says_is_not_repeated(runner: GuardRunner) -> None:
    @guard("talks")
    def talks(text: str, context: registry.Context) -> Verdict:
        raise GroundcrewError(f"no idea what {text!r} means")

    outcome = await runner.run(policy(GuardRule(guard="talks")), "input", ["my secret"])
    assert "secret" not in outcome.results[0].reason
