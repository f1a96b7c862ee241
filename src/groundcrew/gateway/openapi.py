"""The data plane's routes as an OpenAPI 3.1 document."""

from __future__ import annotations

#: The routes that this gateway serves.
SERVED: tuple[str, ...] = ("/v1/chat/completions", "/v1/models", "/v1/models/{model}")
