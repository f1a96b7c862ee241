"""Whether an answer may leave, and as what: the one place where trust, guards and sign-off meet. The most severe wish wins."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from groundcrew.domain.call import CallStatus
from groundcrew.domain.guard import Action
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.trust_rules import ReleaseRule
from groundcrew.domain.use_case import Grounding as GroundingRule
from groundcrew.errors import RefusedCall
from groundcrew.gateway.admission import Admitted
from groundcrew.gateway.answer import FINISH_REASONS, Generated
from groundcrew.gateway.checks import DECLINED_TEXT, Checks
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.signing import Texts, waits
from groundcrew.gateway.tool_arguments import as_read, still_json
from groundcrew.guards.redaction import OffsetMap, remap_report
from groundcrew.guards.runner import SEVERITY, GuardOutcome

DEFAULT_REPLACEMENT = "This answer was removed by policy."


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What leaves: `sent` with a text, or `held`. `as_is` when the upstream's own body may leave, since nothing in it needed a
    check; otherwise only `text` and `tool_calls` leave."""

    kind: Literal["sent", "held"]
    text: str = ""
    as_is: bool = False
    is_refusal: bool = False
    finish_reason: str = "stop"
    tool_calls: tuple[dict[str, Any], ...] = ()
    reason: str = ""
    #: How the offsets of the generated text moved when it was masked.
    offsets: OffsetMap = OffsetMap()


class _Wish(msgspec.Struct, frozen=True, kw_only=True):
    action: Action
    code: str
    #: For the record and for whoever signs; it may quote the answer.
    reason: str
    #: For the client of an answer that is held, which may learn nothing of its text; "" where `reason` quotes nothing.
    shown: str = ""


_ALLOWED = _Wish(action="allow", code="guard_blocked", reason="")


def supported(rule: ReleaseRule, report: TrustReport | None) -> bool:
    """Whether a required grounding lets an answer through. Unknown never passes; a contradicted claim never passes, and nothing
    does while a declared guarantee does not hold."""
    if report is None:
        return False
    if report.state == "no_claims":
        return True
    if report.state == "no_sources" or report.trust is None:
        return False
    return rule.reached_by(report) and not report.contradicted


def _quotes_count(admitted: Admitted, report: TrustReport | None) -> bool:
    """Whether an answer composed of verbatim quotes may take another one's place. It stands for no score, so that it needs no
    guarantee; where none is declared, the threshold holds for it too."""
    rule = admitted.entry.use_case.grounding
    if rule is None or report is None:
        return False
    if rule.guarantee is not None:
        return report.state == "supported" and not report.contradicted
    return supported(admitted.entry.release_rule, report)


def is_refusal(report: TrustReport | None) -> bool:
    """Whether the answer declines instead of claiming something."""
    return report is not None and report.state == "no_claims" and "refusal" in (report.reason or "")


