"""Meetings of the Stream: the cadence, who is there, what is decided only with a quorum, and minutes that nobody changes."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar
from pypdf import PdfReader
from tests.unit.services import bank, streaming
from tests.unit.services.prepared import Prepared
from tests.unit.services.streaming import PEOPLE, decided, meeting, people

from groundcrew.domain.approval import FUNCTIONS, Function
from groundcrew.domain.authority import Authority, AuthorityRequest, Scope
from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.meeting import Attendance, Cadence, Decision, Vote, count_votes, quorum_spans
from groundcrew.domain.overlap import OverlapFinding, OverlapReason
from groundcrew.domain.resource import ResourceRequest
from groundcrew.domain.user import Role
from groundcrew.domain.veto import Passing, Veto
from groundcrew.errors import Conflict, GroundcrewError, InputError, NotAllowed, NotFound
from groundcrew.services import agenda_sources, decision_effects, meeting_records, minutes_pdf
from groundcrew.services.bundle import Services
from groundcrew.services.minutes_text import markdown_of
from groundcrew.services.stream_calendar import calendar_of
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Writer
from groundcrew.testing import FakeClock

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROOT, EVA, IVAN, LEA, BERT = "user:root", PEOPLE["ethics"], PEOPLE["it"], PEOPLE["legal"], PEOPLE["business"]


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the people of the Stream, made once."""
    folder = tmp_path_factory.mktemp("stream")

    async def make() -> None:
        async with bank.opened(f"sqlite:///{folder / 'stream.db'}", folder, FakeClock(START), bare=True) as made:
            await people(made)

    # On a loop of its own: this fixture is shared by tests that have one each.
    worker = threading.Thread(target=lambda: asyncio.run(make()))
    worker.start()
    worker.join()
    return folder / "stream.db"


@pytest_asyncio.fixture
async def services(tmp_path: Path, stream: Path) -> AsyncIterator[Services]:
    shutil.copy(stream, tmp_path / "stream.db")
    async with bank.opened(f"sqlite:///{tmp_path / 'stream.db'}", tmp_path, FakeClock(START), bare=True) as made:
        yield made


def clock_of(services: Services) -> FakeClock:
    clock = services.database.clock
    assert isinstance(clock, FakeClock)
    return clock


async def topic(services: Services, meeting_id: str, title: str = "A topic") -> str:
    return (await services.meeting_points.add_topic(meeting_id, title, why="somebody asked", actor=EVA)).id


async def with_roles(services: Services, actor: str, roles: tuple[Role, ...], *, disabled: bool = False) -> None:
    async with services.database.write("system:test") as writer:
        user = await catalog.USERS.get(writer.connection, actor.removeprefix("user:"))
        assert user is not None
        await catalog.USERS.put(writer, msgspec.structs.replace(user, roles=roles, disabled=disabled), "change")


# The cadence.


async def cadence(services: Services, **changes: object) -> Cadence:
    given = {"first_day": date(2026, 3, 5), "at": "14:00", "time_zone": "Europe/Zurich", "length_min": 90, "actor": ROOT}
    return await services.meetings.set_cadence(**(given | changes))  # type: ignore[arg-type]


async def starts(services: Services) -> list[str]:
    return [each.starts_at.isoformat() for each in (await services.meetings.now()).coming]


async def test_the_next_two_meetings_are_scheduled_by_the_wall_clock_of_the_zone(services: Services) -> None:
    await cadence(services)
    assert await starts(services) == ["2026-03-05T13:00:00+00:00", "2026-03-19T13:00:00+00:00"]
    clock_of(services).advance(timedelta(days=19).total_seconds())
    await services.meetings.keep_scheduled()
    # Summer time began on 29 March: 14:00 in Zurich is 12:00 UTC, and what nobody opened is not one to come.
    assert await starts(services) == ["2026-04-02T12:00:00+00:00", "2026-04-16T12:00:00+00:00"]
    assert {each.state for each in (await services.meetings.now()).past} == {"cancelled"}


async def test_a_moved_or_cancelled_meeting_leaves_the_cadence_as_it_is(services: Services) -> None:
    await cadence(services)
    first, second = (await services.meetings.now()).coming
    await services.meetings.move(first.id, datetime(2026, 3, 6, 8, tzinfo=UTC), reason="a holiday", actor=ROOT)
    gone = await services.meetings.cancel(second.id, reason="everybody is away", actor=EVA)
    assert (gone.sequence, gone.reason) == (1, "everybody is away")
    assert await starts(services) == ["2026-03-06T08:00:00+00:00", "2026-04-02T12:00:00+00:00"]
    await services.meetings.keep_scheduled()
    assert len(await starts(services)) == 2


