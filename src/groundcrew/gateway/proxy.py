"""The way of one call through the gateway: admission, guards, retrieval, upstream, trust, release, record, send."""

from __future__ import annotations

import time

import msgspec

from groundcrew.errors import UpstreamError, UpstreamTimeout, UpstreamUnreachable
from groundcrew.gateway.admission import Admitted, routes_for
from groundcrew.gateway.answer import Generated
from groundcrew.gateway.asked import Asked, Dialect, Outgoing
from groundcrew.gateway.cache import AnswerCache, CacheUse, cache_key, may_use
from groundcrew.gateway.checks import CheckedInput, Checks
from groundcrew.gateway.dialects.chat import AskedChat
from groundcrew.gateway.dialects.translated import AskedTranslated
from groundcrew.gateway.entrance import Entrance, output_tokens
from groundcrew.gateway.finish import Finisher
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.holdback import HoldBack
from groundcrew.gateway.leaving import WHOLE, Leaving, leaving
from groundcrew.gateway.metrics import Metrics
from groundcrew.gateway.outbound import answer_body, answer_events, held_body, held_events, held_report
from groundcrew.gateway.passthrough import PassThrough
from groundcrew.gateway.prompt import system_prompt
from groundcrew.gateway.protocols import SnapshotSource
from groundcrew.gateway.release import Release, Releaser
from groundcrew.gateway.respond import Send, send_events, send_json, start_events
from groundcrew.gateway.response_schema import requested_schema
from groundcrew.gateway.restored_answer import restored
from groundcrew.gateway.routing import Route, caller_of, order
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.shadow import ShadowOrder
from groundcrew.gateway.targets import BodyFor, OpenStream, Targets
from groundcrew.gateway.wire import user_of


