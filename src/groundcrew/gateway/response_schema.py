"""The JSON Schema that a request asks its answer to keep to, for policies that hold the answer to it."""

from __future__ import annotations

from typing import Any

import msgspec

from groundcrew.domain.guard import Policy
from groundcrew.gateway.asked import Dialect
from groundcrew.guards.schema import OF_REQUEST

#: Where each dialect says it, the older place last.
_PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "chat": (("response_format",),),
    "responses": (("text", "format"),),
    "messages": (("output_config", "format"), ("output_format",)),
}


def wants_request_schema(policy: Policy | None) -> bool:
    """Whether a rule of `policy` holds answers to what their request asks for."""
    return policy is not None and any(
        rule.guard == "schema" and rule.settings.get("schema") == OF_REQUEST for rule in policy.guards
    )


def requested_schema(dialect: Dialect, body: bytes) -> dict[str, Any] | bool | None:
    """The schema in a request's `body`, which was read before; `True` where it asks for any JSON, None where it asks for none."""
    request = msgspec.json.decode(body)
    for path in _PLACES.get(dialect, ()):
        found: Any = request
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        if not isinstance(found, dict) or found.get("type") not in ("json_schema", "json_object"):
            continue
        inner = found.get("json_schema")
        schema = inner.get("schema") if isinstance(inner, dict) else found.get("schema")
        return schema if found["type"] == "json_schema" and isinstance(schema, dict | bool) else True
    return None