class Releaser:
    """Decides about generated answers."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks

    async def decide(
        self, flight: Flight, admitted: Admitted, generated: Generated, *, extractive: bool, under_way: bool = False
    ) -> Release:
        """Check `generated` and say what leaves; RefusedCall where nothing does, or nothing more where some is `under_way`: then
        nothing else can take its place. Fills in the flight's trust and status."""
        outcome = await self._checks.output(flight, admitted, generated)
        rule, signed = admitted.entry.use_case.grounding, admitted.entry.use_case.sign_off is not None
        said = Texts(f"{generated.text}\n\n{generated.side_text}", generated.tool_text()) if signed else None
        declined = flight.status == "declined"
        wish = _guard_wish(outcome)
        report: TrustReport | None = None
        if not declined and (rule is not None or generated.own_trust is not None):
            report, problem = await self._trusted(flight, admitted, generated)
            if report is not None:
                report = remap_report(report, outcome.offsets[0])
            if problem and rule is not None:
                flight.flags.append(problem)
                wish = _worst(wish, _grounding_wish(rule, problem))
        masked_text, _, masked_tools = outcome.texts
        flight.trust = report
        flight.answer = "\n\n".join([each for each in (masked_text, masked_tools) if each])
        if wish.action == "refuse" or (under_way and wish.action not in ("allow", "redact")):
            self._withhold(flight, report)
            raise RefusedCall(wish.code, wish.reason)
        if wish.action == "fallback":
            return await self._fall_back(flight, admitted, wish, extractive=extractive)
        if wish.action == "replace":
            self._withhold(flight, report)
            flight.answer, flight.status = outcome.replacement or DEFAULT_REPLACEMENT, "fallback"
            return await self._signed(flight, admitted, Release(kind="sent", text=flight.answer, reason=wish.reason))
        if not outcome.is_clean:
            try:
                _apply_masks(flight, generated, outcome)
            except RefusedCall:
                self._withhold(flight, report)
                raise
        checked = admitted.holds_back
        flight.answer = generated.checked_text() if checked else generated.recorded_text()
        if wish.action == "hold":
            return self._hold(flight, wish.reason, generated, wish.shown)
        if is_refusal(report):
            flight.status = "declined"
        calls = generated.checked_tool_calls() if checked else tuple(generated.tool_calls)
        usual = "tool_calls" if calls else "stop"
        release = Release(
            kind="sent",
            text=masked_text,
            as_is=not checked,
            is_refusal=generated.is_refusal,
            finish_reason=generated.finish_reason if generated.finish_reason in FINISH_REASONS else usual,
            tool_calls=calls,
            offsets=outcome.offsets[0],
        )
        if declined or not (signed or flight.needs_person):
            return release
        return await self._signed(flight, admitted, release, generated, said, under_way=under_way)

    async def _trusted(self, flight: Flight, admitted: Admitted, generated: Generated) -> tuple[TrustReport | None, str]:
        """The trust of the answer and why it does not reach what the use case asks for ("" where it does, or asks nothing). A
        model that judges itself is not judged by passages: its labels are claims about the request, and it has said how sure it
        is."""
        grounded = admitted.entry.use_case.grounding is not None
        own = generated.own_trust
        if own is None:
            return await self._ground(flight, admitted.entry.release_rule, generated) if grounded else (None, "")
        flight.needs_person = generated.needs_person
        if flight.needs_person:
            flight.flags.append(f"a person should decide: {flight.needs_person}")
        rule = admitted.entry.release_rule
        return own, why(rule, own) if grounded and not supported(rule, own) else ""

    async def _ground(self, flight: Flight, rule: ReleaseRule, generated: Generated) -> tuple[TrustReport | None, str]:
        """The trust of the text, and why the answer as a whole does not count as grounded ("" where it does).

        What a tool call would tell somebody counts like the text, and so does a text that only ends what the request began.
        """
        report: TrustReport | None = None
        if generated.text or not generated.tool_calls:
            report = await self._checks.score(flight, generated.text)
            if not supported(rule, report):
                return report, why(rule, report)
        if generated.tool_calls and not flight.offers_tools:
            return report, "the model called a tool that the request does not offer"
        if prose := generated.tool_prose():
            beside = await self._checks.score(flight, prose)
            if not supported(rule, beside):
                return report, "a tool call holds text that is not grounded: " + why(rule, beside)
        if flight.prefill and generated.text:
            whole = await self._checks.score(flight, flight.prefill + generated.text)
            if not supported(rule, whole):
                return report, "together with the beginning that the request gives: " + why(rule, whole)
        return report, ""

    async def instead(self, flight: Flight, admitted: Admitted, outcome: GuardOutcome) -> Release:
        """What leaves when an input guard keeps a request from the upstream: a refusal, a hold, or another answer."""
        reason = f"blocked by the guard {outcome.guard!r}" + (f": {outcome.reason}" if outcome.reason else "")
        if outcome.action == "refuse":
            raise RefusedCall("guard_blocked", reason)
        if outcome.action == "hold":
            return self._hold(flight, reason, Generated(), f"the guard {outcome.guard!r} holds it for a person")
        if outcome.action == "replace":
            flight.answer, flight.status = outcome.replacement or DEFAULT_REPLACEMENT, "fallback"
            return Release(kind="sent", text=flight.answer, reason=reason)
        return await self._fall_back(
            flight, admitted, _Wish(action="fallback", code="guard_blocked", reason=reason), extractive=False
        )

    async def _fall_back(self, flight: Flight, admitted: Admitted, wish: _Wish, *, extractive: bool) -> Release:
        """An answer composed from the passages in the generated one's place; it is checked too, and declined if it fails."""
        self._withhold(flight, flight.trust)
        flight.details["replaced_because"] = wish.reason
        composed = None if extractive else await self._checks.compose(flight, admitted)
        text, status = DECLINED_TEXT, "declined"
        if composed is not None and not composed.answered:
            text = composed.text
        elif composed is not None:
            candidate = Generated()
            candidate.text = composed.text
            outcome = await self._checks.output(flight, admitted, candidate)
            report = await self._checks.score(flight, composed.text)
            if outcome.action in ("allow", "redact") and _quotes_count(admitted, report):
                text, status = outcome.texts[0], "fallback"
                flight.citations = composed.citations
                flight.trust = remap_report(report, outcome.offsets[0]) if report is not None else None
        flight.answer, flight.status = text, _status(status)
        release = Release(kind="sent", text=text, reason=wish.reason)
        return release if status == "declined" else await self._signed(flight, admitted, release)

    async def _signed(
        self,
        flight: Flight,
        admitted: Admitted,
        release: Release,
        generated: Generated | None = None,
        said: Texts | None = None,
        *,
        under_way: bool = False,
    ) -> Release:
        """`release`, or a hold where the answer needs a signature. What took the place of a trial's answer is not held: nobody
        would sign it, and what the model wrote is what a trial is about. `said` is the answer before it was masked."""
        if flight.trial is not None and flight.status == "fallback":
            return release
        reason = await waits(flight, admitted, said if said is not None else Texts(flight.answer))
        if not reason:
            return release
        if under_way:  # what holds could be told before anything left, or nothing has left: in doubt, no more of it does
            self._withhold(flight, flight.trust)
            raise RefusedCall("guard_blocked", reason)
        return self._hold(flight, reason, generated)

    def _hold(self, flight: Flight, reason: str, generated: Generated | None, shown: str = "") -> Release:
        draft = flight.answer or (generated.tool_text() if generated is not None else "")
        self._withhold(flight, flight.trust)
        flight.withheld_answer = draft
        flight.status, flight.sign_off_id = "held", None if flight.trial is not None else new_id()
        flight.details["held_because"] = reason
        return Release(kind="held", reason=shown or reason)

    @staticmethod
    def _withhold(flight: Flight, report: TrustReport | None) -> None:
        """Move the answer to where it is recorded but does not leave."""
        flight.withheld_answer, flight.answer = flight.answer, ""
        flight.withheld_trust, flight.trust = report, None
        flight.citations, flight.flags = (), []