class Proxy:
    """Takes authenticated calls to their end. Errors are raised; `Gateway` turns them into answers."""

    def __init__(
        self,
        *,
        snapshots: SnapshotSource,
        checks: Checks,
        targets: Targets,
        finisher: Finisher,
        entrance: Entrance,
        settings: GatewaySettings,
        metrics: Metrics,
        cache: AnswerCache,
    ) -> None:
        self._checks, self._targets, self._finisher = checks, targets, finisher
        self._entrance, self._settings = entrance, settings
        self._metrics, self._cache = metrics, cache
        self._releaser = Releaser(checks)
        self._pass_through = PassThrough(snapshots, checks, finisher)
        self._hold_back = HoldBack(snapshots, checks, self._releaser, finisher)

    async def run(self, flight: Flight, body: bytes, send: Send) -> None:
        """Serve one call whose key is known."""
        started_s = time.perf_counter()
        asked = self._read(flight, body)
        admitted = self._entrance.admit(flight, asked, len(body))
        flight.timed("admission", started_s)
        if admitted.wants_schema:
            flight.response_schema = requested_schema(flight.dialect, body)
        checked = await self._checks.request(flight, admitted, asked)
        seen = checked.provider_class
        if admitted.entry.use_case.grounding is not None:
            seen = await self._checks.retrieve(flight, admitted, seen)
        if seen != checked.provider_class:
            checked = msgspec.structs.replace(checked, provider_class=seen)
        flight.seen_class = seen
        if checked.outcome.action not in ("allow", "redact"):
            release = await self._releaser.instead(flight, admitted, checked.outcome)
            await self._leave(flight, asked, admitted, None, release, send)
            return
        routes = self._plan(flight, asked, admitted, checked)
        way = leaving(flight, admitted, prefill=bool(asked.prefill)) if flight.stream else WHOLE
        passing = way.way != "whole" and not routes[0].provider.embedded
        cache = self._cache_use(flight, admitted, asked, checked) if admitted.entry.use_case.cache is not None else None
        found = cache.find() if cache is not None else None
        if cache is not None:
            self._metrics.cache(admitted.entry.use_case.name, flight.cache)
        if found is not None:
            release = await self._releaser.decide(flight, admitted, found, extractive=False)
            await self._leave(flight, asked, admitted, found, release, send)
            return
        body_for = self._body_for(flight, admitted, asked, checked, passing=passing)
        if passing:
            embedded = tuple(each for each in routes if each.provider.embedded)
            remote = tuple(each for each in routes if not each.provider.embedded)
            try:
                opened = await self._targets.open_stream(flight, admitted, remote, body_for)
            except UpstreamError:
                if not embedded:
                    raise
                routes = embedded
            else:
                try:
                    await self._stream(flight, admitted, asked, opened, way, send, cache)
                except UpstreamError as error:
                    routes = _left_to_try(flight, way, routes, error)
                else:
                    return
            body_for = self._body_for(flight, admitted, asked, checked, passing=False)
        generated = await self._targets.complete(flight, admitted, routes, body_for)
        if generated.usage is not None:
            flight.used(generated.usage)
        chosen = [each.provider for each in routes if each.provider.embedded and each.provider.name == flight.provider]
        extractive = bool(chosen) and any(each.api == "extractive" for each in chosen)
        text = generated.text
        release = await self._releaser.decide(flight, admitted, generated, extractive=extractive)
        await self._leave(flight, asked, admitted, generated, release, send)
        # What is made here costs nothing, and comes with citations or evidence that no cache keeps.
        if cache is not None and not chosen:
            cache.keep(generated, text, release)

    async def _stream(
        self,
        flight: Flight,
        admitted: Admitted,
        asked: Asked,
        opened: OpenStream,
        way: Leaving,
        send: Send,
        cache: CacheUse | None,
    ) -> None:
        """Let a stream out as it comes, or through the hold-back window."""
        if way.way == "as_it_comes":
            await self._pass_through.run(flight, admitted, asked, opened, send, cache)
            return
        held = await self._hold_back.run(flight, admitted, asked, opened, way, send)
        if not held.is_over:
            await self._leave(flight, asked, admitted, held.generated, held.release, send)
        if cache is not None:
            cache.keep(held.generated, held.text, held.release)

    def _read(self, flight: Flight, body: bytes) -> Asked:
        """The request in the dialect of its path."""
        asked: Asked
        if flight.dialect == "chat":
            asked = AskedChat(body, self._settings)
        else:
            asked = AskedTranslated(flight.dialect, body, self._settings)
            flight.details["dialect"] = flight.dialect
        flight.stream, flight.asked = asked.stream, asked
        flight.prefill, flight.offers_tools = asked.prefill, asked.offers_tools
        flight.user_id = user_of(flight.headers, asked.user, self._settings)
        return asked

    def _cache_use(self, flight: Flight, admitted: Admitted, asked: Asked, checked: CheckedInput) -> CacheUse | None:
        """What the call does with the cache; None where it may not use it."""
        if not may_use(flight, admitted, asked):
            return None
        assert flight.entry is not None
        self._cache.follow(flight.entry)
        use_case = admitted.entry.use_case
        shown = flight.sources[: self._settings.prompt_passages_max]
        system = system_prompt(use_case.prompt, shown, grounding=use_case.grounding, marker="cache")
        outgoing = Outgoing(
            dialect=asked.dialect,
            model=use_case.model,
            system=system,
            texts=checked.texts,
            was_read=flight.scans_ran > 0,
        )
        key = cache_key(
            use_case=use_case.name,
            version_digest=admitted.entry.version_digest,
            knowledge_revision=admitted.knowledge.revision if admitted.knowledge is not None else None,
            dialect=asked.dialect,
            data_classes=(flight.data_class, checked.provider_class),
            body=asked.body(outgoing),
        )
        return CacheUse(self._cache, flight, admitted, key)

    def _plan(self, flight: Flight, asked: Asked, admitted: Admitted, checked: CheckedInput) -> tuple[Route, ...]:
        """The targets to try in turn, and with the flight the copies that its end sets off."""
        routes = admitted.routes
        if checked.provider_class != admitted.seen_class:
            _, routes = routes_for(
                admitted.snapshot, admitted.key, admitted.entry.use_case, checked.provider_class, admitted.model.name
            )
        if len(routes) == 1 and routes[0].target.role == "primary":  # as almost always: there is nothing to choose from
            return routes
        headers = flight.headers
        caller = caller_of(flight.call_id, user=flight.user_id, unit_id=headers.unit_id, case_id=headers.case_id)
        plan = order(admitted.model.name, routes, call_id=flight.call_id, caller=caller, tries_max=self._settings.targets_max)
        if plan.shadows:
            body_for = self._body_for(flight, admitted, asked, checked, passing=False)
            flight.shadows = ShadowOrder(
                admitted=admitted, routes=plan.shadows, body_for=body_for, output_tokens=output_tokens(asked, self._settings)
            )
        return plan.tries

    def _body_for(self, flight: Flight, admitted: Admitted, asked: Asked, checked: CheckedInput, *, passing: bool) -> BodyFor:
        """How a target's body is made: the client's bytes, masked texts, our system message, the target's model."""
        use_case = admitted.entry.use_case
        system = None
        if use_case.prompt or use_case.grounding is not None:
            shown = flight.sources[: self._settings.prompt_passages_max]
            system = system_prompt(use_case.prompt, shown, grounding=use_case.grounding, marker=flight.call_id[-12:])
        was_read = flight.scans_ran > 0

        def body_for(model: str, dialect: Dialect) -> bytes:
            body = asked.body(
                Outgoing(dialect=dialect, model=model, system=system, texts=checked.texts, passing=passing, was_read=was_read)
            )
            flight.estimated_input_tokens = -(-len(body) // self._settings.prompt_bytes_per_token)
            return body

        return body_for

    async def _leave(
        self,
        flight: Flight,
        asked: Asked,
        admitted: Admitted,
        generated: Generated | None,
        release: Release,
        send: Send,
    ) -> None:
        """Record the call, and only then let its answer leave."""
        model = admitted.entry.use_case.model
        if flight.pseudonyms.restores and release.kind == "sent":
            generated, release = restored(flight, generated, release)
        if asked.dialect != "chat" and release.kind == "sent":  # what can not be said in the client's dialect is no answer
            if flight.stream:
                answer_events(asked, flight, release, model)
            else:
                answer_body(asked, flight, generated, release, model)
        await self._finisher.commit(flight, flight.status)
        headers = flight.response_headers()
        if release.kind == "held":
            report = held_report(flight, release.reason)
            if flight.stream:
                events = [held_events(asked, flight, report, model)]
            else:
                body = held_body(asked, flight, report, model)
        elif flight.stream:
            events = answer_events(asked, flight, release, model)
        else:
            body = answer_body(asked, flight, generated, release, model)
        status = 202 if release.kind == "held" else 200
        flight.response_started = True
        if not flight.stream:
            await send_json(send, status, headers, body)
            return
        await start_events(send, status, headers)
        for each in events[:-1]:
            await send_events(send, each)
        await send_events(send, events[-1], more=False)


def _left_to_try(flight: Flight, way: Leaving, routes: tuple[Route, ...], error: UpstreamError) -> tuple[Route, ...]:
    """The targets that may answer in the place of a stream that broke off in the window, before anything had left: the same one
    again where its connection broke, and those after it. Raises `error` where there are none."""
    asked = [index for index, each in enumerate(routes) if each.target.model == flight.target_model]
    asked = [index for index in asked if routes[index].provider.name == flight.provider]
    left = routes[asked[0] + (not isinstance(error, UpstreamUnreachable)) :] if asked else ()
    if way.way != "windowed" or flight.response_started or isinstance(error, UpstreamTimeout) or not left:
        raise error
    flight.details.setdefault("upstream_failures", []).append(f"{flight.target_model}: {error}")
    flight.answer, flight.side_bytes = "", 0
    return left
