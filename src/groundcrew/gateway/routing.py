"""Which targets a call goes to, and in which order: computed from the call's identifiers alone, so that it can be repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import Provider, Target


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A target with its provider."""

    provider: Provider
    target: Target
    #: The kill-switch scopes of a call that goes there.
    scopes: frozenset[Scope] = frozenset()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call goes: `tries` in turn until one answers, and copies of it to `shadows` afterwards."""

    tries: tuple[Route, ...]
    shadows: tuple[Route, ...] = ()


def caller_of(call_id: str, *, user: str | None = None, unit_id: str | None = None, case_id: str | None = None) -> str:
    """Whom a canary follows: the user, the unit or the case that the call names, in this order; else the call stands alone."""
    for kind, value in (("user", user), ("unit", unit_id), ("case", case_id)):
        if value:
            return f"{kind}:{value}"
    return f"call:{call_id}"


def order(alias: str, routes: Sequence[Route], *, call_id: str, caller: str, tries_max: int) -> Plan:
    """The plan of one call over `routes`, the targets of `alias` that it may use, in their declared order.

    - Primaries that declare a weight share the first tries in proportion to it, by call. The others follow in declared order:
      with weights or without, every primary is tried at most once.
    - A canary comes first for its share of callers; the primaries are its fallback, and it is nobody's. A caller keeps its
      canary while the share stays or grows.
    - Every shadow gets its share of calls, each by itself.
    """
    primaries: list[Route] = []
    canaries: list[Route] = []
    shadows: list[Route] = []
    for each in routes:
        target = each.target
        if target.role == "canary":
            canaries.append(each)
        elif target.role == "shadow":
            share = target.share_percent or 0.0
            if fraction("shadow", alias, each.provider.name, target.model, call_id) * 100 < share:
                shadows.append(each)
        elif target.weight != 0:
            primaries.append(each)
    tries = _primaries_in_order(alias, primaries, call_id)
    if canaries and tries and (canary := _canary_of(alias, canaries, caller)) is not None:
        tries.insert(0, canary)
    return Plan(tries=tuple(tries[:tries_max]), shadows=tuple(shadows))


def _canary_of(alias: str, canaries: list[Route], caller: str) -> Route | None:
    """The canary in whose share the caller lies: shares lie side by side, from 0 on."""
    place, passed = fraction("canary", alias, caller) * 100, 0.0
    for each in canaries:
        passed += each.target.share_percent or 0.0
        if place < passed:
            return each
    return None


def _primaries_in_order(alias: str, primaries: list[Route], call_id: str) -> list[Route]:
    if len(primaries) < 2:
        return primaries
    weights = [each.target.weight or 0 for each in primaries]
    total = sum(weights)
    if total == 0:
        return primaries
    place = fraction("weight", alias, call_id) * total
    first = 0
    for index, weight in enumerate(weights):
        if weight:
            first = index
            place -= weight
            if place < 0:
                break
    return [primaries[first], *primaries[:first], *primaries[first + 1 :]]


def fraction(*words: str) -> float:
    """A number from 0 to below 1 that looks random and is always the same for the same words."""
    text = "\0".join(words).encode("utf-8", "surrogatepass")
    return (int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 11) / 2**53
