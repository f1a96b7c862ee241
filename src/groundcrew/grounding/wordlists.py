"""Reads the word lists of this package: words between white space, so that a list of hundreds stays readable."""

from __future__ import annotations


def word_set(words: str) -> frozenset[str]:
    """The words of `words`, which are parted by white space."""
    return frozenset(words.split())
