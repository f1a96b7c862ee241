"""The pii guard finds what identifies a person, and leaves dates, amounts, order numbers and versions alone."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.guards import pii
from groundcrew.guards.registry import find_guard


def found(text: str) -> list[tuple[str, str]]:
    return [(each.type, text[each.start : each.end]) for each in sorted(pii.find(text), key=lambda each: each.start)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to anna.meier+bank@mail.example.ch.", [("EMAIL", "anna.meier+bank@mail.example.ch")]),
        ("Ring me on 079 123 45 67.", [("PHONE", "079 123 45 67")]),
        ("My number is +41 44 668 18 00, thanks", [("PHONE", "+41 44 668 18 00")]),
        ("Call (212) 555-0123 or 212-555-0199", [("PHONE", "(212) 555-0123"), ("PHONE", "212-555-0199")]),
        ("Tel. 030 901820", [("PHONE", "030 901820")]),
        ("Pay to CH93 0076 2011 6238 5295 7 please", [("IBAN", "CH93 0076 2011 6238 5295 7")]),
        ("iban de89370400440532013000", [("IBAN", "de89370400440532013000")]),
        ("Card 4111 1111 1111 1111", [("CREDIT_CARD", "4111 1111 1111 1111")]),
        ("AHV 756.9217.0769.85", [("SSN", "756.9217.0769.85")]),
        ("SSN 123-45-6789", [("SSN", "123-45-6789")]),
        ("from 10.0.0.12", [("IP", "10.0.0.12")]),
        ("from fe80::1ff:fe23:4567:890a", [("IP", "fe80::1ff:fe23:4567:890a")]),
        ("see https://x.example/reset?token=abc123.", [("URL", "https://x.example/reset?token=abc123")]),
        ("MRN: 00123456", [("MRN", "00123456")]),
        ("member ID is XZB12345678", [("HEALTH_PLAN_ID", "XZB12345678")]),
        ("She was born on 3 March 1970.", [("DATE", "3 March 1970")]),
        ("geboren am 03.04.1970", [("DATE", "03.04.1970")]),
    ],
)
def test_what_identifies_a_person_is_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Order 123 456 789 of 12.03.2024 – 14.03.2024",
        "CHF 1 000 000 or USD 25,000.00 at 1.25 %",
        "Opening hours 08:30-12:00, 13:30-17:30",
        "Card 4111 1111 1111 1112",
        "IBAN CH93 0076 2011 6238 5295 8",
        "version 1.2.3.4 of the app, section 2.4.1.1",
        "Invoice no. 2024-000-1234567",
        "https://bank.example/fees",
        "The meeting is on 3 March 2026.",
        "ratio 10:30:45 and std::vector",
        "@everyone at 5",
        "article 044 668 18",
        "",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_what_approved_knowledge_publishes_is_not_personal() -> None:
    check = find_guard("pii").check
    text = "Call 044 668 18 00 or 079 123 45 67."
    verdict = check(text, {"knowledge": ["Our hotline: 044 668 18 00, day and night."]})
    assert [text[each.start : each.end] for each in verdict.findings] == ["079 123 45 67"]
    assert verdict.verdict == "block"
    assert check("nothing here", {}).verdict == "pass"


@given(st.text(alphabet=st.sampled_from("0123456789 +().-/@:aCH9\n"), max_size=300))
def test_any_text_is_scanned_and_offsets_lie_inside(text: str) -> None:
    for each in pii.find(text):
        assert 0 <= each.start < each.end <= len(text)
        assert 0 < each.score <= 1


@pytest.mark.parametrize(
    "piece", ["1 ", "a@", "079 123 45 67 ", ":a", "1.", "CH93 ", "(((", "born on ", "https://", "-", "0.0.0."]
)
def test_long_texts_take_time_in_proportion(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        started_s = time.thread_time()
        pii.find(text)
        return time.thread_time() - started_s

    seconds(1_000)
    assert seconds(40_000) < 1.0


def test_patterns_against_labelled_sentences(shared_data: Path) -> None:
    """A floor under precision and recall of what patterns can find, on labelled synthetic sentences."""
    kinds = {"EMAIL_ADDRESS": "EMAIL", "IBAN_CODE": "IBAN", "CREDIT_CARD": "CREDIT_CARD", "IP_ADDRESS": "IP"}
    files = sorted((shared_data / "pii_presidio").glob("*.jsonl.gz"))
    hits = dict.fromkeys(kinds.values(), 0)
    wanted = dict.fromkeys(kinds.values(), 0)
    wrong = dict.fromkeys(kinds.values(), 0)
    for file in files:
        with gzip.open(file, "rt") as rows:
            for row in map(json.loads, rows):
                spans = {(kinds.get(each["type"], each["type"]), each["start"], each["end"]) for each in row["spans"]}
                got = {(each.type, each.start, each.end) for each in pii.find(row["text"])}
                for kind in wanted:
                    truth = {each for each in spans if each[0] == kind}
                    mine = {each for each in got if each[0] == kind}
                    wanted[kind] += len(truth)
                    hits[kind] += len(truth & mine)
                    wrong[kind] += len(mine - truth)
    for kind, floor in (("EMAIL", 0.95), ("IBAN", 0.95), ("IP", 0.9)):
        if wanted[kind]:
            assert hits[kind] / wanted[kind] >= floor, (kind, hits, wanted)
    assert sum(wrong.values()) <= 0.05 * sum(hits.values()), wrong


@pytest.mark.parametrize(
    ("address", "is_found"),
    [
        ("https://x.example/?user_token=1", True),
        ("https://x.example/?a=1&keyword-name=b", True),
        ("https://u:p@x.example/", True),
        ("https://:p:q@x.example/", True),
        ("https://u@x.example/", False),
        ("https://:@x.example/a", False),
        ("https://x.example/?token", False),
        ("https://x.example/?page=token", False),
        ("https://x.example/?token1=a", False),
    ],
)
def test_addresses_with_credentials_or_identifying_parameters(address: str, is_found: bool) -> None:
    assert [each for each in found(address) if each[0] == "URL"] == ([("URL", address)] if is_found else [])


@pytest.mark.parametrize("address", ["https://x.example/?" + "key" * 600, "https://" + "a:" * 900])
def test_long_addresses_take_linear_time(address: str) -> None:
    """The patterns look at a request of megabytes in the event loop."""
    started_s = time.thread_time()
    pii.find(f"{address} " * 200)
    assert time.thread_time() - started_s < 1
