"""A request of the OpenAI Responses API as a chat completion request.

Null counts as absent. What a chat completion can say is translated; what only a provider that speaks the Responses API itself
can serve (state that it keeps, tools that it hosts) is named by `untranslatable` and refused by `to_chat`. Three members are
accepted because they ask for nothing that could be missed: `store` (nothing is kept here, and the answer says so), `truncation`
(the answer says "disabled"), `max_tool_calls` (it counts hosted tools).
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from groundcrew.errors import RefusedCall
from groundcrew.gateway.dialects.responses_tools import (
    NativeOnly,
    Object,
    chat_tool,
    chat_tool_choice,
    load,
    present,
    refused,
)
from groundcrew.gateway.dialects.responses_vendor import is_packed, unpack

#: Members that a chat completion takes under the same name.
_SAME = (
    *("model", "temperature", "top_p", "parallel_tool_calls", "service_tier", "user", "safety_identifier"),
    *("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"),
)
#: Characters of a member's path in an error: its name may be the client's.
PATH_LENGTH_MAX = 200
LOGPROBS = "message.output_text.logprobs"


class _Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None
    context: str | None = None
    mode: str | None = None


class _Format(msgspec.Struct):
    type: str
    name: str | None = None
    schema: Object | None = None
    description: str | None = None
    strict: bool | None = None


class _Text(msgspec.Struct):
    format: _Format | None = None
    verbosity: str | None = None


class _Request(msgspec.Struct):
    """Every member that a chat completion has a counterpart for, or that needs none."""

    input: str | list[Object]
    model: str | None = None
    instructions: str | None = None
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    reasoning: _Reasoning | None = None
    service_tier: str | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: Object | None = None
    temperature: float | None = None
    text: _Text | None = None
    tool_choice: str | Object | None = None
    tools: list[Object] | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    top_p: float | None = None
    truncation: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    include: list[str] | None = None
    background: bool | None = None
    max_tool_calls: int | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: Object | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[Object]


class _FunctionCall(msgspec.Struct):
    call_id: str
    name: str
    arguments: str


class _CustomCall(msgspec.Struct):
    call_id: str
    name: str
    input: str


class _Output(msgspec.Struct):
    call_id: str
    output: str | list[Object]


class _ReasoningText(msgspec.Struct):
    text: str


class _ReasoningItem(msgspec.Struct):
    summary: list[_ReasoningText] | None = None
    content: list[_ReasoningText] | None = None


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    file_data: str | None = None
    filename: str | None = None
    input_audio: Object | None = None
    prompt_cache_breakpoint: Object | None = None


_MEMBERS = frozenset(_Request.__struct_fields__)


def untranslatable(request: Object) -> str | None:
    """The first member that only a provider that speaks the Responses API itself can serve, as a path such as
    `input[2].file_url`. None where there is none, and where the request is malformed (`to_chat` says how)."""
    try:
        _translate(request)
    except NativeOnly as error:
        return str(error)[:PATH_LENGTH_MAX]
    except RefusedCall:
        return None
    return None


def to_chat(request: Object) -> Object:
    """`request` as a chat completion request. RefusedCall invalid_request names the member that is wrong or untranslatable."""
    try:
        return _translate(request)
    except NativeOnly as error:
        raise RefusedCall(
            "invalid_request",
            f"{str(error)[:PATH_LENGTH_MAX]}: only a provider that speaks the Responses API itself can serve this; leave it out, "
            "or use a model alias whose target is such a provider",
        ) from None


def _translate(request: Object) -> Object:
    for name, value in request.items():
        if value is not None and name not in _MEMBERS:
            raise NativeOnly(name)
    if request.get("background") is True:
        raise NativeOnly("background")
    for name, shape in (("reasoning", _Reasoning), ("text", _Text)):
        for member in request[name] if isinstance(request.get(name), dict) else ():
            if member not in shape.__struct_fields__:
                raise NativeOnly(f"{name}.{member}")
    asked = load({name: value for name, value in request.items() if value is not None}, _Request, "")
    chat: Object = {name: request[name] for name in _SAME if request.get(name) is not None}
    if asked.prompt_cache_options is not None and not asked.prompt_cache_options.keys() <= {"mode", "ttl"}:
        raise NativeOnly("prompt_cache_options")
    chat["messages"] = _messages(asked)
    if asked.max_output_tokens is not None:
        chat["max_completion_tokens"] = asked.max_output_tokens
    _put_text(chat, asked.text)
    _put_reasoning(chat, asked.reasoning)
    _put_logprobs(chat, asked)
    if asked.tools:
        chat["tools"] = [chat_tool(tool, f"tools[{index}]") for index, tool in enumerate(asked.tools)]
    if asked.tool_choice is not None:
        chat["tool_choice"] = chat_tool_choice(asked.tool_choice)
    if asked.stream:
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    return chat


def _put_text(chat: Object, text: _Text | None) -> None:
    if text is None:
        return
    if text.verbosity is not None:
        chat["verbosity"] = text.verbosity
    given = text.format
    if given is None or given.type == "text":
        return
    if given.type == "json_object":
        chat["response_format"] = {"type": "json_object"}
    elif given.type == "json_schema":
        if given.name is None or given.schema is None:
            raise refused("text.format", "a json_schema needs `name` and `schema`")
        members = {"name": given.name, "description": given.description, "schema": given.schema, "strict": given.strict}
        chat["response_format"] = {"type": "json_schema", "json_schema": present(members)}
    else:
        raise NativeOnly("text.format.type")


def _put_reasoning(chat: Object, reasoning: _Reasoning | None) -> None:
    """A summary that is asked for needs nothing: reasoning that a provider shows is passed on in any case."""
    if reasoning is None:
        return
    if reasoning.mode not in (None, "standard"):
        raise NativeOnly("reasoning.mode")
    if reasoning.context not in (None, "auto"):
        raise NativeOnly("reasoning.context")
    if reasoning.effort is not None:
        chat["reasoning_effort"] = reasoning.effort


def _put_logprobs(chat: Object, asked: _Request) -> None:
    for index, name in enumerate(asked.include or ()):
        if name != LOGPROBS:
            raise NativeOnly(f"include[{index}]")
    if asked.include or asked.top_logprobs:
        chat["logprobs"] = True
        chat["top_logprobs"] = asked.top_logprobs or 0


def _messages(asked: _Request) -> list[Object]:
    turns = _Turns()
    if asked.instructions:
        turns.add({"role": "system", "content": asked.instructions})
    if isinstance(asked.input, str):
        turns.add({"role": "user", "content": asked.input})
    else:
        for index, item in enumerate(asked.input):
            _put_item(turns, item, f"input[{index}]")
    # Reasoning that led to nothing is no turn of its own: providers refuse a message without content.
    messages = [each for each in turns.messages if each["content"] is not None or "refusal" in each or "tool_calls" in each]
    if not messages:
        raise refused("input", "must not be empty")
    return messages


class _Turns:
    """Builds messages. The assistant's reasoning, text and tool calls are items of their own here and one message there; the
    results of its calls must follow it directly."""

    def __init__(self) -> None:
        self.messages: list[Object] = []
        #: The assistant's last message while it can still grow, else None.
        self.open_message: Object | None = None

    def add(self, message: Object) -> None:
        self.messages.append(message)
        self.open_message = None

    def _assistant(self, *, is_call: bool) -> Object:
        """The assistant's message to add to. Text after text is a message of its own, unless calls wait for their results."""
        message = self.open_message
        if message is None or not (is_call or "tool_calls" in message or not _has_content(message)):
            message = self.open_message = {"role": "assistant", "content": None}
            self.messages.append(message)
        return message

    def add_reasoning(self, text: str) -> None:
        message = self._assistant(is_call=False)
        earlier = message.get("reasoning_content")
        message["reasoning_content"] = text if earlier is None else earlier + text

    def add_text(self, parts: list[Object]) -> None:
        message = self._assistant(is_call=False)
        content = message["content"]
        earlier: list[Object] = [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())
        refusal = message.pop("refusal", None)
        if refusal is not None:
            earlier.append({"type": "refusal", "refusal": refusal})
        parts = earlier + parts
        if len(parts) == 1 and parts[0]["type"] == "refusal":
            message["refusal"] = parts[0]["refusal"]
        else:
            message["content"] = _simplest(parts)

    def add_call(self, call: Object) -> None:
        self._assistant(is_call=True).setdefault("tool_calls", []).append(call)


