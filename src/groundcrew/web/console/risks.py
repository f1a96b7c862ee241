"""Risk, controls and the technical file in the console."""

from __future__ import annotations

from typing import Any

HANDLERS: list[Any] = []
