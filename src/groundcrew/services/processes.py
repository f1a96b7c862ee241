"""Which process of which machine one is: what a process id alone does not tell, since containers share their numbers."""

from __future__ import annotations

import os
import sys
import uuid
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def machine() -> str:
    """Where this process's number means something: the boot of its kernel and its space of process ids. Two containers of one
    host differ, so do a host before and after a restart, whatever their names are. "" where nothing tells: such a process is
    never known to be gone."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}" if boot else ""
    except OSError:
        # Systems other than Linux have one space of process ids for each machine.
        return "" if sys.platform == "linux" else f"node {uuid.getnode():x}"


def process_lives(process_id: int) -> bool:
    """Whether a process of this host runs, or stands still."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def process_started(process_id: int) -> str:
    """When a process of this host began, in the system's own counting; "" for one that is not there, or where nothing tells."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def ended(*, on: str, process_id: int, started: str) -> bool:
    """Whether the process that began as `started` on the machine `on` is known to have ended. What runs elsewhere never is."""
    if not on or on != machine():
        return False
    now = process_started(process_id)
    return not process_lives(process_id) or bool(started and now and started != now)
