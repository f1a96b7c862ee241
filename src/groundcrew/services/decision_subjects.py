"""What a decision acts on, and whom that concerns: read from the thing itself, never from what whoever proposes it says.

Who is concerned has no say. If the proposal named them, its author could silence whomever they like.
"""

from __future__ import annotations

from typing import Any

import msgspec

from groundcrew.domain.authority import Scope
from groundcrew.domain.meeting import AgendaItem, Decision, DecisionKind
from groundcrew.errors import InputError
from groundcrew.services import authority_grants, overlaps, resource_ledger
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import person_of, require
from groundcrew.store import catalog, deciding
from groundcrew.store.collection import Collection
from groundcrew.store.database import Connection

#: What a decision of a kind is about: what it acts on. A resolution acts on nothing, and is about anything.
ABOUT: dict[DecisionKind, Collection[Any]] = {
    "allocate_resource": deciding.RESOURCE_REQUESTS,
    "deny_resource": deciding.RESOURCE_REQUESTS,
    "grant_authority": deciding.AUTHORITY_REQUESTS,
    "revoke_authority": deciding.AUTHORITIES,
    "deny_authority": deciding.AUTHORITY_REQUESTS,
    "name_deputies": deciding.VETOES,
    "review_veto": deciding.VETOES,
    "dispose_overlap": deciding.OVERLAPS,
}
#: Kinds whose terms alone say what they do; what they are about may be left out.
BY_TERMS: tuple[DecisionKind, ...] = ("grant_authority", "name_deputies")
#: The terms that a kind takes; the others take none.
TERMS: dict[DecisionKind, type[msgspec.Struct]] = {
    "allocate_resource": resource_ledger.AllocationTerms,
    "grant_authority": authority_grants.GrantTerms,
    "name_deputies": authority_grants.DeputyTerms,
    "dispose_overlap": overlaps.Terms,
}
SUBJECT_LENGTH_MAX = 300

_KNOWN: dict[str, Collection[Any]] = {
    each.noun: each
    for each in (
        *(catalog.USE_CASES, catalog.INCIDENTS, catalog.ALERTS, catalog.APPROVALS),
        *(deciding.VETOES, deciding.RESOURCE_REQUESTS, deciding.OVERLAPS, deciding.ACTION_ITEMS),
        *(deciding.AUTHORITIES, deciding.AUTHORITY_REQUESTS),
    )
}


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """Whom and which use cases a decision concerns, by name."""

    people: tuple[str, ...] = ()
    use_cases: tuple[str, ...] = ()

    def with_(self, other: Concern) -> Concern:
        """Both together."""
        return Concern(people=(*self.people, *other.people), use_cases=(*self.use_cases, *other.use_cases))


def names_of(kind: DecisionKind) -> tuple[tuple[str, bool], ...]:
    """The names of the terms that a kind takes, each with whether it is asked for."""
    if kind not in TERMS:
        return ()
    return tuple((each.name, each.required) for each in msgspec.structs.fields(TERMS[kind]))


def check_terms(kind: DecisionKind, terms: dict[str, Any]) -> None:
    """InputError for terms that a decision of this kind does not take."""
    if kind not in TERMS:
        if terms:
            raise InputError(f"a decision of this kind takes no terms, found {', '.join(terms)}", field="terms")
    elif kind == "allocate_resource":
        resource_ledger.read_terms(terms)
    elif kind == "dispose_overlap":
        disposal_of(terms)
    else:
        authority_grants.read_terms(terms, TERMS[kind])


async def checked_subject(connection: Connection, kind: DecisionKind, subject: str, own: str) -> str:
    """What a decision is about, as ``KIND/ID``: `subject`, or the point's `own` where that is empty. InputError where a decision
    of this kind acts on nothing of the sort, NotFound for what there is not."""
    if kind in BY_TERMS and (not subject or (subject == own and subject.partition("/")[0] != ABOUT[kind].noun)):
        return ""
    subject = subject or own
    if kind == "resolution" and not subject:
        return ""
    noun, _, item = subject.partition("/")
    if not noun or not item or len(subject) > SUBJECT_LENGTH_MAX:
        raise InputError("say what it is about, as KIND/ID", field="subject")
    if kind != "resolution":
        if noun != ABOUT[kind].noun:
            raise InputError(f"a decision of this kind is about {ABOUT[kind].noun}/ID, found {subject!r}", field="subject")
        await require(connection, ABOUT[kind], item)
    return subject


async def concerned(connection: Connection, decision: Decision, item: AgendaItem | None) -> frozenset[str]:
    """The persons whom a decision concerns: those whom what it acts on names, and who owns, champions or has built its use cases.

    A resolution acts on nothing: it concerns what it and its point are about. Whatever else is decided concerns what it acts on,
    wherever it was proposed.
    """
    found = await _acts_on(connection, decision)
    if decision.kind == "resolution" and item is not None:
        own = (item.entry.use_case,) if item.entry.use_case else ()
        found = found.with_(await _of_subject(connection, item.entry.subject)).with_(Concern(use_cases=own))
    people = {person_of(each) for each in found.people}
    for name in dict.fromkeys(found.use_cases):
        use_case = await catalog.USE_CASES.get(connection, name)
        if use_case is not None:
            people |= await persons_who_built(connection, use_case)
    return frozenset(people)


async def _acts_on(connection: Connection, decision: Decision) -> Concern:
    try:
        if decision.kind == "grant_authority":
            granted = authority_grants.read_terms(decision.terms, authority_grants.GrantTerms)
            return Concern(people=(granted.person,), use_cases=_scoped(granted.scope))
        if decision.kind == "name_deputies":
            named = authority_grants.read_terms(decision.terms, authority_grants.DeputyTerms)
            # Who stands in sees to the vetoes that have passed on: it concerns whose use cases they hold.
            vetoes = [each for each in await deciding.VETOES.find(connection, state="active") if each.passed is not None]
            held = tuple(each.use_case for each in vetoes if each.function == named.function)
            return Concern(people=named.people, use_cases=held)
    except InputError:
        # Proposed before terms were checked: it can not be brought about either.
        return Concern()
    return await _of_subject(connection, decision.subject)


async def _of_subject(connection: Connection, subject: str) -> Concern:
    """Whom a thing concerns; nobody where there is no such thing."""
    noun, _, item = subject.partition("/")
    row = await _KNOWN[noun].get(connection, item) if noun in _KNOWN else None
    if row is None:
        return Concern()
    if noun == catalog.USE_CASES.noun:
        return Concern(use_cases=(row.name,))
    if noun == catalog.INCIDENTS.noun:
        return Concern(use_cases=row.use_cases)
    if noun == deciding.OVERLAPS.noun:
        return Concern(use_cases=row.names)
    if noun in (deciding.AUTHORITIES.noun, deciding.AUTHORITY_REQUESTS.noun):
        return Concern(people=(row.person,), use_cases=_scoped(row.scope))
    return Concern(use_cases=(row.use_case,) if row.use_case else ())


def _scoped(scope: Scope | str) -> tuple[str, ...]:
    if isinstance(scope, str):
        kind, _, name = scope.partition(":")
        return (name,) if kind == "use_case" else ()
    return (scope.name,) if scope.kind == "use_case" else ()


def disposal_of(terms: dict[str, Any]) -> overlaps.Terms:
    """The terms on which an overlap is settled; InputError."""
    try:
        return msgspec.convert(terms, overlaps.Terms)
    except msgspec.ValidationError as error:
        raise InputError(f"these terms do not settle an overlap: {error}", field="terms") from None
