"""What a server writes to its standard error."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from groundcrew import logs


@pytest.fixture(autouse=True)
def _loggers_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """And as a server finds them: another test of this process may have had uvicorn set up its own."""
    for name in ("uvicorn", "uvicorn.error"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def written(form: logs.LogFormat) -> list[str]:
    stream = io.StringIO()
    logs.configure(form, stream)
    log = logging.getLogger("groundcrew.gateway")
    log.info("not shown")
    log.warning("provider %s said:\n2026-01-01 forged\x1b[31m", "fake")
    try:
        raise ValueError("über")
    except ValueError:
        log.exception("it failed")
    return stream.getvalue().splitlines()


def test_a_line_of_text_has_time_level_and_source_and_forges_none() -> None:
    first, second, *rest = written("text")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING groundcrew\.gateway: provider fake said:.*", first)
    assert r"\n2026-01-01 forged\x1b[31m" in first
    assert second.endswith("ERROR groundcrew.gateway: it failed")
    assert rest[-1] == "ValueError: über"


def test_json_is_one_object_a_line() -> None:
    first, second = map(json.loads, written("json"))
    assert (first["level"], first["logger"]) == ("warning", "groundcrew.gateway")
    assert first["message"] == "provider fake said:\n2026-01-01 forged\x1b[31m"
    assert second["error"].endswith("ValueError: über")
    assert "Traceback" in second["error"]


def test_a_call_that_was_cut_at_the_end_of_the_server_is_no_fault() -> None:
    stream = io.StringIO()
    logs.configure("text", stream)
    for error in (asyncio.CancelledError("timeout graceful shutdown exceeded"), RuntimeError("a fault")):
        logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)
    assert stream.getvalue().count("Exception in ASGI application") == 1
    assert "a fault" in stream.getvalue()
