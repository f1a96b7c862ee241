"""How a knowledge base was used in the recorded calls of a window: which passages were found and quoted, which questions got no
answer, and on which passages answers rested that people had to correct."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.feedback import Rating
from groundcrew.domain.sign_off import SignOff
from groundcrew.domain.use_case import UseCase
from groundcrew.store import calls as stored_calls
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Database
from groundcrew.store.feedback import RATINGS

WINDOW_DAYS = 90
#: Recorded calls that one look reads, over all use cases of the base.
CALLS_MAX = 50_000
PAGE_CALLS = 500
#: Stars up to which a rating says that the answer was no good.
LOW_STARS_MAX = 2
#: Statuses of calls whose question the base could not answer as asked.
UNANSWERED = ("declined", "fallback")
_USER_TURN = re.compile(r"^user: ", re.MULTILINE)


class Question(msgspec.Struct, frozen=True):
    """A question without an answer, masked as it is recorded."""

    call_id: str
    text: str
    at: datetime
    sample: bool


class Use(msgspec.Struct):
    """What the calls of a window, received at `times`, tell. `found` and `quoted` count passages by id; `rested` counts answers
    by the passage that they rested on, `corrected` those of them that people corrected, with the calls."""

    calls: int = 0
    samples: int = 0
    truncated: bool = False
    since: datetime | None = None
    found: Counter[str] = msgspec.field(default_factory=Counter)
    quoted: Counter[str] = msgspec.field(default_factory=Counter)
    rested: Counter[str] = msgspec.field(default_factory=Counter)
    corrected: dict[str, list[tuple[str, datetime, bool]]] = msgspec.field(default_factory=dict)
    times: list[datetime] = msgspec.field(default_factory=list)
    questions: list[Question] = msgspec.field(default_factory=list)


async def read_use(database: Database, knowledge_base: str, since: datetime) -> Use:
    """What the calls received since then tell, newest first, CALLS_MAX at most; shadow copies left out."""
    use = Use(since=since)
    async with database.read() as connection:
        use_cases = [
            each
            for each in await catalog.USE_CASES.find(connection)
            if each.grounding is not None and each.grounding.knowledge == knowledge_base
        ]
    for use_case in use_cases:
        await _read_use_case(database, use, use_case, since)
    use.questions.sort(key=lambda each: (each.at, each.call_id))
    return use


async def _read_use_case(database: Database, use: Use, use_case: UseCase, since: datetime) -> None:
    async with database.read() as connection:
        corrected = await _corrected_calls(connection, use_case.name)
    before: str | None = None
    while True:
        async with database.read() as connection:
            page = await stored_calls.latest(connection, use_case=use_case.name, before=before, limit=PAGE_CALLS)
        for call in page:
            if call.received_at < since:
                continue
            if use.calls + use.samples >= CALLS_MAX:
                use.truncated = True
                return
            _count(use, call, corrected)
        # Ids follow time but for a clock that was set: a page of old calls alone ends the window.
        if len(page) < PAGE_CALLS or all(call.received_at < since for call in page):
            return
        before = page[-1].id


def _count(use: Use, call: Call, corrected: set[str]) -> None:
    if call.sample:
        use.samples += 1
    else:
        use.calls += 1
    if call.status in UNANSWERED and not _knew(call) and (question := question_of(call.request)):
        use.questions.append(Question(call.id, question, call.received_at, call.sample))
    use.times.append(call.received_at)
    use.found.update({each.passage_id for each in call.sources})
    quoted = quoted_passages(call)
    use.quoted.update(quoted)
    rested = quoted or {each.passage_id for each in call.sources[:1]}
    use.rested.update(rested)
    if call.id in corrected:
        for passage in rested:
            use.corrected.setdefault(passage, []).append((call.id, call.received_at, call.sample))


def _knew(call: Call) -> bool:
    """Whether the passages support an answer that was kept back all the same, as while a guarantee is still to be earned: then
    no article is missing."""
    report = call.withheld_trust
    return report is not None and report.state == "supported" and not report.contradicted


def question_of(transcript: str) -> str:
    """What was asked last in a recorded transcript (``role: text`` lines), in one line."""
    turns = _USER_TURN.split(transcript)
    return " ".join(turns[-1].split())


def quoted_passages(call: Call) -> set[str]:
    """The passages that claims of the call's answer (or of the draft that waits for sign-off) rest on."""
    report = call.withheld_trust if call.status == "held" and call.withheld_trust else call.trust
    places = {claim.source for claim in report.claims} if report else set()
    return {call.sources[place].passage_id for place in places if place is not None and 0 <= place < len(call.sources)}


async def _corrected_calls(connection: Connection, use_case: str) -> set[str]:
    """Calls whose answer a signer edited or rejected, or a rater corrected or gave LOW_STARS_MAX stars at most."""
    signed: Sequence[SignOff] = await catalog.SIGN_OFFS.find(connection, use_case=use_case)
    rated: Sequence[Rating] = await RATINGS.find(connection, use_case=use_case)
    edited = {each.call_id for each in signed if each.state in ("edited", "rejected")}
    return edited | {each.call_id for each in rated if each.call_id and (each.corrected_text or each.stars <= LOW_STARS_MAX)}
