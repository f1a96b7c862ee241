"""A verifier on an inference server: what is sent in which shape, and what counts as an answer.

Shapes: Text Embeddings Inference (/predict, /rerank), vLLM (/score, /classify, and the Cohere-like /rerank), the Open Inference
Protocol of KServe and Triton (/v2/models/NAME/infer), and any other JSON by template.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from groundcrew.domain.verifier import HttpShape
from groundcrew.domain.verifier import Verifier as Declared
from groundcrew.grounding.verifiers.protocol import ClaimToVerify, ClaimVerdict, VerifierFailure, stretched, unknown
from groundcrew.grounding.verifiers.windows import nearest, windows

ANSWER_BYTES_MAX = 1024 * 1024
QUESTION_BYTES_MAX = 4 * 1024 * 1024
#: Pairs of claim and evidence in one request, and requests for the claims of one answer.
PAIRS_MAX, REQUESTS_MAX = 64, 16
#: Code points that one token of the server's model is reckoned to hold; too few only means more windows.
CHARS_PER_TOKEN = 3

_PLACE = re.compile(r"\{(claim|evidence|question|context)\}")


class Poster(Protocol):
    """Sends a request. Implemented by the gateway, over its own HTTP client."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_s: float, bytes_max: int) -> bytes:
        """The body of an answer that is 200 and JSON. `headers` may hold references to secrets. GroundcrewError, without a
        secret in it, for everything else."""
        ...


class Pair(msgspec.Struct, frozen=True):
    """A claim with one window of its evidence."""

    claim: ClaimToVerify
    evidence: str


class Scored(msgspec.Struct, frozen=True):
    """What a server says of one pair: P(supported) and P(contradicted), 0..1."""

    support: float
    contradicted: float = 0.0


class HttpVerifier:
    """Asks an inference server. `poster` sends; the caller has looked whether the server may see the texts."""

    def __init__(self, declared: Declared, poster: Poster) -> None:
        assert declared.url is not None
        assert declared.shape is not None
        self._declared, self._poster = declared, poster
        self._url, self._shape = declared.url, declared.shape

    @property
    def name(self) -> str:
        """As it is declared."""
        return self._declared.name

    async def verify(self, claims: Sequence[ClaimToVerify]) -> list[ClaimVerdict]:
        """As the protocol says. A claim's best window counts; one that contradicts counts where none supports."""
        pairs: list[Pair] = []
        owners: list[int] = []
        for index, claim in enumerate(claims):
            for evidence in self._windows(claim):
                pairs.append(Pair(claim, evidence))
                owners.append(index)
        requests = _requests(self._shape, pairs)
        if len(requests) > REQUESTS_MAX:
            raise VerifierFailure(f"the claims take more than {REQUESTS_MAX} requests")
        scored: list[Scored] = []
        for each in requests:
            scored += await self._ask(each)
        verdicts = []
        for index, _ in enumerate(claims):
            own = [each for each, owner in zip(scored, owners, strict=True) if owner == index]
            verdicts.append(self._verdict(own))
        return verdicts

    def _windows(self, claim: ClaimToVerify) -> list[str]:
        size_max = max(
            200, self._declared.tokens_max * CHARS_PER_TOKEN - len(claim.text) - len(claim.question) - len(claim.context)
        )
        return nearest(claim.text, windows(claim.passages, lambda texts: [len(text) for text in texts], size_max))

    def _verdict(self, own: Sequence[Scored]) -> ClaimVerdict:
        cost = self._declared.usd_per_claim if self._declared.usd_per_claim is not None else 0.0
        if not own:
            return unknown("there is no evidence", cost_usd=cost)
        if not all(math.isfinite(each.support) and 0 <= each.support <= 1 for each in own):
            return unknown("the score is no number from 0 to 1", cost_usd=cost)
        support = stretched(max(each.support for each in own), self._declared.threshold)
        contradicted = support < 0.5 and max(each.contradicted for each in own) > 0.5
        return ClaimVerdict(support=support, contradicted=contradicted, cost_usd=cost, detail=f"{len(own)} windows")

    async def _ask(self, pairs: Sequence[Pair]) -> list[Scored]:
        declared = self._declared
        body = msgspec.json.encode(question_body(declared, self._shape, pairs))
        if len(body) > QUESTION_BYTES_MAX:
            raise VerifierFailure(f"the claims and their evidence are larger than {QUESTION_BYTES_MAX} bytes")
        answer = await self._poster.post(
            self._url, declared.headers, body, timeout_s=declared.timeout_ms / 1000, bytes_max=ANSWER_BYTES_MAX
        )
        try:
            found = msgspec.json.decode(answer)
            scored = read_scores(declared, self._shape, found, len(pairs))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, IndexError, TypeError, ValueError) as error:
            raise VerifierFailure(f"the server's answer is not what {self._shape} gives") from error
        if len(scored) != len(pairs):
            raise VerifierFailure(f"the server scored {len(scored)} of {len(pairs)} pairs")
        return scored


def _requests(shape: HttpShape, pairs: Sequence[Pair]) -> list[list[Pair]]:
    """What is asked together: pairs of one claim where the shape has one query, one pair where it has one text."""
    found: list[list[Pair]] = []
    for pair in pairs:
        last = found[-1] if found else None
        together = shape in ("predict", "classify", "infer") or (
            shape in ("rerank", "score") and last is not None and last[-1].claim is pair.claim
        )
        if last is not None and together and len(last) < PAIRS_MAX:
            last.append(pair)
        else:
            found.append([pair])
    return found


