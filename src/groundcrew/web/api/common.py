"""What every API module shares: the typed request, the services behind it, and limits on pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.params import QueryParameter

from groundcrew.errors import NotAllowed
from groundcrew.web.authentication import NotAuthenticated, Principal

if TYPE_CHECKING:
    from groundcrew.domain.user import User
    from groundcrew.services.bundle import Services
    from groundcrew.services.views import Views

PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX = 50, 200
REASON_LENGTH_MAX = 2_000

ApiRequest = Request[Any, Any, State]
PageSize = Annotated[int, QueryParameter(ge=1, le=PAGE_ROWS_MAX, description="Rows of one page")]


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why something is done; it is kept in the audit log."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_LENGTH_MAX)]


def services_of(request: Request[Any, Any, Any]) -> Services:
    """The services of the app that serves `request`."""
    services: Services = request.app.state.services
    return services


def views_of(request: Request[Any, Any, Any]) -> Views:
    """The read models of the app that serves `request`."""
    views: Views = request.app.state.views
    return views


def principal_of(request: Request[Any, Any, Any]) -> Principal:
    """Who is asking; the guard has seen to it that there is someone."""
    principal = request.scope.get("user")
    if not isinstance(principal, Principal):
        raise NotAuthenticated
    return principal


def person_of(request: Request[Any, Any, Any], refusal: str) -> User:
    """The person who asks; NotAllowed with `refusal` for a key."""
    user = principal_of(request).user
    if user is None:
        raise NotAllowed(refusal)
    return user
