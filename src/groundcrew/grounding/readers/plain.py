"""Plain text files: taken as they are, after cleaning. A line that starts with `#` counts as a heading."""

from __future__ import annotations

from groundcrew.grounding.readers.extract import Extract, decode_utf8


def read_plain(data: bytes, name: str) -> list[Extract]:
    """The whole file as one document without a title of its own."""
    return [Extract(text=decode_utf8(data, name), content=data)]
