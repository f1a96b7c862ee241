"""Whether a record's text is text: its encoding, and the language that it is in."""

from __future__ import annotations

from typing import Final

#: What `language_problem` says of a text whose language can not be told, where that counts as a problem.
LANGUAGE_UNKNOWN: Final = "in a language that can not be told"


def encoding_problem(text: str) -> str | None:
    """What is wrong with the encoding of `text`, None where nothing is: UTF-8 read as something else, replacement and control
    characters, halves of pairs, or mostly what is no text."""
    return None


def language_problem(text: str, wanted: tuple[str, ...], *, unknown_passes: bool = True) -> str | None:
    """In which language `text` is instead of one of `wanted` (codes such as de); None where it is in one of them, and, unless
    `unknown_passes` is False, where its language can not be told (too short, mixed, or no running text)."""
    return None
