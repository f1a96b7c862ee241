"""People who sign in: local accounts with argon2id hashes, sessions kept by the hash of their secret."""

from __future__ import annotations

import asyncio
import secrets

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.identifiers import name_problem
from groundcrew.domain.user import ROLES, Role, User, UserKind
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.lookups import require
from groundcrew.store import catalog, operations
from groundcrew.store.database import Database, Writer

PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX = 12, 256
SESSION_S = 12 * 3_600
ADMIN_NAME = "admin"
_NOBODY: list[str] = []


class Users:
    """Local accounts and their sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def first_run(self) -> str | None:
        """Create the admin account when there is no account at all; returns its password this once, else None."""
        async with self._database.read() as connection:
            if await catalog.USERS.count(connection):
                return None
        password = secrets.token_urlsafe(15)
        # The admin administers accounts and may stop things; approving and signing take their own roles.
        await self.create(ADMIN_NAME, password, roles=("admin", "on_call", "reviewer"), actor="system:first-run")
        return password

    async def create(
        self,
        name: str,
        password: str,
        *,
        roles: tuple[Role, ...],
        actor: str,
        qualifications: tuple[str, ...] = (),
        kind: UserKind = "person",
    ) -> User:
        """A new account; Conflict if the name is taken. That of an agent, a program that signs in, has no qualifications."""
        problem = None if "@" in name else name_problem(name)
        if problem:
            raise InputError(problem, field="name")
        _check_password(password)
        _check_standing(roles, qualifications, kind)
        user = User(
            name=name,
            password_hash=await _hash(password),
            roles=roles,
            created_at=self._database.clock.now(),
            qualifications=qualifications,
            kind=kind,
        )
        async with self._database.write(actor) as writer:
            if await catalog.USERS.get(writer.connection, name):
                raise Conflict(f"there is a user {name!r} already")
            await catalog.USERS.put(writer, user, "create")
        return user

    async def set_password(self, name: str, password: str, *, actor: str) -> None:
        """Give an account another password; its sessions end."""
        _check_password(password)
        password_hash = await _hash(password)
        async with self._database.write(actor) as writer:
            user = await require(writer.connection, catalog.USERS, name)
            await catalog.USERS.put(writer, msgspec.structs.replace(user, password_hash=password_hash), "set_password")
            await operations.close_sessions_of(writer.connection, name, self._database.clock.now().timestamp())

    async def change(
        self, name: str, *, roles: tuple[Role, ...], qualifications: tuple[str, ...], actor: str, reason: str
    ) -> User:
        """Give an account other roles and qualifications, which hold from its next request on.

        Nobody changes their own account (NotAllowed), and one open account of a person stays admin (Conflict)."""
        async with self._database.write(actor) as writer:
            user = await self._of_another(writer, name, actor)
            _check_standing(roles, qualifications, user.kind)
            changed = msgspec.structs.replace(user, roles=roles, qualifications=qualifications)
            return await self._put(writer, user, changed, "change", reason)

    async def close(self, name: str, *, actor: str, reason: str) -> User:
        """Close the account of somebody who left: it signs in no more, its sessions end, and it speaks for nothing.

        What it did stays on record, and its name is not given again. NotAllowed for one's own, Conflict for the last admin."""
        async with self._database.write(actor) as writer:
            user = await self._of_another(writer, name, actor)
            if user.disabled:
                raise Conflict(f"the account of {name} is closed already")
            closed = await self._put(writer, user, msgspec.structs.replace(user, disabled=True), "close", reason)
            await operations.close_sessions_of(writer.connection, name, self._database.clock.now().timestamp())
            return closed

    async def reopen(self, name: str, *, actor: str, reason: str) -> User:
        """Open a closed account again, with the roles and the password that it had; Conflict if it is open."""
        async with self._database.write(actor) as writer:
            user = await self._of_another(writer, name, actor)
            if not user.disabled:
                raise Conflict(f"the account of {name} is open")
            return await self._put(writer, user, msgspec.structs.replace(user, disabled=False), "reopen", reason)

    async def _of_another(self, writer: Writer, name: str, actor: str) -> User:
        if actor == f"user:{name}":
            raise NotAllowed("nobody changes their own account: another admin does")
        return await require(writer.connection, catalog.USERS, name)

    async def _put(self, writer: Writer, user: User, changed: User, action: str, reason: str) -> User:
        if not reason.strip():
            raise InputError("say why: it is kept in the audit log", field="reason")
        if _is_admin(user) and not _is_admin(changed):
            others = [each for each in await catalog.USERS.find(writer.connection) if each.name != user.name and _is_admin(each)]
            if not others:
                raise Conflict(f"{user.name} is the only admin: make another one first")
        details = {"roles": [*changed.roles], "qualifications": [*changed.qualifications], "disabled": changed.disabled}
        await catalog.USERS.put(writer, changed, action, reason=reason.strip(), details=details)
        return changed

    async def authenticate(self, name: str, password: str) -> User:
        """The account with this name and password; NotAllowed, the same for every cause, otherwise."""
        async with self._database.read() as connection:
            user = await catalog.USERS.get(connection, name)
        # An unknown name costs the same as a known one, so that names can not be told by time.
        stored = user.password_hash if user else await _hash_of_nobody()
        try:
            await asyncio.to_thread(PasswordHasher().verify, stored, password[:PASSWORD_LENGTH_MAX])
        except VerificationError:
            user = None
        if user is None or user.disabled:
            raise NotAllowed("name or password is wrong")
        return user

    async def open_session(self, user: User) -> str:
        """A new session's secret, 43 URL-safe characters; only its hash is stored."""
        secret = secrets.token_urlsafe(32)
        async with self._database.operate() as connection:
            await operations.open_session(
                connection,
                session=sha256_hex(secret.encode()),
                user_name=user.name,
                expires_at_s=self._database.clock.now().timestamp() + SESSION_S,
            )
        return secret

    async def session_user(self, secret: str) -> User | None:
        """Who is signed in with this session, or None."""
        async with self._database.read() as connection:
            name = await operations.session_user(connection, sha256_hex(secret.encode()), self._database.clock.now().timestamp())
            user = await catalog.USERS.get(connection, name) if name else None
        return user if user and not user.disabled else None

    async def close_session(self, secret: str) -> None:
        """Sign out."""
        async with self._database.operate() as connection:
            await operations.close_session(connection, sha256_hex(secret.encode()))

    async def get(self, name: str) -> User:
        """The account of this name; NotFound names the nearest."""
        async with self._database.read() as connection:
            return await require(connection, catalog.USERS, name)

    async def find(self) -> list[User]:
        """All accounts."""
        async with self._database.read() as connection:
            return await catalog.USERS.find(connection)


def _is_admin(user: User) -> bool:
    return "admin" in user.roles and user.kind == "person" and not user.disabled


def _check_password(password: str) -> None:
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise InputError(f"a password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters", field="password")


def _check_standing(roles: tuple[Role, ...], qualifications: tuple[str, ...], kind: UserKind) -> None:
    if not roles or any(role not in ROLES for role in roles):
        raise InputError(f"roles are some of {', '.join(ROLES)}", field="roles")
    if kind == "agent" and qualifications:
        raise InputError("an agent has no qualification: only people sign", field="qualifications")


async def _hash(password: str) -> str:
    """The argon2id hash of a password, made in a thread: it takes tens of milliseconds of processor time on purpose."""
    return await asyncio.to_thread(PasswordHasher().hash, password)


async def _hash_of_nobody() -> str:
    """The hash that an unknown name's password is compared with; made once."""
    if not _NOBODY:
        _NOBODY.append(await _hash(secrets.token_urlsafe(32)))
    return _NOBODY[0]
