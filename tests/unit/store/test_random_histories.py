"""Whatever is done in whatever order, the chain verifies; whatever one row is then changed to, it does not."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared
from tests.unit.store.test_audit_chain import UNAUDITED

from groundcrew.domain.kill_switch import parse_scope
from groundcrew.errors import GroundcrewError
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewRating
from groundcrew.store import tables

AUDITED = [each for each in tables.metadata.sorted_tables if each.name not in UNAUDITED]
STEPS_MAX = 12

#: A verb, given a number to vary it by. A refusal is as good a step as a change.
Verb = Callable[[Services, int], Awaitable[object]]
SCOPES = ("all", f"use-case:{bank.NAME}", "unit:retail", f"model:{bank.MODEL}", f"provider:{bank.PROVIDER}")


async def _resume(services: Services, number: int) -> object:
    scope = parse_scope(SCOPES[number % len(SCOPES)])
    actor = ("user:anna", "cli:root", "user:nobody")[number % 3]
    return await services.kill_switches.resume(scope, actor=actor, reason="again")


VERBS: dict[str, Verb] = {
    "apply": lambda services, number: bank.apply(services, use_cases=[bank.use_case(prompt=f"Prompt {number % 4}.")]),
    "amend": lambda services, number: bank.apply(services, hypothesis=bank.plan(planned_n=400 + number % 3)),
    "register": lambda services, _: services.hypotheses.register(bank.NAME, actor="user:maria"),
    "advance": lambda services, _: services.use_cases.advance(bank.NAME, "pilot", actor="user:maria", reason="try"),
    "demote": lambda services, _: services.use_cases.demote(bank.NAME, "discovery", actor="user:maria", reason="try"),
    "gate": lambda services, _: services.gates.evaluate(bank.NAME, actor=bank.PERSON),
    "key": lambda services, _: services.keys.create(bank.NAME, actor="user:maria"),
    "attest": lambda services, number: services.evidence.attest(
        bank.NAME, f"subject-{number % 2}", actor=bank.PERSON, statement="seen"
    ),
    "probe": lambda services, number: services.evidence.record_phi_probe(
        bank.NAME, actor=bank.PERSON, sent=20, denied=number % 21, details=[]
    ),
    "knowledge": lambda services, number: bank.approve_knowledge(services, f"{number % 3}" * 64),
    "stop": lambda services, number: services.kill_switches.stop(
        parse_scope(SCOPES[number % len(SCOPES)]), actor=bank.PERSON, reason="odd"
    ),
    "resume": _resume,
    "calls": lambda services, number: services.calls.ship([bank.call() for _ in range(1 + number % 3)], gateway="gateway-1"),
    "rate": lambda services, number: services.feedback.rate(
        NewRating(stars=1 + number % 5, rater="anna", use_case=bank.NAME, case_id=f"case-{number}"), actor="user:anna"
    ),
    "outcomes": lambda services, number: services.feedback.add_outcomes(
        bank.NAME, bank.outcomes(datetime(2026, 3, 4, tzinfo=UTC), units=1 + number % 2), actor="system:tickets"
    ),
    "user": lambda services, number: services.users.set_password("anna", f"another password {number}", actor="user:admin"),
}
STEPS = st.lists(st.tuples(st.sampled_from(sorted(VERBS)), st.integers(0, 1_000)), max_size=STEPS_MAX)


@pytest.fixture(scope="session")
def history(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "groundcrew.db"
    prepared.copy("history", f"sqlite:///{path}")
    return path


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, tamper=st.data())
def test_any_history_verifies_and_any_edit_of_it_does_not(
    history: Path, steps: list[tuple[str, int]], tamper: st.DataObject
) -> None:
    async def work(folder: Path) -> None:
        async with bank.opened(f"sqlite:///{folder / 'groundcrew.db'}", folder, bare=True) as services:
            for verb, number in steps:
                try:
                    await VERBS[verb](services, number)
                except GroundcrewError:
                    continue
            report = await services.audit.verify()
            assert report.problems == ()
            await edit(services, tamper)
            assert (await services.audit.verify()).problems

    with tempfile.TemporaryDirectory() as name:
        shutil.copy(history, name)
        asyncio.run(work(Path(name)))


async def edit(services: Services, tamper: st.DataObject) -> None:
    """Delete a row, or change one column of it to anything else of its type."""
    table = tamper.draw(st.sampled_from(AUDITED))
    async with services.database.operate() as connection:
        rows = (await connection.execute(sa.select(table))).mappings().all()
        row = tamper.draw(st.sampled_from(rows))
        here = sa.and_(*(column == row[column.name] for column in table.primary_key.columns))
        if tamper.draw(st.booleans()):
            await connection.execute(table.delete().where(here))
            return
        column = tamper.draw(st.sampled_from(list(table.columns)))
        old = row[column.name]
        values: st.SearchStrategy[object] = st.text(min_size=1, max_size=20)
        match column.type:
            case sa.Boolean():
                values = st.booleans()
            case sa.Float():
                values = st.floats(allow_nan=False, allow_infinity=False)
            case sa.BigInteger() | sa.Integer():
                values = st.integers(10_000, 2**40)
        if column.name == "document":
            values = st.sampled_from(sorted(json_edits(old)))
        await connection.execute(
            table.update().where(here).values({column.name: tamper.draw(values.filter(lambda new: new != old))})
        )


def json_edits(document: str) -> set[str]:
    """The document with one member changed, removed or added."""
    members: dict[str, msgspec.Raw] = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
    found = {document + " ", document.removesuffix("}") + ',"zz":1}'}
    for name in members:
        rest = {each: value for each, value in members.items() if each != name}
        found.add(msgspec.json.encode(rest).decode())
        found.add(msgspec.json.encode(members | {name: msgspec.Raw(b'"edited"')}).decode())
    return found - {document}
