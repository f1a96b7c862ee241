"""Reads `kind: Verifier`: each api takes its own fields, and a field of another one is refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from groundcrew.domain.data_class import DATA_CLASSES
from groundcrew.domain.verifier import (
    REPEATS_MAX,
    TIMEOUT_MS_MAX,
    TOKENS_MAX,
    HttpShape,
    Verifier,
    VerifierApi,
    VerifierLabels,
    VerifierTask,
)
from groundcrew.errors import InputError
from groundcrew.grounding.verifiers.folder import TOKENIZER_FILE, folder_sha256
from groundcrew.guards.remote import address_problem
from groundcrew.services.declaration_fields import Fields, shown
from groundcrew.services.declaration_plug_ins import read_secret_headers
from groundcrew.services.declaration_reading import Reading
from groundcrew.services.declaration_yaml import plain

TEMPLATE_LENGTH_MAX = 4_000
USD_MAX = 1e6
TOKENS_MIN = 64
THRESHOLD_MAX = 0.999
#: field → the apis that take it.
_TAKEN_BY: dict[str, frozenset[VerifierApi]] = {
    "path": frozenset({"onnx", "transformers"}),
    "task": frozenset({"onnx", "transformers"}),
    "labels": frozenset({"onnx", "transformers", "http"}),
    "template": frozenset({"onnx", "transformers", "http"}),
    "tokens_max": frozenset({"onnx", "transformers", "http"}),
    "threshold": frozenset({"onnx", "transformers", "http"}),
    "url": frozenset({"http"}),
    "headers": frozenset({"http"}),
    "shape": frozenset({"http"}),
    "body": frozenset({"http"}),
    "score_at": frozenset({"http"}),
    "plain_http": frozenset({"http"}),
    "usd_per_claim": frozenset({"http"}),
    "data_classes": frozenset({"http"}),
    "baa": frozenset({"http"}),
    "model": frozenset({"http", "judge"}),
    "repeats": frozenset({"judge"}),
    "usd_per_answer_max": frozenset({"judge"}),
    "usd_per_day_max": frozenset({"judge"}),
}


def read_verifier(fields: Fields, reading: Reading) -> Verifier:
    """kind: Verifier. A local model's folder becomes absolute, and its files' digest part of the declaration."""
    name = fields.name("name")
    if name == "shipped":
        fields.complain("name", "'shipped' is what reports call the stack that ships: choose another name")
    api = fields.choice("api", get_args(VerifierApi))
    for field, takers in _TAKEN_BY.items():
        if api not in takers:
            fields.refuse(field, _why_not(field, api, takers))
    timeout_ms = fields.integer("timeout_ms", low=1, high=TIMEOUT_MS_MAX)
    verifier = Verifier(
        name=name,
        api=api,
        timeout_ms=timeout_ms if timeout_ms is not None else 20_000 if api == "judge" else 5_000,
        accept=fields.number("accept", low=0.5, high=1),
        reject=fields.number("reject", low=0, high=0.5),
        **_own_fields(fields, reading, api),
    )
    if "phi" in verifier.data_classes and not verifier.baa:
        fields.complain("data_classes", "phi needs a signed business associate agreement: declare `baa: true`")
    return verifier


def _why_not(field: str, api: VerifierApi, takers: frozenset[VerifierApi]) -> str:
    if api == "judge" and field in ("data_classes", "baa"):
        return "a judge may see what the providers of its model are declared for"
    if api == "judge" and field == "threshold":
        return "a judge gives verdicts, not scores"
    return f"is for api: {' or '.join(sorted(takers))}, not {api}"


def _own_fields(fields: Fields, reading: Reading, api: VerifierApi) -> dict[str, Any]:
    if api == "judge":
        repeats = fields.integer("repeats", low=1, high=REPEATS_MAX)
        return {
            "model": fields.name("model"),
            "repeats": repeats or 1,
            "usd_per_answer_max": fields.number("usd_per_answer_max", low=0, above=True, high=USD_MAX),
            "usd_per_day_max": fields.number("usd_per_day_max", low=0, above=True, high=USD_MAX),
        }
    threshold = fields.number("threshold", low=0, above=True, high=THRESHOLD_MAX)
    tokens = fields.integer("tokens_max", low=TOKENS_MIN, high=TOKENS_MAX)
    common: dict[str, Any] = {
        "threshold": 0.5 if threshold is None else threshold,
        "tokens_max": tokens or 512,
        "labels": _read_labels(fields),
        "template": _template(fields),
    }
    if api == "http":
        return common | _server_fields(fields, reading)
    return common | _folder_fields(fields, reading, common["template"])


def _folder_fields(fields: Fields, reading: Reading, template: str | None) -> dict[str, Any]:
    task = fields.choice("task", get_args(VerifierTask))
    if template is not None:
        if "{evidence}" not in template:
            fields.complain("template", "must hold {evidence}")
        if task == "token_classification" and "{claim}" in template:
            fields.complain("template", "the claim follows by itself, so that its tokens are known: leave {claim} out")
        if task == "seq2seq" and "{claim}" not in template:
            fields.complain("template", "must hold {claim}")
    elif task == "seq2seq":
        fields.complain("template", "is required for task: seq2seq, with {evidence} and {claim}")
    located = reading.locate(fields, "path")
    if located is None:
        return {"task": task}
    folder = located[0]
    if not folder.is_dir():
        fields.complain("path", "is no folder")
        return {"task": task}
    if not (folder / TOKENIZER_FILE).is_file():
        fields.complain("path", f"holds no {TOKENIZER_FILE}: save the model's fast tokenizer beside it")
        return {"task": task}
    return {"task": task, "path": str(folder), "sha256": _digest(fields, folder)}


def _digest(fields: Fields, folder: Path) -> str | None:
    try:
        return folder_sha256(folder)
    except InputError as error:
        fields.complain("path", error.message)
        return None


def _server_fields(fields: Fields, reading: Reading) -> dict[str, Any]:
    url = fields.text("url", required=True)
    plain_http = fields.boolean("plain_http")
    if url and (problem := address_problem(url, plain_http=plain_http)):
        fields.complain("url", problem)
    shape = fields.choice("shape", get_args(HttpShape))
    body, score_at = _body(fields), fields.text("score_at", length_max=200) or None
    if shape == "template":
        if body is None:
            fields.node("body", required=True)
        elif "{claim}" not in str(body) or "{evidence}" not in str(body):
            fields.complain("body", "must hold {claim} and {evidence} in its texts")
        if score_at is None:
            fields.node("score_at", required=True)
        elif not score_at.startswith("/"):
            fields.complain("score_at", "expected a JSON pointer such as /scores/0")
    elif body is not None or score_at is not None:
        fields.complain("body" if body is not None else "score_at", f"is for shape: template, not {shape}")
    return {
        "url": url,
        "plain_http": plain_http,
        "headers": read_secret_headers(fields, reading),
        "shape": shape,
        "body": body,
        "score_at": score_at,
        "model": fields.text("model", length_max=200) or None,
        "usd_per_claim": fields.number("usd_per_claim", low=0, high=USD_MAX),
        "data_classes": fields.choices("data_classes", DATA_CLASSES, default=("public", "internal")),
        "baa": fields.boolean("baa"),
    }


def _read_labels(fields: Fields) -> VerifierLabels:
    section = fields.section("labels")
    if section is None:
        return VerifierLabels()
    found: dict[str, str | None] = {}
    for key in ("supported", "contradicted", "unsupported"):
        node = section.node(key)
        if node is None:
            continue
        if isinstance(node.value, bool) or not isinstance(node.value, str | int) or not str(node.value).strip():
            section.complain(key, "expected the name of a label, or its number", node.line)
            continue
        found[key] = str(node.value).strip()
    section.finish()
    return VerifierLabels(**found)


def _template(fields: Fields) -> str | None:
    """The template as it is written: outer white space counts."""
    node = fields.node("template")
    if node is None:
        return None
    if not isinstance(node.value, str) or not node.value.strip():
        fields.complain("template", "expected a text with {claim} and {evidence}", node.line)
        return None
    if len(node.value) > TEMPLATE_LENGTH_MAX:
        fields.complain("template", f"longer than {TEMPLATE_LENGTH_MAX} characters", node.line)
    return node.value


def _body(fields: Fields) -> dict[str, Any] | None:
    node = fields.node("body")
    if node is None:
        return None
    found = plain(node)
    if not isinstance(found, dict):
        fields.complain("body", f"expected a mapping, found {shown(str(type(found).__name__))}", node.line)
        return None
    if len(str(found)) > TEMPLATE_LENGTH_MAX:
        fields.complain("body", f"longer than {TEMPLATE_LENGTH_MAX} characters", node.line)
    return found
