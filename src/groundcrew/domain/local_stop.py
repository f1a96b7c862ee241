"""Stops that were tripped on a gateway's own host, as its data folder holds them while the database can not be told."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from groundcrew.domain.kill_switch import Scope
from groundcrew.errors import InputError

#: Stops in one file, and bytes of one file; a larger file can not be read, and so denies everything.
LOCAL_STOPS_MAX = 1_000
FILE_BYTES_MAX = 4 * 1024 * 1024
EVERYTHING = Scope("all")


class LocalStop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stop of one person on one host. `carried_version` is the registry's version that knows of it, None before one does."""

    id: str
    scope: Scope
    reason: str
    by: str
    at: datetime
    host: str
    carried_version: int | None = None


class LocalStopFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All stops of one data folder."""

    stops: Annotated[tuple[LocalStop, ...], msgspec.Meta(max_length=LOCAL_STOPS_MAX)] = ()

    @property
    def scopes(self) -> frozenset[Scope]:
        """What they stop."""
        return frozenset(each.scope for each in self.stops)


class LocalPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway of this host says of itself: which process it is (`process_started`: when, as the system counts), and the
    digest of the file of stops that it enforces, with nothing of them in flight. `cut` counts calls by scope, `covers` the
    keys that each stopped scope has here."""

    point: str
    process_id: int
    process_started: str
    digest: str
    at_s: float
    cut: dict[str, int] = {}
    covers: dict[str, int] = {}


def read_file(content: bytes, file: str) -> LocalStopFile:
    """The stops in `content`; InputError for anything that is not exactly such a file."""
    if len(content) > FILE_BYTES_MAX:
        raise InputError(f"holds more than {FILE_BYTES_MAX} bytes", file=file)
    try:
        return msgspec.json.decode(content, type=LocalStopFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"is no file of local stops: {error}", file=file) from None
