"""The probes of a process that only serves calls."""

from __future__ import annotations

from typing import Any

import pytest

from groundcrew.gateway.probes import Probes
from groundcrew.testing.server import request

AWAY = {"ok": False, "required": False}


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"database": {"ok": True}, "spool": {"ok": True}}, 200),
        ({"database": AWAY, "spool": {"ok": True}}, 200),
        ({"database": AWAY, "spool": {"ok": False}}, 503),
        ({"database": {"ok": False}, "spool": {"ok": True}}, 503),
        ({}, 503),
    ],
)
async def test_ready_is_what_serves_calls_also_without_the_database(parts: dict[str, Any], status: int) -> None:
    async def readiness() -> dict[str, Any]:
        return parts

    answer = await request(Probes(metrics=bytes, readiness=readiness), "/readyz", method="GET")
    assert answer.status == status
    assert answer.json()["parts"] == parts