async def test_another_cadence_keeps_what_both_have_and_what_was_moved(services: Services) -> None:
    await cadence(services)
    first, second = (await services.meetings.now()).coming
    await cadence(services, first_day=date(2026, 3, 19), every_days=7)
    now = await services.meetings.now()
    assert [each.starts_at.date() for each in now.coming] == [date(2026, 3, 19), date(2026, 3, 26)]
    assert now.coming[0].id == second.id
    assert [each.id for each in now.past] == [first.id]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"at": "25:00"}, "at"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"length_min": 5}, "length_min"),
        ({"every_days": 1}, "every_days"),
    ],
)
async def test_a_cadence_that_can_not_be_is_refused(services: Services, changes: dict[str, object], field: str) -> None:
    with pytest.raises(InputError) as error:
        await cadence(services, **changes)
    assert error.value.field == field


async def test_two_keepers_at_once_schedule_once(database_url: str, tmp_path: Path) -> None:
    clock = FakeClock(START)
    async with (
        bank.opened(database_url, tmp_path, clock, bare=True) as one,
        bank.opened(database_url, tmp_path, clock, bare=True) as other,
    ):
        await people(one)
        await cadence(one)
        clock.advance(timedelta(days=15).total_seconds())
        await asyncio.gather(*(each.meetings.keep_scheduled() for each in (one, other, one, other)))
        slots = [each.slot for each in await one.meetings.find()]
        assert len(slots) == len(set(slots)) == 3
        assert not await one.meetings.keep_scheduled()
        coming = [await one.meetings.schedule(clock.now(), length_min=60, actor=ROOT) for _ in range(2)]
        found = await asyncio.gather(
            *(each.meetings.open(coming[at].id, actor=IVAN) for at, each in enumerate((one, other))), return_exceptions=True
        )
        assert sorted(isinstance(each, Conflict) for each in found) == [False, True], "one is open at a time"


async def test_a_meeting_is_opened_about_when_it_starts(services: Services) -> None:
    made = await services.meetings.schedule(START + timedelta(days=3), length_min=60, actor=ROOT)
    with pytest.raises(Conflict, match="at most 24 hours before"):
        await services.meetings.open(made.id, actor=IVAN)
    clock_of(services).advance(timedelta(days=2, minutes=1).total_seconds())
    assert (await services.meetings.open(made.id, actor=IVAN)).state == "open"


# Who is there.


async def test_one_person_speaks_for_one_function_and_a_function_through_one_person(services: Services) -> None:
    made = await meeting(services)
    with pytest.raises(Conflict, match="ivan speaks for it now"):
        await services.meetings.join(made.id, actor="user:ines", function="it")
    await services.meetings.join(made.id, actor="user:ines")
    await services.meetings.leave(made.id, actor=IVAN)
    await services.meetings.join(made.id, actor="user:ines", function="it")
    with pytest.raises(NotAllowed, match="ines has spoken for it in this meeting"):
        await services.meetings.join(made.id, actor="user:ines", function="legal")
    with pytest.raises(NotAllowed, match="does not hold the function ethics"):
        await services.meetings.join(made.id, actor=ROOT, function="ethics")
    for actor in ("user:robot", "cli:ivan", "key:k-1"):
        with pytest.raises(NotAllowed):
            await services.meetings.join(made.id, actor=actor, function="it")


async def test_a_meeting_is_run_by_people_who_may(services: Services) -> None:
    made = await meeting(services, opened=False)
    for actor in (streaming.OWNER, "user:sam", "user:robot", "cli:ivan"):
        with pytest.raises(NotAllowed):
            await services.meetings.open(made.id, actor=actor)
    await services.meetings.open(made.id, actor=ROOT)
    with pytest.raises(NotAllowed):
        await services.meetings.close(made.id, actor=streaming.OWNER)
    other = await services.meetings.schedule(clock_of(services).now() + timedelta(days=1), length_min=60, actor="cli:ivan")
    with pytest.raises(Conflict, match="is open: close it first"):
        await services.meetings.open(other.id, actor=ROOT)


async def test_a_function_counts_while_its_holder_holds_it(services: Services) -> None:
    made = await meeting(services)
    item = await topic(services, made.id)
    assert (await services.meetings.view(made.id)).quorum
    await with_roles(services, LEA, ("legal",), disabled=True)
    assert (await services.meetings.view(made.id)).missing == ("legal",)
    proposed = await services.meeting_decisions.propose(made.id, item, text="yes", actor=IVAN)
    with pytest.raises(NotAllowed):
        await services.meeting_decisions.vote(proposed.id, "for", actor=LEA)
    await with_roles(services, LEA, ("owner",))
    with pytest.raises(NotAllowed, match="speaks for no function"):
        await services.meeting_decisions.vote(proposed.id, "for", actor=LEA)
    with pytest.raises(Conflict, match="no quorum: legal is not there"):
        await services.meeting_decisions.conclude(proposed.id, actor=IVAN)


# Deciding.


