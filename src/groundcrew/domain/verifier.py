"""A verifier beyond the shipped stack, as it is declared: a local model, an inference server, or a model alias as judge."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from groundcrew.domain.data_class import DataClass

VerifierApi = Literal["onnx", "transformers", "http", "judge"]
#: What a local model computes: a label for each token of the claim; entailment of a pair; one score for a pair; the
#: probability of the first word of an answer.
VerifierTask = Literal["token_classification", "nli", "cross_encoder", "seq2seq"]
#: What an inference server speaks. predict, rerank: Text Embeddings Inference. score, classify: vLLM. infer: the Open Inference
#: Protocol (KServe v2). template: any other JSON.
HttpShape = Literal["predict", "rerank", "score", "classify", "infer", "template"]

#: Version of the rubric that judges answer to, part of what evidence is bound to.
RUBRIC_VERSION = "1"
TIMEOUT_MS_MAX = 60_000
REPEATS_MAX = 5
TOKENS_MAX = 8_192
#: Verifiers of one use case, besides the shipped stack.
VERIFIERS_MAX = 4
#: Stages decide what lies outside of these bounds, and leave open what lies between, until bounds are declared or fitted.
ACCEPT_DEFAULT, REJECT_DEFAULT = 0.88, 0.1


class VerifierLabels(msgspec.Struct, frozen=True, kw_only=True):
    """Names of a model's labels, or their numbers as text. A label that is not declared is None: the task's own rule holds."""

    supported: str | None = None
    contradicted: str | None = None
    unsupported: str | None = None


class Verifier(msgspec.Struct, frozen=True, kw_only=True):
    """How one verifier is reached and read.

    `path` is a local model's folder and `sha256` the digest of its files when it was declared; a folder that has changed is not
    loaded. `template` puts {claim}, {evidence}, {question} and {context} into one text for the model (a pair of evidence and
    claim where there is none); `body` is the JSON of `shape: template`, `score_at` where the score lies in its answer.
    `threshold` is the model's own score from which a claim counts as supported; scores are stretched so that it becomes a support
    of .5. `accept` and `reject` bound what its stage leaves to the next one. `usd_per_claim` is a server's price,
    `usd_per_answer_max` and `usd_per_day_max` are a judge's ceilings.
    """

    name: str
    api: VerifierApi
    task: VerifierTask | None = None
    path: str | None = None
    sha256: str | None = None
    template: str | None = None
    labels: VerifierLabels = VerifierLabels()
    threshold: float = 0.5
    accept: float | None = None
    reject: float | None = None
    tokens_max: int = 512
    timeout_ms: int = 5_000
    url: str | None = None
    headers: dict[str, str] = {}
    shape: HttpShape | None = None
    body: dict[str, Any] | None = None
    score_at: str | None = None
    plain_http: bool = False
    model: str | None = None
    repeats: int = 1
    usd_per_claim: float | None = None
    usd_per_answer_max: float | None = None
    usd_per_day_max: float | None = None
    data_classes: tuple[DataClass, ...] = ("public", "internal")
    baa: bool = False

    @property
    def leaves(self) -> bool:
        """Whether texts leave this machine."""
        return self.api in ("http", "judge")


def verifier_content(verifier: Verifier) -> dict[str, object]:
    """What of a verifier evidence is bound to: who judges, by which rule; not how long it may take, or what it may cost."""
    left_out = {"timeout_ms", "headers", "usd_per_claim", "usd_per_answer_max", "usd_per_day_max", "plain_http", "path"}
    content: dict[str, object] = {
        name: value
        for name, value in msgspec.to_builtins(verifier).items()
        if name not in left_out and value not in (None, {}, [])
    }
    if verifier.api == "judge":
        content["rubric"] = RUBRIC_VERSION
    return content
