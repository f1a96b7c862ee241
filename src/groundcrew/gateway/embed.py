"""Embeddings: admitted, scanned, masked, budgeted and recorded like every call; there is no answer that could be checked.

Grounding and sign-off do not apply: vectors state nothing. Where a guard wants more than masking, the request is refused.
"""

from __future__ import annotations

import base64
import struct
import time
from collections.abc import Awaitable, Sequence, Set
from typing import Any

from groundcrew.domain.provider import Target
from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.admission import Admitted, routes_for
from groundcrew.gateway.answer import Tokens
from groundcrew.gateway.asked import Dialect, Outgoing
from groundcrew.gateway.checks import Checks
from groundcrew.gateway.dialects import embeddings
from groundcrew.gateway.entrance import Entrance
from groundcrew.gateway.finish import Finisher
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.json_shape import raw_json
from groundcrew.gateway.protocols import Upstream, UpstreamRequest
from groundcrew.gateway.respond import Send, send_json
from groundcrew.gateway.routing import Route, caller_of, order
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.targets import Targets
from groundcrew.gateway.wire import user_of

#: APIs that give embeddings.
EMBEDDING_APIS = frozenset({"openai", "gemini", "bedrock"})


class AskedEmbeddings:
    """An embeddings request. Implements `Asked`."""

    dialect: Dialect = "embeddings"
    stream = wants_usage = offers_tools = False
    choices = 0
    output_tokens: int | None = None
    prefill = ""

    def __init__(self, body: bytes, settings: GatewaySettings) -> None:
        self.given = embeddings.decode(body, settings)
        self.model, self.user = self.given.model, self.given.user
        self.texts = embeddings.texts(self.given)
        self.roles = ["user"] * len(self.texts)
        self.request: dict[str, Any] = {}

    def question(self, texts: Sequence[str] | None = None) -> str:
        """Nothing is asked."""
        return ""

    def transcript(self, texts: Sequence[str] | None = None) -> str:
        """Every text; how many token ids there are, where the client sends those."""
        if not self.texts:
            return f"user: ({self.given.inputs} texts as token ids)"
        return "\n\n".join(f"user: {text}" for text in (self.texts if texts is None else texts))

    def hides_text(self) -> bool:
        """Whether guards can not read it: token ids, members that are unknown."""
        return embeddings.hides_text(self.given)

    def offers(self, name: str) -> bool:
        """No tools."""
        return False

    def members(self) -> Set[str]:
        """The names of the request's members."""
        return self.given.fields.keys()

    def body(self, outgoing: Outgoing) -> bytes:
        """The request for a provider of the OpenAI kind."""
        return embeddings.body_for(self.given.fields, outgoing.model, outgoing.texts)


