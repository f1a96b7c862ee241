"""Whatever happens in whatever order, nothing leaves unsigned: what is released is what as many people signed as it takes, it is
told once, and time, kill switches, absences, aborted transactions and restarts change nothing of that."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from tests.unit.services import bank

from groundcrew.domain.delivery import Channel
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.domain.sign_off import SignOff, text_digest
from groundcrew.domain.use_case import SignOffRule
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, NotAllowed
from groundcrew.services.bundle import Services
from groundcrew.store import catalog
from groundcrew.store.database import Database, Writer
from groundcrew.testing import FakeClock

EXAMPLES, STEPS = 30, 30
#: A file system in memory where there is one: what is tested is order, not the disk.
MEMORY = Path("/dev/shm")  # noqa: S108
DRAFT = "We refund CHF 900."
TEXTS = (DRAFT, "We refund CHF 9.", "We refund nothing.")
#: Use case → how many people sign.
READERS = {"letters-one": 1, "letters-two": 2}
AGENT, STRANGER, LEAD = "agent", "mallory", "lead"
SIGNERS = ("anna", "bert", "cleo")
EVERYBODY = (*SIGNERS, LEAD, STRANGER, AGENT)
EXPIRES_S, DUE_S = 3_600, 600
SCOPES = (Scope("all"), Scope("use-case", "letters-one"), Scope("use-case", "letters-two"))


class Crash(RuntimeError):
    """The process ends before its transaction does."""


def user(name: str, clock: FakeClock) -> User:
    qualifications = {AGENT: ("clerk",), LEAD: ("lead",), STRANGER: ()}.get(name, ("clerk",))
    kind: Any = "agent" if name == AGENT else "person"
    return User(
        name=name, password_hash="", roles=("business",), created_at=clock.now(), qualifications=qualifications, kind=kind
    )


async def prepare(url: str, folder: Path) -> None:
    clock = FakeClock()
    async with bank.opened(url, folder, clock, bare=True) as services:
        rule = {"when": "always", "qualification": "clerk", "escalate_to": "lead", "webhook": "desk"}
        times = {"expires_after_s": EXPIRES_S, "respond_within_s": DUE_S}
        use_cases = [
            bank.use_case(
                name=name,
                data_classes=("internal",),
                mask="patterns",
                sign_off=SignOffRule(**rule, **times, readers=readers),  # type: ignore[arg-type]
            )
            for name, readers in READERS.items()
        ]
        async with services.database.write("test") as writer:
            await catalog.CHANNELS.put(writer, Channel(name="desk", kind="email", to=("desk@bank.example",)), "apply")
            for name in EVERYBODY:
                await catalog.USERS.put(writer, user(name, clock), "create")
            for each in use_cases:
                await catalog.USE_CASES.put(writer, each, "declare")


class Life(RuleBasedStateMachine):
    """Sign-offs of two use cases, and everything that can happen to them. What was signed is noted here, beside the services."""

    template: Path

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        shutil.copy(self.template, self.folder / "groundcrew.db")
        self.clock = FakeClock()
        self.crashes = False
        self.signed: dict[str, list[tuple[str, str]]] = {}
        self.readers: dict[str, int] = {}
        self.final: dict[str, SignOff] = {}
        self.stopped: set[str] = set()
        self.absences: dict[str, str] = {}
        self.open()
        for each in ("letters-one", "letters-two", "letters-two"):
            self.hold(each)

    def open(self) -> None:
        self.services = Services(self.run(Database.open(f"sqlite:///{self.folder / 'groundcrew.db'}", self.clock)), self.folder)

    def run(self, work: Awaitable[Any]) -> Any:
        async def body() -> Any:
            return await work

        return self.runner.run(body())

    def attempt(self, work: Awaitable[Any]) -> Any:
        """What came of it; None where it was refused or the process crashed in it."""
        crashes, self.crashes = self.crashes, False
        with pytest.MonkeyPatch.context() as patch:
            if crashes:

                async def finish(_writer: Writer) -> None:
                    raise Crash

                patch.setattr(Writer, "finish", finish)
            try:
                return self.run(work)
            except (Conflict, NotAllowed, Crash):
                return None

    def teardown(self) -> None:
        if hasattr(self, "services"):
            report = self.run(self.services.audit.verify())
            self.run(self.services.database.close())
            self.runner.close()
            shutil.rmtree(self.folder)
            assert report.problems == ()

    def person(self, name: str) -> User:
        return user(name, self.clock)

    @property
    def waiting(self) -> list[str]:
        """Those that nobody has decided."""
        return [each for each in self.ids if each not in self.final]

    @property
    def ids(self) -> list[str]:
        return sorted(self.readers)

    @precondition(lambda self: len(self.readers) < 4)
    @rule(use_case=st.sampled_from(sorted(READERS)))
    def hold_another(self, use_case: str) -> None:
        self.hold(use_case)

    def hold(self, use_case: str) -> None:
        call = bank.call(
            use_case=use_case,
            status="held",
            answer="",
            sign_off_id=new_id(),
            withheld_answer=DRAFT,
            received_at=self.clock.now(),
        )
        self.run(self.services.calls.ship([call], gateway="gateway-1"))
        self.readers[str(call.sign_off_id)] = READERS[use_case]
        self.signed[str(call.sign_off_id)] = []

    @rule(which=st.integers(0, 3), name=st.sampled_from((*SIGNERS, *EVERYBODY)), lets_go=st.booleans())
    def claim(self, which: int, name: str, lets_go: bool) -> None:
        item = self.ids[which % len(self.ids)]
        claim = self.attempt(self.services.sign_offs.claim(item, self.person(name)))
        if claim is not None:
            assert name not in (AGENT, STRANGER)
            assert name not in self.away()
            if lets_go:
                self.run(self.services.sign_offs.release_claim(item, self.person(name)))

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 3), people=st.permutations(SIGNERS))
    def approve_by_two(self, which: int, people: list[str]) -> None:
        item = self.waiting[which % len(self.waiting)]
        for name in people[:2]:
            self.decide(item, name, "approve", "", looked=True)

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 3), people=st.permutations(SIGNERS), text=st.sampled_from(TEXTS))
    def change_between(self, which: int, people: list[str], text: str) -> None:
        item = self.waiting[which % len(self.waiting)]
        self.decide(item, people[0], "approve", "", looked=True)
        self.decide(item, people[1], "edit", text, looked=True)
        self.decide(item, people[2], "approve", "", looked=True)

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 3), name=st.sampled_from((*SIGNERS, LEAD)), text=st.sampled_from(TEXTS))
    def change(self, which: int, name: str, text: str) -> None:
        self.decide(self.waiting[which % len(self.waiting)], name, "edit", text, looked=True)

    @rule(
        which=st.integers(0, 3),
        name=st.sampled_from(EVERYBODY),
        decision=st.sampled_from(("approve", "edit", "reject")),
        text=st.sampled_from(TEXTS),
        looked=st.booleans(),
    )
    def try_to_decide(self, which: int, name: str, decision: Any, text: str, looked: bool) -> None:
        self.decide(self.ids[which % len(self.ids)], name, decision, text, looked=looked)

    def decide(self, item: str, name: str, decision: Any, text: str, *, looked: bool) -> None:
        before = self.run(self.services.sign_off_queue.standing(item, self.person(name)))
        more = {"sha256": before.sign_off.sha256_to_sign} if looked else {}
        done = self.attempt(
            self.services.sign_offs.decide(
                item,
                decision,
                signer=self.person(name),
                text=text if decision == "edit" else None,
                comment="no" if decision == "reject" else "",
                **more,
            )
        )
        if done is None:
            return
        assert before.mine or (decision == "reject" and before.signed_by_me), before.why_not
        assert name not in (AGENT, STRANGER)
        assert name not in self.away()
        assert item not in self.final
        if decision != "reject":
            self.signed[item].append((name, text_digest(text if decision == "edit" else before.sign_off.text_to_sign)))

    @rule(seconds=st.sampled_from((30, 130, DUE_S, EXPIRES_S)))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def keep(self) -> None:
        """The keeper of one of several processes."""
        for each in self.attempt(self.services.sign_offs.settle()) or ():
            assert each.state in ("pending", "expired")

    @rule(scope=st.sampled_from(SCOPES))
    def trip(self, scope: Scope) -> None:
        self.switch(scope, on=True)

    @precondition(lambda self: self.stopped)
    @rule()
    def reset(self) -> None:
        for each in SCOPES:
            self.switch(each, on=False)

    def switch(self, scope: Scope, *, on: bool) -> None:
        async def turn() -> None:
            async with self.services.database.write("test") as writer:
                state = "confirmed_stopped" if on else "armed"
                await catalog.KILL_SWITCHES.put(writer, KillSwitch(scope=scope, state=state), "turn")  # type: ignore[arg-type]

        self.run(turn())
        (self.stopped.add if on else self.stopped.discard)(str(scope))

    @rule(name=st.sampled_from((*SIGNERS, LEAD)))
    def leave_or_return(self, name: str) -> None:
        if name in self.away():
            self.run(self.services.absences.end(self.absences.pop(name), actor="test"))
            return
        now = self.clock.now()
        absence = self.attempt(
            self.services.absences.start(self.person(name), starts_at=now, ends_at=now + timedelta(seconds=EXPIRES_S))
        )
        if absence is not None:
            self.absences[name] = absence.id

    @rule()
    def crash_next(self) -> None:
        self.crashes = True

    @rule()
    def restart(self) -> None:
        self.run(self.services.database.close())
        self.open()

    def away(self) -> set[str]:
        found = self.run(self.services.absences.find())
        return {each.person for each in found if each.lasts_at(self.clock.now())}

    def is_stopped(self, use_case: str) -> bool:
        return bool(self.stopped & {"all", f"use-case:{use_case}"})

    @invariant()
    def nothing_leaves_unsigned(self) -> None:
        if not hasattr(self, "services"):
            return
        deliveries = self.run(self.deliveries())
        for item, readers in self.readers.items():
            release = self.run(self.services.sign_offs.released(item))
            found = release.sign_off
            if found.state in ("approved", "edited"):
                text = str(found.final_text)
                people = {name for name, digest in self.signed[item] if digest == text_digest(text)}
                assert len(people) >= readers, (item, self.signed[item])
                assert found.signed_sha256 == text_digest(text)
                assert (release.text is None) == self.is_stopped(found.use_case)
                assert release.text in (None, text)
            else:
                assert release.text is None
                assert found.final_text is None
            if item in self.final:
                assert found == self.final[item], "what was decided changed"
            elif found.state in ("approved", "edited", "rejected"):
                self.final[item] = found
            told = {event: number for (subject, event), number in deliveries.items() if subject == f"sign-off/{item}"}
            assert set(told.values()) <= {1}
            assert ("sign_off.released" in told) == (found.state in ("approved", "edited"))
            assert ("sign_off.rejected" in told) == (found.state == "rejected")

    async def deliveries(self) -> dict[tuple[str, str], int]:
        counts: dict[tuple[str, str], int] = {}
        async with self.services.database.read() as connection:
            for each in await catalog.DELIVERIES.find(connection):
                counts[each.subject, each.event] = counts.get((each.subject, each.event), 0) + 1
        return counts


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("life")
    asyncio.run(prepare(f"sqlite:///{folder / 'template.db'}", folder))
    return folder / "template.db"


def test_nothing_leaves_unsigned_whatever_happens_in_whatever_order(template: Path) -> None:
    Life.template = template
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_what_is_written_of_a_sign_off_is_read_again(template: Path) -> None:
    made = SignOff(
        id="a",
        use_case="b",
        call_id="c",
        qualification="d",
        draft="e",
        reason="f",
        requested_at=FakeClock().now(),
        expires_at=FakeClock().now(),
    )
    assert msgspec.json.decode(msgspec.json.encode(made), type=SignOff) == made
