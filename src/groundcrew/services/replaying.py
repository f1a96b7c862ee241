"""Asks an alternate what recorded calls asked, so many at once, within a ceiling of cost; every batch is one step of the job."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from groundcrew.domain.call import Call
from groundcrew.domain.model_swap import named
from groundcrew.domain.provider import Model
from groundcrew.domain.rehearsal import (
    Rehearsed,
    Side,
    generated,
    holds_tags,
    messages_of,
    no_answer,
    side_of_answer,
    side_of_call,
    unusable,
)
from groundcrew.domain.trial import TrialAnswer, TrialRequest
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import Conflict
from groundcrew.metrics.edit_distance import TEXT_LENGTH_MAX, pair_similarity
from groundcrew.metrics.semantic_similarity import Encode, pair_similarities
from groundcrew.services.evaluation_asking import WAIT_S, RunEnds, ask_patiently
from groundcrew.services.jobs import Task
from groundcrew.services.lookups import current_digest, require_use_case
from groundcrew.store import catalog, rehearsals
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Connection
from groundcrew.store.feedback import RATINGS

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

#: Recorded calls that are looked at for each one that is asked for: a version that another target mostly answered has few of use.
SCANNED_PER_CALL_MAX = 20
#: So many questions in a row without any answer, and the rest is not asked.
FAILED_IN_A_ROW_MAX = 20
#: Recorded calls that are looked at in one step.
PAGE_CALLS = 64
#: In the place of an answer to what was not asked.
UNASKED = Side(answered=False, declined=False, failed=False, length=0)

Final = Literal["", "approved", "corrected"]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far a rehearsal has come: the next call to look at is older than `before`. `stopped` says why it ended early;
    `refused`: nobody may ask any more, which says nothing about the alternate."""

    digest: str
    before: str = ""
    scanned: int = 0
    asked: int = 0
    unusable: dict[str, int] = {}
    spent_usd: float = 0.0
    unpriced: int = 0
    failed_in_a_row: int = 0
    stopped: str = ""
    refused: bool = False
    ended: bool = False
    evidence: str = ""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded call with what the alternate wrote for it, and what people finally sent ("" where nobody did)."""

    call: Call
    alternate: Side
    text: str
    answer_call_id: str
    final: Final = ""
    final_text: str = ""


class Replay:
    """One rehearsal's questions."""

    def __init__(
        self, services: Services, task: Task, use_case: UseCase, model: Model, alternate: tuple[str, str], state: State
    ) -> None:
        self.state = state
        self._services, self._task, self._use_case = services, task, use_case
        self._answering, self._alternate = model.answering, alternate
        self._grounded = use_case.grounding is not None
        arguments = task.job.arguments
        self._calls, self._ceiling = int(arguments["calls"]), arguments.get("cost_max_usd")
        self._concurrency, self._shadows = int(arguments["concurrency"]), arguments["source"] == "shadows"
        self._corrected: dict[str, str] = {}

    async def run(self) -> None:
        """Ask until there are enough pairs, no more calls, or a reason to stop."""
        if not self._shadows and self._services.trials is None:
            raise Conflict("this process can not ask models: let the server or `groundcrew jobs work` do the job")
        async with self._services.database.read() as connection:
            ratings = await RATINGS.find(connection, use_case=self._use_case.name, version_digest=self.state.digest)
        self._corrected = {each.call_id: each.corrected_text for each in ratings if each.call_id and each.corrected_text}
        while not self.state.ended:
            await self._batch()

    async def _batch(self) -> None:
        state = self.state
        room = min(self._concurrency, self._calls - state.asked)
        room, stopped = self._within_ceiling(room)
        if stopped or room <= 0 or state.scanned >= self._calls * SCANNED_PER_CALL_MAX:
            await self._save([], msgspec.structs.replace(state, stopped=stopped, ended=True))
            return
        async with self._services.database.read() as connection:
            if await current_digest(connection, await require_use_case(connection, self._use_case.name)) != state.digest:
                raise Conflict(f"{self._use_case.name} changed while {named(self._alternate)} was rehearsed: rehearse it again")
            page = await rehearsals.page(
                connection, self._use_case.name, state.digest, before=state.before, limit=PAGE_CALLS, shadows=self._shadows
            )
            calls, reasons, looked = await self._usable(connection, page, room)
            finals = [await self._final(connection, each) for each, _ in calls]
        if not page:
            await self._save([], msgspec.structs.replace(state, ended=True))
            return
        asked, stopped = await self._answers(calls)
        pairs = [
            Pair(call=call, alternate=side, text=text, answer_call_id=answer_id, final=final, final_text=final_text)
            for (call, _), (side, text, answer_id, _), (final, final_text) in zip(calls, asked, finals, strict=True)
            if answer_id
        ]
        rows = await asyncio.to_thread(compared, pairs, self._task.job.id, self._shadows, self._grounded)
        now = self._services.database.clock.now()
        rows = [msgspec.structs.replace(each, at=now) for each in rows]
        state = self._counted(state, [each[3] for each in asked], reasons)
        await self._save(
            rows,
            msgspec.structs.replace(
                state,
                before=page[looked - 1].id,
                scanned=state.scanned + looked,
                asked=state.asked + len(pairs),
                stopped=stopped,
                refused=bool(stopped),
                ended=bool(stopped),
            ),
        )

    async def _answers(
        self, calls: Sequence[tuple[Call, Call | None]]
    ) -> tuple[list[tuple[Side, str, str, TrialAnswer | None]], str]:
        """What the alternate wrote for each call, its copy or asked now, without a call id where nobody may ask any more; and why
        that is so."""
        if self._shadows:
            copies = [copy for _, copy in calls if copy is not None]
            return [(side_of_call(each, grounded=self._grounded), generated(each), each.id, None) for each in copies], ""
        found: list[tuple[Side, str, str, TrialAnswer | None]] = []
        stopped = ""
        for each in await asyncio.gather(*(self._ask(call) for call, _ in calls)):
            if isinstance(each, RunEnds):
                stopped = stopped or str(each)
                found.append((UNASKED, "", "", None))
            else:
                side = side_of_answer(each, grounded=self._grounded)
                found.append((side, each.generated or each.text, each.call_id, each))
        return found, stopped

    async def _ask(self, call: Call) -> TrialAnswer | RunEnds:
        assert self._services.trials is not None
        request = TrialRequest(
            trial=self._task.job.id,
            use_case=self._use_case.name,
            purpose="replay",
            messages=messages_of(call),
            target=self._alternate,
            data_class=call.data_class,
        )
        try:
            return await ask_patiently(self._services.trials, request, wait_s=WAIT_S)
        except RunEnds as end:
            return end

    def _within_ceiling(self, room: int) -> tuple[int, str]:
        """How many of `room` questions may be asked next, and why none may."""
        state = self.state
        if state.failed_in_a_row >= FAILED_IN_A_ROW_MAX:
            return 0, f"{named(self._alternate)} did not answer {state.failed_in_a_row} questions in a row"
        if self._ceiling is None:
            return room, ""
        if state.asked == 0:
            return min(room, 1), ""  # what one costs is known only afterwards
        if state.unpriced:
            return 0, "the cost of an answer is unknown, so that the ceiling can not be kept"
        each_usd = state.spent_usd / state.asked
        left = room if each_usd == 0 else min(room, int((self._ceiling - state.spent_usd) / each_usd))
        return left, f"the ceiling of {self._ceiling:g} USD: {state.spent_usd:.4f} USD spent" if left <= 0 < room else ""

    async def _usable(
        self, connection: Connection, page: Sequence[Call], most: int
    ) -> tuple[list[tuple[Call, Call | None]], list[str], int]:
        """The first `most` calls of a page that can be used, each with its copy where copies are compared; why others before
        them can not; and how many were looked at."""
        found: list[tuple[Call, Call | None]] = []
        reasons: list[str] = []
        for looked, each in enumerate(page):
            if len(found) == most:
                return found, reasons, looked
            call, copy = each, None
            if self._shadows:
                if (each.provider, each.target_model) != self._alternate:
                    continue
                original = await CALLS.get(connection, each.shadow_of or "")
                if original is None or each.status in ("opened", "cancelled"):
                    reasons.append("cut")
                    continue
                call, copy = original, each
            if (reason := unusable(call, self._answering)) is not None:
                reasons.append(reason)
            else:
                found.append((call, copy))
        return found, reasons, len(page)

    async def _final(self, connection: Connection, call: Call) -> tuple[Final, str]:
        """What people finally sent in the place of a recorded answer."""
        signed = await catalog.SIGN_OFFS.get(connection, call.sign_off_id) if call.sign_off_id else None
        if signed is not None and signed.state == "edited" and signed.final_text:
            return "corrected", signed.final_text
        if corrected := self._corrected.get(call.id):
            return "corrected", corrected
        if signed is not None and signed.state == "approved" and signed.final_text:
            return "approved", signed.final_text
        return "", ""

    def _counted(self, state: State, answers: Sequence[TrialAnswer | None], reasons: Sequence[str]) -> State:
        counts = dict(state.unusable)
        for reason in reasons:
            counts[reason] = counts.get(reason, 0) + 1
        spent, unpriced, in_a_row = state.spent_usd, state.unpriced, state.failed_in_a_row
        for each in answers:
            if each is None:
                continue
            spent += each.cost_usd or 0.0
            unpriced += each.cost_usd is None and not no_answer(each)
            in_a_row = in_a_row + 1 if no_answer(each) or each.status == "refused" else 0
            if each.status in ("failed", "refused"):
                self._task.fail_row(f"call {each.call_id}", each.error_code or each.status)
        return msgspec.structs.replace(state, unusable=counts, spent_usd=spent, unpriced=unpriced, failed_in_a_row=in_a_row)

    async def _save(self, rows: list[Rehearsed], state: State) -> None:
        checkpoint: dict[str, Any] = msgspec.to_builtins(state)
        if rows:
            async with self._task.step(checkpoint, done=state.asked) as writer:
                await rehearsals.insert(writer, rows, self._task.job.id)
        else:
            await self._task.save(checkpoint, done=state.asked)
        self.state = state


