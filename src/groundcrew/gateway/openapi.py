"""The data plane's routes as an OpenAPI 3.1 document: what the gateway itself reads of a request, what it answers, every error.

Members of a request that are not named here travel on to the provider as they are, so the schemas leave objects open.
"""

from __future__ import annotations

from typing import Any

from groundcrew import __version__
from groundcrew.domain.data_class import DATA_CLASSES
from groundcrew.errors import REFUSAL_STATUS

Json = dict[str, Any]

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
EMBEDDINGS, MODELS, MODEL = "/v1/embeddings", "/v1/models", "/v1/models/{model}"

#: The routes that this gateway serves; the document and the tests that try every route follow.
SERVED: tuple[str, ...] = (CHAT, MESSAGES, RESPONSES, EMBEDDINGS, MODELS, MODEL)

TOKENS_MAX = 10_000_000
STRING: Json = {"type": "string"}
TEXT: Json = {"type": ["string", "null"]}
FLAG: Json = {"type": ["boolean", "null"]}
NUMBER: Json = {"type": ["number", "null"]}
TOKENS: Json = {"type": ["integer", "null"], "minimum": 1, "maximum": TOKENS_MAX}


def document(served: tuple[str, ...] = SERVED) -> Json:
    """The document for the routes in `served`."""
    paths = {path: item for path, item in _paths().items() if path in served}
    responses = {f"{error}{status}": _refusal(error, status) for error in ("Error", "AnthropicError") for status in _statuses()}
    used = _used(paths, {"responses": responses, "schemas": _schemas()})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "groundcrew gateway",
            "version": __version__,
            "description": "The data plane: drop-in routes of the dialects that the official SDKs speak.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "the key of a use case, gc_…"},
                "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
            **used,
        },
        "security": [{"bearer": []}, {"header": []}],
    }


def _used(paths: Json, components: dict[str, Json]) -> dict[str, Json]:
    """The components that `paths` refer to, and those that these refer to."""
    used: dict[str, Json] = {kind: {} for kind in components}
    waiting: list[Any] = [paths]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            if isinstance(reference := value.get("$ref"), str):
                _, _, kind, name = reference.split("/")
                if name not in used[kind]:
                    used[kind][name] = components[kind][name]
                    waiting.append(used[kind][name])
        elif isinstance(value, list):
            waiting += value
    return {kind: {name: found[name] for name in components[kind] if name in found} for kind, found in used.items()}


def _statuses() -> dict[int, list[str]]:
    """The codes of each error status."""
    found: dict[int, list[str]] = {}
    for code, status in sorted(REFUSAL_STATUS.items(), key=lambda each: (each[1], each[0])):
        found.setdefault(status, []).append(code)
    return found


def _refusal(error: str, status: int) -> Json:
    return {"description": ", ".join(_statuses()[status]), "headers": _headers(), "content": _json(error)}


def _paths() -> dict[str, Json]:
    return {
        CHAT: _generates("chatCompletion", "A chat completion, plain or streamed", "ChatRequest", "ChatCompletion", "Error"),
        MESSAGES: _generates("message", "A message of the Anthropic dialect", "MessagesRequest", "Message", "AnthropicError"),
        RESPONSES: _generates("response", "A response of the OpenAI Responses dialect", "ResponsesRequest", "Response", "Error"),
        EMBEDDINGS: {"post": _post("embeddings", "Vectors of texts", "EmbeddingsRequest", _ok("Embeddings"), "Error")},
        MODELS: {"get": _operation("models", "The model that the key may use", {"200": _ok("Models")}, "Error")},
        MODEL: {
            "get": {
                **_operation("model", "The model that the key may use, by name", {"200": _ok("Model")}, "Error"),
                "parameters": [{"name": "model", "in": "path", "required": True, "schema": STRING}],
            }
        },
    }


def _generates(identifier: str, summary: str, request: str, answer: str, error: str) -> Json:
    """A route that asks a model: the answer whole or as events, or a held one."""
    events = {"text/event-stream": {"schema": {"description": "server-sent events, with `stream: true`"}}}
    whole = _ok(answer)
    whole["content"] |= events
    held = _ok("Held")
    held["content"] |= events
    held["description"] = "held until somebody signs it off; holds no text of the answer"
    operation = _post(identifier, summary, request, whole, error)
    operation["responses"]["202"] = held
    return {"post": operation}


def _post(identifier: str, summary: str, request: str, answer: Json, error: str) -> Json:
    operation = _operation(identifier, summary, {"200": answer}, error)
    operation["parameters"] = [
        _header("groundcrew-case-id", "the business case, for ratings and outcomes", {**STRING, "maxLength": 200}),
        _header("groundcrew-unit-id", "the unit of an experiment", {**STRING, "maxLength": 200}),
        _header("groundcrew-cluster-id", "whom the unit shares with, in an experiment", {**STRING, "maxLength": 200}),
        _header("groundcrew-data-class", "the class of the data", {**STRING, "enum": list(DATA_CLASSES)}),
    ]
    operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _named(request)}}}
    return operation


