"""What applying declarations changes, field by field: what a person is shown before and after it is written."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field that differs; values as JSON would show them."""

    field: str
    before: Any
    after: Any


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What applying does to one declared thing. `notes` are consequences that a person should know."""

    kind: str
    name: str
    action: Literal["created", "updated", "unchanged"]
    fields: tuple[FieldChange, ...] = ()
    notes: tuple[str, ...] = ()


def differences(old: object, new: object) -> tuple[FieldChange, ...]:
    """The fields that differ; of something new, those that are given."""
    after = msgspec.to_builtins(new, order="deterministic")
    before = msgspec.to_builtins(old, order="deterministic") if old is not None else {}
    return tuple(
        FieldChange(field=name, before=before.get(name), after=value)
        for name, value in after.items()
        if (old is None and value not in (None, "", [], {})) or (old is not None and before.get(name) != value)
    )
