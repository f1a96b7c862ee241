"""How an answer leaves: as it comes, through a hold-back window, or whole once it is complete. Decided from the policy and the
declaration, and from what is known of the call before its answer, so that it is the same for every dialect and every provider."""

from __future__ import annotations

from typing import Literal

import msgspec

from groundcrew.domain.guard import Action, GuardRule
from groundcrew.domain.trust_rules import ReleaseRule
from groundcrew.errors import GroundcrewError
from groundcrew.gateway.admission import Admitted
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.respond import HeaderList
from groundcrew.gateway.signing import signs_whole
from groundcrew.guards.registry import find_guard

#: What may follow when some of an answer has left already. Everything else takes the answer's place, so that nothing of it may
#: have left.
_IN_A_WINDOW: frozenset[Action] = frozenset({"allow", "redact", "refuse"})


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    """The way of one call's answer. `rules` are those that are enforced on the output, `release` what the trust of sentences must
    reach to leave one by one; both are empty where the answer leaves another way."""

    way: Literal["as_it_comes", "windowed", "whole"]
    rules: tuple[GuardRule, ...] = ()
    release: ReleaseRule | None = None


_AS_IT_COMES = Leaving(way="as_it_comes")
WHOLE = Leaving(way="whole")


def leaving(flight: Flight, admitted: Admitted, *, prefill: bool) -> Leaving:
    """How the answer of a call, whose request was checked, leaves as a stream. `prefill`: the request holds the beginning of the
    answer, which counts for its grounding as a whole."""
    if not admitted.holds_back:
        return _AS_IT_COMES
    rules = tuple(rule for rule in _rules(admitted) if _is_enforced(rule))
    grounding = admitted.entry.use_case.grounding
    if grounding is not None and grounding.mode == "advisory":
        grounding = None
    by_sentence = grounding is None or (grounding.release == "sentence" and not prefill)
    if grounding is not None and grounding.below == "flag":  # a flag keeps nothing back
        grounding = None
    if signs_whole(flight, admitted) or not by_sentence or not all(map(_fits, rules)):
        return WHOLE
    return Leaving(way="windowed", rules=rules, release=admitted.entry.release_rule if grounding is not None else None)


def early_headers(flight: Flight, admitted: Admitted, *, ran: bool) -> HeaderList:
    """A stream's headers at its first byte, when guards on the output have not seen its end; `ran`: they have seen a part."""
    headers = flight.response_headers()
    if any("output" in rule.on for rule in _rules(admitted)):
        early = b"partial" if ran or flight.scans_ran else b"not_scanned"
        headers = [(name, early if name == b"groundcrew-scan" else value) for name, value in headers]
    return headers


def _rules(admitted: Admitted) -> tuple[GuardRule, ...]:
    return admitted.policy.guards if admitted.policy is not None else ()


def _is_enforced(rule: GuardRule) -> bool:
    return "output" in rule.on and rule.mode == "enforce"


def _fits(rule: GuardRule) -> bool:
    """Whether a rule can judge an answer that is still being written; one on another machine would be asked again and again."""
    try:
        return rule.action in _IN_A_WINDOW and rule.remote is None and find_guard(rule.guard).settled is not None
    except GroundcrewError:  # its scan will fail, once the answer is there
        return False