def _status(text: str) -> CallStatus:
    return "fallback" if text == "fallback" else "declined"


def _worst(first: _Wish, second: _Wish | None) -> _Wish:
    if second is None or SEVERITY.index(first.action) >= SEVERITY.index(second.action):
        return first
    return second


def _guard_wish(outcome: GuardOutcome) -> _Wish:
    if outcome.action == "allow":
        return _ALLOWED
    reason = f"blocked by the guard {outcome.guard!r}" + (f": {outcome.reason}" if outcome.reason else "")
    shown = f"the guard {outcome.guard!r} holds it for a person"
    return _Wish(action=outcome.action, code="guard_blocked", reason=reason, shown=shown)


def _grounding_wish(rule: GroundingRule, problem: str) -> _Wish:
    if rule.mode == "advisory" or rule.below == "flag":
        return _Wish(action="allow", code="not_grounded", reason="")
    return _Wish(action=rule.below, code="not_grounded", reason=problem)


def why(rule: ReleaseRule, report: TrustReport | None) -> str:
    """Why an answer does not count as grounded, in one line."""
    if report is None:
        return "the trust of the answer could not be told"
    if report.state == "no_sources":
        return "there are no sources that the answer could rest on"
    if report.contradicted:
        return "the sources contradict the answer"
    if report.trust is None:
        return f"the answer has no trust score: {report.reason or report.state}"
    if report.left_open:
        return "no verifier could tell of a claim"
    if rule.guarantee is not None and report.degraded:
        return "a verifier failed: the guarantee does not speak of answers that were scored without it"
    if rule.guarantee is not None and (report.verifier or "") != rule.verifier:
        return "the guarantee was computed for another verifier than the one that scored the answer"
    if rule.guarantee is not None and rule.guarantee.threshold is not None and report.raw is not None:
        return f"the answer's score {report.raw:.2f} is below the guaranteed threshold {rule.guarantee.threshold:.2f}"
    if rule.threshold is None:
        return f"nothing is released on trust: {rule.problem}"
    return f"the answer's trust {report.trust:.2f} is below the threshold {rule.threshold:.2f}"


def _apply_masks(flight: Flight, generated: Generated, outcome: GuardOutcome) -> None:
    """Put masked texts in the place of the generated ones."""
    generated.text, generated.side_text, tools = outcome.texts
    if tools != generated.tool_text():
        try:
            masked = msgspec.json.decode(tools, type=list[dict[str, Any]])
            pairs = zip(generated.tool_calls, masked, strict=True)
            generated.tool_calls = [_in_its_frame(flight, own, each) for own, each in pairs]
        except (msgspec.DecodeError, ValueError):
            raise RefusedCall("guard_blocked", "the answer's tool calls could not be masked") from None


def _in_its_frame(flight: Flight, own: dict[str, Any], masked: dict[str, Any]) -> dict[str, Any]:
    """A masked tool call with the ids, types and names of members that the API gives it, and the name of a tool that the request
    itself offers, whatever a guard took them for: without them nobody could make the call. ValueError where not every member is
    left."""
    result: dict[str, Any] = {}
    for (name, value), each in zip(own.items(), masked.values(), strict=True):
        is_ours = name == "name" and isinstance(value, str) and flight.asked is not None and flight.asked.offers(value)
        if name in ("id", "type") or is_ours:
            result[name] = value
        elif name == "arguments" and isinstance(value, str) and isinstance(each, str):
            result[name] = still_json(as_read(value), each)
        else:
            both = isinstance(value, dict) and isinstance(each, dict)
            result[name] = _in_its_frame(flight, value, each) if both and name in ("function", "custom") else each
    return result
