"""Inference servers as verifiers: what is asked in each shape, what is read, and that a lying answer is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from groundcrew.domain.verifier import HttpShape, Verifier, VerifierLabels
from groundcrew.errors import GroundcrewError
from groundcrew.grounding.verifiers.http import HttpVerifier
from groundcrew.grounding.verifiers.protocol import ClaimToVerify

CLAIMS = [
    ClaimToVerify(text="A card costs CHF 20.", passages=("The card costs CHF 20.",), question="How much?"),
    ClaimToVerify(text="It is free.", passages=("The card costs CHF 20.",)),
]


class Server:
    """Answers with what `say` makes of a question."""

    def __init__(self, say: Callable[[Any], Any]) -> None:
        self.say = say
        self.asked: list[Any] = []

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_s: float, bytes_max: int) -> bytes:
        self.asked.append(msgspec.json.decode(body))
        found = self.say(self.asked[-1])
        return found if isinstance(found, bytes) else msgspec.json.encode(found)


def verifier(shape: HttpShape, say: Callable[[Any], Any], **fields: Any) -> tuple[HttpVerifier, Server]:
    server = Server(say)
    return HttpVerifier(Verifier(name="server", api="http", url="https://s.example", shape=shape, **fields), server), server


#: shape → (fields, the first question, an answer of .9 and .2 for the two claims).
SHAPES: dict[str, tuple[dict[str, Any], Any, Callable[[Any], Any]]] = {
    "predict": (
        {},
        {
            "inputs": [["The card costs CHF 20.", "A card costs CHF 20."], ["The card costs CHF 20.", "It is free."]],
            "raw_scores": False,
            "truncate": False,
        },
        lambda asked: [
            [{"label": "entailment", "score": 0.9}, {"label": "contradiction", "score": 0.05}],
            [{"label": "contradiction", "score": 0.8}, {"label": "entailment", "score": 0.2}],
        ],
    ),
    "rerank": (
        {},
        {"query": "A card costs CHF 20.", "texts": ["The card costs CHF 20."], "raw_scores": False},
        lambda asked: [{"index": 0, "score": 0.9 if "costs" in asked["query"] else 0.2}],
    ),
    "score": (
        {"model": "m"},
        {"model": "m", "text_1": "A card costs CHF 20.", "text_2": ["The card costs CHF 20."]},
        lambda asked: {"data": [{"index": 0, "object": "score", "score": 0.9 if "costs" in asked["text_1"] else 0.2}]},
    ),
    "classify": (
        {"model": "m", "labels": VerifierLabels(supported="1", contradicted="0")},
        {"model": "m", "input": ["The card costs CHF 20.\nA card costs CHF 20.", "The card costs CHF 20.\nIt is free."]},
        lambda asked: {"data": [{"index": 1, "probs": [0.8, 0.2]}, {"index": 0, "probs": [0.1, 0.9]}]},
    ),
    "infer": (
        {},
        {
            "inputs": [
                {"name": "evidence", "shape": [2], "datatype": "BYTES", "data": ["The card costs CHF 20."] * 2},
                {"name": "claim", "shape": [2], "datatype": "BYTES", "data": ["A card costs CHF 20.", "It is free."]},
            ]
        },
        lambda asked: {"outputs": [{"name": "score", "shape": [2], "datatype": "FP32", "data": [0.9, 0.2]}]},
    ),
    "template": (
        {"body": {"premise": "{evidence}", "parts": ["{claim}", "{question}"], "n": 1}, "score_at": "/result/0/score"},
        {"premise": "The card costs CHF 20.", "parts": ["A card costs CHF 20.", "How much?"], "n": 1},
        lambda asked: {"result": [{"score": 0.9 if "costs" in asked["parts"][0] else 0.2}]},
    ),
}


@pytest.mark.parametrize("shape", list(SHAPES))
async def test_each_shape_is_asked_and_read_as_documented(shape: HttpShape) -> None:
    fields, question, say = SHAPES[shape]
    asking, server = verifier(shape, say, usd_per_claim=0.002, **fields)
    good, bad = await asking.verify(CLAIMS)
    assert server.asked[0] == question
    assert (good.support, bad.support) == (pytest.approx(0.9), pytest.approx(0.2))
    assert bad.contradicted is (shape in ("predict", "classify"))
    assert good.cost_usd == 0.002


async def test_the_reranker_of_other_servers_names_its_model() -> None:
    asking, server = verifier("rerank", lambda asked: {"results": [{"index": 0, "relevance_score": 0.9}]}, model="m")
    await asking.verify(CLAIMS[:1])
    assert server.asked[0]["documents"] == ["The card costs CHF 20."]


LIES: dict[str, Any] = {
    "no JSON": b"<html>",
    "not UTF-8": b"\xff\xfe",
    "empty": b"",
    "other JSON": {"error": "overloaded"},
    "number": 0.99,
    "null": None,
    "too few": [],
    "text score": [{"index": 0, "score": "0.99"}],
    "true score": [{"index": 0, "score": True}],
    "wrong index": [{"index": 7, "score": 0.99}],
    "twice": [{"index": 0, "score": 0.99}, {"index": 0, "score": 0.99}],
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("lie", list(LIES))
async def test_an_answer_of_another_shape_is_a_failure(lie: str) -> None:
    asking, _ = verifier("rerank", lambda _: LIES[lie])
    with pytest.raises(GroundcrewError, match=r"answer is not|scored"):
        await asking.verify(CLAIMS)


@pytest.mark.parametrize("score", [1.2, -0.1, 1e400])
async def test_a_score_out_of_range_is_unknown(score: float) -> None:
    body = b'[{"index": 0, "score": %b}]' % str(score).replace("inf", "1e999").encode()
    asking, _ = verifier("rerank", lambda _: body)
    try:
        verdicts = await asking.verify(CLAIMS)
    except GroundcrewError:
        return
    assert all(each.support is None for each in verdicts)


async def test_long_evidence_is_windowed_and_the_best_window_counts() -> None:
    passages = tuple(f"Sentence number {n} says nothing of interest at all here." for n in range(200))
    asking, server = verifier(
        "rerank",
        lambda asked: [{"index": n, "score": 0.9 if "number 150 " in text else 0.01} for n, text in enumerate(asked["texts"])],
        tokens_max=100,
    )
    (verdict,) = await asking.verify([ClaimToVerify(text="Number 150 is of no interest.", passages=passages)])
    assert all(len(text) <= 320 for text in server.asked[0]["texts"])
    assert len(server.asked[0]["texts"]) > 5
    assert verdict.support == pytest.approx(0.9)


async def test_claims_that_take_too_many_requests_are_not_asked() -> None:
    asking, server = verifier("rerank", lambda asked: [{"index": 0, "score": 0.9}])
    with pytest.raises(GroundcrewError, match="more than 16 requests"):
        await asking.verify([ClaimToVerify(text=f"Claim {n}.", passages=("p is here.",)) for n in range(17)])
    assert server.asked == []
