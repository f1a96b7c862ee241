"""Starts the HTTP gateway inside TensorZero's Python package, without a database, and writes its URL to a file.

DIR/tensorzero/bin/python tensorzero_serve.py CONFIG URL_FILE
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from pathlib import Path
from typing import Any


async def main(config: str, url_file: Path) -> None:
    from tensorzero import tensorzero  # type: ignore[import-not-found]

    start = tensorzero._start_http_gateway
    wanted: dict[str, Any] = {"config_file": config, "async_setup": True}
    # Releases differ in which stores they ask for; none is used.
    names = start.__text_signature__ or ""
    wanted |= {name: None for name in ("clickhouse_url", "postgres_url", "valkey_url") if name in names}
    made = start(**wanted)
    gateway = await made if inspect.isawaitable(made) else made
    with url_file.open("w", encoding="utf-8") as file:
        file.write(str(gateway.base_url))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
