"""Keeps a file that is named by its content: it is there whole or not at all, and stays so through a crash."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def keep(target: Path, content: bytes) -> None:
    """Write `content` to `target`, durably and readable by everybody; its folder must be there. After an OSError nothing is."""
    handle, temporary = tempfile.mkstemp(prefix=".keeping-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).rename(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