async def test_a_decision_takes_more_than_half_of_the_functions(services: Services) -> None:
    made = await meeting(services)
    item = await topic(services, made.id)
    outcomes = {}
    for words in (("for", "for", "for", "against"), ("for", "for", "against", "against"), ("for", "for", "abstain", "abstain")):
        proposed = await services.meeting_decisions.propose(made.id, item, text="yes", actor=EVA)
        for actor, word in zip(PEOPLE.values(), words, strict=True):
            await services.meeting_decisions.vote(proposed.id, word, actor=actor, remark=f"I am {word}")
        outcomes[words] = (await services.meeting_decisions.conclude(proposed.id, actor=EVA)).state
    assert list(outcomes.values()) == ["adopted", "rejected", "rejected"], "a tie fails, and who abstains has not said yes"
    (point,) = (await services.meetings.view(made.id)).points
    assert point.state == "decided"


async def test_who_has_not_voted_is_asked_and_an_earlier_wording_is_not_voted_on(services: Services) -> None:
    made = await meeting(services)
    item = await topic(services, made.id)
    proposed = await services.meeting_decisions.propose(made.id, item, text="yes", actor=EVA)
    await services.meeting_decisions.vote(proposed.id, "for", actor=IVAN, text_revision=1)
    with pytest.raises(Conflict, match="ethics, legal, business have not voted"):
        await services.meeting_decisions.conclude(proposed.id, actor=EVA)
    await services.meeting_decisions.amend(proposed.id, text="no", text_revision=1, actor=LEA)
    with pytest.raises(Conflict, match="somebody has changed this proposal"):
        await services.meeting_decisions.amend(proposed.id, text="maybe", text_revision=1, actor=BERT)
    with pytest.raises(Conflict, match="the wording has changed"):
        await services.meeting_decisions.vote(proposed.id, "for", actor=EVA, text_revision=1)
    with pytest.raises(Conflict, match="ethics, it, legal, business have not voted"):
        await services.meeting_decisions.conclude(proposed.id, actor=EVA)


async def test_nobody_chooses_another_speaker_after_a_vote(services: Services) -> None:
    made = await meeting(services)
    item = await topic(services, made.id)
    proposed = await services.meeting_decisions.propose(made.id, item, text="yes", actor=EVA)
    await services.meeting_decisions.vote(proposed.id, "against", actor=IVAN)
    for text_revision in (1, 2):
        with pytest.raises(Conflict, match="ivan has voted on"):
            await services.meetings.leave(made.id, actor=ROOT, person="ivan")
        if text_revision == 1:
            await services.meeting_decisions.amend(proposed.id, text="yes!", text_revision=1, actor=EVA)
    for actor, word in ((IVAN, "against"), (BERT, "against"), (LEA, "for"), (EVA, "for")):
        await services.meeting_decisions.vote(proposed.id, word, actor=actor)
    await services.meetings.leave(made.id, actor=IVAN)
    await services.meetings.join(made.id, actor="user:ines", function="it")
    with pytest.raises(Conflict, match="ivan has voted for it on this wording"):
        await services.meeting_decisions.vote(proposed.id, "for", actor="user:ines")
    view = await services.meetings.view(made.id)
    assert view.counts[proposed.id].words["it"] == "against"
    # Who spoke does not hold the function any more: the word is the function's next speaker's.
    await with_roles(services, IVAN, ("owner",))
    await services.meeting_decisions.vote(proposed.id, "for", actor="user:ines")
    await with_roles(services, IVAN, ("it",))
    found = await services.meeting_decisions.conclude(proposed.id, actor=EVA)
    assert (found.state, found.quorum["it"], len(found.votes)) == ("adopted", "ines", 4)


async def test_a_word_stands_although_its_speaker_has_left(services: Services) -> None:
    # Whom the seat falls to has built it: that silences nobody who has spoken.
    await bank.apply(services, use_cases=[bank.use_case(owner="ines")])
    made = await meeting(services)
    item = await services.meeting_points.add_topic(made.id, "The assistant", why="it is slow", use_case=bank.NAME, actor=EVA)
    proposed = await services.meeting_decisions.propose(made.id, item.id, text="yes", actor=EVA)
    for actor, word in ((IVAN, "against"), (BERT, "against"), (LEA, "for"), (EVA, "for")):
        await services.meeting_decisions.vote(proposed.id, word, actor=actor)
    await services.meetings.leave(made.id, actor=IVAN)
    with pytest.raises(Conflict, match="no quorum"):
        await services.meeting_decisions.conclude(proposed.id, actor=EVA)
    await services.meetings.join(made.id, actor="user:ines", function="it")
    found = await services.meeting_decisions.conclude(proposed.id, actor=EVA)
    assert (found.state, found.recused, found.reason) == ("rejected", (), "2 for, 2 against, 0 abstain")


async def test_who_built_it_has_no_say(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(owner="bert", champion="lea")])
    made = await meeting(services)
    item = await services.meeting_points.add_topic(made.id, "The assistant", why="it is slow", use_case=bank.NAME, actor=EVA)
    proposed = await services.meeting_decisions.propose(made.id, item.id, text="yes", actor=EVA)
    for actor in (BERT, LEA):
        with pytest.raises(NotAllowed, match="has no say"):
            await services.meeting_decisions.vote(proposed.id, "for", actor=actor)
    await services.meeting_decisions.vote(proposed.id, "for", actor=EVA)
    await services.meeting_decisions.vote(proposed.id, "for", actor=IVAN)
    found = await services.meeting_decisions.conclude(proposed.id, actor=EVA)
    assert (found.state, found.recused, set(found.quorum)) == ("adopted", ("legal", "business"), set(FUNCTIONS))


