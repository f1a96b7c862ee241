"""The technical file of a use case: statements, each of which says whether it was computed, declared, attested or is missing."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.canonical import digest

#: `computed`: from recorded rows. `declared`: by whoever runs the use case. `attested`: by a person who did not build it.
#: `missing`: nobody has said or recorded it.
Basis = Literal["computed", "declared", "attested", "missing"]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement. `source` names the rows or the declaration that it is read from, `sha256` what it was read as; `by` and `at`
    say who said it when, or when it was computed; `until` is how long the word of a person holds."""

    label: str
    text: str
    basis: Basis
    source: str = ""
    sha256: str = ""
    at: datetime | None = None
    by: str = ""
    until: datetime | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A document of the file: what it is, which rule it is made after, and its statements."""

    key: str
    title: str
    after: str
    intro: str
    statements: tuple[Statement, ...]

    def number(self, basis: Basis) -> int:
        """How many statements stand on `basis`."""
        return sum(each.basis == basis for each in self.statements)


class TechnicalFile(msgspec.Struct, frozen=True, kw_only=True):
    """All documents of one version of one use case. `sha256` is over everything else, as `hash_of` computes it. `chain_sequence`
    and `chain_hash` are where the audit chain ended when it was made."""

    use_case: str
    title: str
    release: str
    made_at: datetime
    version_digest: str
    stage: str
    risk_tier: str
    risk_reasons: tuple[str, ...]
    questionnaire: int
    chain_sequence: int
    chain_hash: str
    parts: tuple[Part, ...]
    sha256: str = ""

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements, in order."""
        return tuple(statement for part in self.parts for statement in part.statements)

    def number(self, basis: Basis) -> int:
        """How many statements of the whole file stand on `basis`."""
        return sum(each.basis == basis for each in self.statements)


class TechnicalFiling(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it was filed: kept whole, so that later one can show what was filed."""

    id: str
    use_case: str
    version_digest: str
    sha256: str
    filed_at: datetime
    filed_by: str
    reason: str
    file: TechnicalFile


def hash_of(file: TechnicalFile) -> str:
    """SHA-256 over the canonical JSON of `file` without its own hash."""
    return digest(msgspec.structs.replace(file, sha256=""))
