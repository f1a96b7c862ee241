"""Before any handler runs: foreign requests are refused, forms carry their token, and JSON bodies fit their type exactly."""

from __future__ import annotations

import hmac
import re
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request

from groundcrew.errors import InputError
from groundcrew.web.authentication import Principal
from groundcrew.web.problems import ForeignRequest, UnsupportedBody

BODY_BYTES_MAX = 8 * 1024 * 1024
FORM_FIELDS_MAX = 250
CSRF_FIELD, CSRF_HEADER = "csrf_token", "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PLACE = re.compile(r" - at `\$(.*)`$")

T = TypeVar("T")


async def check_request(request: Request[Any, Any, Any]) -> None:
    """The app's `before_request`: raises for what must not reach a handler."""
    if request.method in SAFE_METHODS:
        return
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise ForeignRequest("this request came from another site's page")
    principal = request.scope.get("user")
    if isinstance(principal, Principal) and principal.method == "session":
        await _check_token(request, principal)
    body_type = _body_type(request)
    if body_type is not None:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise UnsupportedBody("send the body as application/json")
        _decode(await request.body(), body_type)


async def read_form(request: Request[Any, Any, Any], kind: type[T]) -> T:
    """The posted form as a struct; a field that occurs several times is a list. InputError names the field that is wrong."""
    values: dict[str, Any] = {}
    names = {field.encode_name: field for field in msgspec.structs.fields(kind)}  # type: ignore[arg-type]
    for name, value in await _form(request):
        if name == CSRF_FIELD:
            continue
        if name not in names:
            raise InputError(f"there is no field {name!r}", field=name)
        text = value.replace("\r\n", "\n")
        if "tuple" in str(names[name].type):
            values[name] = (*values.get(name, ()), text)
        elif text or names[name].required:
            values[name] = text
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _input_error(error) from None


async def _check_token(request: Request[Any, Any, Any], principal: Principal) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None and _is_form(request):
        given = dict(await _form(request)).get(CSRF_FIELD)
    if given is None or not hmac.compare_digest(given.encode(), principal.csrf_token.encode()):
        raise ForeignRequest("the form's token is missing or old: reload the page and try again")


def _is_form(request: Request[Any, Any, Any]) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"


async def _form(request: Request[Any, Any, Any]) -> list[tuple[str, str]]:
    if not _is_form(request):
        raise UnsupportedBody("send the form as application/x-www-form-urlencoded")
    try:
        text = (await request.body()).decode("ascii")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise InputError("the form can not be read") from None


def _body_type(request: Request[Any, Any, Any]) -> Any:
    """The struct that the route's JSON body is declared as; None for a route without one."""
    parameter = request.route_handler.parsed_fn_signature.parameters.get("data")
    return None if parameter is None else parameter.annotation


def _decode(body: bytes, kind: Any) -> None:
    if not body.strip():
        raise InputError("the body is empty: send a JSON object")
    try:
        msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _input_error(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"the body is not JSON: {error}") from None


def _input_error(error: msgspec.ValidationError) -> InputError:
    text = str(error)
    place = _PLACE.search(text)
    message = _PLACE.sub("", text)
    field = place.group(1).lstrip(".") if place else None
    unknown = re.search(r"unknown field `([^`]*)`|missing required field `([^`]*)`", message)
    if unknown:
        name = unknown.group(1) or unknown.group(2)
        field = f"{field}.{name}" if field else name
    return InputError(message[:1].lower() + message[1:], field=field)
