"""Probes with protected health information, where there is something to deny."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.services import bank

from groundcrew.cli.probing import send_probes
from groundcrew.errors import InputError


async def test_a_use_case_that_declares_phi_has_nothing_to_deny(sqlite_url: str, tmp_path: Path) -> None:
    """It would be let through to whom may see it, which is no leak; no call is made, and nothing is recorded."""
    async with bank.opened(sqlite_url, tmp_path) as services:
        await bank.apply(services, use_cases=[bank.use_case(data_classes=("internal", "phi"))])
        with pytest.raises(InputError, match="declares phi"):
            await send_probes(services, bank.NAME, "http://127.0.0.1:9", actor=bank.PERSON)
        assert [each for each in await services.evidence.find(bank.NAME) if each.evidence.kind == "phi_probe"] == []
