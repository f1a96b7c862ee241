"""Request bodies before anything else looks at them: JSON that is cheap to read, and errors that name the field."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from groundcrew.errors import RefusedCall
from groundcrew.gateway.settings import GatewaySettings

#: How a gzipped body begins.
_GZIP = b"\x1f\x8b"
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_BRACKET = re.compile(rb"[^\[\]{}]+")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")

Decoded = TypeVar("Decoded")
Known = TypeVar("Known")


def decode(
    body: bytes,
    decoder: msgspec.json.Decoder[Decoded],
    settings: GatewaySettings,
    *,
    what: str,
    strict: msgspec.json.Decoder[Known] | None = None,
) -> Decoded | Known:
    """`body` by `strict` where it fits, otherwise by `decoder`. RefusedCall invalid_request names the field that is wrong; `what`
    is what the body should be."""
    try:
        str(body, "utf-8")
        _check_shape(body, settings)
        try:
            return (strict or decoder).decode(body)
        except msgspec.ValidationError:
            if strict is None:
                raise
        return decoder.decode(body)
    except UnicodeDecodeError:
        packed = "compressed, and is taken as plain JSON only" if body.startswith(_GZIP) else "not UTF-8"
        raise RefusedCall("invalid_request", f"the body is {packed}") from None
    except msgspec.ValidationError as error:
        raise RefusedCall("invalid_request", _validation_message(str(error), what)) from None
    except msgspec.DecodeError as error:
        raise RefusedCall("invalid_request", f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise RefusedCall("invalid_request", f"the body nests deeper than {settings.json_depth_max} levels") from None


def _validation_message(text: str, what: str) -> str:
    match = _PLACE.search(text)
    if match is None:
        missing = re.search(r"missing required field `([^`]+)`", text)
        return f"{missing.group(1)}: is required" if missing else f"the body is not {what}: {text}"
    field = match.group(1) or "the body"
    return f"{field}: {text[: match.start()]}"


def _check_shape(body: bytes, settings: GatewaySettings) -> None:
    """Refuse JSON that is too deep or has too many arrays and objects for what follows to be cheap."""
    if _has_few(body, settings.json_depth_max):
        return
    brackets = _NOT_BRACKET.sub(b"", _STRING.sub(b"", body))
    if brackets.count(b"[") + brackets.count(b"{") > settings.json_containers_max:
        raise RefusedCall("invalid_request", f"the body holds more than {settings.json_containers_max} arrays and objects")
    depth = 0
    for byte in brackets:
        if byte in b"[{":
            depth += 1
            if depth > settings.json_depth_max:
                raise RefusedCall("invalid_request", f"the body nests deeper than {settings.json_depth_max} levels")
        else:
            depth -= 1


def _has_few(body: bytes, most: int) -> bool:
    """Whether `body` holds at most so many opening brackets. One look for the next costs far less than counting bytes."""
    found = 0
    for bracket in (b"{", b"["):
        place = body.find(bracket)
        while place >= 0:
            found += 1
            if found > most:
                return False
            place = body.find(bracket, place + 1)
    return True


def raw_json(value: object) -> msgspec.Raw:
    """`value` as JSON that is embedded as it is."""
    return msgspec.Raw(msgspec.json.encode(value))
