"""A chat completion request as a Gemini generateContent request (REST v1beta; Vertex AI takes the same).

System and developer messages become the system instruction, wherever they stand. Reasoning of earlier answers is not sent back:
what the API wants back are its signatures, which travel in `tool_calls[].extra_content.google.thought_signature`, as in Google's
own chat completions, and in a message's `gemini` member. Gemini 3 and later refuse a function call without one: where a client
has lost it, or another model made the call, the value that Google documents for this purpose stands in its place.
"""

from __future__ import annotations

import mimetypes
import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

from groundcrew.gateway.dialects import chat_shapes as shapes
from groundcrew.gateway.dialects.chat_shapes import invalid

API = "the Gemini API"
#: Begin of identifiers that this gateway gave to function calls which came without; they are not sent back.
MADE_ID = "call_gc_"
NO_SIGNATURE = "skip_thought_signature_validator"
#: What an effort is worth with models that take a thinking budget (Gemini 2.5), in tokens, and with those that take a level.
BUDGETS = {"none": 0, "minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
LEVELS = {
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}
#: Gemini 2.5 Pro can not be kept from thinking; Pro models of later generations know no level MINIMAL, the first no MEDIUM.
PRO_BUDGET_MIN = 128
_BEFORE_3 = re.compile(r"gemini-[12](?:[.-]|$)")
_AUDIO_TYPES = {"mp3": "audio/mp3", "wav": "audio/wav"}

Content = dict[str, Any]


def from_chat(chat: dict[str, Any], model: str) -> dict[str, Any]:
    """The body for `model`. RefusedCall invalid_request names the field that it can not take."""
    asked = shapes.read_request(chat, API)
    shapes.check_choice(asked)
    system, contents = _conversation(asked.messages, signed=_BEFORE_3.search(model) is None)
    if not contents:
        raise invalid("messages", "hold nothing that is not for the system: add a user message")
    body: dict[str, Any] = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": system}
    body |= _tools(asked)
    if config := _generation_config(asked, model):
        body["generationConfig"] = config
    return body


def _conversation(messages: list[shapes.Message], *, signed: bool) -> tuple[list[Content], list[Content]]:
    """The parts of the system instruction, and the contents; the results of one turn's calls stand in one content."""
    system: list[Content] = []
    contents: list[Content] = []
    called: dict[str, str] = {}
    after_tool = False
    for index, message in enumerate(messages):
        place = f"messages[{index}]"
        if message.role in ("system", "developer"):
            for part in message.parts():
                if not isinstance(part, shapes.TextPart):
                    raise invalid(f"{place}.content", "a system message holds text only")
                system.append({"text": part.text})
            continue
        if message.role == "tool":
            response = _response(message, called, place)
            if after_tool:
                contents[-1]["parts"].append(response)
            else:
                contents.append({"role": "user", "parts": [response]})
        elif message.role == "assistant":
            called |= {call.id: call.function.name for call in message.tool_calls or ()}
            if parts := _answer(message, place, signed=signed):
                contents.append({"role": "model", "parts": parts})
        else:
            parts = [_part(part, f"{place}.content[{at}]") for at, part in enumerate(message.parts())]
            if not parts:
                raise invalid(f"{place}.content", "is empty")
            contents.append({"role": "user", "parts": parts})
        after_tool = message.role == "tool"
    return system, contents


def _answer(message: shapes.Message, place: str, *, signed: bool) -> list[Content]:
    vendor = message.gemini if isinstance(message.gemini, dict) else {}
    parts: list[Content] = []
    for part in message.parts():
        if not isinstance(part, shapes.TextPart):
            raise invalid(f"{place}.content", "an assistant message holds text only")
        parts.append({"text": part.text})
    signature = vendor.get("thought_signature")
    if isinstance(signature, str) and signature:
        parts = parts or [{"text": ""}]
        parts[-1]["thoughtSignature"] = signature
    kept = vendor.get("thought_signatures")
    has_signature = False
    for at, call in enumerate(message.tool_calls or ()):
        function: Content = {"name": call.function.name, "args": shapes.read_arguments(call, f"{place}.tool_calls[{at}]")}
        if not call.id.startswith(MADE_ID):
            function["id"] = call.id
        parts.append({"functionCall": function})
        found = _signature(call) or (kept.get(call.id) if isinstance(kept, dict) else None)
        if isinstance(found, str) and found:
            parts[-1]["thoughtSignature"], has_signature = found, True
    first = next((part for part in parts if "functionCall" in part), None)
    if signed and first is not None and not has_signature:
        first["thoughtSignature"] = NO_SIGNATURE
    return parts


def _signature(call: shapes.ToolCall) -> object:
    google = (call.extra_content or {}).get("google")
    return google.get("thought_signature") if isinstance(google, dict) else None


def _response(message: shapes.Message, called: dict[str, str], place: str) -> Content:
    """A function's response: its JSON object as it is, any other text as `output`."""
    identifier = message.tool_call_id
    if identifier is None:
        raise invalid(f"{place}.tool_call_id", "is required")
    if identifier not in called:
        raise invalid(f"{place}.tool_call_id", "no tool call of an earlier message has this id")
    texts: list[str] = []
    for part in message.parts():
        if not isinstance(part, shapes.TextPart):
            raise invalid(f"{place}.content", "a tool's result holds text only")
        texts.append(part.text)
    text = "\n".join(texts)
    try:
        value = msgspec.json.decode(text) if text.lstrip().startswith("{") else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    response = {"name": called[identifier], "response": value if isinstance(value, dict) else {"output": text}}
    return {"functionResponse": response if identifier.startswith(MADE_ID) else {"id": identifier, **response}}


def _part(part: shapes.Part, place: str) -> Content:
    if isinstance(part, shapes.TextPart):
        return {"text": part.text}
    if isinstance(part, shapes.ImagePart):
        return _located(part.image_url.url, f"{place}.image_url.url")
    if isinstance(part, shapes.AudioPart):
        sound = part.input_audio
        data = shapes.checked_base64(sound.data, f"{place}.input_audio.data")
        return {"inlineData": {"mimeType": _AUDIO_TYPES.get(sound.format, f"audio/{sound.format}"), "data": data}}
    if isinstance(part, shapes.FilePart) and part.file.file_data is not None:
        return _located(part.file.file_data, f"{place}.file.file_data")
    raise invalid(place, f"{API} takes a file as file_data with a data URL, not by the id of another provider")


def _located(url: str, place: str) -> Content:
    """A data URL as inline data; another https or gs URL as a file that the provider fetches, its type told by its name."""
    if (data := shapes.read_data_url(url, place)) is not None:
        return {"inlineData": {"mimeType": data[0], "data": data[1]}}
    try:
        split = urlsplit(url)
    except ValueError:
        raise invalid(place, "is no valid URL") from None
    if split.scheme not in ("https", "gs") or not split.netloc:
        raise invalid(place, "use a data URL, or one that begins with https:// or gs://")
    media_type = mimetypes.guess_type(split.path)[0]
    if media_type is None:
        raise invalid(
            place, f"{API} must be told the media type: use a data URL, or a URL that ends in .png, .jpg, .pdf or alike"
        )
    return {"fileData": {"mimeType": media_type, "fileUri": url}}


def _tools(asked: shapes.ChatRequest) -> dict[str, Any]:
    if not asked.tools:
        return {}
    declarations: list[Content] = []
    for tool in asked.tools:
        declaration: Content = {"name": tool.function.name}
        if tool.function.description:
            declaration["description"] = tool.function.description
        if tool.function.parameters:
            declaration["parametersJsonSchema"] = tool.function.parameters
        declarations.append(declaration)
    body: dict[str, Any] = {"tools": [{"functionDeclarations": declarations}]}
    choice = asked.tool_choice
    if choice is None:
        return body
    config: dict[str, Any]
    if isinstance(choice, shapes.FunctionChoice):
        config = {"mode": "ANY"}
    elif isinstance(choice, shapes.AllowedChoice):
        # AUTO takes no names; VALIDATED is AUTO that does.
        config = {"mode": "ANY" if choice.allowed_tools.mode == "required" else "VALIDATED"}
    else:
        config = {"mode": {"none": "NONE", "auto": "AUTO", "required": "ANY"}[choice]}
    if names := shapes.chosen_names(choice):
        config["allowedFunctionNames"] = names
    return {**body, "toolConfig": {"functionCallingConfig": config}}


def _generation_config(asked: shapes.ChatRequest, model: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "maxOutputTokens": asked.output_tokens(),
        "temperature": asked.temperature,
        "topP": asked.top_p,
        "topK": asked.top_k,
        "stopSequences": asked.stops() or None,
        "candidateCount": asked.n if asked.n != 1 else None,
        "seed": asked.seed,
        "presencePenalty": asked.presence_penalty,
        "frequencyPenalty": asked.frequency_penalty,
    }
    if asked.logprobs:
        config |= {"responseLogprobs": True, "logprobs": asked.top_logprobs}
    if isinstance(asked.response_format, shapes.ObjectFormat | shapes.SchemaFormat):
        config["responseMimeType"] = "application/json"
    if isinstance(asked.response_format, shapes.SchemaFormat):
        config["responseJsonSchema"] = asked.response_format.json_schema.schema
    if asked.reasoning_effort is not None and (thinking := _thinking(asked.reasoning_effort, model)):
        config["thinkingConfig"] = {**thinking, "includeThoughts": asked.reasoning_effort != "none"}
    return {name: value for name, value in config.items() if value is not None}


def _thinking(effort: str, model: str) -> dict[str, Any]:
    """What an effort is for `model`; nothing for one that does not think."""
    if "gemini-2.5" in model:
        least = PRO_BUDGET_MIN if "gemini-2.5-pro" in model else 0
        return {"thinkingBudget": max(BUDGETS[effort], least)}
    if "gemini" not in model or _BEFORE_3.search(model):
        return {}
    level = LEVELS[effort]
    if "-pro" in model and level == "MINIMAL":
        level = "LOW"
    if "gemini-3-pro" in model and level == "MEDIUM":
        level = "HIGH"
    return {"thinkingLevel": level}
