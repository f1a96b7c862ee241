"""One code system in memory: codes, titles, parents, chapters, which codes may be used, and the words that index them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. `usable`: may be assigned to a case (billable); a heading may not. `inclusions` are further names of it,
    `excludes` names of what belongs elsewhere."""

    code: str
    title: str
    parent: str = ""
    chapter: str = ""
    usable: bool = True
    inclusions: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


class CodeSystem(msgspec.Struct, frozen=True, kw_only=True):
    """A code system. `name` is how recipes and models name it (`icd-10-cm`), `release` the publisher's own name of the
    edition, `digest` the SHA-256 of its content."""

    name: str
    release: str
    language: str
    digest: str
    codes: Mapping[str, Code]

    def find(self, code: str) -> Code | None:
        """The entry of `code`, however it is written (case, with or without dot); None where there is none."""
        raise NotImplementedError

    def chapters(self) -> Iterator[str]:
        """Every chapter once, in the order of the system."""
        raise NotImplementedError
