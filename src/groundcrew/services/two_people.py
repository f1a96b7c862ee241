"""What takes two people, and who counts as one: the first step is a person's, the second one's person has shown who they are. The
roles are those that the console asks for, so that the command line is no way round them."""

from __future__ import annotations

from typing import Literal

from groundcrew.domain.user import Role, User
from groundcrew.errors import NotAllowed
from groundcrew.store import catalog
from groundcrew.store.database import Connection

TwoPersonAction = Literal["resume", "manage_incident", "manage_resources", "manage_champions", "hold_records"]
#: Who may take a step, by action; a test holds it against the policies of the web.
ROLES_OF: dict[TwoPersonAction, frozenset[Role]] = {
    "resume": frozenset({"admin", "on_call", "it"}),
    "manage_incident": frozenset({"admin", "owner", "on_call", "it", "ethics", "legal"}),
    "manage_resources": frozenset({"admin", "business"}),
    "manage_champions": frozenset({"admin", "business"}),
    "hold_records": frozenset({"legal"}),
}


async def check_person(connection: Connection, actor: str, action: TwoPersonAction, *, second: bool = False) -> None:
    """NotAllowed unless `actor` is a person who may take this step. An account is enabled, no program's, and has a role for it.
    The first step may be that of whoever runs a command on the host (`cli:`); the second takes an account, whose password or
    session was checked: a name of the operating system alone is as many people as its holder wishes."""
    origin, _, name = actor.partition(":")
    if origin == "cli" and not second:
        return
    if origin == "cli":
        raise NotAllowed("the second person acts under their own account, in the console or with --as NAME")
    account = await person_account(connection, actor)
    if not ROLES_OF[action] & set(account.roles):
        raise NotAllowed(f"{name} may not {action.replace('_', ' ')}: it takes one of {', '.join(sorted(ROLES_OF[action]))}")


async def person_account(connection: Connection, actor: str) -> User:
    """The account of a person, open now. NotAllowed for whoever has none, and for a program's."""
    origin, _, name = actor.partition(":")
    if origin != "user":
        raise NotAllowed("this takes a person")
    account = await catalog.USERS.get(connection, name)
    if account is None or account.disabled:
        raise NotAllowed(f"this takes a person with an account, and {name} has none that is open")
    if account.kind == "agent":
        raise NotAllowed(f"this takes a person, and {name} is the account of a program")
    return account
