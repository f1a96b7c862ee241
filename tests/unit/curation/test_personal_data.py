"""Masking in bulk: what is found is gone, the same text is always masked the same, and offsets follow."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from groundcrew.curation.personal_data import NETWORK_USES, Masker, may_name
from groundcrew.guards import pii_network
from groundcrew.guards.pii_text import segments

NOTE = (
    "Patient: Maria Gonzales, DOB 04/17/1961, MRN: 00482913, lives at 482 Birchwood Lane, Millfield, OH 44017. Dr. Kowalski rang"
    " (312) 245-0187; maria.gonzales@postino.it. Kowalski agrees with metformin for the T2DM."
)
SHARED = Path(__file__).parents[4] / "shared" / "data" / "phi_aci" / "train.jsonl.gz"


def test_everything_personal_is_in_a_tag_and_offsets_follow() -> None:
    masked = Masker().mask(NOTE)
    for value in ("Gonzales", "1961", "00482913", "Birchwood", "Kowalski", "245-0187", "postino"):
        assert value not in masked.text
    assert {"PERSON", "DATE", "MRN", "ADDRESS", "PHONE", "EMAIL"} <= set(masked.types)
    assert masked.counts["EMAIL"] == 1
    start = NOTE.index("T2DM")
    assert masked.text[masked.offsets.start(start) : masked.offsets.end(start + 4)] == "T2DM"
    # One person has one tag, another another, in the order of the text.
    assert masked.text.startswith("Patient: [PERSON], ")
    assert masked.text.count("[PERSON_2]") == 2


def test_the_same_text_is_masked_the_same_whatever_came_before() -> None:
    masker = Masker()
    first = masker.mask(NOTE)
    masker.mask(NOTE.replace("Maria Gonzales", "Eugene Fairweather"))
    assert masker.mask(NOTE) == first == Masker().mask(NOTE)


def test_types_and_plain_tags() -> None:
    masked = Masker(types=frozenset({"PERSON"}), tags="plain").mask(NOTE)
    assert masked.types == ("PERSON",)
    assert "[PERSON_2]" not in masked.text
    assert "00482913" in masked.text


def test_patterns_alone_ask_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pii_network, "_find_in", lambda *_: pytest.fail("the network was asked"))
    masked = Masker(network="never").mask(NOTE)
    assert "Gonzales, DOB" in masked.text
    assert set(masked.types) == {"DATE", "EMAIL", "MRN", "PHONE"}
    plain = "The patient reports less pain. HbA1c 7.2 %, no fever. Continue metformin; Crohn’s disease was ruled out on Monday."
    assert Masker().mask(plain).text == plain


def test_days_of_the_week_and_times_are_nobodys_dates() -> None:
    text = "Arrived 17:27 on Friday. Mr. Okafor was seen at once and went home; he will come back on Monday at 9:30."
    masked = Masker(network="always").mask(text)
    assert "17:27" in masked.text
    assert "Monday" in masked.text
    assert "Okafor" not in masked.text


@pytest.mark.parametrize(
    "text",
    [
        "Seen with Gonzales today.",
        "spoke to dr. long on the phone",
        "patient of mrs hill, stable",
        "maria reports less pain",
        "GONZALES, MARIA SEEN TODAY",
        "lives at 12 birch lane with a dog",
        "card 1EG4-TE5-MK72 on file",
        "Will Young was here.",
        "sent to Lakeshore for films",
    ],
)
def test_what_may_be_a_name_is_looked_at(text: str) -> None:
    assert may_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The patient reports pain. Continue ibuprofen 400 mg. No fever.",
        "Chief Complaint: Chest Pain\nAssessment: HTN, COPD, T2DM",
        "Will return if worse. Long discussion of risks.",
        "Parkinson’s disease and Crohn’s disease; Tinel sign negative, SpO2 98 %, HbA1c 7.1 %.",
        "pain when climbing stairs, no fever, no cough, walks the dog every day",
        "CHEST CLEAR, NO FEVER, CONTINUE METFORMIN",
    ],
)
def test_what_names_nobody_is_passed(text: str) -> None:
    assert not may_name(text)


@pytest.mark.skipif(not SHARED.is_file(), reason="the notes with surrogate PHI are not here")
def test_the_look_before_the_network_loses_no_name_on_notes() -> None:
    with gzip.open(SHARED, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    lost = [
        row["text"][span["start"] : span["end"]]
        for row in rows
        for context, start, end in segments(row["text"])
        for span in row["spans"]
        if start <= span["start"] < end
        and span["type"] in ("PERSON", "ADDRESS", "FACILITY")
        and not may_name(row["text"][context:end])
    ]
    assert lost == []
    looked_at = [may_name(row["text"][context:end]) for row in rows for context, _, end in segments(row["text"])]
    assert sum(looked_at) < 0.75 * len(looked_at)


def test_there_are_three_ways() -> None:
    assert NETWORK_USES == ("always", "prefiltered", "never")
    assert {Masker(network=each).mask("no fever").text for each in NETWORK_USES} == {"no fever"}
