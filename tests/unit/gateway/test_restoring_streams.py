"""Values come back in the place of their tags however a stream cuts them."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.gateway.restoring_streams import Restoring, RestoringChunks
from groundcrew.guards.redaction import Pseudonyms


def names() -> Pseudonyms:
    made = Pseudonyms()
    for kind, value in (("PERSON", "Anna Meier"), ("PERSON", "Bo"), ("EMAIL", 'a"b@bank.example')):
        made.tag(kind, value, restorable=True)
    made.tag("IBAN", "CH93", restorable=False)
    return made


TEXTS = st.lists(
    st.sampled_from(["[PERSON]", "[PERSON_2]", "[EMAIL]", "[IBAN]", "[PERSON_3]", "[PER", "[", "]", "a ", "😀", "\n"]),
    max_size=12,
).map("".join)
CUTS = st.lists(st.integers(0, 100), max_size=12)


def cut(text: str, places: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(each for each in places if each < len(text))})
    return [text[start:end] for start, end in itertools.pairwise(edges)]


@given(text=TEXTS, places=CUTS)
def test_a_text_in_pieces_comes_back_as_the_whole_one(text: str, places: list[int]) -> None:
    tags = names()
    restoring = Restoring(tags)
    assert "".join([*map(restoring.some, cut(text, places)), restoring.rest()]) == tags.restore(text)


def delta(**members: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": members, "finish_reason": None}]}


def piece(index: int, arguments: str) -> dict[str, Any]:
    return delta(tool_calls=[{"index": index, "function": {"arguments": arguments}}])


@given(text=TEXTS, first=TEXTS, second=TEXTS, places=CUTS, told=st.booleans())
def test_content_and_tool_calls_come_back_each_for_itself(
    text: str, first: str, second: str, places: list[int], told: bool
) -> None:
    """Also where the stream ends without telling so; what is in a tool call's arguments stays JSON."""
    tags = names()
    arguments = [msgspec.json.encode({"to": each}).decode() for each in (first, second)]
    chunks = [delta(content=each) for each in cut(text, places)]
    chunks += [piece(index, each) for index, whole in enumerate(arguments) for each in cut(whole, places)]
    if told:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    restoring = RestoringChunks(tags)
    given = [*map(restoring.chunk, chunks), *restoring.rest()]
    deltas = [choice["delta"] for chunk in given for choice in chunk["choices"]]
    assert "".join(each.get("content") or "" for each in deltas) == tags.restore(text)
    for index, whole in enumerate((first, second)):
        calls = [call for each in deltas for call in each.get("tool_calls", ()) if call["index"] == index]
        found = msgspec.json.decode("".join(call["function"]["arguments"] for call in calls))
        assert found == {"to": tags.restore(whole)}
    kinds = [key for each in deltas for key in ("content", "tool_calls") if each.get(key)]
    assert kinds == sorted(kinds), "text leaves before the calls that follow it"


def test_what_is_no_text_stays_as_it_is() -> None:
    restoring = RestoringChunks(names())
    usage = {"choices": [], "usage": {"total_tokens": 1}}
    assert restoring.chunk(usage) is usage
    thought = delta(reasoning_content="[PERSON]")
    assert restoring.chunk(thought) == thought