def _has_content(message: Object) -> bool:
    return message["content"] is not None or "refusal" in message


def _simplest(parts: list[Object]) -> str | list[Object]:
    """One text as a string, which every provider reads."""
    if not parts:
        return ""
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        text: str = parts[0]["text"]
        return text
    return parts


def _put_item(turns: _Turns, item: Object, path: str) -> None:
    kind = item.get("type")
    if kind is None:
        if "role" not in item and "id" in item:
            raise NativeOnly(path)  # a reference to a stored item, written short
        kind = "message"
    if kind == "message":
        _put_message(turns, load(item, _Message, path), path)
    elif kind == "reasoning":
        _put_reasoning_item(turns, item, path)
    elif kind in ("function_call", "custom_tool_call"):
        _put_call(turns, item, path, custom=kind == "custom_tool_call")
    elif kind in ("function_call_output", "custom_tool_call_output"):
        _check_caller(item, path)
        given = load(item, _Output, path)
        content = given.output if isinstance(given.output, str) else _texts(given.output, f"{path}.output")
        turns.add({"role": "tool", "tool_call_id": given.call_id, "content": content})
    elif isinstance(kind, str):
        raise NativeOnly(path)
    else:
        raise refused(f"{path}.type", "must be a string")


def _put_reasoning_item(turns: _Turns, item: Object, path: str) -> None:
    encrypted = item.get("encrypted_content")
    if encrypted is not None and not is_packed(encrypted):
        raise NativeOnly(f"{path}.encrypted_content")
    thought = load(item, _ReasoningItem, path)
    text = "".join([each.text for each in thought.content or ()]) or "\n".join([each.text for each in thought.summary or ()])
    if text:
        turns.add_reasoning(text)
    if encrypted is not None and turns.open_message is not None:
        unpack(encrypted, turns.open_message, f"{path}.encrypted_content")


