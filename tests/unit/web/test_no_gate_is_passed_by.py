"""No sequence of API calls by any roles ends with a stage whose gate had an active veto, a missing function, a stale approval or
a self-approval. What happened is judged from the audit log alone, not by the code that lets a use case pass."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from tests.unit.web.site import Site, running_site

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.gate import Criterion, GatePolicy
from groundcrew.domain.user import User
from groundcrew.services import decision_effects
from groundcrew.services.lookups import current_digest, person_of
from groundcrew.store import catalog, deciding
from groundcrew.testing import FakeClock

#: How many drawn sequences follow the written ones; GROUNDCREW_TEST_SEQUENCES=300 for a longer run.
EXAMPLES = int(os.environ.get("GROUNDCREW_TEST_SEQUENCES", "1"))
STEPS = 20
FUNCTIONS = ("ethics", "it", "legal", "business")
ALL = (*FUNCTIONS, "admin", "owner")
#: Account → roles, besides one account for each role that is called like it. `expert` gets authority to approve and veto.
MORE = {"chief": ALL, "robot": ALL, "ethics-2": ("ethics",), "it-2": ("it",), "expert": ("reviewer",)}
PEOPLE = ("admin", "owner", "on_call", "auditor", "reviewer", *FUNCTIONS, *MORE)
BUILD = """
kind: UseCase
name: {name}
title: Letters
owner: maria@bank.example
champion: {champion}@bank.example
business_unit: service
purpose: Answer letters
affected_persons: customers
solution: product
autonomy: draft_and_sign_off
data_classes: [internal]
model: writer
prompt: {prompt}
grounding: {{knowledge: rules}}
sign_off: {{when: always, qualification: service-agent}}
"""
STAGES = ("discovery", "pilot", "production_readiness", "scale", "optimization")
#: How many passages through gates the sequences held: a test in which nobody ever passes shows nothing.
PASSED: list[str] = []
NUMBERS = itertools.count(1)


ORDINARY: dict[str, Any] = {
    "asker": st.sampled_from(("admin", "admin", "admin", "admin", "owner", "business")),
    "ethics": st.sampled_from(("ethics", "ethics", "chief")),
    "it": st.sampled_from(("it", "it-2", "chief")),
    "legal": st.sampled_from(("legal", "expert")),
    "missing": st.sampled_from((None, None, None, None, None, "ethics", "business")),
    "between": st.sampled_from(("nothing", "nothing", "nothing", "veto", "build", "kind", "champion", "closed", "loses", "time")),
}


#: The way on which everybody says yes, and one sequence for each thing that may go wrong on it.
WAY: dict[str, Any] = {"asker": "admin", "ethics": "ethics", "it": "it", "legal": "legal", "missing": None, "between": "nothing"}
WRITTEN: tuple[dict[str, Any], ...] = (
    *({"between": each} for each in ("nothing", "veto", "kind", "loses")),
    {"ethics": "chief", "between": "champion"},
    {"missing": "business"},
    *({"legal": each} for each in ("admin", "robot")),
    {"asker": "legal"},
    {"ethics": "chief", "it": "chief"},
)


class World:
    """The control plane of all sequences: accounts, and gates that ask for nothing but approvals."""

    def __init__(self, runner: asyncio.Runner, site: Site) -> None:
        self.runner, self.site = runner, site
        self.clock = FakeClock(site.services.database.clock.now())
        site.services.database.clock = self.clock
        self.users: dict[str, User] = {}
        #: Who has a session that has not run out.
        self.signed_in: set[str] = set()

    async def prepare(self) -> None:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x")
        async with self.site.services.database.write("system:test") as writer:
            for name, roles in MORE.items():
                kind = "agent" if name == "robot" else "person"
                made = User(name=name, password_hash=cheap, roles=roles, created_at=self.clock.now(), kind=kind)  # type: ignore[arg-type]
                await catalog.USERS.put(writer, made, "create")
            for stage in STAGES[1:]:
                wanted = (Criterion(key="approvals", title="Approvals", check="approvals"),)
                for each in await catalog.GATE_POLICIES.find(writer.connection, stage=stage):
                    await catalog.GATE_POLICIES.put(writer, msgspec.structs.replace(each, state="superseded"), "supersede")
                policy = GatePolicy(stage=stage, version=100, state="published", criteria=wanted)  # type: ignore[arg-type]
                await catalog.GATE_POLICIES.put(writer, policy, "publish")
        self.users = {each.name: each for each in await self.site.services.users.find()}

    async def sign_in(self, name: str) -> None:
        if name not in self.signed_in:
            user = self.users[name.replace("_", "-") if name not in MORE else name]
            self.site.sessions[name] = await self.site.services.users.open_session(user)
            self.signed_in.add(name)


class Ring(RuleBasedStateMachine):
    """One use case whose gates ask for nothing but approvals, and everybody who may try something. The control plane is one for
    all sequences, the use case a new one each time."""

    world: World

    @initialize()
    def start(self) -> None:
        self.site, self.clock, self.users = self.world.site, self.world.clock, self.world.users
        self.name = f"letters-{next(NUMBERS)}"
        self.run(self.open())

    def run(self, work: Awaitable[Any]) -> Any:
        return self.world.runner.run(_awaited(work))

    async def open(self) -> None:
        services = self.site.services
        async with services.database.write("user:admin") as writer:
            for user in self.users.values():
                await catalog.USERS.put(writer, user, "update", details={"roles": [*user.roles], "disabled": False})
        self.begins_after = (await services.audit.latest(limit=1))[0].sequence
        declared = await self.ask("owner", "POST", "/apply", self.declared("Be civil."))
        assert declared.status_code == 200, declared.text
        async with services.database.write("user:it-2") as writer:
            terms = {"person": "expert", "function": "legal", "rights": ["approve", "veto"], "days": 90}
            await decision_effects.grant_authority(writer, decision="d1", terms={**terms, "scope": f"use_case:{self.name}"})
        async with services.database.read() as connection:
            self.begins = await current_digest(connection, await self.use_case())

    def declared(self, prompt: str, champion: str = "luca") -> dict[str, Any]:
        return {"files": {"use_case.yaml": BUILD.format(name=self.name, prompt=prompt, champion=champion)}}

    async def use_case(self) -> Any:
        return await self.site.services.use_cases.get(self.name)

    async def ask(self, who: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        more = {} if body is None else {"json": body}
        if who == "key":
            answer = await self.site.as_key(method, path, **more)
        else:
            await self.world.sign_in(who)
            answer = await self.site.api(who, method, path, **more)
        assert answer.status_code < 500, answer.text
        return answer

    async def next_stage(self) -> str:
        place = STAGES.index((await self.use_case()).stage)
        return STAGES[min(place + 1, len(STAGES) - 1)]

    async def word(self, who: str, function: str, decision: str) -> None:
        stage = await self.next_stage()
        found = (await self.ask("auditor", "GET", f"/approvals?use_case={self.name}")).json()["approvals"]
        mine = [
            each["approval"]["id"]
            for each in found
            if (each["approval"]["function"], each["approval"]["stage"]) == (function, stage)
        ]
        if mine:
            await self.ask(who, "POST", f"/approvals/{mine[-1]}/decide", {"decision": decision, "statement": "looked at it"})

    @rule(who=st.sampled_from((*PEOPLE, "key")))
    def request(self, who: str) -> None:
        self.run(self.ask(who, "POST", "/approvals", {"use_case": self.name}))

    @rule(
        who=st.sampled_from((*PEOPLE, "key")),
        function=st.sampled_from(FUNCTIONS),
        decision=st.sampled_from(("approved", "approved", "approved", "changes_requested", "abstained")),
    )
    def decide(self, who: str, function: str, decision: str) -> None:
        self.run(self.word(who, function, decision))

    def the_ordinary_way(self, asker: str, ethics: str, it: str, legal: str, missing: str | None, between: str) -> None:
        """What stood in the way is settled, everybody is asked and says yes, but one perhaps; something comes between, and the
        owner tries the gate."""

        async def work() -> None:
            for each in (await self.ask("auditor", "GET", f"/vetoes?use_case={self.name}&active=true")).json()["vetoes"]:
                await self.ask(
                    each["filed_by"].partition(":")[2], "POST", f"/vetoes/{each['id']}/withdraw", {"reason": "put right now"}
                )
            await self.ask(asker, "POST", "/approvals", {"use_case": self.name})
            for function, who in {"ethics": ethics, "it": it, "legal": legal, "business": "business"}.items():
                if function != missing:
                    await self.word(who, function, "approved")

        self.run(self.change_accounts(("ethics", "it", "legal", "ethics-2", "chief"), "back"))
        self.run(work())
        if between == "veto":
            self.veto("ethics-2", "ethics", None, True)
        elif between == "build":
            self.build("it-2", "Be exact.", "luca")
        elif between == "kind":
            self.build("owner", "Be kind.", "luca")
        elif between == "champion":
            for champion in ("chief", "luca"):
                self.build("owner", "Be civil.", champion)
        elif between in ("closed", "loses"):
            self.account_changes("ethics", between)
        elif between == "time":
            self.time_passes(15)
        self.advance("owner", False)

    ordinary_1 = rule(**ORDINARY)(the_ordinary_way)
    ordinary_2 = rule(**ORDINARY)(the_ordinary_way)
    ordinary_3 = rule(**ORDINARY)(the_ordinary_way)

    @rule(
        who=st.sampled_from((*PEOPLE, "key")),
        function=st.sampled_from(FUNCTIONS),
        stage=st.sampled_from((None, "pilot", "scale")),
        own=st.booleans(),
    )
    def veto(self, who: str, function: str, stage: str | None, own: bool) -> None:
        body = {
            "use_case": self.name,
            "function": "legal" if own and who == "expert" else who if own and who in FUNCTIONS else function,
            "ground": "it names wrong fees",
            "explanation": "seven of forty drafts did",
            "need": "redesign",
            "conditions": [{"kind": "version_changed"}],
            "stage": stage,
        }
        self.run(self.ask(who, "POST", "/vetoes", body))

    @rule(who=st.sampled_from((*PEOPLE, "key")), way=st.sampled_from(("withdraw", "satisfied", "review")), filer=st.booleans())
    def end_veto(self, who: str, way: str, filer: bool) -> None:
        async def work() -> None:
            for each in (await self.ask("auditor", "GET", f"/vetoes?use_case={self.name}&active=true")).json()["vetoes"]:
                name = each["filed_by"].partition(":")[2]
                by = (name if name in PEOPLE else who) if filer else who
                await self.ask(
                    by, "POST", f"/vetoes/{each['id']}/{way}", {("text" if way == "review" else "reason"): "it goes on now"}
                )

        self.run(work())

    @rule(
        who=st.sampled_from((*PEOPLE, "key")),
        prompt=st.sampled_from(("Be brief.", "Be kind.", "Be exact.")),
        champion=st.sampled_from(("luca", "luca", "it-2")),
    )
    def build(self, who: str, prompt: str, champion: str) -> None:
        self.run(self.ask(who, "POST", "/apply", self.declared(prompt, champion)))

    @rule(who=st.sampled_from((*PEOPLE, "key", "owner", "owner", "owner")), skip=st.sampled_from((False, False, False, True)))
    def advance(self, who: str, skip: bool) -> None:
        async def work() -> None:
            to = "scale" if skip else await self.next_stage()
            before = (await self.use_case()).stage
            answer = await self.ask(who, "POST", f"/use-cases/{self.name}/advance", {"to": to, "reason": "it is time"})
            after = (await self.use_case()).stage
            assert (after != before) == (answer.status_code == 200), answer.text

        self.run(work())

    @rule(who=st.sampled_from(PEOPLE), to=st.sampled_from(("discovery", "pilot")))
    def demote(self, who: str, to: str) -> None:
        self.run(self.ask(who, "POST", f"/use-cases/{self.name}/demote", {"to": to, "reason": "back to learning"}))

    @rule(name=st.sampled_from(("ethics", "it", "legal", "ethics-2", "chief")), how=st.sampled_from(("loses", "closed", "back")))
    def account_changes(self, name: str, how: str) -> None:
        self.run(self.change_accounts((name,), how))

    async def change_accounts(self, names: tuple[str, ...], how: str) -> None:
        now: dict[str, Any] = {"loses": {"roles": ("reviewer",)}, "closed": {"disabled": True}, "back": {}}[how]
        async with self.site.services.database.write("user:admin") as writer:
            for name in names:
                changed = msgspec.structs.replace(self.users[name], **now)
                details = {"roles": [*changed.roles], "disabled": changed.disabled}
                await catalog.USERS.put(writer, changed, "update", details=details)

    @rule(deputy=st.sampled_from(("ethics-2", "chief", "it-2")), function=st.sampled_from(("ethics", "it")))
    def deputies(self, deputy: str, function: str) -> None:
        body = {"function": function, "people": [deputy], "reason": "in case of need"}
        self.run(self.ask(function, "POST", "/authorities/deputies", body))

    @rule()
    def keeper(self) -> None:
        self.run(self.site.services.vetoes.keep())

    @rule(days=st.sampled_from((1, 15)))
    def time_passes(self, days: int) -> None:
        self.clock.advance(days * 86_400)
        self.world.signed_in.clear()

    def teardown(self) -> None:
        if hasattr(self, "begins"):
            self.run(self.judge())

    async def judge(self) -> None:
        """Read the audit log of this sequence, and look at each passage through a gate as it was then."""
        services = self.site.services
        newest = (await services.audit.latest(limit=1))[0].sequence
        entries = await services.audit.latest(limit=newest - self.begins_after)
        past = Past(self.name, self.begins, {name: (each.roles, each.kind) for name, each in self.users.items()})
        for entry in sorted(entries, key=lambda each: each.sequence):
            past.take(entry)
        # The next sequence is not to look at the vetoes of this one.
        async with services.database.write("system:test") as writer:
            for veto in await services.vetoes.find(use_case=self.name, active=True):
                await deciding.VETOES.put(writer, msgspec.structs.replace(veto, state="withdrawn"), "clear")


class Past:
    """What the audit log says, entry by entry, and nothing else."""

    def __init__(self, name: str, digest: str, users: dict[str, tuple[tuple[str, ...], str]]) -> None:
        self.use_case, self.digest = name, digest
        self.kinds = {name: kind for name, (_, kind) in users.items()}
        self.roles: dict[str, tuple[str, ...]] = {name: roles for name, (roles, _) in users.items()}
        self.closed: set[str] = set()
        self.vetoes: dict[str, str | None] = {}
        #: (stage, function) → the newest request: its subject; and of each request who asked, and who said what of which version.
        self.newest: dict[tuple[str, str], str] = {}
        self.asked: dict[str, str] = {}
        self.said: dict[str, tuple[str, str, str]] = {}
        self.builders = {"maria@bank.example", "luca@bank.example"}
        self.grants: list[tuple[str, str, Any]] = []

    def take(self, entry: AuditEntry) -> None:
        kind, _, item = entry.subject.partition("/")
        details, action = entry.details, entry.action
        if kind == "veto" and action in ("file", "activate"):
            self.vetoes[item] = details["stage"]
        elif kind == "veto" and action in ("withdraw", "satisfy"):
            assert self.kinds.get(entry.actor.partition(":")[2]) == "person", entry
            del self.vetoes[item]
        elif kind == "approval" and action == "request":
            self.newest[details["stage"], details["function"]] = item
            self.asked[item] = entry.actor
        elif kind == "approval":
            self.said[item] = (action, entry.actor, details["version_digest"])
        elif entry.subject == f"version/{self.use_case}":
            self.digest = details["after"]
        elif kind == "user" and action == "update":
            self.roles[item] = tuple(details["roles"])
            (self.closed.add if details["disabled"] else self.closed.discard)(item)
        elif kind == "authority" and action == "grant":
            self.grants.append((details["person"], details["function"], entry.at + timedelta(days=90)))
        if entry.subject in (f"use-case/{self.use_case}", f"version/{self.use_case}") and action in ("apply", "version_changed"):
            self.builders.add(person_of(entry.actor))
            # They are named by address, and their accounts by what stands before the @; once builder, always builder.
            self.builders.update(each.partition("@")[0] for each in details.get("people", ()))
        if entry.subject == f"use-case/{self.use_case}" and action == "advance":
            self.passage(entry)

    def passage(self, entry: AuditEntry) -> None:
        stage = entry.details["to"]
        assert STAGES.index(stage) == STAGES.index(entry.details["from"]) + 1
        assert not self.vetoes, f"{stage} was entered with an active veto"
        speakers = []
        for function in FUNCTIONS:
            item = self.newest.get((stage, function))
            assert item is not None, f"{stage} was entered, and {function} was not asked"
            assert item in self.said, f"{stage} was entered, and {function} had not answered"
            decision, actor, digest = self.said[item]
            assert decision == "approved", f"{stage} was entered, and {function} said {decision}"
            assert digest == self.digest, f"{stage} was entered on a stale approval of {function}"
            name = actor.partition(":")[2]
            assert self.kinds.get(name) == "person"
            assert name not in self.closed
            assert person_of(actor) != person_of(self.asked[item]), f"{name} approved what they asked for"
            assert person_of(actor) not in self.builders, f"{name} approved what they built"
            granted = any(each[:2] == (name, function) and entry.at < each[2] for each in self.grants)
            assert function in self.roles[name] or granted, f"{name} does not speak for {function}"
            speakers.append(person_of(actor))
        assert len(set(speakers)) == len(FUNCTIONS), "one person spoke for two functions"
        PASSED.append(stage)


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


def test_no_sequence_of_calls_gets_past_a_gate(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        context = running_site(tmp_path)
        Ring.world = World(runner, runner.run(_awaited(context.__aenter__())))
        try:
            runner.run(Ring.world.prepare())
            for each in WRITTEN:
                ring = Ring()  # type: ignore[no-untyped-call]
                ring.start()
                ring.the_ordinary_way(**WAY | each)
                ring.teardown()
            assert PASSED == ["pilot"], "on the way where everybody says yes the gate opens, and on no other"
            run_state_machine_as_test(  # type: ignore[no-untyped-call]
                Ring,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    derandomize="GROUNDCREW_TEST_SEQUENCES" not in os.environ,
                    suppress_health_check=list(HealthCheck),
                ),
            )
            assert runner.run(Ring.world.site.services.audit.verify()).problems == ()
        finally:
            runner.run(context.__aexit__(None, None, None))
