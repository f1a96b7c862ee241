"""Values put back in the place of their tags, in an answer on its way to the client whose own request held them. Everything that
judges, keeps or records an answer has had it before, with its tags."""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from groundcrew.gateway.answer import Generated
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.json_shape import raw_json
from groundcrew.gateway.release import Release
from groundcrew.guards.redaction import Pseudonyms

#: Where each dialect's own JSON holds what was generated, and which members of it are text for the client. Reasoning is none:
#: providers sign it and take it back only as it was.
_ROOTS = ("choices", "output", "content")
_TEXTS = frozenset({"content", "text", "refusal", "input", "output_text"})
_ARGUMENTS = "arguments"
_REASONING = frozenset({"reasoning", "thinking", "redacted_thinking"})
#: How deep an answer is looked through.
DEPTH_MAX = 64


def restored(flight: Flight, generated: Generated | None, release: Release) -> tuple[Generated | None, Release]:
    """What leaves, with values in the place of the tags of this call; `generated` itself is left alone. The flight gets how
    offsets in the text moved."""
    names = flight.pseudonyms
    text, flight.restored = names.restore_mapped(release.text)
    release = msgspec.structs.replace(release, text=text, tool_calls=restored_calls(release.tool_calls, names))
    if generated is None or not release.as_is:
        return generated, release
    changed = copy.copy(generated)
    changed.body = _restore_fields(generated.body, names) if generated.body is not None else None
    changed.native = _restore_fields(generated.native, names) or {}
    return changed, release


def restored_calls(calls: tuple[dict[str, Any], ...], names: Pseudonyms) -> tuple[dict[str, Any], ...]:
    """Tool calls with values in the place of tags in their arguments."""
    return tuple(_restore(each, names, DEPTH_MAX, is_text=False) for each in calls) if names.restores else calls


def _restore_fields(fields: dict[str, msgspec.Raw], names: Pseudonyms) -> dict[str, msgspec.Raw]:
    result = dict(fields)
    for root in _ROOTS:
        if root in fields:
            value = msgspec.json.decode(fields[root])
            changed = _restore(value, names, DEPTH_MAX, is_text=root == "content")
            if changed != value:
                result[root] = raw_json(changed)
    return result


def _restore(value: Any, names: Pseudonyms, depth: int, *, is_text: bool) -> Any:
    """`value` with its texts restored; a string counts as one where the member that holds it is one of `_TEXTS`."""
    if isinstance(value, str):
        return names.restore(value) if is_text else value
    if depth <= 0:
        return value
    if isinstance(value, list):
        return [_restore(each, names, depth - 1, is_text=is_text) for each in value]
    if not isinstance(value, dict) or value.get("type") in _REASONING:
        return value
    result: dict[str, Any] = {}
    for name, each in value.items():
        if name == _ARGUMENTS and isinstance(each, str):
            result[name] = names.restore_json(each)
        elif name == "input" and isinstance(each, dict | list):  # a tool's arguments as JSON itself: all its strings are values
            result[name] = _restore_strings(each, names, depth - 1)
        else:
            result[name] = _restore(each, names, depth - 1, is_text=name in _TEXTS)
    return result


def _restore_strings(value: Any, names: Pseudonyms, depth: int) -> Any:
    if isinstance(value, str):
        return names.restore(value)
    if depth <= 0:
        return value
    if isinstance(value, list):
        return [_restore_strings(each, names, depth - 1) for each in value]
    if isinstance(value, dict):
        return {name: _restore_strings(each, names, depth - 1) for name, each in value.items()}
    return value
