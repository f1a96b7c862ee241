"""People's accounts, from the first day to the last, and the gateway keys of a use case.

A secret shows once, on the page that made it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.key import LABEL_LENGTH_MAX
from groundcrew.domain.user import ROLES
from groundcrew.errors import Conflict, InputError
from groundcrew.services.keys import OVERLAP_S_DEFAULT, OVERLAP_S_MAX, CreatedKey
from groundcrew.services.users import PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN
from groundcrew.web.api.common import REASON_LENGTH_MAX, principal_of, services_of
from groundcrew.web.console.page import Page, PageRequest, render, see
from groundcrew.web.console.refusing import Refusal, status_of, words_of
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

HOUR_S, DAY_S = 3_600, 86_400
KEY_DAYS_DEFAULT = 90
GENERATED_PASSWORD_BYTES = 15


class UserForm(msgspec.Struct, frozen=True, kw_only=True):
    """A new account; an empty password is generated and shown once."""

    name: Annotated[str, msgspec.Meta(max_length=64)]
    password: Annotated[str, msgspec.Meta(max_length=PASSWORD_LENGTH_MAX)] = ""
    roles: tuple[str, ...] = ()
    qualifications: Annotated[str, msgspec.Meta(max_length=400)] = ""


class ChangeForm(msgspec.Struct, frozen=True, kw_only=True):
    """What an account is from now on, and why."""

    roles: tuple[str, ...] = ()
    qualifications: Annotated[str, msgspec.Meta(max_length=400)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


class KeyForm(msgspec.Struct, frozen=True, kw_only=True):
    """A new key."""

    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = KEY_DAYS_DEFAULT
    label: Annotated[str, msgspec.Meta(max_length=LABEL_LENGTH_MAX)] = ""


class RotateForm(msgspec.Struct, frozen=True, kw_only=True):
    """How long the old key goes on beside the new one."""

    hours: Annotated[int, msgspec.Meta(ge=0, le=OVERLAP_S_MAX // HOUR_S)] = OVERLAP_S_DEFAULT // HOUR_S


class WhyForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why a key is revoked, or an account closed or opened again."""

    reason: Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)] = ""


@get("/users", action="manage_users")
async def users_page(request: PageRequest, done: Annotated[str, QueryParameter(max_length=40)] = "") -> Page:
    """All accounts and the form for a new one."""
    return await _users(request, message=DONE.get(done))


@post("/users", action="manage_users")
async def create_user(request: PageRequest) -> Page:
    """Create an account; a generated password shows on this answer only."""
    form = await read_form(request, UserForm)
    password = form.password or secrets.token_urlsafe(GENERATED_PASSWORD_BYTES)
    try:
        await services_of(request).users.create(
            form.name.strip(),
            password,
            roles=form.roles,  # type: ignore[arg-type]  # The service refuses roles that there are not.
            qualifications=_words(form.qualifications),
            actor=principal_of(request).actor,
        )
    except (Conflict, InputError) as error:
        return await _users(request, status=status_of(error), problem=words_of(error), form=form)
    return await _users(request, status=201, made=form.name.strip(), password=None if form.password else password)


@post("/users/{name:str}/change", action="manage_users")
async def change_user(request: PageRequest, name: FromPath[str]) -> Page:
    """Give an account other roles and qualifications."""
    form = await read_form(request, ChangeForm)
    changed = services_of(request).users.change(
        name,
        roles=form.roles,  # type: ignore[arg-type]  # The service refuses roles that there are not.
        qualifications=_words(form.qualifications),
        actor=principal_of(request).actor,
        reason=form.reason,
    )
    return await _told(request, changed, "user_changed")


@post("/users/{name:str}/close", action="manage_users")
async def close_user(request: PageRequest, name: FromPath[str]) -> Page:
    """Close the account of somebody who left."""
    form = await read_form(request, WhyForm)
    closed = services_of(request).users.close(name, actor=principal_of(request).actor, reason=form.reason)
    return await _told(request, closed, "user_closed")


