"""People who sign in to the console, and what they may do there."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Role = Literal["admin", "owner", "reviewer", "on_call", "auditor", "ethics", "it", "legal", "business"]
ROLES: tuple[Role, ...] = ("admin", "owner", "reviewer", "on_call", "auditor", "ethics", "it", "legal", "business")


#: Whether a person or a program signs in with an account. A program decides nothing that is a person's to decide.
UserKind = Literal["person", "agent"]


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A local account. `password_hash` is argon2id; `qualifications` are what its holder may sign off as."""

    name: str
    password_hash: str
    roles: tuple[Role, ...]
    created_at: datetime
    qualifications: tuple[str, ...] = ()
    disabled: bool = False
    kind: UserKind = "person"