def _operation(identifier: str, summary: str, answers: Json, error: str) -> Json:
    errors = {str(status): {"$ref": f"#/components/responses/{error}{status}"} for status in _statuses()}
    return {"operationId": identifier, "summary": summary, "responses": {**answers, **errors}}


def _header(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _headers() -> Json:
    return {"groundcrew-call-id": {"description": "finds the record of the call", "schema": STRING}}


def _ok(schema: str) -> Json:
    return {"description": "the answer", "headers": _headers(), "content": _json(schema)}


def _json(schema: str) -> Json:
    return {"application/json": {"schema": _named(schema)}}


def _named(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}


def _object(required: tuple[str, ...], **members: Json) -> Json:
    return {"type": "object", "required": list(required), "properties": members}


def _list(item: Json, **more: Any) -> Json:
    return {"type": "array", "items": item, **more}


def _const(value: str) -> Json:
    return {"const": value}


def _schemas() -> dict[str, Json]:
    return {**_requests(), **_answers(), **_errors()}


def _requests() -> dict[str, Json]:
    part = _object(("type",), type=STRING, text=TEXT)
    content: Json = {"anyOf": [STRING, _list(part)]}
    nullable: Json = {"anyOf": [STRING, _list(part), {"type": "null"}]}
    options = {"anyOf": [_object((), include_usage=FLAG), {"type": "null"}]}
    common: dict[str, Json] = {"model": TEXT, "stream": FLAG, "temperature": NUMBER, "top_p": NUMBER}
    return {
        "ChatRequest": _object(
            ("messages",),
            **common,
            messages=_list(_object(("role",), role=STRING, content=nullable), minItems=1),
            stream_options=options,
            max_tokens=TOKENS,
            max_completion_tokens=TOKENS,
            n={"type": ["integer", "null"], "minimum": 1, "maximum": 128},
            stop={"anyOf": [STRING, _list(STRING), {"type": "null"}]},
            tools=_list({"type": "object"}),
        ),
        "MessagesRequest": _object(
            ("messages", "max_tokens"),
            **common,
            messages=_list(_object(("role", "content"), role={"enum": ["user", "assistant"]}, content=content), minItems=1),
            max_tokens={**TOKENS, "type": "integer"},
            system=content,
            stop_sequences=_list(STRING),
            tools=_list({"type": "object"}),
        ),
        "ResponsesRequest": _object(
            ("input",),
            **common,
            input={"anyOf": [STRING, _list({"type": "object"}, minItems=1)]},
            instructions=TEXT,
            max_output_tokens=TOKENS,
            tools=_list({"type": "object"}),
        ),
        "EmbeddingsRequest": _object(
            ("input",),
            model=TEXT,
            input={"anyOf": [STRING, _list(STRING, minItems=1), _list({"type": "integer"}, minItems=1)]},
            encoding_format={"enum": ["float", "base64"]},
            dimensions=TOKENS,
        ),
    }


def _answers() -> dict[str, Json]:
    report = {"type": "object", "description": "what is known about the answer: claims, sources, verdicts"}
    count: Json = {"type": "integer", "minimum": 0}
    card = _object(("id", "object"), id=STRING, object=_const("model"), created=count, owned_by=STRING)
    held = _object(("status", "sign_off_id"), status=_const("pending_sign_off"), sign_off_id=STRING, call_id=STRING)
    return {
        "ChatCompletion": _object(
            ("id", "object", "model", "choices", "groundcrew"),
            id=STRING,
            object=_const("chat.completion"),
            created=count,
            model=STRING,
            choices=_list({"type": "object"}, minItems=1),
            usage={"type": "object"},
            groundcrew=report,
        ),
        "Message": _object(
            ("id", "type", "role", "content"),
            id=STRING,
            type=_const("message"),
            role=_const("assistant"),
            content=_list({"type": "object"}),
            model=STRING,
            usage={"type": "object"},
            groundcrew=report,
        ),
        "Response": _object(
            ("id", "object", "output"),
            id=STRING,
            object=_const("response"),
            status=STRING,
            output=_list({"type": "object"}),
            model=STRING,
            groundcrew=report,
        ),
        "Embeddings": _object(("object", "data"), object=_const("list"), data=_list({"type": "object"}), model=STRING),
        "Held": _object(("groundcrew",), groundcrew=held),
        "Models": _object(("object", "data"), object=_const("list"), data=_list(_named("Model"))),
        "Model": card,
    }


def _errors() -> dict[str, Json]:
    inner = _object(
        ("message", "type", "code"),
        message=STRING,
        type=STRING,
        param=TEXT,
        code={"enum": sorted(REFUSAL_STATUS)},
        call_id=STRING,
        details={"type": "object"},
    )
    return {
        "Error": _object(("error",), error=inner),
        "AnthropicError": _object(
            ("type", "error"), type=_const("error"), error=_object(("type", "message"), type=STRING, message=STRING)
        ),
    }
