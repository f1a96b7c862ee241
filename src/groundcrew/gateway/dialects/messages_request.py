"""An Anthropic Messages request as a chat completion request.

What has no counterpart is refused, not dropped, where it changes what was asked for: tools that Anthropic runs, files at
Anthropic, documents by URL, citations, a place of inference. Left out are hints (`messages_shapes.IGNORED`, cache marks, `top_k`
other than for providers of this dialect). `is_error` of a tool result reaches providers of this dialect alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from groundcrew.errors import RefusedCall
from groundcrew.gateway.dialects import messages_shapes as shapes
from groundcrew.gateway.dialects.messages_blocks import VENDOR, invalid, layout_of

Chat = dict[str, Any]

#: Thinking budgets, in tokens, up to which an effort is called so; above, it is "high".
BUDGET_LOW, BUDGET_MEDIUM = 2_048, 8_192


def to_chat(request: dict[str, Any]) -> Chat:
    """The request as a chat completion request. RefusedCall invalid_request names the field that is wrong or not translatable."""
    asked = shapes.read_request(request)
    messages: list[Chat] = []
    if asked.system:
        messages.append({"role": "system", "content": _texts(asked.system)})
    for index, message in enumerate(asked.messages):
        messages += _messages(message, f"messages[{index}].content")
    chat: Chat = {"messages": messages, "max_completion_tokens": asked.max_tokens}
    for name in ("model", "temperature", "top_p"):
        if getattr(asked, name) is not None:
            chat[name] = getattr(asked, name)
    if asked.stream:
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    if asked.stop_sequences:
        chat["stop"] = asked.stop_sequences
    if asked.metadata is not None and asked.metadata.user_id is not None:
        chat["user"] = asked.metadata.user_id
    chat |= _tools(asked)
    chat |= _format(asked)
    effort = _effort(asked)
    if effort is not None:
        chat["reasoning_effort"] = effort
    vendor = {name: request[name] for name in ("thinking", "top_k") if request.get(name) is not None}
    if vendor:
        chat[VENDOR] = vendor
    return chat


def _texts(content: str | Sequence[shapes.TextBlock]) -> str | list[Chat]:
    if isinstance(content, str):
        return content
    parts = [{"type": "text", "text": block.text} for block in content]
    return str(parts[0]["text"]) if len(parts) == 1 else list(parts)


def _messages(message: shapes.Message, place: str) -> list[Chat]:
    if isinstance(message.content, str):
        return [{"role": message.role, "content": message.content}]
    if message.role == "assistant":
        return [_assistant(message.content, place)]
    if message.role == "system":
        texts = [block for block in message.content if isinstance(block, shapes.TextBlock)]
        if len(texts) != len(message.content):
            raise invalid(place, "a system message holds text blocks only")
        return [{"role": "system", "content": _texts(texts)}]
    return _user(message.content, place)


def _assistant(blocks: Sequence[shapes.AnyBlock], place: str) -> Chat:
    plain: list[dict[str, Any]] = []
    for index, block in enumerate(blocks):
        if not isinstance(block, shapes.TextBlock | shapes.ThinkingBlock | shapes.RedactedBlock | shapes.ToolUseBlock):
            raise invalid(f"{place}[{index}].type", "an assistant message holds text, thinking and tool_use blocks")
        members = {name: getattr(block, name) for name in block.__struct_fields__}
        plain.append({"type": block.__struct_config__.tag, **members})
    return assistant_message(plain)


def assistant_message(blocks: Sequence[dict[str, Any]]) -> Chat:
    """An assistant message of text, thinking, redacted_thinking and tool_use blocks (with all their members)."""
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    thinking = "".join(block["thinking"] for block in blocks if block["type"] == "thinking")
    calls = [_tool_call(block) for block in blocks if block["type"] == "tool_use"]
    message: Chat = {"role": "assistant", "content": text if text or not calls else None}
    if thinking:
        message["reasoning_content"] = thinking
    if calls:
        message["tool_calls"] = calls
    layout = layout_of(blocks)
    if layout is not None:
        message[VENDOR] = {"blocks": layout}
    return message


def _tool_call(block: dict[str, Any]) -> Chat:
    try:
        arguments = msgspec.json.encode(block["input"]).decode()
    except (RecursionError, ValueError, TypeError):
        raise RefusedCall("invalid_request", f"the input of tool call {block['id']!r} can not be written as JSON") from None
    return {"id": block["id"], "type": "function", "function": {"name": block["name"], "arguments": arguments}}


def _user(blocks: Sequence[shapes.AnyBlock], place: str) -> list[Chat]:
    """Tool results come first, each a message of its own; what a chat's tool message can not hold (images, files) follows them
    in the user message."""
    results: list[Chat] = []
    shown: list[Chat] = []
    said: list[Chat] = []
    for index, block in enumerate(blocks):
        here = f"{place}[{index}]"
        if isinstance(block, shapes.ToolResultBlock):
            parts = _result_parts(block, f"{here}.content")
            texts = [part for part in parts if part["type"] == "text"]
            shown += [part for part in parts if part["type"] != "text"]
            content = texts[0]["text"] if len(texts) == 1 else texts or ""
            result: Chat = {"role": "tool", "tool_call_id": block.tool_use_id, "content": content}
            if block.is_error:
                result[VENDOR] = {"is_error": True}
            results.append(result)
        elif isinstance(block, shapes.TextBlock | shapes.ImageBlock | shapes.DocumentBlock | shapes.SearchResultBlock):
            said += _parts(block, here)
        else:
            raise invalid(f"{here}.type", "a user message holds text, image, document, search_result and tool_result blocks")
    parts = shown + said
    if not parts:
        return results or [{"role": "user", "content": ""}]
    single = len(parts) == 1 and parts[0]["type"] == "text"
    return [*results, {"role": "user", "content": parts[0]["text"] if single else parts}]


def _result_parts(block: shapes.ToolResultBlock, place: str) -> list[Chat]:
    if isinstance(block.content, str):
        return [_text(block.content)]
    return [part for index, each in enumerate(block.content or ()) for part in _parts(each, f"{place}[{index}]")]


def _text(text: str) -> Chat:
    return {"type": "text", "text": text}


def _parts(block: shapes.Shown, place: str) -> list[Chat]:
    if isinstance(block, shapes.TextBlock):
        return [_text(block.text)]
    if isinstance(block, shapes.ImageBlock):
        return [_image(block)]
    if block.citations is not None and block.citations.enabled:
        raise invalid(f"{place}.citations.enabled", "the provider of this model gives no citations; set it to false")
    if isinstance(block, shapes.SearchResultBlock):
        return [_text("\n".join([block.title, block.source, *(each.text for each in block.content)]))]
    head = [each for each in (block.title, block.context) if each]
    source = block.source
    if isinstance(source, shapes.Base64Source):
        name = block.title or "document.pdf"
        data = f"data:{source.media_type};base64,{source.data}"
        file = {"type": "file", "file": {"filename": name, "file_data": data}}
        return [*([_text(block.context)] if block.context else []), file]
    if isinstance(source, shapes.TextSource):
        return [_text("\n".join([*head, source.data]))]
    content = [shapes.TextBlock(source.content)] if isinstance(source.content, str) else source.content
    return [_text("\n".join(head))] * bool(head) + [part for each in content for part in _parts(each, place)]


def _image(block: shapes.ImageBlock) -> Chat:
    source = block.source
    url = source.url if isinstance(source, shapes.UrlSource) else f"data:{source.media_type};base64,{source.data}"
    return {"type": "image_url", "image_url": {"url": url}}


def _tools(asked: shapes.MessagesRequest) -> Chat:
    if not asked.tools:
        return {}
    tools = []
    for index, each in enumerate(asked.tools):
        tool = shapes.read_tool(each, f"tools[{index}]")
        function: Chat = {"name": tool.name, "parameters": tool.input_schema}
        if tool.description is not None:
            function["description"] = tool.description
        if tool.strict is not None:
            function["strict"] = tool.strict
        tools.append({"type": "function", "function": function})
    chat: Chat = {"tools": tools}
    choice = asked.tool_choice
    if choice is None:
        return chat
    if choice.type == "tool":
        if not choice.name:
            raise invalid("tool_choice.name", "is required")
        chat["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    else:
        chat["tool_choice"] = "required" if choice.type == "any" else choice.type
    if choice.disable_parallel_tool_use:
        chat["parallel_tool_calls"] = False
    return chat


def _format(asked: shapes.MessagesRequest) -> Chat:
    """`output_config.format`, or the older `output_format`."""
    wanted = (asked.output_config.format if asked.output_config is not None else None) or asked.output_format
    if wanted is None:
        return {}
    schema = {"name": "answer", "schema": wanted.schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _effort(asked: shapes.MessagesRequest) -> str | None:
    """The reasoning effort that is asked for, None where there is no word of it. Thinking that is switched off says nothing: a
    model that does not reason would refuse the member."""
    if asked.output_config is not None and asked.output_config.effort is not None:
        return asked.output_config.effort
    if asked.thinking is None or asked.thinking.type != "enabled":
        return None
    budget = asked.thinking.budget_tokens or 0
    return "low" if budget <= BUDGET_LOW else "medium" if budget <= BUDGET_MEDIUM else "high"
