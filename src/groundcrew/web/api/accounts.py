"""People's accounts, gateway keys, and who is asking."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from groundcrew.domain.key import KEY_LIFETIME_S_MAX, LABEL_LENGTH_MAX, Key
from groundcrew.domain.use_case import RateLimits, SpendLimits
from groundcrew.domain.user import Role, User, UserKind
from groundcrew.services.keys import KEY_LIFETIME_S_DEFAULT, OVERLAP_S_DEFAULT, OVERLAP_S_MAX
from groundcrew.services.users import PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN
from groundcrew.web.api.common import ApiRequest, Reason, principal_of, services_of


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account without its password's hash."""

    name: str
    roles: tuple[Role, ...]
    qualifications: tuple[str, ...]
    created_at: datetime
    disabled: bool
    kind: UserKind = "person"


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to create."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    password: Annotated[str, msgspec.Meta(min_length=PASSWORD_LENGTH_MIN, max_length=PASSWORD_LENGTH_MAX)]
    roles: Annotated[tuple[Role, ...], msgspec.Meta(min_length=1)]
    qualifications: tuple[str, ...] = ()
    kind: UserKind = "person"


class ChangedAccount(Reason, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account is from now on: all its roles and qualifications, not only those that are new."""

    roles: Annotated[tuple[Role, ...], msgspec.Meta(min_length=1)]
    qualifications: tuple[str, ...] = ()


class NewPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password for an account."""

    password: Annotated[str, msgspec.Meta(min_length=PASSWORD_LENGTH_MIN, max_length=PASSWORD_LENGTH_MAX)]


class KeyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A key's record without its hash."""

    id: str
    use_case: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    label: str = ""
    rotated_from: str | None = None
    last_used_at: datetime | None = None


class KeySpend(SpendLimits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key may spend; a limit that does not exist is no limit, so it is refused."""


class KeyRates(RateLimits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How fast calls with a key may come."""


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to create."""

    use_case: str
    expires_in_s: Annotated[float, msgspec.Meta(gt=0, le=KEY_LIFETIME_S_MAX)] = KEY_LIFETIME_S_DEFAULT
    budget: KeySpend | None = None
    limits: KeyRates | None = None
    label: Annotated[str, msgspec.Meta(max_length=LABEL_LENGTH_MAX)] = ""


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a key is rotated: for how long the old one goes on, and how long the new one lives (as the old one, where absent)."""

    overlap_s: Annotated[float, msgspec.Meta(ge=0, le=OVERLAP_S_MAX)] = OVERLAP_S_DEFAULT
    expires_in_s: Annotated[float, msgspec.Meta(gt=0, le=KEY_LIFETIME_S_MAX)] | None = None


class CreatedKeyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A new key; `secret` is shown this once."""

    key: KeyAnswer
    secret: str


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking. A key names its use case, a person has roles."""

    actor: str
    kind: str
    roles: tuple[Role, ...]
    qualifications: tuple[str, ...]
    use_case: str | None


@get("/me", action="identify", tags=["accounts"], summary="Who is asking")
async def me(request: ApiRequest) -> Identity:
    """Who this request counts as."""
    principal = principal_of(request)
    return Identity(
        actor=principal.actor,
        kind=principal.kind,
        roles=principal.roles,
        qualifications=principal.user.qualifications if principal.user else (),
        use_case=principal.use_case,
    )


@get("/users", action="manage_users", tags=["accounts"], summary="List accounts")
async def list_users(request: ApiRequest) -> dict[str, list[Account]]:
    """All accounts."""
    return {"users": [_account(each) for each in await services_of(request).users.find()]}


@post("/users", action="manage_users", tags=["accounts"], summary="Create an account")
async def create_user(request: ApiRequest, data: JSONBody[NewAccount]) -> Account:
    """Create an account; 409 if the name is taken."""
    return _account(
        await services_of(request).users.create(
            data.name,
            data.password,
            roles=data.roles,
            qualifications=data.qualifications,
            kind=data.kind,
            actor=principal_of(request).actor,
        )
    )


@post("/users/{name:str}/change", action="manage_users", status_code=200, tags=["accounts"], summary="Change an account")
async def change_user(request: ApiRequest, name: FromPath[str], data: JSONBody[ChangedAccount]) -> Account:
    """Give an account other roles and qualifications; 403 for one's own, 409 where no admin would be left."""
    users = services_of(request).users
    return _account(
        await users.change(
            name, roles=data.roles, qualifications=data.qualifications, actor=principal_of(request).actor, reason=data.reason
        )
    )


@post("/users/{name:str}/close", action="manage_users", status_code=200, tags=["accounts"], summary="Close an account")
async def close_user(request: ApiRequest, name: FromPath[str], data: JSONBody[Reason]) -> Account:
    """Close the account of somebody who left; its sessions end at once. 403 for one's own, 409 for the last admin."""
    return _account(await services_of(request).users.close(name, actor=principal_of(request).actor, reason=data.reason))


@post("/users/{name:str}/reopen", action="manage_users", status_code=200, tags=["accounts"], summary="Open an account again")
async def reopen_user(request: ApiRequest, name: FromPath[str], data: JSONBody[Reason]) -> Account:
    """Open a closed account again; 409 if it is open."""
    return _account(await services_of(request).users.reopen(name, actor=principal_of(request).actor, reason=data.reason))


@post("/users/{name:str}/password", action="manage_users", status_code=200, tags=["accounts"], summary="Set a password")
async def set_user_password(request: ApiRequest, name: FromPath[str], data: JSONBody[NewPassword]) -> Account:
    """Give an account another password; its sessions end."""
    users = services_of(request).users
    await users.set_password(name, data.password, actor=principal_of(request).actor)
    return _account(await users.get(name))


@get("/keys", action="manage_keys", tags=["keys"], summary="List keys")
async def list_keys(request: ApiRequest, use_case: FromQuery[str | None] = None) -> dict[str, list[KeyAnswer]]:
    """All keys, or those of one use case; never their secrets."""
    keys = services_of(request).keys
    used = await keys.last_used(use_case)
    return {"keys": [_key(each, used.get(each.id)) for each in await keys.find(use_case)]}


@post("/keys", action="manage_keys", tags=["keys"], summary="Create a key")
async def create_key(request: ApiRequest, data: JSONBody[NewKey]) -> CreatedKeyAnswer:
    """A key for one use case. Its secret is in this answer and nowhere else."""
    created = await services_of(request).keys.create(
        data.use_case,
        actor=principal_of(request).actor,
        expires_in_s=data.expires_in_s,
        label=data.label,
        budget=data.budget,
        limits=data.limits,
    )
    return CreatedKeyAnswer(key=_key(created.key), secret=created.secret)


@post("/keys/{key_id:str}/rotate", action="manage_keys", tags=["keys"], summary="Rotate a key")
async def rotate_key(request: ApiRequest, key_id: FromPath[str], data: JSONBody[Rotation]) -> CreatedKeyAnswer:
    """A new key in the place of this one, which goes on until the overlap ends; 409 if it is not valid or already rotated."""
    created = await services_of(request).keys.rotate(
        key_id, actor=principal_of(request).actor, overlap_s=data.overlap_s, expires_in_s=data.expires_in_s
    )
    return CreatedKeyAnswer(key=_key(created.key), secret=created.secret)


@post("/keys/{key_id:str}/revoke", action="manage_keys", status_code=200, tags=["keys"], summary="Revoke a key")
async def revoke_key(request: ApiRequest, key_id: FromPath[str], data: JSONBody[Reason]) -> KeyAnswer:
    """Revoke a key; gateways refuse it from their next snapshot on."""
    return _key(await services_of(request).keys.revoke(key_id, actor=principal_of(request).actor, reason=data.reason))


def _account(user: User) -> Account:
    return Account(
        name=user.name,
        roles=user.roles,
        qualifications=user.qualifications,
        created_at=user.created_at,
        disabled=user.disabled,
        kind=user.kind,
    )


def _key(key: Key, last_used_at: datetime | None = None) -> KeyAnswer:
    return KeyAnswer(
        id=key.id,
        use_case=key.use_case,
        created_by=key.created_by,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        label=key.label,
        rotated_from=key.rotated_from,
        last_used_at=last_used_at,
    )


HANDLERS = [
    *(me, list_users, create_user, change_user, close_user, reopen_user, set_user_password),
    *(list_keys, create_key, rotate_key, revoke_key),
]
