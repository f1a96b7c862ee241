"""Champions: who carries use cases in a business unit, and the playbook that they work by."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

ChampionState = Literal["active", "lapsed"]
#: Live use cases that one person can carry, where the gate into pilot does not say otherwise.
LOAD_MAX = 5
CHAMPIONS_MAX = 5_000
#: Accounts that one champion has had before.
FORMER_ACCOUNTS_MAX = 50
#: A page of the playbook, and how many pages and versions of one there are at most.
PAGE_LENGTH_MAX, PAGES_MAX, VERSIONS_MAX = 40_000, 200, 1_000


class Champion(msgspec.Struct, frozen=True, kw_only=True):
    """A person who carries the use cases of one business unit. `name` is how use cases name them, an e-mail address or the name
    of an account; `account` is the account that they sign in with, where it has another name."""

    name: str
    business_unit: str
    appointed_by: str
    appointed_at: datetime
    account: str = ""
    #: Accounts that were on record before: whoever built under one goes on being who built.
    former_accounts: tuple[str, ...] = ()
    state: ChampionState = "active"
    #: Why they are no champion any more, since when, and who said so.
    reason: str = ""
    lapsed_at: datetime | None = None
    lapsed_by: str | None = None

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every account that is or was on record."""
        return (*self.former_accounts, *((self.account,) if self.account else ()))


class PlaybookPage(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a page of the playbook; an edit is a new version, so that who followed which advice stays known."""

    name: str
    version: int
    title: str
    #: Markdown; raw HTML in it is shown as text.
    text: str
    written_by: str
    #: None of what ships.
    written_at: datetime | None
    #: What changed and why.
    note: str = ""


def same_person(first: str, second: str) -> bool:
    """Whether two names are one person's, however they are written."""
    return first.strip().casefold() == second.strip().casefold()
