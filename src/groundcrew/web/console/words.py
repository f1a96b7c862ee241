"""How figures, times and states are written on pages."""

from __future__ import annotations

from typing import Any

FILTERS: dict[str, Any] = {}
