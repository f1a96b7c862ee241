"""What other providers want back with a tool's result (signatures of their thoughts) on its way through a Responses client.

A chat completion keeps it in members named for the provider, and in `extra_content` of tool calls. A Responses client sends back
items as it got them, so it travels in the `encrypted_content` of a last reasoning item: a prefix of ours and base64 of JSON. It
is neither secret nor signed: it is worth as much as the rest of what a client says that a model said.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from groundcrew.errors import RefusedCall, UpstreamError

Object = dict[str, Any]

PREFIX = "groundcrew.1."
#: Members of a message that are named for a provider.
VENDORS = ("anthropic", "bedrock", "gemini")


class _Carried(msgspec.Struct, omit_defaults=True):
    anthropic: Object = {}
    bedrock: Object = {}
    gemini: Object = {}
    #: `extra_content` of tool calls, by the call's id.
    calls: dict[str, Object] = {}


_DECODER = msgspec.json.Decoder(_Carried)


class Carried:
    """Gathers what a message, or the deltas of one, hold for their provider."""

    def __init__(self) -> None:
        self._members: Object = {}

    def add(self, message: Any) -> None:
        """Take what the struct `message` has in members named for providers. Lists continue each other, and what has an `index`
        is added to the entry that has the same; everything else replaces."""
        for vendor in VENDORS:
            given: Object | None = getattr(message, vendor)
            kept = self._members.setdefault(vendor, {}) if given else {}
            for name, value in (given or {}).items():
                if isinstance(value, list):
                    _continue(kept.setdefault(name, []), value)
                else:
                    kept[name] = value

    def add_call(self, call_id: str, extra: Object | None) -> None:
        """Take a tool call's `extra_content`."""
        if extra:
            self._members.setdefault("calls", {})[call_id] = extra

    def packed(self) -> str | None:
        """All of it as one opaque text; None where there is nothing. UpstreamError where it can not be written."""
        if not self._members:
            return None
        try:
            return PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(self._members)).decode()
        except RecursionError:
            raise UpstreamError("what the answer holds for its provider nests too deep") from None


def _continue(kept: Any, given: list[Any]) -> None:
    if not isinstance(kept, list):  # it was something else before
        return
    for each in given:
        index = each.get("index") if isinstance(each, dict) else None
        same = [entry for entry in kept if index is not None and isinstance(entry, dict) and entry.get("index") == index]
        if same:
            same[0].update(each)
        else:
            kept.append(dict(each) if isinstance(each, dict) else each)


def is_packed(text: Any) -> bool:
    """Whether `text` was packed here."""
    return isinstance(text, str) and text.startswith(PREFIX)


def unpack(text: str, message: Object, path: str) -> None:
    """Put back into the assistant's `message` what was packed. RefusedCall where `text` was not left as it was."""
    try:
        carried = _DECODER.decode(base64.b64decode(text.removeprefix(PREFIX), altchars=b"-_", validate=True))
    except (msgspec.DecodeError, binascii.Error, ValueError, RecursionError):
        raise RefusedCall("invalid_request", f"{path}: send the item back as it came, or leave it out") from None
    for vendor in VENDORS:
        if given := getattr(carried, vendor):
            message[vendor] = given
    for call in message.get("tool_calls", ()):
        if call["id"] in carried.calls:
            call["extra_content"] = carried.calls[call["id"]]


def without_packed(request: Object) -> Object | None:
    """`request` without the items that only this gateway can read, for a provider that speaks the Responses API itself; None
    where it has none."""
    items = request.get("input")
    if not isinstance(items, list):
        return None
    kept = [each for each in items if not (isinstance(each, dict) and is_packed(each.get("encrypted_content")))]
    return {**request, "input": kept} if len(kept) < len(items) else None
