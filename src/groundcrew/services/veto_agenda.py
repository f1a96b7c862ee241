"""Vetoes that want a look, gates that wait for a function's word, and authority that experts ask for, as points of the agenda."""

from __future__ import annotations

from datetime import datetime

from groundcrew.domain.agenda import AgendaEntry
from groundcrew.domain.approval import Function
from groundcrew.domain.authority import AuthorityRequest
from groundcrew.domain.use_case import TERMINAL_STAGES, UseCase
from groundcrew.domain.veto import Veto
from groundcrew.services.approvals import ApprovalNow, waiting_in
from groundcrew.services.lookups import person_of, require_use_case
from groundcrew.services.veto_records import active_vetoes
from groundcrew.services.veto_standing import deputy_of, meetings_missed
from groundcrew.store import deciding
from groundcrew.store.database import Connection

TITLE_LENGTH_MAX = 200


async def agenda_entries(connection: Connection, now: datetime) -> list[AgendaEntry]:
    """What wants the Stream's time at `now`."""
    found = []
    for veto in await active_vetoes(connection):
        entry = await _of_veto(connection, veto, now)
        if entry is not None:
            found.append(entry)
    gates: dict[tuple[str, str], list[ApprovalNow]] = {}
    for each in await waiting_in(connection, now):
        gates.setdefault((each.approval.use_case, each.approval.stage), []).append(each)
    found += [_of_gate(name, stage, waiting) for (name, stage), waiting in gates.items()]
    found += [_of_request(each) for each in await deciding.AUTHORITY_REQUESTS.find(connection, state="open")]
    return found


async def _of_veto(connection: Connection, veto: Veto, now: datetime) -> AgendaEntry | None:
    """The point of one veto; None for one that was looked at and is not due again, and where its use case is over."""
    use_case = await require_use_case(connection, veto.use_case)
    why = await _why(connection, veto, use_case, now) if use_case.stage not in TERMINAL_STAGES else None
    if why is None:
        return None
    return AgendaEntry(
        key=f"veto/{veto.id}",
        kind="veto",
        title=f"Veto of {_name(veto.function)} on {veto.use_case}: {veto.ground}"[:TITLE_LENGTH_MAX],
        subject=f"veto/{veto.id}",
        why=why,
        since=veto.filed_at,
        link=f"/vetoes/{veto.id}",
        use_case=veto.use_case,
        due=veto.review_at,
        blocks=1,
        functions=(veto.function,),
    )


async def _why(connection: Connection, veto: Veto, use_case: UseCase, now: datetime) -> str | None:
    if veto.conditions_met:
        return "All its conditions are met: its holder may withdraw it, and has not."
    if veto.passed is not None:
        deputy = await deputy_of(connection, veto, use_case, now)
        whose = f"it is {deputy.name}'s to see to" if deputy else "nobody is named who could take it on: name a deputy"
        return f"{person_of(veto.filed_by)} filed it and does not see to it, so that it has passed on: {whose}."
    if veto.due(now):
        missed = await meetings_missed(connection, veto)
        late = f", and {missed} meeting{'s' if missed > 1 else ''} passed it by" if missed else ""
        return f"Its review was due on {veto.review_at:%Y-%m-%d}{late}."
    if veto.reviewed_at is None:
        return f"It was filed on {veto.filed_at:%Y-%m-%d} for a need of {veto.need}, and nobody has looked at it since."
    return None


def _of_gate(use_case: str, stage: str, waiting: list[ApprovalNow]) -> AgendaEntry:
    functions: tuple[Function, ...] = tuple(each.approval.function for each in waiting)
    lapsed = [_name(each.approval.function) for each in waiting if each.state == "lapsed"]
    pending = [_name(each.approval.function) for each in waiting if each.state != "lapsed"]
    said = [f"{', '.join(pending)} {'has' if len(pending) == 1 else 'have'} not answered yet" if pending else ""]
    said += [f"the request to {', '.join(lapsed)} has lapsed without an answer and is to be made again" if lapsed else ""]
    why = "; ".join(each for each in said if each)
    return AgendaEntry(
        key=f"gate-request/{use_case}/{stage}",
        kind="gate_request",
        title=f"{use_case} asks for the gate into {stage.replace('_', ' ')}",
        subject=f"use-case/{use_case}",
        why=why[:1].upper() + why[1:] + ".",
        since=min(each.approval.requested_at for each in waiting),
        link=f"/use-cases/{use_case}/governance#approvals",
        use_case=use_case,
        due=min(each.approval.answer_by for each in waiting),
        blocks=1,
        functions=functions,
    )


def _of_request(request: AuthorityRequest) -> AgendaEntry:
    rights = " and ".join(request.rights)
    return AgendaEntry(
        key=f"authority-request/{request.id}",
        kind="authority",
        title=f"{request.person} to {rights} for {_name(request.function)}, {request.scope}",
        subject=f"authority-request/{request.id}",
        why=f"{person_of(request.requested_by)} asks for it for {request.days} days: {request.reason}"[:1_000],
        since=request.requested_at,
        link="/authorities",
        functions=(request.function,),
    )


def _name(function: str) -> str:
    return "IT" if function == "it" else function
