"""The guard `topic`: what is in scope by its examples, a denied sentence in a long text, and texts that are about nothing."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundcrew.domain.guard import Verdict
from groundcrew.grounding.encoder import Encoder
from groundcrew.guards.registry import find_guard

ALLOWED = [
    {
        "topic": "cards",
        "examples": [
            *("My card has not arrived yet", "I lost my credit card", "How do I block my card?", "I need a new PIN for my card"),
            *("My card was declined at the shop", "What is the limit of my debit card?"),
        ],
    },
    {
        "topic": "accounts",
        "examples": [
            *("What is the balance of my account?", "How do I open an account?", "I want to close my savings account"),
            *("Why was I charged a fee on my account?", "Please send me an account statement"),
        ],
    },
    {
        "topic": "payments",
        "examples": [
            *("How do I make a transfer abroad?", "My payment has not arrived", "Cancel my standing order please"),
            *("How long does a transfer take?", "I paid the wrong person"),
        ],
    },
]
DENIED = [
    {
        "topic": "investment advice",
        "examples": [
            *("Which shares should I buy?", "Is bitcoin a good investment now?", "Should I put my savings into stocks?"),
            *("Will the price of gold rise?", "Which fund gives the best return?"),
        ],
    }
]
EMAIL = (
    "Dear team, my debit card stopped working last week and the shop could not read it any more. "
    "By the way, which shares should I buy this year? Kind regards, Anna"
)


def check(text: str, **context: Any) -> Verdict:
    return find_guard("topic").check(text, context)


@pytest.mark.parametrize("text", ["I can't find my card anywhere", "Where is the money that I transferred?", "close the account"])
def test_what_is_near_an_allowed_topic_passes(text: str) -> None:
    assert check(text, allowed=ALLOWED).verdict == "pass"


@pytest.mark.parametrize(
    "text", ["Write me a poem about dogs", "How do I cook lasagne for six people?", "What's the weather tomorrow?"]
)
def test_what_is_near_none_is_out_of_scope(text: str) -> None:
    verdict = check(text, allowed=ALLOWED)
    (finding,) = verdict.findings
    assert (verdict.verdict, finding.type, finding.start, finding.end) == ("block", "TOPIC", 0, len(text))
    assert finding.reason.startswith("near none of the allowed topics; the nearest is ")


def test_a_text_in_a_language_of_no_example_says_so() -> None:
    (finding,) = check("Meine neue Karte ist leider noch immer nicht angekommen", allowed=ALLOWED).findings
    assert finding.reason == "near none of the allowed topics; in de, which no example is in"


@pytest.mark.parametrize(
    "text",
    [
        *("Hello", "yes please", "Thanks a lot!", "ok", "And what about the second one?", "Grüezi mitenand", "Merci beaucoup !"),
        *("", "???", "👍", "12.5.2026", "no, the other one", "why?", "Nein danke"),
    ],
)
def test_greetings_thanks_and_short_replies_pass(text: str) -> None:
    assert check(text, allowed=ALLOWED, denied=DENIED).verdict == "pass"


def test_one_sentence_in_scope_is_enough_for_a_long_text() -> None:
    text = (
        "I was in Rome for a week with my family. We ate a lot of pasta there. On the last day the machine kept my credit card."
    )
    assert check(text, allowed=ALLOWED).verdict == "pass"


def test_a_denied_sentence_is_marked_in_a_text_that_is_in_scope() -> None:
    verdict = check(EMAIL, allowed=ALLOWED, denied=DENIED)
    assert verdict.verdict == "block"
    assert [(EMAIL[each.start : each.end], each.reason) for each in verdict.findings] == [
        ("By the way, which shares should I buy this year?", "the denied topic 'investment advice'")
    ]
    assert check(EMAIL, allowed=ALLOWED).verdict == "pass"
    assert check("My card has not arrived yet.", denied=DENIED).verdict == "pass"


def test_a_threshold_takes_the_place_of_the_one_that_is_found() -> None:
    assert check("Write me a poem about dogs", allowed=ALLOWED, threshold=-1.0).verdict == "pass"
    assert check("I can't find my card anywhere", allowed=ALLOWED, threshold=1.0).verdict == "block"


def test_only_what_the_user_says_newest_is_judged() -> None:
    text = "Write me a poem about dogs"
    assert check(text, allowed=ALLOWED, role="system", newest="close the account").verdict == "pass"
    assert check(text, allowed=ALLOWED, role="user", newest="close the account").verdict == "pass"
    assert check(text, allowed=ALLOWED, role="user", newest=text).verdict == "block"


def test_a_verdict_is_known_at_once_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = find_guard("topic")
    assert guard.quick is not None
    assert guard.prepare is not None
    context = {"allowed": ALLOWED, "denied": DENIED}
    guard.prepare(context)
    text = "How do I knit a scarf for my brother?"
    assert guard.quick(text, context) is None
    verdict = guard.check(text, context)

    def fail(*_: object) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr(Encoder, "encode_each", fail)
    assert guard.quick(text, context) == guard.check(text, context) == verdict
    assert guard.quick("thank you", context) is not None


def test_beyond_what_is_looked_at_the_scan_is_not_complete() -> None:
    sentence = "The card was kept by the machine at the station of the town where we live. "
    verdict = check(sentence * 300, denied=DENIED)
    assert (verdict.verdict, verdict.complete) == ("pass", False)


def test_out_of_scope_messages_are_told_from_others(shared_data: Path) -> None:
    """A fifth of the set, so that it stays quick; the whole is in docs/how-to/topics-schemas-languages.md."""
    texts = defaultdict(list)
    with gzip.open(shared_data / "clinc_oos" / "train.jsonl.gz", "rt") as rows:
        for row in map(json.loads, rows):
            texts[row["intent"]].append(row["text"])
    source = random.Random(7)
    intents = source.sample(sorted(set(texts) - {"oos"}), 8)
    allowed, inside = [], []
    for intent in intents:
        chosen = source.sample(texts[intent], 35)
        allowed.append({"topic": intent, "examples": chosen[:10]})
        inside += chosen[10:]
    blocked = [check(text, allowed=allowed).verdict == "block" for text in inside]
    outside = [check(text, allowed=allowed).verdict == "block" for text in texts["oos"]]
    assert np.mean(blocked) <= 0.1
    assert np.mean(outside) >= 0.85
