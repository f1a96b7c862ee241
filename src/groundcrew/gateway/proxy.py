"""The way of one chat completion through the gateway: admission, guards, retrieval, upstream, trust, release, record, send."""

from __future__ import annotations

import time

import msgspec

from groundcrew.domain.clock import Clock
from groundcrew.domain.data_class import highest
from groundcrew.errors import RefusedCall, UpstreamError
from groundcrew.gateway.accounting import hold
from groundcrew.gateway.admission import Admitted, admit, authenticate, check_age, floor_class, routes_for
from groundcrew.gateway.answer import Generated, Tokens, answer_events, chunk_object, completion_body, usage_object
from groundcrew.gateway.budget import Ledger
from groundcrew.gateway.checks import CheckedInput, Checks
from groundcrew.gateway.finish import Finisher
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.passthrough import PassThrough
from groundcrew.gateway.prompt import system_prompt
from groundcrew.gateway.protocols import SnapshotSource
from groundcrew.gateway.release import Release, Releaser, holds_back
from groundcrew.gateway.respond import DONE, Send, event, send_events, send_json, start_events
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.targets import BodyFor, Targets
from groundcrew.gateway.wire import ChatRequest, Fields, decode_chat, upstream_body, user_of


class Proxy:
    """Takes authenticated calls to their end. Errors are raised; `Gateway` turns them into answers."""

    def __init__(
        self,
        *,
        snapshots: SnapshotSource,
        checks: Checks,
        targets: Targets,
        finisher: Finisher,
        ledger: Ledger,
        clock: Clock,
        settings: GatewaySettings,
    ) -> None:
        self._snapshots, self._checks, self._targets = snapshots, checks, targets
        self._finisher, self._ledger, self._clock, self._settings = finisher, ledger, clock, settings
        self._releaser = Releaser(checks)
        self._pass_through = PassThrough(snapshots, checks, finisher)

    async def run(self, flight: Flight, body: bytes, send: Send) -> None:
        """Serve one call whose key is known."""
        started_s = time.perf_counter()
        request, fields = decode_chat(body, self._settings)
        flight.stream = bool(request.stream)
        flight.request_text, flight.question = request.transcript(), request.question()
        flight.prefill, flight.offers_tools = request.prefill(), bool(request.tools or request.functions)
        flight.user_id = user_of(flight.headers, fields, self._settings)
        admitted = self._admit(flight, request, len(body))
        flight.timed("admission", started_s)
        checked = await self._checks.request(flight, admitted, request, fields)
        flight.question = request.question(checked.masked)
        await self._checks.retrieve(flight, admitted)
        if checked.outcome.action not in ("allow", "redact"):
            release = await self._releaser.instead(flight, admitted, checked.outcome)
            await self._leave(flight, request, admitted, None, release, send)
            return
        _, routes = routes_for(admitted.snapshot, admitted.entry.use_case, checked.provider_class, self._settings.targets_max)
        passing = flight.stream and not holds_back(admitted) and routes[0].provider.api != "extractive"
        body_for = self._body_for(flight, admitted, fields, checked, passing=passing)
        if passing:
            embedded = tuple(each for each in routes if each.provider.api == "extractive")
            remote = tuple(each for each in routes if each.provider.api != "extractive")
            try:
                opened = await self._targets.open_stream(flight, admitted, remote, body_for)
            except UpstreamError:
                if not embedded:
                    raise
                routes = embedded
            else:
                wants_usage = request.stream_options is not None and bool(request.stream_options.include_usage)
                await self._pass_through.run(flight, admitted, opened, send, wants_usage=wants_usage)
                return
        generated = await self._targets.complete(flight, admitted, routes, body_for)
        self._count(flight, generated)
        extractive = any(each.provider.name == flight.provider and each.provider.api == "extractive" for each in routes)
        release = await self._releaser.decide(flight, admitted, generated, extractive=extractive)
        await self._leave(flight, request, admitted, generated, release, send)

    def _admit(self, flight: Flight, request: ChatRequest, body_bytes: int) -> Admitted:
        """Admission against the newest snapshot, and the budget's reservation."""
        snapshot, now = self._snapshots.current, self._clock.now()
        flight.snapshot_version = snapshot.version
        key, entry = authenticate(snapshot, flight.headers.secret, now.timestamp())
        flight.key, flight.entry = key, entry
        flight.data_class = highest((floor_class(entry.use_case), flight.headers.data_class or "public"))
        check_age(entry, self._snapshots.age_s(), self._settings.snapshot_age_s_max)
        admitted = admit(
            snapshot,
            key,
            entry,
            asked_model=request.model,
            data_class=flight.data_class,
            now_s=now.timestamp(),
            targets_max=self._settings.targets_max,
        )
        if (request.n or 1) > 1 and (holds_back(admitted) or entry.use_case.grounding is not None):
            raise RefusedCall("invalid_request", f"n: use case {entry.use_case.name} checks its answers, one at a time")
        added_bytes = len(entry.use_case.prompt.encode())
        if entry.use_case.grounding is not None:
            added_bytes += self._settings.prompt_passages_max * self._settings.passage_bytes_estimate
        if (request.n or 1) > 1:
            flight.scans_missing += 1  # only the first choice is looked at
        flight.estimated_input_tokens = -(-(body_bytes + added_bytes) // self._settings.prompt_bytes_per_token)
        output = request.max_completion_tokens or request.max_tokens or self._settings.output_tokens_default
        output *= request.n or 1
        estimate = flight.estimated_input_tokens
        hold(self._ledger, flight, admitted.routes, input_tokens=estimate, output_tokens=output, now=now)
        return admitted

    def _body_for(self, flight: Flight, admitted: Admitted, fields: Fields, checked: CheckedInput, *, passing: bool) -> BodyFor:
        """How a target's body is made: the client's bytes, masked texts, our system message, the target's model."""
        use_case = admitted.entry.use_case
        marker = flight.call_id[-12:]
        shown = flight.sources[: self._settings.prompt_passages_max]
        system = system_prompt(use_case.prompt, shown, bound=use_case.grounding is not None, marker=marker)
        sent, was_read = dict(fields), flight.scans_ran > 0
        if not passing:
            sent.pop("stream", None)
            sent.pop("stream_options", None)

        def body_for(model: str) -> bytes:
            body = upstream_body(sent, model=model, system=system, texts=checked.masked, include_usage=passing, was_read=was_read)
            flight.estimated_input_tokens = -(-len(body) // self._settings.prompt_bytes_per_token)
            return body

        return body_for

    @staticmethod
    def _count(flight: Flight, generated: Generated) -> None:
        if generated.usage is not None:
            flight.usage_known = True
            flight.input_tokens, flight.output_tokens = generated.usage.prompt_tokens, generated.usage.completion_tokens

    async def _leave(
        self,
        flight: Flight,
        request: ChatRequest,
        admitted: Admitted,
        generated: Generated | None,
        release: Release,
        send: Send,
    ) -> None:
        """Record the call, and only then let its answer leave."""
        await self._finisher.commit(flight, flight.status)
        model, created_s = admitted.entry.use_case.model, int(flight.received_at.timestamp())
        headers = flight.response_headers()
        flight.response_started = True
        if release.kind == "held":
            report = {
                "status": "pending_sign_off",
                "sign_off_id": flight.sign_off_id,
                "call_id": flight.call_id,
                "reason": release.reason,
            }
            if flight.stream:
                held = chunk_object(flight.call_id, model, created_s, [], groundcrew=report)
                await start_events(send, 202, headers)
                await send_events(send, event(held, "held") + DONE, more=False)
            else:
                held = {**chunk_object(flight.call_id, model, created_s, []), "object": "chat.completion", "groundcrew": report}
                await send_json(send, 202, headers, msgspec.json.encode(held))
            return
        usage = Tokens(prompt_tokens=flight.input_tokens, completion_tokens=flight.output_tokens)
        if flight.stream:
            events = answer_events(
                release.text,
                release.tool_calls,
                call_id=flight.call_id,
                model=model,
                created_s=created_s,
                is_refusal=release.is_refusal,
                finish_reason=release.finish_reason,
            )
            if request.stream_options is not None and request.stream_options.include_usage:
                events.append(event(chunk_object(flight.call_id, model, created_s, [], usage=usage_object(usage))))
            events.append(event(chunk_object(flight.call_id, model, created_s, [], groundcrew=flight.report())))
            await start_events(send, 200, headers)
            for each in events:
                await send_events(send, each)
            await send_events(send, DONE, more=False)
            return
        body = completion_body(
            generated if release.as_is else None,
            call_id=flight.call_id,
            model=model,
            created_s=created_s,
            text=release.text,
            tool_calls=release.tool_calls,
            usage=usage,
            report=flight.report(),
            is_refusal=release.is_refusal,
            finish_reason=release.finish_reason,
        )
        await send_json(send, 200, headers, body)
