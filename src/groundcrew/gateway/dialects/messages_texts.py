"""The texts of an Anthropic Messages request: where they stand, for guards that read and mask them, and whether there is more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from groundcrew.gateway.dialects.opaque import is_opaque

Visit = Callable[[str, str], str]

#: Members of a request that steer an answer. They hold no text of anybody's while their values are numbers, or words and
#: members from the lists below.
_SETTINGS = frozenset(
    {
        *("max_tokens", "stream", "temperature", "top_p", "top_k", "service_tier", "speed", "thinking", "output_config"),
        *("tool_choice", "tools", "stop_sequences", "metadata", "cache_control", "context_management", "mcp_servers"),
    }
)
_WORDS = frozenset(
    {
        *("auto", "any", "none", "standard_only", "standard", "fast", "ephemeral", "5m", "1h"),
        *("enabled", "disabled", "adaptive", "between_tools", "summarized", "omitted"),
        *("low", "medium", "high", "xhigh", "max", "all", "thinking_turns", "tool_uses", "input_tokens"),
        *("clear_thinking_20251015", "clear_tool_uses_20250919"),
    }
)
_MEMBERS = frozenset(
    {
        *("type", "ttl", "display", "budget_tokens", "effort", "disable_parallel_tool_use", "enabled", "user_id", "format"),
        *("edits", "keep", "trigger", "value", "clear_at_least"),
    }
)
_ROLES = frozenset({"system", "user", "assistant"})


def visit_texts(request: dict[str, Any], visit: Visit) -> None:
    """Call `visit(role, text)` for every text that a guard must read, in order, and put what it returns in its place.

    Read are the system prompt, the messages' texts, thinking, the strings in tool calls' inputs (role assistant), tool results
    (role tool), and documents and search results with their titles. A thinking block whose text is changed is taken away, as
    Anthropic refuses one that does not fit its signature; so is a message of which nothing else is left.

    Values may nest as deep as the gateway lets a body nest.
    """
    _Walk(visit).request(request)


def add_system(request: dict[str, Any], text: str) -> None:
    """Put `text` before the request's system prompt."""
    given = request.get("system")
    if isinstance(given, str) and given:
        given = [{"type": "text", "text": given}]
    request["system"] = [{"type": "text", "text": text}, *given] if isinstance(given, list) and given else text


def hides_text(request: dict[str, Any]) -> bool:
    """Whether the request holds anything that `visit_texts` does not reach: images, files, tools, names and inputs of tool
    calls, signatures, settings with texts in them, members that are not known. Null counts as absent."""
    walk = _Walk(lambda role, text: text)
    walk.request(request)
    return walk.hidden


class _Walk:
    """One way through a request: visits texts, and notices in `hidden` what is something else."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self.hidden = False

    def request(self, request: dict[str, Any]) -> None:
        self._content(request, "system", "system")
        messages = request.get("messages")
        if isinstance(messages, list):
            messages[:] = [each for each in messages if self._message(each)]
        elif messages is not None:
            self.hidden = True
        for name, value in request.items():
            if name in ("system", "messages", "model") or value is None:
                continue
            if name not in _SETTINGS or not _textless(value):
                self.hidden = True
        if not isinstance(request.get("model"), str | None):
            self.hidden = True

    def _message(self, message: Any) -> bool:
        """Whether the message stays."""
        if not isinstance(message, dict):
            self.hidden = True
            return True
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            self.hidden, role = True, "user"
        self._only(message, "role", "content")
        was_empty = message.get("content") == []
        self._content(message, "content", role)
        return was_empty or message.get("content") != []

    def _content(self, holder: dict[str, Any], name: str, role: str) -> None:
        """A string, or a list of blocks."""
        content = holder.get(name)
        if isinstance(content, str):
            holder[name] = self._visit(role, content)
        elif isinstance(content, list):
            content[:] = [each for each in content if self._block(each, role)]
        elif content is not None:
            self.hidden = True

    def _block(self, block: Any, role: str) -> bool:
        """Whether the block stays."""
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text":
            self._only(block, "text")
            self._text(block, "text", role)
        elif kind == "thinking":
            return self._thinking(block, role)
        elif kind == "tool_use":
            self.hidden = True
            if "input" in block:
                block["input"] = self._strings(block["input"], role)
        elif kind == "tool_result":
            self._only(block, "tool_use_id", "content", "is_error")
            self._is_id(block.get("tool_use_id"))
            if not isinstance(block.get("is_error"), bool | None):
                self.hidden = True
            self._content(block, "content", "tool")
        elif kind == "document":
            self._document(block, role)
        elif kind == "search_result":
            self._only(block, "title", "source", "content", "citations")
            self._text(block, "title", role)
            self._text(block, "source", role)
            self._content(block, "content", role)
        else:
            self.hidden = True
        return True

    def _thinking(self, block: dict[str, Any], role: str) -> bool:
        self._only(block, "thinking", "signature")
        if block.get("signature") != "":
            self.hidden = True
        before = block.get("thinking")
        self._text(block, "thinking", role)
        return before == block.get("thinking")

    def _document(self, block: dict[str, Any], role: str) -> None:
        self._only(block, "title", "context", "source", "citations")
        self._text(block, "title", role)
        self._text(block, "context", role)
        source = block.get("source")
        kind = source.get("type") if isinstance(source, dict) else None
        if isinstance(source, dict) and kind == "text":
            if source.keys() - {"type", "media_type", "data"} or source.get("media_type") not in ("text/plain", None):
                self.hidden = True
            self._text(source, "data", role)
        elif isinstance(source, dict) and kind == "content":
            self._only(source, "content")
            self._content(source, "content", role)
        else:
            self.hidden = True

    def _text(self, holder: dict[str, Any], name: str, role: str) -> None:
        text = holder.get(name)
        if isinstance(text, str):
            holder[name] = self._visit(role, text)
        elif text is not None:
            self.hidden = True

    def _strings(self, value: Any, role: str) -> Any:
        """Every string in a JSON value, the names of members left out."""
        if isinstance(value, str):
            return self._visit(role, value)
        if isinstance(value, list):
            value[:] = [self._strings(each, role) for each in value]
        elif isinstance(value, dict):
            for name in value:
                value[name] = self._strings(value[name], role)
        return value

    def _is_id(self, value: object) -> None:
        if not is_opaque(value):
            self.hidden = True

    def _only(self, holder: dict[str, Any], *names: str) -> None:
        """Members besides `names` hide text, unless they are absent or known to be settings."""
        for name, value in holder.items():
            if name in names or name == "type" or value is None:
                continue
            if name != "cache_control" or not _textless(value):
                self.hidden = True
        if not _textless(holder.get("citations")):
            self.hidden = True


def _textless(value: object) -> bool:
    if isinstance(value, str):
        return value in _WORDS
    if isinstance(value, list):
        return all(_textless(each) for each in value)
    if isinstance(value, dict):
        return all(name in _MEMBERS and _textless(each) for name, each in value.items())
    return True