async def asked_for(services: Services, request: str, use_case: str = bank.NAME) -> None:
    """A request to the resource ledger."""
    row = ResourceRequest(
        id=request,
        resource="analysts",
        measure="people_days",
        use_case=use_case,
        amount=5,
        periods=("2026-Q1",),
        purpose="label answers",
        requested_by="user:maria",
        requested_at=clock_of(services).now(),
    )
    async with services.database.write("user:maria") as writer:
        await deciding.RESOURCE_REQUESTS.put(writer, row, "request")


async def things(services: Services) -> None:
    """What decisions act on: legal's and business's use cases overlap, ask for resources, and have experts."""
    one, other = bank.use_case(name="of-lea", owner="lea"), bank.use_case(name="of-bert", owner="bert")
    await bank.apply(services, use_cases=[one, other])
    await asked_for(services, "r-bert", "of-bert")
    now = clock_of(services).now()
    what: dict[str, Any] = {
        "person": "eva",
        "function": "it",
        "rights": ("veto",),
        "scope": Scope(kind="use_case", name="of-bert"),
    }
    authority = Authority(
        id="a-1", **what, since=now, until=now + timedelta(days=9), decision="d", granted_at=now, granted_by="user:ivan"
    )
    request = AuthorityRequest(id="q-1", **what, days=9, reason="knows it", requested_by="user:eva", requested_at=now)
    reason = OverlapReason(similarity=1, terms=1, task=1)
    overlap = OverlapFinding(
        id="o-1", use_case="of-bert", kind="use_case", other="of-lea", score=1, reason=reason, found_at=now, since=now
    )
    veto = Veto(
        id="v-1",
        use_case="of-bert",
        function="ethics",
        stage=None,
        version_digest="x",
        ground="g",
        explanation="e",
        need="delay",
        conditions=(),
        filed_by="user:eva",
        filed_at=now,
        review_at=now,
        state="active",
        passed=Passing(at=now, why="disabled"),
    )
    async with services.database.write("user:maria") as writer:
        await deciding.AUTHORITIES.put(writer, authority, "grant")
        await deciding.AUTHORITY_REQUESTS.put(writer, request, "request")
        await deciding.OVERLAPS.put(writer, overlap, "find")
        await deciding.VETOES.put(writer, veto, "file")


EXPERT = {"person": "ivan", "function": "legal", "rights": ["veto"]}
FALSE = {"disposition": "false_positive", "reason": "two countries"}


@pytest.mark.parametrize(
    ("kind", "subject", "terms", "silent"),
    [
        ("allocate_resource", "resource-request/r-bert", {}, ("business",)),
        ("deny_resource", "resource-request/r-bert", {}, ("business",)),
        ("grant_authority", "", EXPERT, ("it",)),
        ("grant_authority", "", {**EXPERT, "scope": "use_case:of-bert"}, ("it", "business")),
        ("grant_authority", "", {**EXPERT, "scope": "business_unit:retail"}, ("it",)),
        ("revoke_authority", "authority/a-1", {}, ("ethics", "business")),
        ("deny_authority", "authority-request/q-1", {}, ("ethics", "business")),
        ("name_deputies", "", {"function": "legal", "people": ["ivan"]}, ("it",)),
        ("name_deputies", "", {"function": "ethics", "people": ["eva"]}, ("ethics", "business")),
        ("review_veto", "veto/v-1", {}, ("business",)),
        ("dispose_overlap", "overlap/o-1", FALSE, ("legal", "business")),
        ("resolution", "", {}, ("legal",)),
        ("resolution", "overlap/o-1", {}, ("legal", "business")),
    ],
)
async def test_what_a_decision_acts_on_says_who_has_no_say_and_not_who_proposes_it(
    services: Services, kind: str, subject: str, terms: dict[str, Any], silent: tuple[str, ...]
) -> None:
    await things(services)
    made = await meeting(services)
    # The point is about what legal has built; that counts for what acts on nothing.
    item = await services.meeting_points.add_topic(made.id, "Lea's", why="to see", use_case="of-lea", actor=IVAN)
    proposed = await services.meeting_decisions.propose(
        made.id, item.id, text="so be it", kind=kind, subject=subject, terms=terms, actor=IVAN
    )
    view = await services.meetings.view(made.id)
    assert view.counts[proposed.id].recused == silent
    for function, actor in PEOPLE.items():
        if function in silent:
            with pytest.raises(NotAllowed, match="has no say"):
                await services.meeting_decisions.vote(proposed.id, "for", actor=actor)
    with pytest.raises(InputError):
        await services.meeting_decisions.amend(proposed.id, text="so!", text_revision=1, terms={"use_case": "of-lea"}, actor=IVAN)