def _put_call(turns: _Turns, item: Object, path: str, *, custom: bool) -> None:
    _check_caller(item, path)
    if custom:
        written = load(item, _CustomCall, path)
        turns.add_call({"id": written.call_id, "type": "custom", "custom": {"name": written.name, "input": written.input}})
    else:
        call = load(item, _FunctionCall, path)
        turns.add_call({"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})


def _check_caller(item: Object, path: str) -> None:
    """Calls that a program of the provider made, or that belong to a namespace of tools, mean nothing elsewhere."""
    caller = item.get("caller")
    if caller is not None and caller != {"type": "direct"}:
        raise NativeOnly(f"{path}.caller")
    for name in ("namespace", "async"):
        if item.get(name):
            raise NativeOnly(f"{path}.{name}")


def _put_message(turns: _Turns, message: _Message, path: str) -> None:
    if message.role not in ("user", "assistant", "system", "developer"):
        raise refused(f"{path}.role", 'use "user", "assistant", "system" or "developer"')
    if message.role == "assistant":
        content = message.content
        texts = [{"type": "text", "text": content}] if isinstance(content, str) else _assistant_parts(content, f"{path}.content")
        turns.add_text(texts)
    elif isinstance(message.content, str):
        turns.add({"role": message.role, "content": message.content})
    elif message.role == "user":
        parts = [_part(part, f"{path}.content[{index}]") for index, part in enumerate(message.content)]
        turns.add({"role": "user", "content": _simplest(parts)})
    else:
        turns.add({"role": message.role, "content": _texts(message.content, f"{path}.content")})


def _assistant_parts(parts: list[Object], path: str) -> list[Object]:
    found: list[Object] = []
    for index, given in enumerate(parts):
        part = load(given, _Part, f"{path}[{index}]")
        if part.type == "refusal":
            if part.refusal is None:
                raise refused(f"{path}[{index}].refusal", "is required")
            found.append({"type": "refusal", "refusal": part.refusal})
        else:
            found.append(_text_part(part, f"{path}[{index}]"))
    return found


def _texts(parts: list[Object], path: str) -> str | list[Object]:
    """Parts where a chat completion takes nothing but text."""
    found: list[Object] = []
    for index, given in enumerate(parts):
        found.append(_text_part(load(given, _Part, f"{path}[{index}]"), f"{path}[{index}]"))
    return _simplest(found)


def _text_part(part: _Part, path: str) -> Object:
    if part.type not in ("input_text", "output_text"):
        raise NativeOnly(path)
    if part.text is None:
        raise refused(f"{path}.text", "is required")
    return present({"type": "text", "text": part.text, "prompt_cache_breakpoint": part.prompt_cache_breakpoint})


def _part(given: Object, path: str) -> Object:
    """One part of a user's message. `detail` of a file is a hint that a chat completion has no word for."""
    part = load(given, _Part, path)
    breakpoint_ = {"prompt_cache_breakpoint": part.prompt_cache_breakpoint}
    if part.type == "input_image":
        if part.image_url is None:
            raise NativeOnly(f"{path}.file_id") if part.file_id else refused(f"{path}.image_url", "is required")
        image = present({"url": part.image_url, "detail": part.detail})
        return present({"type": "image_url", "image_url": image, **breakpoint_})
    if part.type == "input_file":
        if part.file_url is not None:
            raise NativeOnly(f"{path}.file_url")
        file = present({"file_id": part.file_id, "file_data": part.file_data, "filename": part.filename})
        if "file_id" not in file and "file_data" not in file:
            raise refused(f"{path}.file_data", "is required")
        return present({"type": "file", "file": file, **breakpoint_})
    if part.type == "input_audio":
        if part.input_audio is None:
            raise refused(f"{path}.input_audio", "is required")
        return {"type": "input_audio", "input_audio": part.input_audio}
    return _text_part(part, path)
