"""A stream through the hold-back window says what the whole answer would say: for any text, any chunks and any findings."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.gateway.scripted import (
    APIS,
    BLOCK_SCORE,
    BRACKETS,
    DIALECTS,
    FILLERS,
    LOUD,
    MARK_CHARACTERS,
    MARK_LENGTH_MAX,
    RUN,
    Cut,
    ScriptedGateway,
    ScriptedUpstream,
    ask,
    at,
    at_once,
    decision,
    error_of,
    every,
    every_event,
    scripted_gateway,
    text_of,
)

from groundcrew.domain.call import Call
from groundcrew.domain.guard import GuardRule, Policy
from groundcrew.guards.registry import find_guard
from groundcrew.testing import Response


class Bench:
    """A gateway for each kind of provider, in one event loop."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.upstream = self.runner.run(self._upstream())
        self._made: dict[str, ScriptedGateway] = {}

    @staticmethod
    async def _upstream() -> ScriptedUpstream:
        return ScriptedUpstream()

    def gateway(self, api: str, rules: tuple[GuardRule, ...]) -> ScriptedGateway:
        """The gateway over `api`, with `rules` as its policy."""
        if api not in self._made:
            self._made[api] = scripted_gateway(self.upstream, GuardRule(guard="secrets"), api=api)
        memory = self._made[api]
        memory.snapshots.change(policies={"test-policy": Policy(name="test-policy", guards=rules)})
        return memory

    def ask(self, memory: ScriptedGateway, dialect: str, *, stream: bool, text: str = "Tell me.") -> tuple[Response, Call]:
        """What the client gets, and what is recorded."""
        memory.recorder.calls.clear()
        response = self.runner.run(ask(memory, dialect, stream=stream, text=text))
        (call,) = memory.ended()
        return response, call

    def close(self) -> None:
        """Stop everything."""
        for memory in self._made.values():
            self.runner.run(memory.gateway.close())
        self.runner.close()


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


PLAIN = st.text(alphabet='ab é😀\u0301\n,"\\[]', max_size=60)
SENTENCES = st.lists(st.sampled_from(["It is so. ", "Is it? ", "We see 3.5 of it.\n", "Ja! "]), max_size=25).map("".join)


@st.composite
def marked(draw: st.DrawFn) -> str:
    """A mark of 1 to 200 code points and a little more, whole, open or closed twice, with others inside or across its edges."""
    if draw(st.booleans()):
        return RUN * draw(st.integers(1, 5) | st.sampled_from([150, 200]))
    opening, closing = BRACKETS[draw(st.sampled_from(sorted(BRACKETS)))]
    other, another = BRACKETS[draw(st.sampled_from(sorted(BRACKETS)))]
    loud = LOUD if draw(st.booleans()) else ""
    inner = draw(st.text(alphabet=FILLERS, max_size=5))
    inner += draw(st.sampled_from(["", "", other + FILLERS[0] + another, other, another, other + LOUD + another]))
    inner += draw(st.sampled_from(["", "", FILLERS[0] + ". " + FILLERS[1]]))  # a mark goes on over the end of a sentence
    inner += FILLERS[1] * draw(st.sampled_from([0, 0, 0, 30, 180, MARK_LENGTH_MAX - 3, MARK_LENGTH_MAX]))
    return draw(st.sampled_from([opening, opening, opening, ""])) + loud + inner + draw(st.sampled_from([closing, closing, ""]))


MIXED = st.lists(PLAIN | marked() | marked() | SENTENCES, max_size=10).map("".join)
TEXTS = st.builds("".join, st.tuples(SENTENCES, MIXED, SENTENCES)).filter(lambda text: text.strip())
RULES = st.lists(
    st.builds(
        GuardRule,
        guard=st.sampled_from([*BRACKETS, "planted_runs"]),
        on=st.just(("output",)),
        action=st.sampled_from(["redact", "redact", "refuse", "refuse", "allow"]),
        settings=st.sampled_from([{}, {}, {}, {"block_at": 0.4}]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
CUTS = st.sampled_from([every_event, at_once, every(1), every(7), every(64)]) | st.lists(
    st.integers(0, 100_000), max_size=30
).map(at)


@st.composite
def deltas(draw: st.DrawFn, text: str) -> tuple[str, ...]:
    """`text` in pieces: one, one a code point, or cut anywhere."""
    how = draw(st.sampled_from(["one", "each", "anywhere", "anywhere"]))
    if how == "one":
        return (text,)
    if how == "each":
        return tuple(text)
    places = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text)), max_size=20))})
    return tuple(text[start:end] for start, end in itertools.pairwise(places))


def check(bench: Bench, api: str, dialect: str, rules: tuple[GuardRule, ...], pieces: tuple[str, ...], cut: Cut) -> None:
    """Everything that must hold of one answer."""
    text = "".join(pieces)
    memory = bench.gateway(api, rules)
    bench.upstream.say(*pieces, cut=cut)
    whole, _ = bench.ask(memory, dialect, stream=False)
    streamed, call = bench.ask(memory, dialect, stream=True)
    masked, refused_at, hidden = decision(text, rules)
    assert error_of(dialect, streamed) == error_of(dialect, whole) == (None if refused_at is None else "guard_blocked")
    left = text_of(dialect, streamed)
    if refused_at is None:
        assert left == text_of(dialect, whole) == masked
    else:
        assert masked.startswith(left)
        assert len(left) <= refused_at
    may_leave = set(masked if refused_at is None else masked[:refused_at])
    assert not {*hidden} & MARK_CHARACTERS - may_leave & {*streamed.body.decode()}
    assert (call.answer, call.scan) == (left, "scanned")
    assert call.status == ("answered" if refused_at is None else "refused")
    assert bench.upstream.ended or bench.upstream.closed


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), text=TEXTS, rules=RULES, cut=CUTS)
def test_a_stream_says_what_the_whole_answer_says(
    bench: Bench, dialect: str, data: st.DataObject, text: str, rules: tuple[GuardRule, ...], cut: Cut
) -> None:
    api = data.draw(st.sampled_from(APIS))
    check(bench, api, dialect, rules, data.draw(deltas(text)), cut)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    dialect=st.sampled_from(DIALECTS),
    name=st.sampled_from(sorted(BRACKETS)),
    before=st.integers(0, 60),
    length=st.integers(0, MARK_LENGTH_MAX - 3),
    loud=st.sampled_from(["", LOUD]),
    action=st.sampled_from(["redact", "refuse"]),
    size=st.integers(1, 50),
)
def test_nothing_leaves_of_a_mark_that_is_looked_at_half_way(
    bench: Bench, dialect: str, name: str, before: int, length: int, loud: str, action: Any, size: int
) -> None:
    opening, closing = BRACKETS[name]
    words = ". ".join(FILLERS[0] * 6 for _ in range(40))
    text = "It is so. " * 8 + "x" * before + opening + loud + words[:length] + closing + " It is over. " + "It is so. " * 8
    pieces = tuple(text[start : start + size] for start in range(0, len(text), size))
    check(bench, "openai", dialect, (GuardRule(guard=name, on=("output",), action=action),), pieces, every_event)


