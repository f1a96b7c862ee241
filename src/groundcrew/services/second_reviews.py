"""Blind second reviews: for a share of decided drafts another qualified person says what they would have decided, without seeing
what was. How far the two agree says how far one signature can be relied on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from groundcrew.domain.sign_off import DECISIONS, Decision, SignOff, review_state
from groundcrew.domain.sign_off_steps import after_second_review, people_of
from groundcrew.domain.user import User
from groundcrew.errors import InputError
from groundcrew.services.lookups import require
from groundcrew.services.masking import detect_of, masked
from groundcrew.services.sign_off_people import may_sign, qualifications_of, require_present, require_qualified, signer_of
from groundcrew.stats.agreement import cohen_kappa
from groundcrew.stats.intervals import Interval, wilson
from groundcrew.store import catalog
from groundcrew.store import sign_offs as stored
from groundcrew.store.database import Database

ROWS_MAX = 500
#: The newest second reviews that agreement is computed from.
REVIEWS_MAX = 10_000


class SecondTask(msgspec.Struct, frozen=True, kw_only=True):
    """A decided draft that waits to be judged again: nothing of it says what was decided, or by whom."""

    sign_off_id: str
    use_case: str
    call_id: str
    qualification: str
    draft: str
    requested_at: datetime


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far first and second decisions on the same drafts agree: `table[i][j]` counts drafts that were decided DECISIONS[i] and
    judged DECISIONS[j]. `share` is that of equal ones with its 95 % interval (Wilson), `kappa` Cohen's, None where it says
    nothing."""

    use_case: str
    qualification: str
    table: tuple[tuple[int, ...], ...]
    share: Interval
    kappa: float | None
    #: Sign-offs on which the two disagree, the newest first.
    disagreements: tuple[str, ...] = ()


class SecondReviews:
    """What waits to be judged a second time, and how far the judgements agree."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, person: User, *, use_case: str | None = None, limit: int = ROWS_MAX) -> list[SecondTask]:
        """The drafts that this person may judge a second time, the oldest first."""
        async with self._database.read() as connection:
            found = await stored.reviews(
                connection, "open", qualifications=qualifications_of(person), use_case=use_case, limit=min(limit, ROWS_MAX)
            )
        return [_task(each) for each in found if blind_to(each, person)]

    async def judge(
        self, sign_off_id: str, decision: Decision, *, reviewer: User, comment: str = "", grounded: bool | None = None
    ) -> SignOff:
        """Say what this person would have decided; with what they would change, or why they would reject it. Only a qualified
        person who has not read it, only once. It changes nothing of what was released."""
        if decision != "approve" and not comment.strip():
            raise InputError("say what you would change, or why you would reject it", field="comment")
        if decision == "approve" and grounded is False:
            raise InputError("a draft with an unsupported claim is not approved: say edit or reject", field="grounded")
        async with self._database.read() as connection:
            found = await require(connection, catalog.SIGN_OFFS, sign_off_id)
            detect = await detect_of(connection, await catalog.USE_CASES.get(connection, found.use_case))
        (comment,) = await masked([comment], detect, published=[found.draft])
        async with self._database.write(f"user:{reviewer.name}") as writer:
            now = self._database.clock.now()
            account = await signer_of(writer.connection, reviewer)
            decided = await require(writer.connection, catalog.SIGN_OFFS, sign_off_id)
            require_qualified(account, decided.qualification)
            require_present(await stored.absences_at(writer.connection, now), account.name)
            says = True if decision == "approve" else grounded
            judged = after_second_review(decided, decision, reviewer=account.name, now=now, comment=comment, grounded=says)
            details = {"agrees": judged.decided_by == decision, "decided": judged.decided_by, "judged": decision}
            await catalog.SIGN_OFFS.put(writer, judged, "second_review", reason=comment, details=details)
        return judged

    async def hidden_from(self, person: User | None, *, ids: Collection[str] = (), calls: Collection[str] = ()) -> list[SignOff]:
        """Those of these sign-offs, named by their ids or by their calls, of whose decision this person must learn nothing yet,
        not even that there is a message or a label about it. For lists of other things that would tell."""
        if person is None or not (ids or calls):
            return []
        async with self._database.read() as connection:
            found = await stored.open_reviews(connection, ids=ids, calls=calls)
        return [each for each in found if blind_to(each, person)]

    async def agreement(self, *, use_case: str | None = None) -> list[Agreement]:
        """How far decisions agree, by use case and qualification, over the newest REVIEWS_MAX second reviews."""
        async with self._database.read() as connection:
            found = await stored.reviews(connection, "done", qualifications=None, use_case=use_case, limit=REVIEWS_MAX)
        groups: dict[tuple[str, str], list[SignOff]] = defaultdict(list)
        for each in found:
            groups[each.use_case, each.qualification].append(each)
        return [_agreement(*names, groups[names]) for names in sorted(groups)]


def blind_to(sign_off: SignOff, person: User) -> bool:
    """Whether the decision must not be shown to this person, because they may still judge the draft a second time."""
    if review_state(sign_off) != "open" or not may_sign(person, sign_off.qualification):
        return False
    return person.name.casefold() not in {each.casefold() for each in people_of(sign_off)}


def _task(sign_off: SignOff) -> SecondTask:
    return SecondTask(
        sign_off_id=sign_off.id,
        use_case=sign_off.use_case,
        call_id=sign_off.call_id,
        qualification=sign_off.qualification,
        draft=sign_off.draft,
        requested_at=sign_off.requested_at,
    )


def _agreement(use_case: str, qualification: str, found: Sequence[SignOff]) -> Agreement:
    table = [[0] * len(DECISIONS) for _ in DECISIONS]
    disagreements = []
    for each in found:
        first, second = each.decided_by, each.second_reading
        if first is None or second is None:
            continue
        table[DECISIONS.index(first)][DECISIONS.index(second.decision)] += 1
        if first != second.decision:
            disagreements.append(each.id)
    total = sum(map(sum, table))
    return Agreement(
        use_case=use_case,
        qualification=qualification,
        table=tuple(map(tuple, table)),
        share=wilson(total - len(disagreements), total),
        kappa=cohen_kappa(table),
        disagreements=tuple(disagreements),
    )
