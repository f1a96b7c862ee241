"""The control plane that the tests of the web ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from tests.unit.web.site import Site, running_site


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A control plane of this test's own."""
    async with running_site(tmp_path) as made:
        yield made
