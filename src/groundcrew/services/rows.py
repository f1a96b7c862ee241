"""Reading JSON Lines of one struct type, also gzipped; a bad row names its line."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from groundcrew.errors import InputError

T = TypeVar("T")

LINE_BYTES_MAX = 16 * 1024 * 1024


def read_rows(path: Path, kind: type[T]) -> Iterator[tuple[int, T]]:
    """(line number, row) for each non-empty line; InputError names file, line and field."""
    decoder = msgspec.json.Decoder(kind)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if len(line) > LINE_BYTES_MAX:
                    raise InputError(f"longer than {LINE_BYTES_MAX} bytes", file=str(path), line=number)
                if not line.strip():
                    continue
                try:
                    yield number, decoder.decode(line.removeprefix(b"\xef\xbb\xbf"))
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    message, _, place = str(error).partition(" - at `$.")
                    raise InputError(message, file=str(path), line=number, field=place.rstrip("`") or None) from None
    except (OSError, EOFError) as error:
        raise InputError(getattr(error, "strerror", None) or str(error) or "can not be read", file=str(path)) from None
