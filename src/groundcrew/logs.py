"""What a server writes to its standard error: one line for each event, with its time, level and source, as text or as JSON.

Without it Python prints bare messages, of which nobody can tell when they came or how much they matter.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from typing import Literal, TextIO

import msgspec

LogFormat = Literal["text", "json"]


class _Lines(logging.Formatter):
    """`time LEVEL source: message`. What a message holds of line ends and controls is escaped, so that no text that came from
    outside begins a line of its own; only the lines of a traceback follow."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """RFC 3339, UTC, to the millisecond."""
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line of the record, without its traceback."""
        record.message = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in record.message)
        return super().formatMessage(record)


class _Json(_Lines):
    """One JSON object a line, a traceback included: `time`, `level`, `logger`, `message` and, where there is one, `error`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line of JSON."""
        fields = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields).decode()


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Not that a call was cut when the server ended: that is its order, is recorded, and no fault."""
    return not (record.name == "uvicorn.error" and record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def configure(form: LogFormat, stream: TextIO | None = None) -> None:
    """Write what this process logs from WARNING on to `stream` (standard error). Once, by whoever runs the process."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(_is_worth_a_line)
    handler.setFormatter(_Json() if form == "json" else _Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
