"""Which answers wait for a person: the sign-off rule of a use case, looked at for one call, and what a model itself leaves to a
person. What can not be told holds.

Some conditions are known before an answer is there (the call's class, whether it is drawn), the others need all of it: then
nothing leaves before they are decided, as a stream neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from groundcrew.domain.data_class import rank
from groundcrew.domain.draws import is_drawn
from groundcrew.domain.guard import GuardRule, Policy
from groundcrew.domain.use_case import SignOffCondition
from groundcrew.gateway.admission import Admitted
from groundcrew.gateway.flight import Flight
from groundcrew.guards.commitments.figures import Figure, read, words_of

#: Code points whose amounts are read in the event loop itself: a few milliseconds.
INLINE_LENGTH_MAX = 4_000


class Texts:
    """What one answer says: its `prose` as it was generated, and the JSON of its tool calls, where a bare number may be an
    amount. Read once, when a condition asks."""

    def __init__(self, prose: str, tool_calls: str = "") -> None:
        self._prose, self._tool_calls = prose, tool_calls

    async def largest_amount(self) -> float:
        """The largest amount of money in it, whatever its currency and sign; 0 where there is none."""
        if len(self._prose) + len(self._tool_calls) <= INLINE_LENGTH_MAX:
            return self._largest()
        return await asyncio.to_thread(self._largest)

    def _largest(self) -> float:
        amounts = [each.value for each in _figures(self._prose) if each.kind == "money"]
        amounts += [each.value for each in _figures(self._tool_calls) if each.kind in ("money", "number")]
        return max(map(abs, amounts), default=0.0)


def _figures(text: str) -> Sequence[Figure]:
    return read(words_of(text))[1] if text else ()


def signs_whole(flight: Flight, admitted: Admitted) -> bool:
    """Whether nothing of the call's answer may leave before all of it is there, for a person may have to read it first."""
    rule = admitted.entry.use_case.sign_off
    if rule is None or rule.when == "never":
        return False
    if rule.when == "always":
        return True
    return any(_needs_answer(each, admitted.policy) or _known_early(each, flight, admitted.policy) for each in rule.rules)


async def waits(flight: Flight, admitted: Admitted, texts: Texts) -> str:
    """Why the answer of `flight` waits for a person, in words that quote nothing of it; "" where it does not. Guards and trust
    have looked at the answer by now. What a model leaves to a person waits for one without a rule too, but where it only assists
    somebody who decides in any case."""
    rule = admitted.entry.use_case.sign_off
    if rule is None and flight.needs_person and admitted.entry.use_case.autonomy != "assist":
        return "the model leaves this case to a person"
    if rule is None or rule.when == "never":
        return ""
    if rule.when == "always":
        return f"every answer of this use case needs a sign-off by a {rule.qualification}"
    found = ["the model leaves this case to a person"] if flight.needs_person else []
    found += [why for each in rule.rules if (why := await _holds(each, flight, admitted, texts))]
    return f"a {rule.qualification} signs this answer: " + "; ".join(found) if found else ""


def waits_by_chance(use_case: str, call_id: str, share: float) -> bool:
    """Whether chance draws a call, whose id the gateway makes up. It has nothing to do with what spot checks draw."""
    return is_drawn(share, "sign-off", use_case, call_id)


async def _holds(condition: SignOffCondition, flight: Flight, admitted: Admitted, texts: Texts) -> str:
    if condition.trust_below is not None:
        return _by_trust(condition.trust_below, flight)
    if condition.amount_above is not None:
        above = await texts.largest_amount() > condition.amount_above
        return f"it names an amount above {condition.amount_above:,.15g}" if above else ""
    return _known_early(condition, flight, admitted.policy)


def _known_early(condition: SignOffCondition, flight: Flight, policy: Policy | None) -> str:
    if condition.guard is not None:
        return _by_guard(condition.guard, flight, policy)
    if condition.data_class is not None:
        return f"the call holds {flight.data_class} data" if rank(flight.data_class) >= rank(condition.data_class) else ""
    if condition.share is not None:
        name = flight.entry.use_case.name if flight.entry is not None else ""
        return (
            f"it is one of {condition.share:.3g} of all calls" if waits_by_chance(name, flight.call_id, condition.share) else ""
        )
    return ""


def _by_trust(below: float, flight: Flight) -> str:
    report = flight.trust
    if report is None or report.trust is None or report.left_open:
        return "its trust is unknown"
    if report.contradicted:
        return "its sources contradict a claim"
    return f"its trust is below {below:.15g}" if report.trust < below else ""


def _by_guard(name: str, flight: Flight, policy: Policy | None) -> str:
    """A rule that has left the policy, or said nothing of a place that it is to look at, has not cleared the answer."""
    rules = _rules_of(name, policy)
    unknown = f"whether the guard {name!r} found something is unknown"
    if not rules:
        return unknown
    for rule in rules:
        results = [each for each in flight.guards if each.guard == rule.label]
        if any(each.verdict in ("flag", "block") or each.types for each in results):
            return f"the guard {name!r} found something"
        if any(each.verdict == "failed" or each.reason for each in results):
            return unknown
        if "output" in rule.on and not any(each.place == "output" for each in results):
            return unknown
    return ""


def _needs_answer(condition: SignOffCondition, policy: Policy | None) -> bool:
    if condition.guard is not None:
        rules = _rules_of(condition.guard, policy)
        return not rules or any("output" in each.on for each in rules)
    return condition.trust_below is not None or condition.amount_above is not None


def _rules_of(name: str, policy: Policy | None) -> list[GuardRule]:
    return [each for each in (policy.guards if policy is not None else ()) if name in (each.guard, each.label)]
