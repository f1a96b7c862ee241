"""How a champion stands now: recorded or not, active or lapsed, of which unit, with how many live use cases. Gates, pages and
the agenda ask here, so that they say the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from groundcrew.domain.champion import LOAD_MAX, Champion, same_person
from groundcrew.domain.use_case import TERMINAL_STAGES, UseCase
from groundcrew.domain.user import User
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection


class ChampionStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How the champion that use cases name stands. `unrecorded`: nobody appointed them, so that their unit is not known; `why`
    says why they lapsed."""

    name: str
    state: Literal["active", "lapsed", "unrecorded"]
    business_unit: str = ""
    why: str = ""

    def problem(self, business_unit: str) -> str:
        """Why they can not carry a use case of this unit, "" where they can."""
        if self.state == "lapsed":
            return f"{self.name} is no champion any more: {self.why}"
        if self.business_unit and self.business_unit != business_unit:
            return f"{self.name} is champion of {self.business_unit}, and this is {business_unit}'s"
        return ""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """The champions on record and the accounts, by their names without case."""

    champions: Mapping[str, Champion]
    accounts: Mapping[str, User]

    def standing(self, name: str) -> ChampionStanding:
        """How the champion of this name stands."""
        key = name.strip().casefold()
        champion = self.champions.get(key)
        account = self.accounts.get((champion.account if champion is not None else "").strip().casefold() or key)
        if champion is None:
            lapsed = account is not None and (account.disabled or account.kind == "agent")
            why = "their account is closed" if account is not None and account.disabled else "it is a program's account"
            return ChampionStanding(name=name, state="lapsed" if lapsed else "unrecorded", why=why if lapsed else "")
        unit, why = champion.business_unit, ""
        if champion.state == "lapsed":
            why = champion.reason
        elif account is None and champion.account:
            why = f"there is no account {champion.account}"
        elif account is not None and account.disabled:
            why = "their account is closed"
        return ChampionStanding(name=champion.name, state="lapsed" if why else "active", business_unit=unit, why=why)


async def people_of(connection: Connection) -> People:
    """The champions and accounts as they are now."""
    champions = {deciding.CHAMPIONS.identify(each): each for each in await deciding.CHAMPIONS.find(connection)}
    accounts = {each.name.strip().casefold(): each for each in await catalog.USERS.find(connection)}
    return People(champions=champions, accounts=accounts)


async def load_max(connection: Connection) -> int:
    """Live use cases that one champion carries at most, as the published gate into pilot says."""
    policies = await catalog.GATE_POLICIES.find(connection, stage="pilot", state="published")
    for criterion in policies[-1].criteria if policies else ():
        if criterion.check == "champion":
            return int(criterion.settings.get("use_cases_max", LOAD_MAX))
    return LOAD_MAX


def carried(use_cases: Iterable[UseCase], name: str) -> tuple[UseCase, ...]:
    """The live use cases of a champion."""
    return tuple(
        each
        for each in use_cases
        if each.champion is not None and same_person(each.champion, name) and each.stage not in TERMINAL_STAGES
    )