def _filled(template: str, pair: Pair) -> str:
    values = {"claim": pair.claim.text, "evidence": pair.evidence, "question": pair.claim.question, "context": pair.claim.context}
    return _PLACE.sub(lambda place: values[place[1]], template)


def question_body(declared: Declared, shape: HttpShape, pairs: Sequence[Pair]) -> Any:
    """What is sent for `pairs`, as JSON values. All pairs of a rerank or score are of one claim."""
    template, named = declared.template, {"model": declared.model} if declared.model else {}
    if shape == "predict":
        inputs: list[Any] = [[_filled(template, each)] if template else [each.evidence, each.claim.text] for each in pairs]
        return {"inputs": inputs, "raw_scores": False, "truncate": False}
    if shape == "rerank":
        query, texts = pairs[0].claim.text, [each.evidence for each in pairs]
        if declared.model:  # vLLM, Cohere and Jina name the model; Text Embeddings Inference serves one
            return {**named, "query": query, "documents": texts}
        return {"query": query, "texts": texts, "raw_scores": False}
    if shape == "score":
        return {**named, "text_1": pairs[0].claim.text, "text_2": [each.evidence for each in pairs]}
    if shape == "classify":
        return {**named, "input": [_filled(template or "{evidence}\n{claim}", each) for each in pairs]}
    if shape == "infer":
        if template:
            tensors = [_tensor("text", [_filled(template, each) for each in pairs])]
        else:
            tensors = [
                _tensor("evidence", [each.evidence for each in pairs]),
                _tensor("claim", [each.claim.text for each in pairs]),
            ]
        return {"inputs": tensors}
    return _filled_json(declared.body, pairs[0])


def _tensor(name: str, data: list[str]) -> dict[str, Any]:
    return {"name": name, "shape": [len(data)], "datatype": "BYTES", "data": data}


def _filled_json(value: Any, pair: Pair) -> Any:
    """`value` with the placeholders in its texts filled; keys stay as they are declared."""
    if isinstance(value, str):
        return _filled(value, pair)
    if isinstance(value, list):
        return [_filled_json(each, pair) for each in value]
    if isinstance(value, dict):
        return {name: _filled_json(each, pair) for name, each in value.items()}
    return value


def read_scores(declared: Declared, shape: HttpShape, found: Any, count: int) -> list[Scored]:
    """The scores in a server's answer, in the order of the pairs. KeyError, TypeError or ValueError where there are none."""
    if shape == "predict":
        return [_of_labels(declared, {str(each["label"]): each["score"] for each in _listed(row)}) for row in _listed(found)]
    if shape in ("rerank", "score"):
        return _ranked(found if isinstance(found, list) else found["results" if shape == "rerank" else "data"], count)
    if shape == "classify":
        rows = sorted(_listed(found["data"]), key=lambda each: int(each["index"]))
        if [int(each["index"]) for each in rows] != list(range(count)):
            raise ValueError("indexes")
        return [_of_shares(declared, [_number(each) for each in row["probs"]]) for row in rows]
    if shape == "infer":
        output = _listed(found["outputs"])[0]
        data = [_number(each) for each in _flat(output["data"])]
        if not data or len(data) % count:
            raise ValueError("shape")
        width = len(data) // count
        return [_of_shares(declared, data[index * width : (index + 1) * width]) for index in range(count)]
    return [Scored(_number(_at(found, declared.score_at or "")))]


def _ranked(rows: Any, count: int) -> list[Scored]:
    scores: dict[int, float] = {}
    for row in _listed(rows):
        index = int(row["index"])
        value = row["relevance_score"] if "relevance_score" in row else row["score"]
        if index in scores or not 0 <= index < count:
            raise ValueError("indexes")
        scores[index] = _number(value)
    return [Scored(scores[index]) for index in range(count)]


def _of_labels(declared: Declared, shares: Mapping[str, Any]) -> Scored:
    labels = declared.labels
    by_name = {name.lower(): _number(score) for name, score in shares.items()}
    supported = labels.supported.lower() if labels.supported else None
    if supported is None:
        usual = [name for name in ("entailment", "supported", "consistent", "label_1", "1") if name in by_name]
        if len(by_name) != 1 and not usual:
            raise KeyError("labels.supported")
        supported = usual[0] if usual else next(iter(by_name))
    against = (labels.contradicted or "contradiction").lower()
    return Scored(by_name[supported], by_name.get(against, 0.0))


def _of_shares(declared: Declared, shares: Sequence[float]) -> Scored:
    """One score, or one for each class, of which `labels.supported` gives the number (the last one unless it is declared)."""
    if len(shares) == 1:
        return Scored(shares[0])
    labels = declared.labels
    supported = int(labels.supported) if labels.supported else len(shares) - 1
    return Scored(shares[supported], shares[int(labels.contradicted)] if labels.contradicted else 0.0)


def _at(found: Any, pointer: str) -> Any:
    """What lies at a JSON pointer (RFC 6901)."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found[int(key)] if isinstance(found, list) else found[key]
    return found


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _flat(value: Any) -> list[Any]:
    return [inner for each in _listed(value) for inner in (each if isinstance(each, list) else [each])]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no number")
    return float(value)
