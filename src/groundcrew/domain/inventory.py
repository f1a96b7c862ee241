"""The inventory of AI that nobody governs: what a scan found, and what became of each finding until it is settled."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, get_args

import msgspec

from groundcrew.domain.canonical import sha256_hex

ScanSource = Literal["code", "egress", "keys", "expenses"]
FindingKind = Literal[
    "sdk_constructor",
    "raw_http",
    "framework",
    "cloud_sdk",
    "hardcoded_key",
    "base_url_override",
    "infrastructure",
    "ci_secret",
    "browser_extension",
    "egress",
    "expense",
    "never_used_key",
    "unused_key",
    "unowned_key",
    "ended_key",
    "expiring_key",
]
FindingSeverity = Literal["low", "medium", "high", "critical"]
#: From the least to the worst.
SEVERITIES: tuple[FindingSeverity, ...] = get_args(FindingSeverity)
FindingState = Literal["open", "assigned", "draft_registered", "retired", "accepted", "gone"]
STATES: tuple[FindingState, ...] = get_args(FindingState)
#: States in which somebody still has to do something.
UNSETTLED: frozenset[FindingState] = frozenset(("open", "assigned"))

#: How long a deadline may lie ahead, how long something may stay accepted, and how long what people write may be.
DEADLINE_DAYS_MAX, ACCEPTED_DAYS_MAX = 366, 366
REASON_LENGTH_MAX, NAME_LENGTH_MAX, ROOT_LENGTH_MAX, PATH_LENGTH_MAX = 2_000, 254, 500, 1_000
#: Findings of one scan that are recorded; a scan with more is recorded in parts, by folder.
FINDINGS_MAX = 5_000
#: Folders that a scan names as left out; one that leaves out more did not see everything.
LEFT_OUT_MAX = 2_000

#: Why each kind matters, in words for who has never heard of it.
WHY: dict[FindingKind, str] = {
    "sdk_constructor": "A program talks to a model provider directly: no gate was passed, no call is recorded, nothing stops it.",
    "raw_http": "A program calls a model provider over HTTP directly: nothing of it is recorded, and no switch stops it.",
    "framework": "A framework for AI applications is used, and calls models on the program's behalf.",
    "cloud_sdk": "A program calls the models of a cloud platform directly, past the gateway.",
    "hardcoded_key": "A secret key stands in a file. Who can read the file can use the key: revoke it, whatever else is decided.",
    "base_url_override": "Calls are sent to an address that is not the gateway's.",
    "infrastructure": "Models, or what serves them, are set up as infrastructure.",
    "ci_secret": "An automated build is given a key of a model provider.",
    "browser_extension": "A browser extension may read or write pages of an AI service.",
    "egress": "Somebody in the network uses an AI service that nobody has registered.",
    "expense": "Somebody was paid back for an AI service that nobody has registered.",
    "never_used_key": "A gateway key was made and never used: it can only be lost.",
    "unused_key": "A gateway key has not been used for long.",
    "unowned_key": "A gateway key belongs to a use case whose owner has no open account.",
    "ended_key": "A gateway key lives although its use case was rejected or retired.",
    "expiring_key": "A gateway key that is in use ends soon: what uses it will stop.",
}


class ScanFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One place where AI is used, or a trace of it. `fingerprint` names it over moves of lines; `line` counts from 1.

    `accepted` is the reason where the file itself says that it is; `fragment` is what was found, without secrets.
    """

    source: ScanSource
    service: str
    kind: FindingKind
    severity: FindingSeverity
    reason: str
    fingerprint: str = ""
    path: str | None = None
    line: int | None = None
    user: str | None = None
    host: str | None = None
    fragment: str = ""
    accepted: str | None = None
    #: Of a log: how many times, how many bytes were sent and received, and when first and last. Of expenses: what was paid.
    count: int | None = None
    bytes: int | None = None
    first_seen: str | None = None
    last_seen: str | None = None
    amount: float | None = None
    currency: str | None = None

    @property
    def place(self) -> str:
        """Where it is, in a few words."""
        if self.path is not None:
            return f"{self.path}:{self.line}" if self.line is not None else self.path
        return " → ".join(each for each in (self.user, self.host) if each)


class ScanReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one scan of one root found. `complete`: everything of the root was looked at, so that what is not in it is gone.

    `root` names what was scanned, the same each time: a repository, a log, the keys of this database. `left_out` are folders that
    were not entered, such as what others wrote: what was found below them once is not gone.
    """

    source: ScanSource
    root: str
    complete: bool
    catalogue: str
    findings: tuple[ScanFinding, ...] = ()
    left_out: tuple[str, ...] = ()


class InventoryScan(msgspec.Struct, frozen=True, kw_only=True):
    """The newest recorded scan of a root: when, by whom, what it saw."""

    root: str
    source: ScanSource
    at: datetime
    by: str
    complete: bool
    catalogue: str
    findings: int


class InventoryFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding over time. `found` is how it was seen last; `state` is what became of it. When its root was scanned last is
    the scan's to say: a scan that sees what is known changes nothing here.

    open → assigned (`owner`, `deadline`) → draft_registered (`use_case`), retired or accepted (`until`). One that a later
    scan of its root does not see any more is gone; one that is seen although it is gone or retired is open again.
    """

    id: str
    root: str
    found: ScanFinding
    first_found_at: datetime
    state: FindingState = "open"
    owner: str | None = None
    unit: str | None = None
    deadline: date | None = None
    use_case: str | None = None
    reason: str = ""
    until: date | None = None
    settled_by: str | None = None
    settled_at: datetime | None = None
    #: Since when a scan has not seen it.
    gone_at: datetime | None = None
    #: How many times it came back.
    reopened: int = 0

    def overdue(self, today: date) -> bool:
        """Whether somebody should have settled it before `today`."""
        return self.state == "assigned" and self.deadline is not None and today > self.deadline


def inventory_id(root: str, fingerprint: str) -> str:
    """The id of a finding: the same each time that it is seen."""
    return sha256_hex(f"{root}\n{fingerprint}".encode())[:24]


def fingerprint_of(*parts: str) -> str:
    """What names a finding within its root: a hash over what does not change when lines move."""
    return sha256_hex("\n".join(parts).encode("utf-8", "surrogatepass"))[:32]


def at_least(severity: FindingSeverity, least: FindingSeverity) -> bool:
    """Whether `severity` is `least` or worse."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)


def lowered(severity: FindingSeverity) -> FindingSeverity:
    """One step less severe."""
    return SEVERITIES[max(SEVERITIES.index(severity) - 1, 0)]
