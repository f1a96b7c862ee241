"""What a guard's `settled` promises, checked for any guard, text and cut: what is judged for good stays as it is.

from tests.unit.guards.settled import settled_keeps_its_word, texts_of

test_settled = settled_keeps_its_word("secrets", texts_of("password: hunter2Secret9x", "AKIA" + "Q7ZX2M4LPDJ5R8WT", " and "))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from groundcrew.domain.guard import Finding
from groundcrew.guards.registry import find_guard

#: Cuts of one text that one example looks at; the places around a finding's ends are always among them.
CUTS_MAX = 8


def texts_of(*pieces: str, pieces_max: int = 8) -> SearchStrategy[str]:
    """Texts out of `pieces`, whole and cut, with other words, numbers, marks and odd characters between and inside them."""
    part = st.sampled_from(pieces).flatmap(lambda piece: st.one_of(st.just(piece), _cut(piece)))
    filler = st.one_of(
        st.sampled_from((" ", "", ". ", ", ", "\n", "\n\n", ": ", "-", "The ", "x", "9", "é", "😀", "\u200b", "“")),
        st.text(max_size=6),
        st.from_regex(r"[A-Za-z0-9 .,@:/+-]{0,12}", fullmatch=True),
    )
    return st.lists(st.one_of(part, filler), max_size=2 * pieces_max).map("".join)


def _cut(piece: str) -> SearchStrategy[str]:
    return st.integers(0, len(piece)).flatmap(lambda end: st.integers(0, end).map(lambda start: piece[start:end]))


def check_settled(name: str, text: str, cut: int, context: Mapping[str, Any] | None = None) -> None:
    """Fail unless the guard `name` says the same of what begins before `settled(text[:cut])`, whether it sees `text[:cut]` or
    all of `text`: the same findings with the same ends, types and scores, and none besides."""
    guard = find_guard(name)
    assert guard.settled is not None, f"the guard {name!r} declares no `settled`"
    beginning = text[:cut]
    until = guard.settled(beginning)
    assert 0 <= until <= len(beginning), f"settled({beginning!r}) is {until}, outside of the text"
    given_context = context or {}
    early = _before(until, guard.check(beginning, given_context).findings)
    late = _before(until, guard.check(text, given_context).findings)
    assert early == late, f"judged for good until {until} of {beginning!r}, but {text!r} has other findings there"


def _before(until: int, findings: tuple[Finding, ...]) -> list[tuple[int, int, str, float]]:
    return sorted((each.start, each.end, each.type, round(each.score, 6)) for each in findings if each.start < until)


def settled_keeps_its_word(
    name: str, texts: SearchStrategy[str], context: Mapping[str, Any] | None = None, *, examples: int = 200
) -> Callable[[], None]:
    """A test for the guard `name` over `texts`: for every text and several places to cut it, `check_settled` holds. Each text is
    cut where its findings begin and end as well, which is where a stream's cut hurts."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(text=texts, data=st.data())
    def test(text: str, data: st.DataObject) -> None:
        found = find_guard(name).check(text, context or {}).findings
        edges = {place + step for each in found for place in (each.start, each.end) for step in (-1, 0, 1)}
        drawn = data.draw(st.lists(st.integers(0, len(text)), max_size=CUTS_MAX // 2))
        cuts = [len(text), *drawn, *sorted(each for each in edges if 0 <= each <= len(text))]
        for cut in cuts[:CUTS_MAX]:
            check_settled(name, text, cut, context)

    return test