async def test_what_is_decided_happens_in_the_same_transaction_or_not_at_all(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []

    async def allocate(writer: Writer, *, decision: str, request: str, terms: dict[str, object]) -> None:
        assert await deciding.DECISIONS.get(writer.connection, decision) is not None
        if request == "too-much":
            raise Conflict("there is not so much")
        given.append((request, terms))

    monkeypatch.setattr(decision_effects, "allocate_resource", allocate)
    for name in ("r-1", "too-much"):
        await asked_for(services, name)
    made = await meeting(services)
    item = await topic(services, made.id)
    more = {"kind": "allocate_resource", "terms": {"amount": 3}}
    found = await decided(services, made.id, item, subject="resource-request/r-1", **more)
    assert (found.state, given) == ("adopted", [("r-1", {"amount": 3})])
    with pytest.raises(Conflict, match="there is not so much"):
        await decided(services, made.id, item, subject="resource-request/too-much", **more)
    states = [each.state for each in await services.meeting_decisions.find(meeting=made.id)]
    assert states == ["proposed", "adopted"], "it is not decided, and can be withdrawn or amended"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"kind": "abolish"}, "kind"),
        ({"kind": "allocate_resource", "subject": "nothing"}, "subject"),
        ({"kind": "allocate_resource", "subject": "veto/v-1"}, "subject"),
        ({"kind": "revoke_authority"}, "subject"),
        ({"terms": {"use_case": bank.NAME}}, "terms"),
        ({"kind": "allocate_resource", "subject": "resource-request/r-1", "terms": {"person": "bert"}}, "terms"),
        ({"kind": "revoke_authority", "subject": "authority/a-1", "terms": {"person": "bert"}}, "terms"),
        ({"kind": "grant_authority", "terms": {"person": "bert", "use_case": bank.NAME}}, "terms"),
        ({"kind": "dispose_overlap", "subject": "overlap/o-1", "terms": {"disposition": "maybe"}}, "terms"),
        ({"cites": ["secret/1"]}, "cites"),
        ({"terms": {"a": {"b": 1}}}, "terms.a"),
        ({"text": " "}, "text"),
    ],
)
async def test_a_proposal_that_says_nothing_is_refused(services: Services, more: dict[str, object], field: str) -> None:
    made = await meeting(services)
    item = await topic(services, made.id)
    with pytest.raises(InputError) as error:
        await services.meeting_decisions.propose(made.id, item, **({"text": "yes", "actor": EVA} | more))  # type: ignore[arg-type]
    assert error.value.field == field
    with pytest.raises(NotFound):
        await services.meeting_decisions.propose(made.id, item, text="yes", actor=EVA, cites=["gate-evaluation/none"])


STEP = st.tuples(
    st.sampled_from(["join", "leave", "vote", "conclude", "amend", "close_account", "open_account"]),
    st.sampled_from(FUNCTIONS),
    st.sampled_from(["for", "against", "abstain"]),
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=12), there=st.sets(st.sampled_from(FUNCTIONS), min_size=2))
async def test_no_sequence_ends_with_a_decision_without_a_quorum_at_that_moment(
    services: Services, steps: list[tuple[str, Function, str]], there: set[Function]
) -> None:
    for function, actor in PEOPLE.items():
        await with_roles(services, actor, (function,))
    made = await meeting(services, there=tuple(sorted(there)))
    item = await topic(services, made.id)
    proposed = await services.meeting_decisions.propose(made.id, item, text="yes", actor=PEOPLE[sorted(there)[0]])
    present, closed = set(there), set[Function]()
    voted: dict[Function, str] = {}
    try:
        for what, function, word in steps:
            actor = PEOPLE[function]
            before = present - closed
            try:
                if what == "join":
                    await services.meetings.join(made.id, actor=actor, function=function)
                    present.add(function)
                elif what == "leave":
                    await services.meetings.leave(made.id, actor=actor)
                    present.discard(function)
                elif what == "vote":
                    await services.meeting_decisions.vote(proposed.id, word, actor=actor)
                    voted[function] = word
                elif what == "amend":
                    now = await services.meeting_decisions.get(proposed.id)
                    await services.meeting_decisions.amend(proposed.id, text="yes!", text_revision=now.text_revision, actor=actor)
                    voted.clear()
                elif what == "conclude":
                    found = await services.meeting_decisions.conclude(proposed.id, actor=actor)
                    assert before == set(FUNCTIONS)
                    assert set(found.quorum) == set(FUNCTIONS)
                    assert set(voted) == set(FUNCTIONS)
                    assert found.state == ("adopted" if list(voted.values()).count("for") > 2 else "rejected")
                else:
                    (closed.add if what == "close_account" else closed.discard)(function)
                    await with_roles(services, actor, (function,), disabled=what == "close_account")
            except (Conflict, NotAllowed):
                if what == "conclude" and (await services.meeting_decisions.get(proposed.id)).state == "proposed":
                    assert before != set(FUNCTIONS) or set(voted) != set(FUNCTIONS)
    finally:
        await services.meetings.close(made.id, actor=ROOT)


