"""A chat completion request as a Bedrock Converse request (AWS's service model bedrock-runtime, 2023-09-30).

System and developer messages are put together at the front. Messages of one role that follow each other become one: most models
want the roles to alternate, and want all results of one turn's tool calls together. Signed reasoning comes back where a message's
`anthropic` member still tells the order of its blocks and fits the texts, as `converse` writes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from groundcrew.gateway.dialects import chat_shapes as shapes
from groundcrew.gateway.dialects.chat_shapes import invalid
from groundcrew.gateway.dialects.converse_models import caches, is_claude, tune

API = "Bedrock's Converse API"
IMAGE_FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
DOCUMENT_FORMATS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
AUDIO_FORMATS = frozenset({"mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "m4a", "webm", "pcm"})
#: The member of a message with the order of its blocks, and of a request with what only Claude models take.
VENDOR = "anthropic"
CACHE_TIMES = ("5m", "1h")
DOCUMENT_NAME_LENGTH_MAX = 200
_TOOL_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_NOT_IN_DOCUMENT_NAME = re.compile(r"[^A-Za-z0-9()\[\]-]+")

Block = dict[str, Any]


class Entry(msgspec.Struct):
    """One block in the order of an answer's blocks: texts stand in the message itself, here is only how long they are."""

    type: str
    index: int = 0
    length: int = 0
    signature: str = ""
    data: str = ""
    id: str = ""


def from_chat(chat: dict[str, Any], model: str) -> dict[str, Any]:
    """The body for `model`. RefusedCall invalid_request names the field that it can not take."""
    asked = shapes.read_request(chat, API)
    shapes.check_choice(asked)
    _refuse_unspoken(asked, claude=is_claude(model))
    points = caches(model)
    system, messages = _conversation(asked.messages, points=points)
    if not messages:
        raise invalid("messages", "hold nothing that is not for the system: add a user message")
    body: dict[str, Any] = {"messages": messages}
    if system:
        body["system"] = system
    if tools := _tools(asked, points=points):
        body["toolConfig"] = tools
    if isinstance(asked.response_format, shapes.SchemaFormat):
        body["outputConfig"] = _output_config(asked.response_format.json_schema)
    tune(body, asked, chat.get(VENDOR), model)
    return body


def _refuse_unspoken(asked: shapes.ChatRequest, *, claude: bool) -> None:
    if asked.n is not None and asked.n > 1:
        raise invalid("n", f"{API} gives one answer to a request")
    if asked.logprobs:
        raise invalid("logprobs", f"{API} gives none; leave it out")
    if asked.top_k is not None and not claude:
        raise invalid("top_k", f"has no counterpart in {API}; leave it out")
    if isinstance(asked.response_format, shapes.ObjectFormat):
        raise invalid("response_format", f"{API} takes a json_schema, not json_object")
    if isinstance(asked.response_format, shapes.SchemaFormat) and asked.response_format.json_schema.schema is None:
        raise invalid("response_format.json_schema.schema", "is required")


# --- messages ---


def _cache_point(control: object) -> Block:
    """The point up to which a prompt is to be cached, after what a client marked with `cache_control`."""
    time = control.get("ttl") if isinstance(control, dict) else None
    return {"cachePoint": {"type": "default", **({"ttl": time} if time in CACHE_TIMES else {})}}


def _conversation(messages: Sequence[shapes.Message], *, points: bool) -> tuple[list[Block], list[dict[str, Any]]]:
    system: list[Block] = []
    turns: list[dict[str, Any]] = []
    documents: set[str] = set()
    called: set[str] = set()
    for index, message in enumerate(messages):
        place = f"messages[{index}]"
        if message.role in ("system", "developer"):
            for part in message.parts():
                if not isinstance(part, shapes.TextPart):
                    raise invalid(f"{place}.content", "a system message holds text only")
                system.append({"text": part.text})
                if points and part.cache_control is not None:
                    system.append(_cache_point(part.cache_control))
            if points and message.cache_control is not None and system and "cachePoint" not in system[-1]:
                system.append(_cache_point(message.cache_control))
            continue
        if message.role == "assistant":
            role, blocks = "assistant", _answer(message, place)
            called |= {call.id for call in message.tool_calls or ()}
        else:
            role = "user"
            blocks = []
            for at, part in enumerate(message.parts()):
                blocks.append(_block(part, f"{place}.content[{at}]", documents))
                if points and message.role == "user" and getattr(part, "cache_control", None) is not None:
                    blocks.append(_cache_point(getattr(part, "cache_control", None)))
            if message.role == "tool":
                blocks = [_result(message, blocks, called, place)]
            elif not blocks:
                raise invalid(f"{place}.content", "is empty")
        if points and message.cache_control is not None and blocks and "cachePoint" not in blocks[-1]:
            blocks.append(_cache_point(message.cache_control))
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return system, turns


