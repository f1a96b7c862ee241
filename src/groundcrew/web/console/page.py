"""Rendering: templates with what every page shows, forms that redirect, and the page of an error."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.datastructures import State

from groundcrew import __version__
from groundcrew.domain.use_case import STAGES
from groundcrew.services.sign_off_reading import COUNTED_MAX
from groundcrew.web.api.common import services_of, views_of
from groundcrew.web.authentication import Principal
from groundcrew.web.authorization import allowed
from groundcrew.web.console import words
from groundcrew.web.problems import Problem

TEMPLATES = Path(__file__).parents[1] / "templates"

Page = Response[str]
PageRequest = Request[Any, Any, State]


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates. Everything is escaped, and a name that is missing is an error rather than an empty place."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters.update(words.FILTERS)
    made.globals.update(stages=STAGES, version=__version__)
    return made


def signed_in(request: Request[Any, Any, Any]) -> Principal | None:
    """Who is signed in, or None."""
    principal = request.scope.get("user")
    return principal if isinstance(principal, Principal) else None


async def render(request: Request[Any, Any, Any], template: str, *, status: int = 200, here: str = "", **context: Any) -> Page:
    """A page: `here` is the entry of the navigation that it belongs to."""
    overview = await views_of(request).overview() if signed_in(request) else None
    alarms = await services_of(request).experiments.alarms() if signed_in(request) else []
    shared = {"overview": overview, "alarms": alarms, "to_sign": await _to_sign(request), "here": here}
    return _page(request, template, status, {**shared, **context})


async def _to_sign(request: Request[Any, Any, Any]) -> str:
    """How many drafts wait for who looks, as the navigation writes it; empty where none does."""
    principal = signed_in(request)
    if principal is None or not allowed(principal, "decide_sign_off"):
        return ""
    number = await services_of(request).sign_off_reading.count(principal.user)
    return f"{COUNTED_MAX}+" if number > COUNTED_MAX else str(number or "")


def plain_page(request: Request[Any, Any, Any], template: str, *, status: int = 200, **context: Any) -> Page:
    """A page of its own, without what the console's pages share and whoever is signed in."""
    principal = signed_in(request)
    # A form of somebody who is signed in besides needs their token, or it is not taken.
    token = principal.csrf_token if principal else ""
    content = environment().get_template(template).render(csrf_token=token, path=request.url.path, **context)
    return Response(content, status_code=status, media_type="text/html; charset=utf-8")


def _page(request: Request[Any, Any, Any], template: str, status: int, context: dict[str, Any]) -> Page:
    principal = signed_in(request)
    content = (
        environment()
        .get_template(template)
        .render(
            principal=principal,
            csrf_token=principal.csrf_token if principal else "",
            can=lambda action: allowed(principal, action),
            path=request.url.path,
            now=services_of(request).database.clock.now(),
            **context,
        )
    )
    return Response(content, status_code=status, media_type="text/html; charset=utf-8")


def fragment(template: str, **context: Any) -> Page:
    """A part of a page, for htmx."""
    return Response(environment().get_template(template).render(**context), media_type="text/html; charset=utf-8")


def see(path: str) -> Page:
    """To another page after a form was taken."""
    return Response("", status_code=303, headers={"Location": path}, media_type="text/html; charset=utf-8")


def own_path(path: str | None) -> str:
    """`path` if it leads to one of our own pages, else the portfolio: a redirect never leaves the console."""
    if not path or len(path) > 500 or not path.startswith("/") or path.startswith("//") or "\\" in path:
        return "/"
    parts = urlsplit(path)
    return "/" if parts.scheme or parts.netloc or any(ord(each) < 32 for each in path) else path


def problem_page(request: Request[Any, Any, Any], problem: Problem) -> Page:
    """The page of an error. Who is not signed in is sent to sign in, and comes back."""
    if problem.status == 401 and request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        path = request.url.path + query
        return see("/sign-in" if path == "/" else f"/sign-in?next={quote(path, safe='')}")
    page = _page(request, "problem.html", problem.status, {"overview": None, "to_sign": "", "here": "", "problem": problem})
    page.headers.update(problem.headers)
    return page