def test_votes_count_of_who_speaks_now_on_the_wording_of_now() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    votes = tuple(
        Vote(function=each, person=each, word="for", at=at, text_revision=revision)
        for each, revision in (("ethics", 2), ("it", 2), ("legal", 1), ("business", 2))
    )
    decision = Decision(
        id="d",
        meeting="m",
        item="i",
        kind="resolution",
        text="t",
        proposed_by="user:a",
        proposed_at=at,
        text_revision=2,
        votes=votes,
    )
    seats: dict[Function, str] = {"ethics": "ethics", "it": "somebody else", "legal": "legal", "business": "business"}
    count = count_votes(decision, seats, ["business"])
    assert count.words == {"ethics": "for"}
    assert count.entitled == ("ethics", "it", "legal")
    assert not count.carried


SPAN = st.tuples(st.sampled_from([*FUNCTIONS, None]), st.integers(0, 20), st.integers(0, 20))


@given(st.lists(SPAN, max_size=12))
def test_quorum_spans_are_the_moments_at_which_all_were_there(spans: list[tuple[Function | None, int, int]]) -> None:
    zero = datetime(2026, 3, 2, tzinfo=UTC)
    rows = [
        Attendance(
            id=str(number),
            meeting="m",
            person=str(number),
            function=function,
            joined_at=zero + timedelta(minutes=min(a, b)),
            left_at=zero + timedelta(minutes=max(a, b)),
        )
        for number, (function, a, b) in enumerate(spans)
    ]
    found = quorum_spans(rows, zero + timedelta(minutes=20))
    for half in range(40):
        moment = zero + timedelta(minutes=half / 2 + 0.25)
        there = {each.function for each in rows if each.left_at and each.joined_at <= moment < each.left_at}
        assert any(begin <= moment < end for begin, end in found) == (there >= set(FUNCTIONS))
    assert all(one[1] < other[0] for one, other in pairwise(found)), "they are apart"


# Closing.


async def test_minutes_tell_what_happened_and_are_never_changed(services: Services) -> None:
    made = await meeting(services)
    item = await topic(services, made.id, "Whether to go on | <b>really</b>")
    await topic(services, made.id, "Nobody came to this")
    await services.meeting_points.discuss(made.id, item, actor=EVA)
    await services.meeting_points.note(made.id, "the numbers are good", item=item, actor=BERT)
    await services.meeting_points.note(made.id, "call 079 123 45 67 about it", actor=BERT)
    await services.meeting_points.summarize(made.id, item, "We looked at the figures.\nAll agreed.", revision=0, actor=LEA)
    due = clock_of(services).now().date() + timedelta(days=7)
    await services.stream_actions.add("write to them", owner="maria", due=due, meeting=made.id, item=item, actor=EVA)
    clock_of(services).advance(600)
    await decided(services, made.id, item, text="We go on.")
    await services.meetings.leave(made.id, actor=LEA)
    left = await services.meeting_decisions.propose(made.id, item, text="and more", actor=EVA)
    clock_of(services).advance(600)
    closed = await services.meetings.close(made.id, actor=IVAN)
    kept = await services.minutes.get(made.id)
    assert closed.minutes_sha256 == kept.sha256 == sha256_hex(await services.minutes.export(made.id))
    assert kept.intact
    assert (await services.meeting_decisions.get(left.id)).state == "withdrawn"
    first, second = kept.minutes.points
    assert (first.state, second.state, second.reason) == ("decided", "deferred", "not reached")
    assert [each.function for each in first.decisions[0].votes] == list(FUNCTIONS)
    ((span,), (begin, end)) = kept.minutes.quorum, (kept.minutes.quorum[0].begin, kept.minutes.quorum[0].end)
    assert (end - begin, span.end < kept.minutes.closed_at) == (timedelta(minutes=10), True)
    text = markdown_of(kept)
    for said in ("We go on.", "the numbers are good", "> All agreed.", "write to them: maria", "ethics (eva): for", kept.sha256):
        assert said in text, said
    assert "<b>" not in text
    assert "079 123 45 67" not in text
    pages = "".join(page.extract_text() for page in PdfReader(BytesIO(minutes_pdf.pdf_of(kept))).pages)
    for said in ("We go on.", "the numbers are good", kept.sha256[:20]):
        assert said in pages, said
    for change in (
        services.meeting_points.note(made.id, "late", actor=EVA),
        services.meetings.join(made.id, actor=EVA, function="ethics"),
        services.meeting_points.defer(made.id, item, reason="late", actor=EVA),
        services.meetings.close(made.id, actor=IVAN),
    ):
        with pytest.raises((Conflict, NotAllowed)):
            await change
    await services.minutes.add(made.id, "it was Bert's idea", actor=LEA)
    after = await services.minutes.get(made.id)
    assert (after.minutes, after.sha256, [each.text for each in after.addenda]) == (
        kept.minutes,
        kept.sha256,
        ["it was Bert's idea"],
    )
    assert "it was Bert's idea" in markdown_of(after)
    assert (await services.audit.verify()).problems == ()


async def test_a_file_is_the_minutes_or_it_is_not(services: Services) -> None:
    made = await meeting(services)
    item = await topic(services, made.id)
    await decided(services, made.id, item, text="We spend 1000 francs.")
    await services.meetings.close(made.id, actor=IVAN)
    kept = await services.minutes.get(made.id)
    genuine = await services.minutes.export(made.id)
    text = markdown_of(kept).encode()
    pretty = msgspec.json.format(genuine, indent=2)
    for good in (genuine, pretty, text, text.replace(b"\n", b"\r\n")):
        assert (await services.minutes.verify(good)).genuine
    for bad in (genuine.replace(b"1000", b"9000"), text.replace(b"1000", b"9000"), text.replace(b"for", b"against")):
        assert not (await services.minutes.verify(bad)).genuine
    with pytest.raises(NotFound):
        await services.minutes.verify(b"nothing of the kind")
    async with services.database.write("system:evil") as writer:
        await deciding.MINUTES.put(writer, msgspec.structs.replace(kept.minutes, place="elsewhere"), "draft")
    assert not (await services.minutes.verify(genuine)).genuine


# The agenda.


async def test_what_blocks_most_is_first_and_people_may_order(services: Services) -> None:
    await bank.apply(services)
    made = await meeting(services, opened=False)
    mine = await topic(services, made.id, "Mine")
    await services.incidents.open(title="Small", severity=3, use_cases=[bank.NAME], actor="user:maria")
    await services.incidents.open(title="Big", severity=1, use_cases=[bank.NAME], actor="user:maria")

    async def titles() -> list[str]:
        return [each.entry.title for each in (await services.meetings.view(made.id)).points]

    assert await titles() == ["Big (severity 1)", "Small (severity 3)", "Mine"]
    await services.meeting_points.place(made.id, mine, 2, actor=EVA)
    assert await titles() == ["Big (severity 1)", "Mine", "Small (severity 3)"]
    await services.meeting_points.place(made.id, mine, 1, actor=EVA)
    assert await titles() == ["Mine", "Big (severity 1)", "Small (severity 3)"]
    await services.meeting_points.place(made.id, mine, None, actor=EVA)
    assert await titles() == ["Big (severity 1)", "Small (severity 3)", "Mine"]
    with pytest.raises(NotAllowed):
        await services.meeting_points.place(made.id, mine, 1, actor=streaming.OWNER)


async def test_what_was_settled_goes_and_what_was_put_off_returns(services: Services) -> None:
    await bank.apply(services)
    incident = await services.incidents.open(title="Small", severity=3, use_cases=[bank.NAME], actor="user:maria")
    made = await meeting(services)
    mine = await topic(services, made.id, "Mine")
    small = next(each for each in (await services.meetings.view(made.id)).points if each.id != mine)
    await services.meeting_points.defer(made.id, mine, reason="Maria is away", actor=EVA)
    view = await services.meetings.view(made.id)
    assert ([each.entry.title for each in view.points], [each.id for each in view.deferred]) == (["Small (severity 3)"], [mine])
    await bank.accounts(services, "user:carl", roles=("it",))
    await services.incidents.mitigate(incident.id, "it is off", actor="user:carl")
    await services.incidents.close(incident.id, "model", "it was tired", actor="user:carl")
    view = await services.meetings.view(made.id)
    assert (view.points, view.settled) == ((), ("Small (severity 3)",))
    with pytest.raises(NotFound):
        await services.meeting_points.discuss(made.id, "0" * 32, actor=EVA)
    await services.meeting_points.note(made.id, "it is settled", item=small.id, actor=EVA)
    await services.meetings.close(made.id, actor=EVA)
    assert (await services.minutes.get(made.id)).minutes.settled == ("Small (severity 3)",)
    clock_of(services).advance(86_400)
    again = await meeting(services)
    (point,) = (await services.meetings.view(again.id)).points
    assert point.entry.title == "Mine"
    assert point.earlier == ("put off on 2026-03-02: Maria is away",)
    await services.meeting_points.discuss(again.id, point.id, actor=EVA)
    await services.meetings.close(again.id, actor=EVA)
    third = await meeting(services)
    assert not (await services.meetings.view(third.id)).points, "one has talked about it"


