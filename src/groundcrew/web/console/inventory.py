"""The inventory of ungoverned AI in the console."""

from __future__ import annotations

from typing import Any

HANDLERS: list[Any] = []
