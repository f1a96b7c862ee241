"""What somebody looks for in the audit log."""

from __future__ import annotations

from datetime import datetime

import msgspec

from groundcrew.domain.audit import AuditEntry, use_case_of
from groundcrew.domain.canonical import canonical_json

#: The highest number that a database can be asked for.
SEQUENCE_MAX = 2**63 - 1


#: How actors that are people are recorded: under their account, and under the name that the machine knows them by.
KINDS_OF_PEOPLE = ("user", "cli")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What entries are wanted; all of what is given has to hold. A `subject` that ends in ``/`` or ``*`` is how it begins, and
    so is an `actor`, `action` or `use_case` that ends in ``*``; an `actor` without its kind (``anna``) is a person of this name;
    `text` stands anywhere in the entry, in whatever case; `since` is included, `until` is not."""

    subject: str | None = None
    actor: str | None = None
    action: str | None = None
    use_case: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    @property
    def is_timed(self) -> bool:
        """Whether a time is asked for."""
        return self.since is not None or self.until is not None

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it."""
        return self == Wanted()

    @property
    def beginning(self) -> str | None:
        """How subjects begin, where that is asked for."""
        is_beginning = self.subject is not None and self.subject.endswith(("/", "*"))
        return self.subject.removesuffix("*") if self.subject is not None and is_beginning else None

    @property
    def actors(self) -> tuple[str, ...]:
        """What the actor may be recorded as, () where none is asked for. People are shown by their name alone, so that a name
        without its kind finds the account and the user of the machine."""
        if self.actor is None:
            return ()
        return (self.actor,) if ":" in self.actor else (self.actor, *(f"{kind}:{self.actor}" for kind in KINDS_OF_PEOPLE))

    @property
    def needle(self) -> str:
        """The text as it stands in the JSON of an entry: a quotation mark has a backslash before it."""
        return msgspec.json.encode(self.text or "").decode()[1:-1]

    def fits(self, entry: AuditEntry) -> bool:
        """Whether an entry is like that."""
        if self.beginning is not None and not entry.subject.startswith(self.beginning):
            return False
        if self.text and self.needle.casefold() not in canonical_json(entry).decode().casefold():
            return False
        return (
            (self.subject is None or self.beginning is not None or entry.subject == self.subject)
            and (self.actor is None or any(_is(entry.actor, each) for each in self.actors))
            and (self.action is None or _is(entry.action, self.action))
            and (self.use_case is None or _is(use_case_of(entry) or "", self.use_case))
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at < self.until)
        )


def _is(value: str, wanted: str) -> bool:
    return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted
