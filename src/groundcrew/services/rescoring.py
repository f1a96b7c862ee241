"""Scoring recorded calls again with the present stack, as a job: the new reports stand beside the records, which never change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.job import Job
from groundcrew.domain.rescoring import Rescored, Scored, without_texts
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.trust_label import current_labels
from groundcrew.domain.trust_rules import release_rule
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import InputError
from groundcrew.grounding.verifier_version import verifier_version
from groundcrew.metrics.rescoring import compare
from groundcrew.services.file_scoring import shipped_scorer
from groundcrew.services.jobs import Jobs, Task
from groundcrew.services.lookups import current_digest, require_use_case
from groundcrew.services.trust_standing import rules_of
from groundcrew.store import catalog, rescoring
from groundcrew.store.database import Connection, Database

if TYPE_CHECKING:
    from groundcrew.grounding.trust import TrustScorer
    from groundcrew.services.bundle import Services

KIND = "rescore-calls"
BATCH_CALLS = 16
CALLS_MAX = 100_000
#: Of the search for the score that a calibration maps to a threshold: well below what scores are rounded to.
HALVINGS = 40
#: The verifier that scores unless another one is named: what ships with the product.
SHIPPED = "shipped"


class Rescoring:
    """Asks for recorded calls to be scored again, and reads back what came of it."""

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database, self._jobs = database, jobs

    async def submit(
        self, use_case: str, *, actor: str, since: datetime | None = None, limit: int = CALLS_MAX, verifier: str = SHIPPED
    ) -> Job:
        """Ask for the newest `limit` calls of a use case (received from `since` on) to be scored again."""
        if not 1 <= limit <= CALLS_MAX:
            raise InputError(f"1 to {CALLS_MAX} calls at once", field="limit")
        if verifier != SHIPPED:
            raise InputError(f"there is no verifier {verifier!r}; there is: {SHIPPED}", field="verifier")
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
        arguments = {"since": since.isoformat() if since else None, "limit": limit, "verifier": verifier}
        return await self._jobs.submit(KIND, use_case, arguments, actor=actor)

    async def of_call(self, call_id: str) -> list[Rescored]:
        """Every later score of one call, oldest first."""
        async with self._database.read() as connection:
            return await rescoring.of_call(connection, call_id)


async def work(services: Services, task: Task) -> dict[str, Any]:
    """Score the calls in the order of their ids, a batch a step. Returns the comparison with what was recorded."""
    database, name = services.database, task.job.subject
    async with database.read() as connection:
        use_case = await require_use_case(connection, name)
        threshold = await raw_threshold(connection, use_case)
        state = task.checkpoint or await _begin(connection, name, task.job.arguments)
    if not task.checkpoint:
        await task.save(state, done=0, total=state["calls"])
    scorer: TrustScorer | None = None
    while state["calls"]:
        async with database.read() as connection:
            calls = await rescoring.page(
                connection, name, after=state["after"], first=state["first"], last=state["last"], limit=BATCH_CALLS
            )
        if not calls:
            break
        if scorer is None:
            scorer = await asyncio.to_thread(shipped_scorer)
        rows, bad, passed = await asyncio.to_thread(score_calls, calls, threshold, task.job.id, scorer, database.clock.now())
        for call_id, reason in bad:
            task.fail_row(f"call {call_id}", reason)
        state = {**state, "after": calls[-1].id, "passed": state["passed"] + passed}
        async with task.step(state, done=task.done + len(calls)) as writer:
            await rescoring.insert(writer, rows, task.job.id)
    async with database.read() as connection:
        report = compare(await rescoring.of_job(connection, task.job.id), await labels_of(connection, name))
    verifiers = use_case.grounding.verifiers if use_case.grounding is not None else ()
    return {
        "report": msgspec.to_builtins(report),
        "passed_over": state["passed"],
        "calls": state["calls"],
        "not_asked": list(verifiers),
    }


def score_calls(
    calls: Sequence[Call], threshold: float | None, job_id: str, scorer: TrustScorer, now: datetime
) -> tuple[list[Rescored], list[tuple[str, str]], int]:
    """The new scores of a batch, (call id, reason) of those that could not be scored, and how many had nothing to score.
    `threshold` is on the score before calibration; None: the scorer's own."""
    rows: list[Rescored] = []
    bad: list[tuple[str, str]] = []
    passed = 0
    for call in calls:
        found = scored_text(call)
        if found is None:
            passed += 1
            continue
        which, text, before = found
        try:
            after = scorer.score(text, [each.text for each in call.sources], call.request)
        except Exception as error:
            bad.append((call.id, f"could not be scored: {type(error).__name__}"))
            continue
        rows.append(
            Rescored(
                id=f"{job_id}/{call.id}",
                job_id=job_id,
                use_case=call.use_case,
                call_id=call.id,
                at=now,
                text=which,
                scorer=verifier_version(),
                threshold=scorer.threshold if threshold is None else threshold,
                trust=before.raw if before else None,
                state=before.state if before else None,
                report=without_texts(after),
                sample=call.sample,
            )
        )
    return rows, bad, passed


async def raw_threshold(connection: Connection, use_case: UseCase) -> float | None:
    """The score before calibration from which on answers of the use case are released now: a guaranteed threshold as it is, a
    declared one taken back through the calibration in force. None where nothing is declared or no guarantee is in force."""
    rules = await rules_of(connection, use_case, await current_digest(connection, use_case))
    rule = release_rule(use_case, rules)
    if rule.guarantee is not None:
        return rule.guarantee.threshold
    if rule.threshold is None or rules.calibration is None:
        return rule.threshold
    low, high = 0.0, 1.0  # the map never falls
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if rules.calibration.apply(middle) >= rule.threshold else (middle, high)
    return high


def scored_text(call: Call) -> tuple[Scored, str, TrustReport | None] | None:
    """What a model wrote for this call, and its report: the answer that was kept back where there is one, since what took its
    place is verbatim. None where there is no such text, or it was never scored."""
    if call.withheld_answer and (call.withheld_trust or call.trust):
        return "withheld_answer", call.withheld_answer, call.withheld_trust or call.trust
    if call.answer and call.trust is not None:
        return "answer", call.answer, call.trust
    return None


async def labels_of(connection: Connection, use_case: str) -> dict[str, bool]:
    """Whether people found answers supported, by call id: what they labelled, disputed ones unsupported; where nobody did,
    whether an answer was released as it was (True) or rejected (False) at sign-off. An edit says neither."""
    signed = await catalog.SIGN_OFFS.find(connection, use_case=use_case)
    found = {each.call_id: each.state == "approved" for each in signed if each.state in ("approved", "rejected")}
    judged: dict[str, bool] = {}
    for label in current_labels(await catalog.TRUST_LABELS.find(connection, use_case=use_case)):
        if label.supported is not None:
            judged[label.call_id] = judged.get(label.call_id, True) and label.supported
    return found | judged


async def _begin(connection: Connection, use_case: str, arguments: dict[str, Any]) -> dict[str, Any]:
    since = datetime.fromisoformat(arguments["since"]) if arguments.get("since") else None
    found = await rescoring.bounds(connection, use_case, since=since, limit=arguments["limit"])
    first, last, number = found or ("", "", 0)
    return {"first": first, "last": last, "after": "", "calls": number, "passed": 0}
