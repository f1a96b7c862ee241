"""The models that a key may use, as clients of both OpenAI's and Anthropic's lists read them."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import msgspec

from groundcrew.domain.use_case import UseCase
from groundcrew.errors import RefusedCall
from groundcrew.gateway.outbound import model_card


def models_body(path: str, use_case: UseCase) -> bytes:
    """The list, or with ``/NAME`` as `path` one model of it; RefusedCall not_found for any other."""
    aliases = [use_case.model]
    if use_case.embedding_model not in (None, use_case.model):
        aliases.append(str(use_case.embedding_model))
    cards = [model_card(each) for each in aliases]
    body: dict[str, Any] = {"object": "list", "data": cards, "has_more": False, "first_id": aliases[0], "last_id": aliases[-1]}
    if path:
        wanted = unquote(path[1:])
        if wanted in ("default", use_case.name):  # names that a request may use too
            wanted = use_case.model
        if wanted not in aliases:
            names = " or ".join(repr(each) for each in aliases)
            raise RefusedCall("not_found", f"this key may use the model {names} only")
        body = cards[aliases.index(wanted)]
    return msgspec.json.encode(body)
