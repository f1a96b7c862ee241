"""The inventory of ungoverned AI over the API."""

from __future__ import annotations

from typing import Any

HANDLERS: list[Any] = []