def _result(message: shapes.Message, blocks: list[Block], called: set[str], place: str) -> Block:
    if message.tool_call_id is None:
        raise invalid(f"{place}.tool_call_id", "is required")
    if message.tool_call_id not in called:
        raise invalid(f"{place}.tool_call_id", "no tool call of an earlier message has this id")
    return {"toolResult": {"toolUseId": _tool_id(message.tool_call_id), "content": blocks}}


def _tool_id(given: str) -> str:
    """`given` where Converse takes it as an identifier, else one that follows from it."""
    return given if _TOOL_ID.fullmatch(given) else "call_" + hashlib.sha256(given.encode()).hexdigest()[:32]


def _answer(message: shapes.Message, place: str) -> list[Block]:
    texts: list[Block] = []
    for part in message.parts():
        if not isinstance(part, shapes.TextPart):
            raise invalid(f"{place}.content", "an assistant message holds text only")
        texts.append({"text": part.text})
    tools: dict[str, Block] = {}
    for at, call in enumerate(message.tool_calls or ()):
        arguments = shapes.read_arguments(call, f"{place}.tool_calls[{at}]")
        use = {"toolUseId": _tool_id(call.id), "name": call.function.name, "input": arguments}
        if call.id in tools:
            raise invalid(f"{place}.tool_calls[{at}].id", "two calls have this id")
        tools[call.id] = {"toolUse": use}
    return _arranged(message, "".join(each["text"] for each in texts), tools) or [*texts, *tools.values()]


def _arranged(message: shapes.Message, text: str, tools: dict[str, Block]) -> list[Block] | None:
    """The blocks in the order in which they were generated, signed reasoning included; None where that order is unknown or does
    not fit the message any more, as after a guard has masked some of it."""
    vendor = message.anthropic if isinstance(message.anthropic, dict) else {}
    try:
        layout = msgspec.convert(vendor.get("blocks") or [], list[Entry])
    except msgspec.ValidationError:
        return None
    thinking = message.reasoning_content or ""
    blocks: list[Block] = []
    spoken = thought = 0
    waiting = dict(tools)
    for entry in layout:
        if entry.length < 0:
            return None
        if entry.type == "text":
            if piece := text[spoken : spoken + entry.length]:
                blocks.append({"text": piece})
            spoken += entry.length
        elif entry.type == "thinking":
            reasoning = {"text": thinking[thought : thought + entry.length], "signature": entry.signature}
            blocks.append({"reasoningContent": {"reasoningText": reasoning}})
            thought += entry.length
        elif entry.type == "redacted_thinking":
            blocks.append({"reasoningContent": {"redactedContent": entry.data}})
        elif entry.type == "tool_use" and entry.id in waiting:
            blocks.append(waiting.pop(entry.id))
        else:
            return None
    return blocks if layout and spoken == len(text) and thought == len(thinking) and not waiting else None


