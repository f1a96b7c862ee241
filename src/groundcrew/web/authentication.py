"""Who is asking: a person with a session cookie or HTTP Basic, or an application with its gateway key."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from groundcrew.domain.key import KEY_PREFIX
from groundcrew.domain.user import Role, User
from groundcrew.errors import NotAllowed
from groundcrew.web.throttle import Throttle

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection

    from groundcrew.services.bundle import Services
    from groundcrew.services.views import Views

SESSION_COOKIE = "groundcrew_session"
#: Longest credential that is looked at: a name, a colon and a password, in base64.
CREDENTIAL_LENGTH_MAX = 2_048
#: Passwords that are verified at the same time: each takes argon2's memory.
VERIFICATIONS_MAX = 2


class NotAuthenticated(NotAllowed):
    """Nobody is signed in, or what was shown is not valid."""

    def __init__(self, message: str = "sign in first, or send a key") -> None:
        super().__init__(message)


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking. `name` is a user's name or a key's id; `session` is the cookie's secret, where there is one."""

    kind: Literal["user", "key"]
    name: str
    method: Literal["session", "basic", "key"]
    roles: tuple[Role, ...] = ()
    user: User | None = None
    use_case: str | None = None
    session: str | None = None

    @property
    def actor(self) -> str:
        """How the audit log names them: ``user:anna`` or ``key:ID``."""
        return f"{self.kind}:{self.name}"

    @property
    def csrf_token(self) -> str:
        """What a form of this session must carry; derived from the session, so that nothing has to be stored."""
        return hmac.new((self.session or "").encode(), b"csrf", hashlib.sha256).hexdigest() if self.session else ""


class Authentication:
    """Finds out who is asking. One for the whole app: it holds the throttle."""

    def __init__(self, services: Services, views: Views, throttle: Throttle | None = None) -> None:
        self._services, self._views = services, views
        self._throttle = throttle or Throttle()
        self._turns = asyncio.Semaphore(VERIFICATIONS_MAX)

    async def principal(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Principal | None:
        """The principal of a request, None where it shows nothing. NotAuthenticated where what it shows is not valid.

        The console takes a session only; the API takes a key or Basic as well, and they come before a cookie.
        """
        if connection.url.path.startswith("/api/"):
            header = connection.headers.get("authorization", "")
            secret = connection.headers.get("x-api-key")
            scheme, _, credential = header.partition(" ")
            if secret or scheme.lower() == "bearer":
                return await self._key(secret or credential.strip())
            if scheme.lower() == "basic":
                return await self._basic(credential.strip(), address_of(connection))
            if header:
                raise NotAuthenticated("use Authorization: Bearer KEY or Basic")
        session = connection.cookies.get(SESSION_COOKIE)
        if not session or len(session) > CREDENTIAL_LENGTH_MAX:
            return None
        user = await self._services.users.session_user(session)
        return None if user is None else _person(user, "session", session)

    async def sign_in(self, name: str, password: str, address: str) -> tuple[User, str]:
        """The user and a new session's secret. NotAllowed, the same for every cause; TooManyAttempts past the limits."""
        user = await self._verified(name, password, address)
        return user, await self._services.users.open_session(user)

    async def sign_out(self, principal: Principal) -> None:
        """End the session that the request came with."""
        if principal.session:
            await self._services.users.close_session(principal.session)

    async def verify_password(self, user: User, password: str, address: str) -> None:
        """Raise NotAllowed unless it is the password of `user`; failures count against the limits."""
        await self._verified(user.name, password, address)

    async def _verified(self, name: str, password: str, address: str) -> User:
        self._throttle.check(name, address)
        async with self._turns:
            try:
                user = await self._services.users.authenticate(name, password)
            except NotAllowed:
                self._throttle.failed(name, address)
                raise
        self._throttle.succeeded(name, address)
        return user

    async def _basic(self, credential: str, address: str) -> Principal:
        try:
            if len(credential) > CREDENTIAL_LENGTH_MAX:
                raise ValueError
            name, colon, password = base64.b64decode(credential, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, ValueError):
            raise NotAuthenticated("the Basic credential can not be read") from None
        if not colon:
            raise NotAuthenticated("the Basic credential has no colon")
        try:
            return _person(await self._verified(name, password, address), "basic", None)
        except NotAllowed as error:
            if type(error) is not NotAllowed:
                raise
            raise NotAuthenticated(str(error)) from None

    async def _key(self, secret: str) -> Principal:
        key = None
        if secret.startswith(KEY_PREFIX) and len(secret) <= CREDENTIAL_LENGTH_MAX:
            key = await self._views.key_of(secret)
        if key is None:
            raise NotAuthenticated("the key is unknown, revoked or expired")
        return Principal(kind="key", name=key.id, method="key", use_case=key.use_case)


def address_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The address that the request came from, for the throttle."""
    return connection.client.host if connection.client else "unknown"


def _person(user: User, method: Literal["session", "basic"], session: str | None) -> Principal:
    return Principal(kind="user", name=user.name, method=method, roles=user.roles, user=user, session=session)
