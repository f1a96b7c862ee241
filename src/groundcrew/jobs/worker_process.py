"""Has the server's jobs done in processes of their own: scoring is all computation, and in the server's process every call would
wait for it. A process starts when a job waits and ends when none does any more."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import TYPE_CHECKING

from groundcrew.jobs.worker import PAUSE_S_MAX, POLL_S
from groundcrew.services.job_runner import kinds
from groundcrew.settings import ENVIRONMENT_PREFIX, Settings

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

#: How long a process that is told to stop may take to let its job go.
STOP_S_MAX = 10.0

logger = logging.getLogger(__name__)


class WorkerProcesses:
    """Up to `settings.job_slots` processes `groundcrew jobs work --drain` on the server's database and data folder."""

    def __init__(self, services: Services, settings: Settings, *, poll_s: float = POLL_S) -> None:
        self._services, self._settings, self._poll_s = services, settings, poll_s
        self._kinds = list(kinds())

    async def run(self) -> None:
        """Look for jobs for ever; ends when cancelled, and tells its processes to stop."""
        await asyncio.gather(*(self._work() for _ in range(self._settings.job_slots)))

    async def _work(self) -> None:
        pause_s = self._poll_s
        while True:
            try:
                status = await self._process() if await self._services.jobs.waiting(self._kinds) else 0
                if status:
                    raise ChildProcessError(f"exit status {status}")
                pause_s = self._poll_s
            except Exception as error:
                pause_s = min(pause_s * 2, PAUSE_S_MAX)
                logger.warning("jobs could not be worked on, next try in %.1f s: %s", pause_s, type(error).__name__)
            await asyncio.sleep(pause_s)

    async def _process(self) -> int:
        """Run one process until no job waits; its exit status."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "groundcrew", "jobs", "work", "--drain"),
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), STOP_S_MAX)
                except TimeoutError:
                    process.kill()
                    await process.wait()

    def _environment(self) -> dict[str, str]:
        """The server's own, with what its command line said: a password in a URL is for no list of processes."""
        told = {
            "data": str(self._settings.data.resolve()),
            "database_url": self._settings.database_url,
            "job_lease_s": str(self._settings.job_lease_s),
        }
        return os.environ | {ENVIRONMENT_PREFIX + name.upper(): value for name, value in told.items()}
