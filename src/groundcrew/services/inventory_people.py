"""Who may settle what a scan found: people whose role it is now, and for what only a person can answer for, under an account."""

from __future__ import annotations

from groundcrew.domain.user import Role
from groundcrew.errors import NotAllowed
from groundcrew.store import catalog
from groundcrew.store.database import Connection

#: A test holds it against the policies of the web.
SETTLE_ROLES: frozenset[Role] = frozenset(("admin", "owner", "it", "business"))


async def may_settle(connection: Connection, actor: str) -> bool:
    """Whether `actor` may settle findings, as `check_settler` has it."""
    try:
        await check_settler(connection, actor)
    except NotAllowed:
        return False
    return True


async def check_settler(connection: Connection, actor: str, *, account: bool = False) -> None:
    """NotAllowed unless `actor` is a person who may settle findings. Whoever runs a command on the host may, unless it takes an
    `account`: a name of the operating system alone is nobody who answers for it."""
    origin, _, name = actor.partition(":")
    if origin == "cli" and not account:
        return
    if origin == "cli":
        raise NotAllowed(
            "who accepts that AI stays ungoverned does so under their own account: in the console, or with --as NAME"
        )
    if origin != "user":
        raise NotAllowed("this takes a person")
    user = await catalog.USERS.get(connection, name)
    if user is None or user.disabled:
        raise NotAllowed(f"this takes a person with an account, and {name} has none that is open")
    if user.kind == "agent":
        raise NotAllowed(f"this takes a person, and {name} is the account of a program")
    if not SETTLE_ROLES & set(user.roles):
        raise NotAllowed(f"{name} may not settle findings: it takes one of {', '.join(sorted(SETTLE_ROLES))}")