def _block(part: shapes.Part, place: str, documents: set[str]) -> Block:
    if isinstance(part, shapes.TextPart):
        return {"text": part.text}
    if isinstance(part, shapes.ImagePart):
        return _image(part.image_url.url, f"{place}.image_url.url")
    if isinstance(part, shapes.AudioPart):
        sound = part.input_audio
        if sound.format not in AUDIO_FORMATS:
            raise invalid(f"{place}.input_audio.format", f"{API} takes {', '.join(sorted(AUDIO_FORMATS))}")
        data = shapes.checked_base64(sound.data, f"{place}.input_audio.data")
        return {"audio": {"format": sound.format, "source": {"bytes": data}}}
    if isinstance(part, shapes.FilePart) and part.file.file_data is not None:
        return _document(part.file.file_data, part.file.filename or "", f"{place}.file.file_data", documents)
    raise invalid(place, f"{API} takes a file as file_data with a data URL, not by the id of another provider")


def _image(url: str, place: str) -> Block:
    if (data := shapes.read_data_url(url, place)) is not None:
        if data[0] not in IMAGE_FORMATS:
            raise invalid(place, f"{API} takes images of type {', '.join(IMAGE_FORMATS)}")
        return {"image": {"format": IMAGE_FORMATS[data[0]], "source": {"bytes": data[1]}}}
    try:
        split = urlsplit(url)
    except ValueError:
        raise invalid(place, "is no valid URL") from None
    suffix = split.path.rpartition(".")[2].lower().replace("jpg", "jpeg")
    if split.scheme != "s3" or not split.netloc or suffix not in IMAGE_FORMATS.values():
        raise invalid(place, f"{API} fetches no image from the web: use a data URL, or s3://BUCKET/NAME.png")
    return {"image": {"format": suffix, "source": {"s3Location": {"uri": url}}}}


def _document(url: str, filename: str, place: str, taken: set[str]) -> Block:
    data = shapes.read_data_url(url, place)
    if data is None or data[0] not in DOCUMENT_FORMATS:
        raise invalid(place, f"{API} takes a data URL of a document: {', '.join(DOCUMENT_FORMATS)}")
    stem = _NOT_IN_DOCUMENT_NAME.sub(" ", filename.rpartition(".")[0] or filename).strip() or "document"
    stem = stem[: DOCUMENT_NAME_LENGTH_MAX - 8].strip()
    name, count = stem, 1
    while name in taken:
        count += 1
        name = f"{stem} {count}"
    taken.add(name)
    return {"document": {"format": DOCUMENT_FORMATS[data[0]], "name": name, "source": {"bytes": data[1]}}}


# --- tools and output ---


def _tools(asked: shapes.ChatRequest, *, points: bool) -> dict[str, Any] | None:
    """The tools; where there are none but earlier messages call some, these by name, because Converse demands it."""
    called = {call.function.name for message in asked.messages for call in message.tool_calls or ()}
    choice = asked.tool_choice
    if choice == "none" or not asked.tools:
        if not called:
            return None
        if choice == "none" and asked.tools:
            raise invalid("tool_choice", f"{API} can not forbid tools where earlier messages hold tool calls; leave it out")
        return {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}} for name in sorted(called)]}
    allowed = shapes.chosen_names(choice) if isinstance(choice, shapes.AllowedChoice) else []
    specs: list[Block] = []
    for tool in asked.tools:
        function = tool.function
        if allowed and function.name not in allowed:
            continue
        schema = function.parameters or {"type": "object", "properties": {}}
        spec: Block = {"name": function.name, "inputSchema": {"json": schema}}
        if function.description:
            spec["description"] = function.description
        if function.strict:
            spec["strict"] = True
        specs.append({"toolSpec": spec})
        if points and tool.cache_control is not None:
            specs.append(_cache_point(tool.cache_control))
    config: dict[str, Any] = {"tools": specs}
    if isinstance(choice, shapes.FunctionChoice):
        config["toolChoice"] = {"tool": {"name": choice.function.name}}
    elif choice == "required" or (isinstance(choice, shapes.AllowedChoice) and choice.allowed_tools.mode == "required"):
        config["toolChoice"] = {"any": {}}
    elif choice is not None:
        config["toolChoice"] = {"auto": {}}
    return config


def _output_config(given: shapes.JsonSchema) -> dict[str, Any]:
    schema: dict[str, str] = {"schema": msgspec.json.encode(given.schema).decode()}
    schema |= {name: text for name, text in (("name", given.name), ("description", given.description)) if text}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