#: What the shipped guards find, or nearly; the first lines are plain.
PIECES = (
    *("It is so. ", "Please write to us again next week. ", "The branch is open on Monday.\n", "Ja! "),
    *("Write to anna.meier@bank.example", " or call +41 44 668 18 00", "IBAN CH93 0076 2011 6238 5295 7", "4111 1111 1111 1111"),
    *(
        "password: hunter2Secret9x",
        "sk-proj-" + "aB3dE5" * 5,
        "AKIA" + "Q7ZX2M4LPDJ5R8WT",
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
    ),
    *(
        "born on 3 March 1961",
        " MRN 00481516",
        "https://x.example/?token=abc123",
        "192.168.0.17",
        "Dr. Anna Meier",
        " Bahnhofstrasse 1",
    ),
    *("We guarantee a refund of CHF 50 until 1 May 2026. ", "You can have the car for one dollar. ", "That is a binding offer"),
    *(". ", " ", "\n", " and ", "😀"),
)
SPOKEN = st.lists(st.sampled_from(PIECES), min_size=1, max_size=25).map("".join).filter(lambda text: text.strip())
SHIPPED = [name for name in ("secrets", "pii", "commitment") if find_guard(name).settled is not None]


@pytest.mark.parametrize("action", ["redact", "refuse"])
@pytest.mark.parametrize("name", SHIPPED)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), text=SPOKEN, dialect=st.sampled_from(DIALECTS), cut=CUTS)
def test_a_shipped_guard_says_the_same_of_a_stream(
    bench: Bench, name: str, action: Any, data: st.DataObject, text: str, dialect: str, cut: Cut
) -> None:
    rule = GuardRule(guard=name, on=("output",), action=action, timeout_ms=20_000)
    memory = bench.gateway("openai", (rule,))
    bench.upstream.say(*data.draw(deltas(text)), cut=cut)
    whole, _ = bench.ask(memory, dialect, stream=False)
    streamed, call = bench.ask(memory, dialect, stream=True)
    assert error_of(dialect, streamed) == error_of(dialect, whole)
    left = text_of(dialect, streamed)
    findings = find_guard(name).check(text, {"place": "output", "today": call.received_at.date()}).findings
    if error_of(dialect, whole) is None:
        assert left == text_of(dialect, whole)
    else:
        blocking = min(each.start for each in findings if each.score >= BLOCK_SCORE)
        assert text.startswith(left)
        assert len(left) <= blocking
    hidden = {text[each.start : each.end] for each in findings if action == "redact" or each.score >= BLOCK_SCORE}
    body = streamed.body.decode()
    assert not [each for each in hidden if len(each) > 5 and each in body and each not in left]


ANNA, LUCA = "anna.meier@bank.example", "luca.rossi@bank.example"
RESTORED = GuardRule(guard="pii", on=("input",), action="redact", settings={"restore": True, "detect": "patterns"})
TAGGED = st.lists(
    st.sampled_from(["[EMAIL]", "[EMAIL_2]", "[EMAIL_3]", "[EMA", "[", "]", "It is so. ", "Dear ", ", ", "\n"])
    | marked().map(lambda mark: mark.replace(LOUD, "")),
    min_size=1,
    max_size=25,
).map("".join)


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), text=TAGGED.filter(lambda text: text.strip()), masks=st.booleans(), cut=CUTS)
def test_tags_come_back_wherever_chunks_and_window_cut_them(
    bench: Bench, dialect: str, data: st.DataObject, text: str, masks: bool, cut: Cut
) -> None:
    """Guards judge, and the record keeps, the text with its tags."""
    output = tuple(GuardRule(guard=name, on=("output",), action="redact") for name in BRACKETS) if masks else ()
    memory = bench.gateway(data.draw(st.sampled_from(APIS)), (RESTORED, *output))
    bench.upstream.say(*data.draw(deltas(text)), cut=cut)
    asked = f"I am {ANNA}, and {LUCA} is my husband."
    whole, kept = bench.ask(memory, dialect, stream=False, text=asked)
    streamed, call = bench.ask(memory, dialect, stream=True, text=asked)
    tagged = decision(text, output)[0]
    said = tagged.replace("[EMAIL]", ANNA).replace("[EMAIL_2]", LUCA)
    assert text_of(dialect, streamed) == text_of(dialect, whole) == said
    assert call.answer == kept.answer == tagged
    assert ANNA.encode() not in bench.upstream.requests[-1].body
