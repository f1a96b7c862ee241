"""Tags of one call: consistent, never confused with what a text says itself, put back from memory only."""

from __future__ import annotations

import json
import time

from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.guard import Finding
from groundcrew.guards.redaction import Pseudonyms, apart_from, redact


def found(text: str, value: str, kind: str = "PERSON", score: float = 0.9) -> Finding:
    """The first place of `value` in `text` as a finding."""
    start = text.index(value)
    return Finding(start=start, end=start + len(value), type=kind, score=score)


def test_the_same_value_has_the_same_tag_and_others_have_others() -> None:
    """Case and white space make no other value; a type makes one."""
    names = Pseudonyms()
    assert names.tag("PERSON", "Maria Keller") == "[PERSON]"
    assert names.tag("PERSON", "Luca Rossi") == "[PERSON_2]"
    assert names.tag("PERSON", "MARIA\n  keller") == "[PERSON]"
    assert names.tag("ORG", "Maria Keller") == "[ORG]"


def test_a_tag_that_a_text_holds_literally_is_skipped() -> None:
    """What the client wrote itself stands for nothing."""
    names = Pseudonyms()
    names.reserve(["fill in [PERSON] and [PERSON_3]"])
    assert [names.tag("PERSON", each, restorable=True) for each in ("A", "B")] == ["[PERSON_2]", "[PERSON_4]"]
    assert names.restore("[PERSON] [PERSON_2] [PERSON_3] [PERSON_4] [PERSON_5]") == "[PERSON] A [PERSON_3] B [PERSON_5]"


def test_a_tag_that_turns_up_later_is_no_longer_put_back() -> None:
    """Nobody could tell which of the two an answer means."""
    names = Pseudonyms()
    names.tag("PERSON", "Maria", restorable=True)
    names.reserve(["a passage with [PERSON] in it"])
    assert names.tag("PERSON", "Maria", restorable=True) == "[PERSON]"
    assert not names.restores
    assert names.restore("[PERSON]") == "[PERSON]"


def test_only_what_a_rule_says_is_put_back() -> None:
    """A value under a rule without it stays masked; so does a span that any such rule shares."""
    text = "Maria Keller, secret-1"
    names = Pseudonyms()
    masked, _ = redact(text, [found(text, "secret-1", "SECRET")], names, restorable=[found(text, "Maria Keller")])
    assert masked == "[PERSON], [SECRET]"
    assert names.restore(masked) == "Maria Keller, [SECRET]"
    shared = Pseudonyms()
    masked, _ = redact(text, [found(text, "Keller", "SECRET", 0.5)], shared, restorable=[found(text, "Maria Keller")])
    assert shared.restore(masked) == masked == "[PERSON], secret-1"


@given(st.text(), st.text())
def test_values_are_escaped_in_json(value: str, around: str) -> None:
    """A tool call's arguments stay the JSON that the model meant, whatever the value holds."""
    names = Pseudonyms()
    tag = names.tag("PERSON", value, restorable=True)
    arguments = json.dumps({"to": f"<{tag}>"})
    assert json.loads(names.restore_json(arguments)) == {"to": f"<{value}>"}


@given(
    st.lists(st.sampled_from(["[PERSON]", "[PERSON_2]", "[PERSON_12]", "[", "]", "x", "[PER", "PERSON]", "[[", "_2]"])),
    st.lists(st.integers(0, 40)),
)
def test_a_stream_is_restored_like_a_whole_text(pieces: list[str], cuts: list[int]) -> None:
    """However the text is cut, keeping its open tail back gives the same."""
    names = Pseudonyms()
    for number in range(12):
        names.tag("PERSON", f"value-{number}", restorable=True)
    text = "".join(pieces)
    sent, waiting, last = "", "", 0
    for cut in [*sorted(min(each, len(text)) for each in cuts), len(text)]:
        waiting += text[last:cut]
        last = cut
        ready = len(waiting) - names.open_tail(waiting)
        sent += names.restore(waiting[:ready])
        waiting = waiting[ready:]
    assert sent + names.restore(waiting) == names.restore(text)


def test_offsets_follow_tags_of_other_lengths() -> None:
    """The map knows each tag's own length."""
    text = "Ann met Bob, Ann left."
    names = Pseudonyms()
    masked, offsets = redact(
        text,
        [found(text, "Ann"), found(text, "Bob"), Finding(start=13, end=16, type="PERSON", score=0.9)],
        names,
    )
    assert masked == "[PERSON] met [PERSON_2], [PERSON] left."
    start, end = offsets.start(text.index("Bob")), offsets.end(text.index("Bob") + 3)
    assert masked[start:end] == "[PERSON_2]"
    assert masked[offsets.start(text.index("left")) :] == "left."


spans = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda each: (each[0], each[0] + each[1])), max_size=12)


@given(spans, spans)
def test_apart_from_is_what_shares_no_place(found: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    findings = [Finding(start=start, end=end, type="ID", score=1.0) for start, end in found]
    expected = [each for each in findings if not any(each.start < end and start < each.end for start, end in others)]
    assert apart_from(findings, others) == expected


def test_very_many_findings_are_masked_in_linear_time() -> None:
    """A request of half a megabyte must not stop the event loop for minutes."""
    address, count = "anna.meier@bank.example", 20_000
    text = f"{address} " * count
    places = [index * (len(address) + 1) for index in range(count)]
    findings = [Finding(start=each, end=each + len(address), type="EMAIL", score=1.0) for each in places]
    names = Pseudonyms()
    started_s = time.thread_time()
    masked, _ = redact(text, findings, names, restorable=findings[:1_000])
    assert masked == "[EMAIL] " * count
    assert names.restore(masked) == masked  # found by a rule that puts nothing back as well
    names = Pseudonyms()
    masked, _ = redact(text, findings[1_000:], names, restorable=findings[:1_000])
    assert names.restore(masked) == text
    assert len(apart_from(names.occurrences(text), [(each.start, each.end) for each in findings[:1_000]])) == count - 1_000
    assert names.without_tags(masked, findings[:1_000]) == []
    assert time.thread_time() - started_s < 10
