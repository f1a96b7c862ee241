"""The request headers that mean something to the gateway."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from groundcrew.domain.data_class import DATA_CLASSES, DataClass, highest
from groundcrew.domain.identifiers import pseudonym
from groundcrew.errors import RefusedCall
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.guards.masking import personal_kinds, stored_identifier, without_names


class Inside(msgspec.Struct, frozen=True):
    """A call that comes from within instead of over a connection: it has no key and is charged to its use case. No client can
    say so, since what headers hold is text."""

    use_case: str


class Headers(msgspec.Struct, frozen=True, kw_only=True):
    """The request headers that mean something to the gateway. `secret` is never logged and never recorded."""

    secret: str | Inside | None = None
    case_id: str | None = None
    unit_id: str | None = None
    cluster_id: str | None = None
    user_id: str | None = None
    data_class: DataClass | None = None
    content_length: int | None = None
    #: Whether the client wants no answer that was given before, nor its own to be given again.
    no_store: bool = False


#: Of a call whose headers are not read yet.
NO_HEADERS = Headers()


#: Headers of calls that are about something else than the key and the body.
_OWN = frozenset(
    {
        *(b"groundcrew-case-id", b"groundcrew-unit-id", b"groundcrew-cluster-id", b"groundcrew-user-id"),
        *(b"groundcrew-data-class", b"cache-control"),
    }
)


def read_headers(raw: Iterable[tuple[bytes, bytes]], settings: GatewaySettings) -> Headers:
    """Pick out what is needed; RefusedCall invalid_request for oversized or nonsensical values."""
    lines = list(raw)
    found = dict(lines)
    if sum([len(name) + len(value) for name, value in lines]) > settings.header_bytes_max:
        raise RefusedCall("invalid_request", f"the request headers are larger than {settings.header_bytes_max} bytes")
    secret = None
    authorization = found.get(b"authorization", b"")
    if authorization[:7].lower() == b"bearer ":
        secret = authorization[7:].strip().decode("latin-1")
    elif b"x-api-key" in found:
        secret = found[b"x-api-key"].strip().decode("latin-1")
    length = found.get(b"content-length", b"")
    content_length = int(length) if length.isdigit() and len(length) < 19 else None
    if _OWN.isdisjoint(found):  # as in most calls
        return Headers(secret=secret or None, content_length=content_length)
    return Headers(
        secret=secret or None,
        case_id=_identifier(found, b"groundcrew-case-id", settings),
        unit_id=_identifier(found, b"groundcrew-unit-id", settings),
        cluster_id=_identifier(found, b"groundcrew-cluster-id", settings),
        user_id=_identifier(found, b"groundcrew-user-id", settings),
        data_class=_data_class([value for name, value in lines if name == b"groundcrew-data-class"]),
        content_length=content_length,
        no_store=b"no-store" in found.get(b"cache-control", b"").lower(),
    )


def _identifier(found: dict[bytes, bytes], name: bytes, settings: GatewaySettings) -> str | None:
    raw = found.get(name)
    if raw is None:
        return None
    try:
        text = raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        text = "\0"
    if len(text) > settings.identifier_length_max or not text.isprintable():
        raise RefusedCall(
            "invalid_request",
            f"header {name.decode()}: use at most {settings.identifier_length_max} printable characters",
        )
    if personal := personal_kinds(text):
        raise RefusedCall(
            "invalid_request",
            f"header {name.decode()}: it holds personal data ({', '.join(personal)}); use an identifier of a case",
        )
    return text or None


def user_of(headers: Headers, named: str | None, settings: GatewaySettings) -> str | None:
    """Who asks: the header groundcrew-user-id, else whom the body names, else the header groundcrew-unit-id.

    What a body names is free text: where it is no identifier, or holds personal data, its digest stands for it. So it does for
    whatever holds white space, as names of people do.
    """
    if headers.user_id is not None:
        return without_names(headers.user_id)
    if named is None:
        return without_names(headers.unit_id) if headers.unit_id is not None else None
    fits = len(named) <= settings.identifier_length_max and named.isprintable()
    return stored_identifier(named) if fits else pseudonym(named)


def _data_class(values: list[bytes]) -> DataClass | None:
    """The most sensitive of the classes that are named: whoever stands before the gateway may add one, never take one away."""
    classes: list[DataClass] = []
    for raw in values:
        text = raw.decode("latin-1").strip().lower()
        if text not in DATA_CLASSES:
            raise RefusedCall("invalid_request", "header groundcrew-data-class: use one of " + ", ".join(DATA_CLASSES))
        classes.append(text)
    return highest(classes) if classes else None
