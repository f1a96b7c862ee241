"""Trips and resets the switch for the bench, as a control plane does: in a process that does nothing else.

One JSON line in for each wish, ``{"do": "stop"}`` or ``{"do": "resume"}``; one out, with the moment of the confirmation on the
machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from groundcrew.domain.kill_switch import parse_scope
from groundcrew.services.bundle import open_services


async def main(database_url: str, data: str, scope_text: str) -> None:
    """Serve wishes until there are none."""
    services, scope = await open_services(database_url, Path(data)), parse_scope(scope_text)
    listening = asyncio.create_task(services.database.listen())
    while line := await asyncio.to_thread(sys.stdin.readline):
        if json.loads(line)["do"] == "stop":
            report = await services.kill_switches.stop(scope, actor="user:bench", reason="bench")
            confirmed_s = time.monotonic()
            found = {"state": report.switch.state, "seconds": report.seconds, "cut": report.cut, "confirmed_s": confirmed_s}
        else:
            for person in ("user:anna", "user:luca"):
                await services.kill_switches.resume(scope, actor=person, reason="next round")
            found = {"state": "armed"}
        print(json.dumps(found), flush=True)
    listening.cancel()
    await services.database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
