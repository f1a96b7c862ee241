"""What a record for learning must be besides well-formed: whole text in the wanted language, valid codes, evidence that fits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.curation.conftest import BASE, recipe_of

from groundcrew.code_systems.system import Code, CodeSystem
from groundcrew.curation.checks import Checked, Checker
from groundcrew.curation.masking import mask_record
from groundcrew.curation.personal_data import Masker

CODES = CodeSystem(
    name="toy",
    release="1",
    language="en",
    digest="0" * 64,
    codes={
        each.code: each
        for each in (Code(code="A1", title="a", usable=False), Code(code="A1.0", title="b"), Code(code="B2", title="c"))
    },
)
CODED: dict[str, Any] = {
    **BASE,
    "label": {"field": "codes", "multiple": True, "code_system": "toy", "normalise": True},
    "evidence": "spans",
}
NOTE = "Dr Anna Keller saw the patient, reachable at anna.keller@example.org, for a chronic cough that does not get better."


def judge(row: object, document: dict[str, Any] = CODED, *, typed: bool = True, damage: str | None = None) -> Checked:
    text = row if isinstance(row, str) else json.dumps(row)
    return Checker(recipe_of(document), CODES).check(text, typed=typed, damage=damage)


@pytest.mark.parametrize(
    ("codes", "reason", "kept"),
    [
        (["A1.0", "B2"], None, ["A1.0", "B2"]),
        (["b2", "a10", "A1.0"], None, ["B2", "A1.0"]),
        (["B2", "C3"], "unknown code", None),
        (["A1"], "code is a heading", None),
        ([], "missing field", None),
        ("B2", "wrong type", None),
        (["B2", ""], "wrong type", None),
        (["B2", 3], "wrong type", None),
    ],
)
def test_labels_are_codes_of_their_system(codes: object, reason: str | None, kept: list[str] | None) -> None:
    found = judge({"id": "a", "text": "x", "codes": codes})
    assert (found.reason, found.labels) == (reason, kept)


def test_codes_are_left_as_they_are_where_nobody_asks_to_rewrite_them() -> None:
    document = {**CODED, "label": {**CODED["label"], "normalise": False}}
    assert judge({"id": "a", "text": "x", "codes": ["b2"]}, document).labels == ["b2"]
    allowed = {**CODED, "label": {**CODED["label"], "allowed": ["B2"]}}
    assert judge({"id": "a", "text": "x", "codes": ["b2"]}, allowed).labels == ["B2"]
    assert judge({"id": "a", "text": "x", "codes": ["A1.0"]}, allowed).reason == "label not allowed"


def test_a_cell_holds_several_labels_and_spans() -> None:
    row = {"id": "a", "text": "a cough", "codes": "B2 | a1.0|", "spans": '[{"label": "b2", "start": 2, "end": 7}]'}
    found = judge(row, typed=False)
    assert found.labels == ["B2", "A1.0"]
    assert found.record is not None
    assert json.loads(found.record)["spans"] == [{"label": "B2", "start": 2, "end": 7}]


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        ({"label": "B2", "start": 0, "end": 3}, None),
        ({"label": "B2", "start": 0, "end": 4}, "misplaced evidence"),
        ({"label": "B2", "start": 2, "end": 2}, "misplaced evidence"),
        ({"label": "B2", "start": -1, "end": 2}, "misplaced evidence"),
        ({"label": "A1.0", "start": 0, "end": 3}, "misplaced evidence"),
        ({"label": "B2", "start": "0", "end": 3}, "wrong type"),
        ({"start": 0, "end": 3}, "wrong type"),
        ("B2", "wrong type"),
    ],
)
def test_evidence_lies_in_the_text_and_marks_a_label(span: object, reason: str | None) -> None:
    assert judge({"id": "a", "text": "🦀bc", "codes": ["B2"], "spans": [span]}).reason == reason


def test_masking_moves_the_evidence_along() -> None:
    start = NOTE.index("chronic cough")
    row = {"id": "a", "text": NOTE, "codes": ["B2"], "spans": [{"label": "B2", "start": start, "end": start + 13}]}
    document = {**CODED, "personal_data": {"action": "mask", "network": "never"}}
    found = judge(row, document)
    assert found.record is not None
    assert "example.org" in found.record  # Masking comes last, for what stays.
    masked, counts = mask_record(recipe_of(document), Masker(network="never"), found.record)
    record = json.loads(masked)
    assert "example.org" not in masked.decode()
    (span,) = record["spans"]
    assert record["text"][span["start"] : span["end"]] == "chronic cough"
    assert counts["EMAIL"] == 1


def test_a_label_that_is_not_valid_can_go_alone() -> None:
    document = {**CODED, "label": {**CODED["label"], "on_invalid": "drop_label"}}
    spans = [{"label": each, "start": 0, "end": 3} for each in ("b2", "C3", "A1")]
    found = judge({"id": "a", "text": "abc", "codes": ["C3", "b2", "A1", "D4"], "spans": spans}, document)
    assert (found.reason, found.labels) == (None, ["B2"])
    assert found.removed == {"unknown code": 2, "code is a heading": 1}
    assert found.record is not None
    assert json.loads(found.record)["spans"] == [{"label": "B2", "start": 0, "end": 3}]
    assert judge({"id": "a", "text": "abc", "codes": ["A1", "D4"]}, document).reason == "code is a heading"
    assert judge({"id": "a", "text": "abc", "codes": ["B2"]}, document).removed is None


def test_personal_data_can_be_a_reason() -> None:
    document = {**CODED, "personal_data": {"action": "drop", "network": "never", "types": ["EMAIL"]}}
    found = judge({"id": "a", "text": NOTE, "codes": ["B2"]}, document)
    assert (found.reason, found.detail) == ("personal data", "'text' holds EMAIL")
    assert judge({"id": "a", "text": "a chronic cough", "codes": ["B2"]}, document).reason is None


WHOLE = {**BASE, "encoding": "intact"}


@pytest.mark.parametrize("text", ["KÃ¶nnen Sie kommen? Schöne GrÃ¼ÃŸe", "the caf\ufffd is closed", "a\x00b\x07c and more words"])
def test_damaged_texts_are_a_reason_of_their_own(text: str) -> None:
    assert judge({"id": "a", "text": text}, WHOLE).reason == "damaged encoding"
    assert judge({"id": "a", "text": text}, BASE).reason is None


def test_halves_of_pairs_and_bytes_of_another_code_page_keep_their_id() -> None:
    half = '{"id": "a", "text": "\\ud83d is half a crab"}'
    assert (judge(half, WHOLE).reason, judge(half, WHOLE).id) == ("damaged encoding", "a")
    assert judge(half, BASE).reason == "unreadable"
    read = '{"id": "a", "text": "caf\ufffd"}'
    found = judge(read, WHOLE, damage="is not UTF-8")
    assert (found.reason, found.id, found.detail) == ("damaged encoding", "a", "is not UTF-8")
    assert judge(read, BASE, damage="is not UTF-8").reason == "unreadable"
    assert judge("{", WHOLE, damage="is not UTF-8").reason == "damaged encoding"


def test_a_wrong_language_is_a_reason_of_its_own() -> None:
    german = "Der Patient klagt seit gestern über starke Schmerzen in der Brust und hat wenig geschlafen."
    english = "The patient has had severe pain in the chest since yesterday and has slept very little."
    document = {**BASE, "language": "en"}
    assert judge({"id": "a", "text": german}, document).reason == "wrong language"
    assert judge({"id": "a", "text": english}, document).reason is None
    assert judge({"id": "a", "text": german}, {**BASE, "language": ["en", "de"]}).reason is None