@post("/users/{name:str}/reopen", action="manage_users")
async def reopen_user(request: PageRequest, name: FromPath[str]) -> Page:
    """Open a closed account again."""
    form = await read_form(request, WhyForm)
    opened = services_of(request).users.reopen(name, actor=principal_of(request).actor, reason=form.reason)
    return await _told(request, opened, "user_reopened")


@post("/users/{name:str}/password", action="manage_users")
async def set_user_password(request: PageRequest, name: FromPath[str]) -> Page:
    """Make an account another password, which shows on this answer only; its sessions end."""
    password = secrets.token_urlsafe(GENERATED_PASSWORD_BYTES)
    await services_of(request).users.set_password(name, password, actor=principal_of(request).actor)
    return await _users(request, renewed=name, password=password)


async def _told(request: PageRequest, work: Awaitable[object], done: str) -> Page:
    try:
        await work
    except Refusal as error:
        return await _users(request, status=status_of(error), problem=words_of(error))
    return see(f"/users?done={done}")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


async def _users(
    request: PageRequest,
    *,
    status: int = 200,
    problem: str | None = None,
    form: UserForm | None = None,
    made: str | None = None,
    renewed: str | None = None,
    password: str | None = None,
    message: str | None = None,
) -> Page:
    return await render(
        request,
        "users.html",
        status=status,
        here="users",
        users=await services_of(request).users.find(),
        roles=ROLES,
        form=form,
        made=made,
        renewed=renewed,
        password=password,
        message=message,
        password_length_min=PASSWORD_LENGTH_MIN,
        problem=problem,
    )


@get("/use-cases/{name:str}/keys", action="manage_keys")
async def keys_page(request: PageRequest, name: FromPath[str], done: Annotated[str, QueryParameter(max_length=40)] = "") -> Page:
    """The keys of one use case."""
    return await _keys(request, name, message=DONE.get(done))


@post("/use-cases/{name:str}/keys", action="manage_keys")
async def create_key(request: PageRequest, name: FromPath[str]) -> Page:
    """Create a key; its secret shows on this answer only."""
    form = await read_form(request, KeyForm)
    try:
        created = await services_of(request).keys.create(
            name, actor=principal_of(request).actor, expires_in_s=form.days * DAY_S, label=form.label.strip()
        )
    except InputError as error:
        return await _keys(request, name, status=400, problem=error.message)
    return await _keys(request, name, status=201, created=created)


@post("/use-cases/{name:str}/keys/{key_id:str}/rotate", action="manage_keys")
async def rotate_key(request: PageRequest, name: FromPath[str], key_id: FromPath[str]) -> Page:
    """Put a new key in a key's place; its secret shows on this answer only."""
    form = await read_form(request, RotateForm)
    try:
        created = await services_of(request).keys.rotate(key_id, actor=principal_of(request).actor, overlap_s=form.hours * HOUR_S)
    except Conflict as error:
        return await _keys(request, name, status=409, problem=str(error))
    return await _keys(request, name, status=201, created=created)


@post("/use-cases/{name:str}/keys/{key_id:str}/revoke", action="manage_keys")
async def revoke_key(request: PageRequest, name: FromPath[str], key_id: FromPath[str]) -> Page:
    """Revoke a key."""
    form = await read_form(request, WhyForm)
    try:
        await services_of(request).keys.revoke(key_id, actor=principal_of(request).actor, reason=form.reason)
    except Conflict as error:
        return await _keys(request, name, status=409, problem=str(error))
    return see(f"/use-cases/{name}/keys?done=revoked")


async def _keys(
    request: PageRequest,
    name: str,
    *,
    status: int = 200,
    created: CreatedKey | None = None,
    message: str | None = None,
    problem: str | None = None,
) -> Page:
    services = services_of(request)
    return await render(
        request,
        "keys.html",
        status=status,
        here="portfolio",
        use_case=await services.use_cases.get(name),
        keys=(await services.keys.find(name))[::-1],
        used=await services.keys.last_used(name),
        created=created,
        days=KEY_DAYS_DEFAULT,
        origin=str(request.base_url).rstrip("/"),
        message=message,
        problem=problem,
    )


HANDLERS = [
    *(users_page, create_user, change_user, close_user, reopen_user, set_user_password),
    *(keys_page, create_key, rotate_key, revoke_key),
]