def compared(pairs: Sequence[Pair], job_id: str, shadows: bool, grounded: bool) -> list[Rehearsed]:
    """The pairs as figures: meanings compared by the shipped encoder, about 10 ms a text on one core."""
    from groundcrew.grounding.encoder import shipped_encoder

    encode = _once(shipped_encoder().encode)
    recorded = [generated(each.call) for each in pairs]
    both = _cosines(recorded, [each.text for each in pairs], encode)
    finals = [each.final_text for each in pairs]
    to_final = (_cosines(recorded, finals, encode), _cosines([each.text for each in pairs], finals, encode))
    return [
        Rehearsed(
            id=f"{job_id}/{each.call.id}",
            job_id=job_id,
            use_case=each.call.use_case,
            call_id=each.call.id,
            answer_call_id=each.answer_call_id,
            at=each.call.received_at,
            source="shadows" if shadows else "replay",
            present=msgspec.structs.replace(
                side_of_call(each.call, grounded=grounded), to_final=to_final[0][place], kept=_kept(recorded[place], each)
            ),
            alternate=msgspec.structs.replace(each.alternate, to_final=to_final[1][place], kept=_kept(each.text, each)),
            similarity=both[place],
            final=each.final,
            masked=holds_tags(each.call),
        )
        for place, each in enumerate(pairs)
    ]


def _once(encode: Encode) -> Encode:
    """`encode`, which is asked for each text once: answers repeat."""

    def encoded(texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        return encode(list(places))[[places[text] for text in texts]]

    return encoded


def _cosines(first: Sequence[str], second: Sequence[str], encode: Encode) -> list[float | None]:
    """Cosine of each pair, None where the reference is not there."""
    known = [place for place, text in enumerate(second) if text and first[place] and text != first[place]]
    values = pair_similarities([first[place] for place in known], [second[place] for place in known], encode)
    found: list[float | None] = [1.0 if text and text == first[place] else None for place, text in enumerate(second)]
    for place, value in zip(known, values, strict=True):
        found[place] = value
    return found


def _kept(text: str, pair: Pair) -> float | None:
    if not pair.final_text or max(len(text), len(pair.final_text)) > TEXT_LENGTH_MAX:
        return None
    return pair_similarity(text, pair.final_text)