class Embedder:
    """Takes embeddings requests to their end. Errors are raised; `Gateway` turns them into answers."""

    def __init__(
        self,
        upstream: Upstream,
        checks: Checks,
        targets: Targets,
        finisher: Finisher,
        entrance: Entrance,
        settings: GatewaySettings,
    ) -> None:
        self._upstream, self._checks, self._targets = upstream, checks, targets
        self._finisher, self._entrance, self._settings = finisher, entrance, settings

    async def run(self, flight: Flight, body: bytes, send: Send) -> None:
        """Serve one call whose key is known."""
        started_s = time.perf_counter()
        asked = AskedEmbeddings(body, self._settings)
        flight.asked, flight.details["dialect"] = asked, "embeddings"
        flight.user_id = user_of(flight.headers, asked.user, self._settings)
        admitted = self._entrance.admit(flight, asked, len(body))
        flight.timed("admission", started_s)
        checked = await self._checks.request(flight, admitted, asked)
        if checked.outcome.action not in ("allow", "redact"):
            raise RefusedCall("guard_blocked", f"blocked by the guard {checked.outcome.guard!r}: {checked.outcome.reason}")
        routes = admitted.routes
        if checked.provider_class != admitted.seen_class:
            use_case = admitted.entry.use_case
            _, routes = routes_for(admitted.snapshot, admitted.key, use_case, checked.provider_class, admitted.model.name)
        tries = self._plan(flight, admitted, asked, routes)

        def attempt(route: Route, target: Target) -> Awaitable[embeddings.Fields]:
            return self._ask(flight, route, target, asked, checked.texts)

        fields = await self._targets.first(flight, admitted, tries, attempt)
        answer = embeddings.write_answer(fields, admitted.model.name, flight.report())
        await self._finisher.commit(flight, "answered")
        flight.response_started = True
        await send_json(send, 200, flight.response_headers(), answer)

    def _plan(self, flight: Flight, admitted: Admitted, asked: AskedEmbeddings, routes: tuple[Route, ...]) -> tuple[Route, ...]:
        """The targets to try in turn. Shadows get no copies of embeddings: there would be nothing to compare."""
        able = tuple(each for each in routes if each.provider.api in EMBEDDING_APIS)
        caller = caller_of(flight.call_id, user=flight.user_id, unit_id=flight.headers.unit_id, case_id=flight.headers.case_id)
        plan = order(admitted.model.name, able, call_id=flight.call_id, caller=caller, tries_max=self._settings.targets_max)
        if not plan.tries:
            raise RefusedCall("invalid_request", f"model: no provider of {admitted.model.name!r} gives embeddings")
        return plan.tries

    async def _ask(
        self, flight: Flight, route: Route, target: Target, asked: AskedEmbeddings, texts: list[str] | None
    ) -> embeddings.Fields:
        """One target's answer in the shape of OpenAI's, its tokens booked with the flight."""
        if route.provider.api != "openai":
            return await self._ask_other(flight, route, target, asked, texts)
        body = asked.body(Outgoing(dialect="embeddings", model=target.model, texts=texts))
        answer = await self._send(flight, route, target, body)
        fields, tokens = embeddings.read_answer(answer, route.provider.name, inputs=asked.given.inputs)
        if tokens is not None:
            flight.used(Tokens(prompt_tokens=tokens))
        return fields

    async def _ask_other(
        self, flight: Flight, route: Route, target: Target, asked: AskedEmbeddings, texts: list[str] | None
    ) -> embeddings.Fields:
        """The same from an API of another shape, in as few requests as it takes."""
        from groundcrew.gateway.providers.embeddings import batches, embeddings_body, read_embeddings

        if not asked.texts:
            raise RefusedCall("invalid_request", f"input: provider {route.provider.name} takes texts, not token ids")
        vectors: list[list[float]] = []
        tokens: int | None = 0
        for batch in batches(route.provider, target.model, texts if texts is not None else asked.texts):
            body = embeddings_body(route.provider, batch, target.model, asked.given.dimensions)
            try:
                answer = await self._send(flight, route, target, body)
            except UpstreamError as error:
                error.is_sent |= bool(vectors)
                raise
            found, counted = read_embeddings(route.provider, answer, len(batch))
            vectors += found
            tokens = None if tokens is None or counted is None else tokens + counted
        if tokens is not None:
            flight.used(Tokens(prompt_tokens=tokens))
        used = tokens if tokens is not None else flight.estimated_input_tokens
        data = [
            {"object": "embedding", "index": index, "embedding": _vector(each, asked.given.encoding_format)}
            for index, each in enumerate(vectors)
        ]
        written = {"object": "list", "data": data, "usage": {"prompt_tokens": used, "total_tokens": used}}
        return {name: raw_json(value) for name, value in written.items()}

    async def _send(self, flight: Flight, route: Route, target: Target, body: bytes) -> bytes:
        flight.upstream_started = True
        answer = await self._upstream.complete(
            UpstreamRequest(
                provider=route.provider,
                target=target,
                body=body,
                call_id=flight.call_id,
                kind="embeddings",
                headers=flight.trace.headers(body),
            )
        )
        flight.trace.answered(answer)
        return answer


def _vector(numbers: list[float], encoding: str | None) -> list[float] | str:
    """A vector as the client asked for it: numbers, or the base64 of little-endian 32-bit floats."""
    if encoding != "base64":
        return numbers
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
