"""Signing in and out, and the own account's password."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import QueryParameter

from groundcrew.errors import InputError, NotAllowed
from groundcrew.services.users import PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN, SESSION_S
from groundcrew.web.api.common import principal_of, services_of
from groundcrew.web.authentication import SESSION_COOKIE, Authentication, address_of
from groundcrew.web.authorization import PUBLIC
from groundcrew.web.console.page import Page, PageRequest, own_path, render, see, signed_in
from groundcrew.web.problems import problem_of
from groundcrew.web.requests import read_form


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """The sign-in form."""

    name: Annotated[str, msgspec.Meta(max_length=200)]
    password: Annotated[str, msgspec.Meta(max_length=PASSWORD_LENGTH_MAX)]
    next: str = "/"


class NewPassword(msgspec.Struct, frozen=True, kw_only=True):
    """The form for another password."""

    current: Annotated[str, msgspec.Meta(max_length=PASSWORD_LENGTH_MAX)]
    password: str
    again: str


def _authentication(request: PageRequest) -> Authentication:
    authentication: Authentication = request.app.state.authentication
    return authentication


@get("/sign-in", action=PUBLIC)
async def sign_in_page(request: PageRequest, next_path: Annotated[str, QueryParameter(name="next")] = "/") -> Page:
    """The form; who is signed in already goes on."""
    if signed_in(request):
        return see(own_path(next_path))
    return await render(request, "sign_in.html", next=own_path(next_path), name="", problem=None)


@post("/sign-in", action=PUBLIC)
async def sign_in(request: PageRequest) -> Page:
    """Open a session and set its cookie."""
    form = await read_form(request, SignIn)
    try:
        _, secret = await _authentication(request).sign_in(form.name.strip(), form.password, address_of(request))
    except NotAllowed as error:
        problem = problem_of(error)
        status = 429 if problem.status == 429 else 401
        page = await render(
            request, "sign_in.html", status=status, next=own_path(form.next), name=form.name, problem=problem.message
        )
        page.headers.update({name: value for name, value in problem.headers.items() if name == "Retry-After"})
        return page
    page = see(own_path(form.next))
    secure = bool(request.app.state.secure_cookies) or request.url.scheme == "https"
    page.set_cookie(SESSION_COOKIE, secret, max_age=SESSION_S, path="/", httponly=True, samesite="lax", secure=secure)
    return page


@post("/sign-out", action="identify")
async def sign_out(request: PageRequest) -> Page:
    """End the session."""
    await _authentication(request).sign_out(principal_of(request))
    page = see("/sign-in")
    page.delete_cookie(SESSION_COOKIE, path="/")
    return page


@get("/account", action="identify")
async def account_page(request: PageRequest) -> Page:
    """The own account."""
    return await render(request, "account.html", here="account", problem=None, password_length_min=PASSWORD_LENGTH_MIN)


@post("/account/password", action="identify")
async def change_password(request: PageRequest) -> Page:
    """Another password: the current one is asked for, every session ends, and one signs in anew."""
    form = await read_form(request, NewPassword)
    principal = principal_of(request)
    try:
        if form.password != form.again:
            raise InputError("the two new passwords differ", field="again")
        if principal.user is not None:
            await _authentication(request).verify_password(principal.user, form.current, address_of(request))
        await services_of(request).users.set_password(principal.name, form.password, actor=principal.actor)
    except (InputError, NotAllowed) as error:
        message = "the current password is wrong" if type(error) is NotAllowed else problem_of(error).message
        return await render(
            request, "account.html", status=400, here="account", problem=message, password_length_min=PASSWORD_LENGTH_MIN
        )
    page = see("/sign-in")
    page.delete_cookie(SESSION_COOKIE, path="/")
    return page


HANDLERS = [sign_in_page, sign_in, sign_out, account_page, change_password]
