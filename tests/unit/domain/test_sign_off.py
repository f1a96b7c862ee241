"""The steps of a sign-off as values: readings, void signatures, time, and edits that can be applied again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.sign_off import READINGS_MAX, SignOff, review_state, sampled, text_digest
from groundcrew.domain.sign_off_edits import WORDS_COMPARED_MAX, apply_edits, edits_between
from groundcrew.domain.sign_off_steps import after_reading, after_second_review, as_of, release_problem, without_texts
from groundcrew.errors import Conflict

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DRAFT = "We refund CHF 900."


def held(**changes: Any) -> SignOff:
    item = SignOff(
        id="one",
        use_case="letters",
        call_id="call",
        qualification="clerk",
        draft=DRAFT,
        reason="always",
        requested_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        expires_after_s=3_600,
    )
    return msgspec.structs.replace(item, **changes)


def read(item: SignOff, reader: str, decision: Any = "approve", **more: Any) -> SignOff:
    return after_reading(item, decision, reader=reader, now=NOW, **more)


def test_two_people_sign_the_same_bytes_and_an_edit_starts_again() -> None:
    item = read(held(readers=2), "anna")
    assert (item.state, [each.reader for each in item.standing]) == ("pending", ["anna"])
    with pytest.raises(Conflict, match="a second person"):
        read(item, "Anna")
    changed = read(item, "bert", "edit", text="We refund CHF 9.")
    assert [(each.reader, each.void) for each in changed.readings] == [("anna", True), ("bert", False)]
    assert changed.text_to_sign == "We refund CHF 9."
    done = read(changed, "anna")
    assert (done.state, done.final_text, done.signer) == ("edited", "We refund CHF 9.", "anna")
    assert done.signed_sha256 == text_digest("We refund CHF 9.")
    assert release_problem(done) == ""


def test_who_signs_in_the_place_of_a_signer_is_no_second_person() -> None:
    item = read(held(readers=2), "anna")
    with pytest.raises(Conflict, match="anna has signed"):
        read(item, "bert", on_behalf_of="anna")


def test_an_edit_back_to_the_draft_is_an_approval() -> None:
    item = read(read(held(readers=2), "bert", "edit", text="No."), "anna", "edit", text=DRAFT)
    assert [each.void for each in item.readings] == [True, False]
    assert item.proposed_text is None
    assert read(item, "bert").state == "approved"


def test_two_people_do_not_change_each_others_text_for_ever() -> None:
    item = held(readers=2)
    for number in range(READINGS_MAX):
        item = read(item, ("anna", "bert")[number % 2], "edit", text=f"Version {number}.")
    with pytest.raises(Conflict, match="too often"):
        read(item, "anna", "edit", text="Once more.")
    assert read(item, "anna").state == "edited"


@pytest.mark.parametrize("state", ["approved", "edited", "rejected", "expired"])
def test_what_is_decided_stays_decided(state: Any) -> None:
    with pytest.raises(Conflict, match=f"is {state}"):
        read(held(state=state), "anna")


def test_time_never_approves_and_passes_on_once() -> None:
    item = read(held(readers=2, escalate_to="lead", respond_within_s=60), "anna", "edit", text="No.")
    late = NOW + timedelta(hours=2)
    passed = as_of(item, late)
    assert (passed.state, passed.qualification, passed.escalated_from) == ("pending", "lead", "clerk")
    assert (passed.expires_at, passed.due_at) == (late + timedelta(hours=1), late + timedelta(seconds=60))
    assert passed.standing == ()
    assert passed.text_to_sign == DRAFT
    assert as_of(passed, late) is passed
    assert as_of(passed, late + timedelta(hours=1)).state == "expired"
    assert as_of(held(), late).state == "expired"
    assert as_of(read(held(), "anna"), late).state == "approved"


def test_one_byte_more_is_not_released() -> None:
    done = read(held(), "anna")
    assert release_problem(done) == ""
    assert "not the one that was signed" in release_problem(msgspec.structs.replace(done, final_text=DRAFT + " "))
    # Looks the same, and is written with other bytes.
    composed, decomposed = "Zürich", "Zu\u0308rich"
    signed = read(held(), "anna", "edit", text=composed)
    assert "not the one" in release_problem(msgspec.structs.replace(signed, final_text=decomposed))
    other = msgspec.structs.replace(done, final_text="x", signed_sha256=text_digest("x"))
    assert release_problem(other) == "0 of 1 people signed this text"
    two = msgspec.structs.replace(done, readers=2)
    assert release_problem(two) == "1 of 2 people signed this text"
    assert release_problem(held()) == "it is pending: nothing was signed"
    before = msgspec.structs.replace(done, readings=())
    assert release_problem(before) == "", "signed before readings were kept"
    assert release_problem(msgspec.structs.replace(before, signer=None)) == "nobody signed this text"


def test_a_second_review_is_another_persons_and_once() -> None:
    item = read(held(second_review="blind"), "anna")
    assert (review_state(held(second_review="blind")), review_state(item)) == ("", "open")
    with pytest.raises(Conflict, match="has read one already"):
        after_second_review(item, "approve", reviewer="anna", now=NOW)
    judged = after_second_review(item, "reject", reviewer="bert", now=NOW, comment="wrong")
    assert (review_state(judged), judged.state, judged.final_text) == ("done", "approved", DRAFT)
    with pytest.raises(Conflict, match="already"):
        after_second_review(judged, "approve", reviewer="cleo", now=NOW)
    with pytest.raises(Conflict, match="takes no second review"):
        after_second_review(read(held(), "anna"), "approve", reviewer="bert", now=NOW)
    assert review_state(without_texts(item, NOW)) == ""


def test_texts_go_and_what_was_signed_stays() -> None:
    done = read(read(held(readers=2), "anna", "edit", text="No.", comment="tone"), "bert", comment="fine")
    bare = without_texts(done, NOW)
    written = msgspec.json.encode(bare).decode()
    for text in (DRAFT, "No.", "tone", "fine"):
        assert text not in written
    assert bare.signed_sha256 == done.signed_sha256
    assert [each.reader for each in bare.readings] == ["anna", "bert"]


@given(st.text(alphabet="ab \n.ü", max_size=40), st.text(alphabet="ab \n.ü", max_size=40))
def test_edits_make_the_text_of_the_draft(draft: str, text: str) -> None:
    edits = edits_between(draft, text)
    assert apply_edits(draft, edits) == text
    assert (edits == ()) == (draft == text)


def test_edits_name_words_and_long_texts_are_compared_by_lines() -> None:
    (edit,) = edits_between("We refund CHF 900 today.", "We refund CHF 9 today.")
    assert (edit.at, edit.removed, edit.inserted) == (14, "900", "9")
    draft = "one word\n" * WORDS_COMPARED_MAX
    text = draft.replace("one word\n", "no word\n", 1)
    assert apply_edits(draft, edits_between(draft, text)) == text
    with pytest.raises(ValueError, match="does not fit"):
        apply_edits("We refund nothing.", [edit])


@given(st.floats(0, 1))
def test_a_sample_is_the_same_for_the_same_call(share: float) -> None:
    ids = [f"call-{number}" for number in range(50)]
    drawn = [sampled(each, share, "second-review") for each in ids]
    assert drawn == [sampled(each, share, "second-review") for each in ids]
    if share in (0.0, 1.0):
        assert set(drawn) == {share == 1.0}