async def test_alerts_evidence_verdicts_and_late_actions_put_themselves_on_the_agenda(tmp_path: Path, prepared: Prepared) -> None:
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    async with bank.opened(url, tmp_path, prepared.copy("pilot", url), bare=True) as services:
        await people(services)
        now = services.database.clock.now()
        await services.stream_actions.add("train them", owner="maria", due=now.date(), use_case=bank.NAME, actor=EVA)
        async with services.database.read() as connection:
            before = await agenda_sources.wanted(connection, now)
            later = await agenda_sources.wanted(connection, now + timedelta(days=85))
        assert "overdue_action" not in {each.kind for each in before.values()}
        kinds = {each.kind for each in later.values()}
        assert {"overdue_action", "expiring_evidence"} <= kinds
        late = next(each for each in later.values() if each.kind == "overdue_action")
        assert (late.use_case, late.title) == (bank.NAME, "train them")
        standing = await services.incidents.standing(bank.NAME)
        assert standing.overdue_of_stream == ()
        async with services.database.read() as connection:
            assert await meeting_records.overdue_of(connection, bank.NAME, now.date() + timedelta(days=1))


async def test_an_action_is_its_owners(services: Services) -> None:
    today = clock_of(services).now().date()
    for owner, due in (("nobody", today), ("robot", today), ("maria", today - timedelta(days=1))):
        with pytest.raises(InputError):
            await services.stream_actions.add("do it", owner=owner, due=due, actor=EVA)
    made = await services.stream_actions.add("do it", owner="maria", due=today, actor=EVA)
    with pytest.raises(NotAllowed, match="maria owns this action"):
        await services.stream_actions.done(made.id, "done", actor=EVA)
    clock_of(services).advance(2 * 86_400)
    assert [each.id for each in await services.stream_actions.overdue()] == [made.id]
    await services.stream_actions.done(made.id, "it is written", actor="user:maria")
    assert await services.stream_actions.overdue() == []
    with pytest.raises(Conflict, match="done already"):
        await services.stream_actions.done(made.id, "again", actor="user:maria")


async def test_two_people_who_write_at_once_lose_nothing(services: Services) -> None:
    made = await meeting(services)
    item = await topic(services, made.id)
    (point,) = (await services.meetings.view(made.id)).points
    first = await services.meeting_points.summarize(made.id, item, "Eva wrote this", revision=point.revision, actor=EVA)
    await services.meeting_points.discuss(made.id, item, actor=IVAN)
    with pytest.raises(Conflict, match="eva has changed this text"):
        await services.meeting_points.summarize(made.id, item, "Bert wrote this", revision=point.revision, actor=BERT)
    both = "Eva wrote this\nBert wrote this"
    kept = await services.meeting_points.summarize(made.id, item, both, revision=first.revision, actor=BERT)
    assert kept.summary == both


# The calendar.


async def test_the_feed_is_a_calendar_that_programs_read(services: Services) -> None:
    place = "Room 3; by the “lake”, 2nd floor\nhttps://meet.example/stream, " + "ä" * 80
    await cadence(services, place=place)
    first, second = (await services.meetings.now()).coming
    await services.meetings.move(first.id, datetime(2026, 3, 6, 8, tzinfo=UTC), reason="a holiday", actor=ROOT)
    await services.meetings.move(first.id, datetime(2026, 3, 6, 9, tzinfo=UTC), reason="a longer holiday", actor=ROOT)
    await services.meetings.cancel(second.id, reason="away", actor=ROOT)
    feed = await services.stream_calendar.subscribe(actor=EVA)
    content = await services.stream_calendar.feed(feed.token, address="https://crew.example")
    lines = content.split(b"\r\n")
    assert content.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, lines)) <= 75
    events = {str(each["uid"]): each for each in Calendar.from_ical(content).walk("VEVENT")}
    moved, gone = events[f"{first.id}@groundcrew"], events[f"{second.id}@groundcrew"]
    assert (moved["sequence"], moved.decoded("dtstart"), moved["status"]) == (2, datetime(2026, 3, 6, 9, tzinfo=UTC), "CONFIRMED")
    assert moved.decoded("dtend") - moved.decoded("dtstart") == timedelta(minutes=90)
    assert str(moved["location"]) == place.strip()
    assert (gone["sequence"], gone["status"]) == (1, "CANCELLED")
    assert re.search(rb"DTSTAMP:\d{8}T\d{6}Z\r\n", content)
    again = await services.stream_calendar.feed(feed.token, address="https://crew.example")
    assert again == content, "what has not changed is the same"
    assert calendar_of([], "").startswith(b"BEGIN:VCALENDAR\r\n")


async def test_a_feed_opens_with_its_token_until_it_is_revoked(services: Services) -> None:
    feed = await services.stream_calendar.subscribe(actor=EVA)
    (kept,) = await services.stream_calendar.feeds("eva")
    assert feed.token not in str(kept)
    with pytest.raises(NotFound):
        await services.stream_calendar.revoke(feed.id, actor=BERT)
    await with_roles(services, EVA, ("ethics",), disabled=True)
    with pytest.raises(NotFound):
        await services.stream_calendar.feed(feed.token, address="")
    await with_roles(services, EVA, ("ethics",))
    await services.stream_calendar.feed(feed.token, address="")
    await services.stream_calendar.revoke(feed.id, actor=EVA)
    for token in (feed.token, "", "x" * 32):
        with pytest.raises(GroundcrewError):
            await services.stream_calendar.feed(token, address="")
