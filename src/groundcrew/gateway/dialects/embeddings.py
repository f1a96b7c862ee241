"""Embeddings of the OpenAI dialect: the request is decoded as far as the gateway reads it, the answer is checked and passed on.

Vectors are never decoded: that a vector is a list of numbers, or base64, is seen on its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway import json_shape
from groundcrew.gateway.answer import TOKENS_MAX
from groundcrew.gateway.settings import GatewaySettings

Fields = dict[str, msgspec.Raw]

_NUMBERS = re.compile(rb"\[[-+0-9.eE,\s]+\]")
_BASE64 = re.compile(rb'"[A-Za-z0-9+/=\\]+"')
#: Members that hold no text of anybody's.
_TEXTLESS = frozenset({"model", "encoding_format", "dimensions"})

TokenId = Annotated[int, msgspec.Meta(ge=0, le=2**31)]


class _Body(msgspec.Struct):
    input: str | list[str | TokenId | list[TokenId]]
    model: str | None = None
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    user: str | None = None


class EmbeddingsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An embeddings request. `input` is a text, texts, one text's token ids or several texts' token ids; `fields` are the
    body's members as they came."""

    input: str | list[str] | list[int] | list[list[int]]
    fields: Fields
    model: str | None = None
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    user: str | None = None

    @property
    def inputs(self) -> int:
        """How many vectors the answer must hold."""
        return len(self.input) if isinstance(self.input, list) and not isinstance(self.input[0], int) else 1


class _Vector(msgspec.Struct):
    index: int
    embedding: msgspec.Raw


class _Usage(msgspec.Struct):
    prompt_tokens: Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)]


class _Answer(msgspec.Struct):
    data: list[_Vector]


_FIELDS = msgspec.json.Decoder(Fields)
_BODY = msgspec.json.Decoder(_Body)
_ANSWER = msgspec.json.Decoder(_Answer)
_USAGE = msgspec.json.Decoder(_Usage)


def decode(body: bytes, settings: GatewaySettings) -> EmbeddingsRequest:
    """The request. RefusedCall invalid_request names the field that is wrong."""
    given = json_shape.decode(body, _BODY, settings, what="an embeddings request")
    return EmbeddingsRequest(
        input=_checked_input(given.input, settings),
        fields=_FIELDS.decode(body),
        model=given.model,
        encoding_format=given.encoding_format,
        dimensions=given.dimensions,
        user=given.user,
    )


def _checked_input(given: Any, settings: GatewaySettings) -> Any:
    """`given` once it is known to be of one kind, not empty and within its limits."""
    if len(given) == 0:
        raise RefusedCall("invalid_request", "input: must not be empty")
    if isinstance(given, str):
        return given
    kinds = {type(each) for each in given}
    if len(kinds) > 1:
        raise RefusedCall("invalid_request", "input: use texts, token ids or lists of token ids, not several of them")
    if int not in kinds and len(given) > settings.embedding_inputs_max:
        raise RefusedCall("invalid_request", f"input: more than {settings.embedding_inputs_max}; send them in several requests")
    for index, tokens in enumerate([given] if int in kinds else given if list in kinds else ()):
        place = "input" if int in kinds else f"input[{index}]"
        if not 0 < len(tokens) <= settings.embedding_tokens_max:
            raise RefusedCall("invalid_request", f"{place}: use between 1 and {settings.embedding_tokens_max} token ids")
    return given


def texts(request: EmbeddingsRequest) -> list[str]:
    """The texts that guards read, in order. None for token ids: `hides_text` tells."""
    given = request.input
    if isinstance(given, str):
        return [given]
    return [each for each in given if isinstance(each, str)]


def hides_text(request: EmbeddingsRequest) -> bool:
    """Whether the request holds anything that `texts` leaves out: token ids, a user's name, members that are unknown here."""
    if not texts(request):
        return True
    return any(name != "input" and name not in _TEXTLESS and bytes(raw) != b"null" for name, raw in request.fields.items())


def with_texts(fields: Fields, texts: Sequence[str]) -> Fields:
    """`fields` with `texts` (masked, as many as there were) in the place of the input's."""
    one = bytes(fields["input"]).startswith(b'"')
    return {**fields, "input": msgspec.Raw(msgspec.json.encode(texts[0] if one else list(texts)))}


def body_for(fields: Fields, model: str, texts: Sequence[str] | None = None) -> bytes:
    """The body for a target: the client's members, the target's model, and masked `texts` where they are given."""
    changed = fields if texts is None else with_texts(fields, texts)
    return msgspec.json.encode({**changed, "model": model})


def read_answer(body: bytes, provider: str, *, inputs: int) -> tuple[Fields, int | None]:
    """The answer's members, and how many tokens the provider counted (None where it does not tell). UpstreamError where it is no
    list of embeddings, one for each of `inputs`."""
    try:
        str(body, "utf-8")
        fields, answer = _FIELDS.decode(body), _ANSWER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamError(f"provider {provider}: its answer is no list of embeddings") from None
    if sorted(each.index for each in answer.data) != list(range(inputs)):
        raise UpstreamError(f"provider {provider}: its answer holds no embedding, or more than one, for some of {inputs} inputs")
    for each in answer.data:
        if not _NUMBERS.fullmatch(each.embedding) and not _BASE64.fullmatch(each.embedding):
            raise UpstreamError(f"provider {provider}: its answer holds an embedding that is neither numbers nor base64")
    try:
        return fields, _USAGE.decode(fields.get("usage", b"null")).prompt_tokens
    except msgspec.DecodeError:
        return fields, None


def write_answer(fields: Fields, model: str, report: Any) -> bytes:
    """The answer for the client: the provider's members, the alias as its model, and `report` as `groundcrew`."""
    return msgspec.json.encode({**fields, "model": model, "groundcrew": report})
