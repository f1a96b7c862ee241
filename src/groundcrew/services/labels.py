"""Labels of scored answers: drawing which ones people look at, handing them out one by one, and keeping what people say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from groundcrew.domain.call import Call, CallHead
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.sign_off import SignOff
from groundcrew.domain.trust_label import (
    CLAIM_MARKS_MAX,
    REASON_LENGTH_MAX,
    ClaimMark,
    Draw,
    Judged,
    LabelOrigin,
    TrustLabel,
    current_labels,
    draw,
    inclusion_probability,
    judged,
    place_of_call,
    releasable,
)
from groundcrew.domain.trust_rules import release_rule
from groundcrew.domain.use_case import UseCase
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import current_digest, person_of, require, require_use_case
from groundcrew.services.masking import detect_of, masked
from groundcrew.services.names import stored_addresses
from groundcrew.services.trust_standing import pending_calls, rules_of, since_of, standing
from groundcrew.store import catalog
from groundcrew.store import labels as stored
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Connection, Database, Writer

#: How long an answer stays with the person who looks at it.
LEASE_S = 15 * 60.0
#: Who may label where a use case names no qualification of its own.
LABELLER_QUALIFICATION = "reviewer"
#: Open draws that are looked through for one that may be labelled now.
OPEN_DRAWS_MAX = 5_000


class LabelTask(msgspec.Struct, frozen=True, kw_only=True):
    """A drawn answer for one person to judge: the call, which of its texts, and what they said of it before."""

    draw: Draw
    call: Call
    answer: Judged
    until: datetime
    own_label: TrustLabel | None = None


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """How many answers of the current version were drawn, how many of them people judged or skipped, and how many wait."""

    use_case: str
    drawn: int
    judged: int
    skipped: int
    waiting: int


async def draw_shipped(writer: Writer, fresh: Sequence[tuple[CallHead, bytes]], *, gateway: str) -> None:
    """Draw among calls in the transaction that records them; nothing about the draw can be chosen afterwards."""
    use_cases: dict[str, UseCase | None] = {}
    aims: dict[str, tuple[float | None, bool]] = {}
    draws: list[Draw] = []
    for head, record in fresh:
        name = head.use_case
        if name not in use_cases:
            found = await catalog.USE_CASES.get(writer.connection, name)
            use_cases[name] = found if found is not None and found.grounding is not None else None
        use_case = use_cases[name]
        if use_case is None or use_case.grounding is None or head.shadow_of is not None or head.trial is not None:
            continue
        rule = use_case.grounding.spot_checks
        signs = head.status == "held"
        if not signs and (rule is None or place_of_call(name, head.id) >= inclusion_probability(rule, 0.0, None)):
            continue
        if name not in aims:
            aims[name] = await _aim(writer.connection, use_case)
        threshold, all_sign = aims[name]
        made = draw(
            msgspec.json.decode(record, type=Call),
            rule=rule,
            threshold=threshold,
            signs=signs,
            at=writer.clock.now(),
            all_sign=all_sign,
            guaranteed=use_case.grounding.guarantee is not None,
        )
        if made is not None:
            draws.append(made)
    await stored.insert_draws(writer, draws, gateway=gateway)


async def _aim(connection: Connection, use_case: UseCase) -> tuple[float | None, bool]:
    """The threshold that labels are to inform, on the score before calibration where a guarantee is in force; and whether every
    scored answer waits for a signature now, whatever its trust."""
    grounding = use_case.grounding
    if grounding is None:
        return None, False
    rules = await rules_of(connection, use_case, await current_digest(connection, use_case))
    release = release_rule(use_case, rules)
    holds = grounding.mode == "required" and grounding.below == "hold"
    passes = holds or grounding.mode == "advisory" or grounding.below == "flag"
    signed = use_case.sign_off is not None and use_case.sign_off.when == "always"
    all_sign = (signed and passes) or (holds and release.threshold is None and release.guarantee is None)
    return (rules.guarantee.threshold if rules.guarantee is not None else grounding.threshold), all_sign


async def label_by_sign_off(writer: Writer, sign_off: SignOff, use_case: UseCase | None, signer: User) -> TrustLabel | None:
    """What a signature says of the draft's claims, as a label; None where it says nothing, or comes from who built the use
    case."""
    if sign_off.grounded is None or use_case is None:
        return None
    if person_of(signer.name) in await persons_who_built(writer.connection, use_case):
        return None
    drawn = await stored.LABEL_DRAWS.get(writer.connection, sign_off.call_id)
    if drawn is None or _own(drawn, signer):
        return None
    return await _put(writer, _label(drawn, signer.name, sign_off.grounded, "sign_off", writer))


async def label_by_rating(writer: Writer, call: Call, *, rater: str, grounded: bool, sample: bool) -> None:
    """A volunteered label, where what the rater saw is what was scored; none from who built the use case."""
    answer = judged(call)
    if answer is None or answer.part != "sent":
        return
    use_case = await catalog.USE_CASES.get(writer.connection, call.use_case)
    built = await persons_who_built(writer.connection, use_case) if use_case is not None else frozenset()
    # An application's raters are recorded without their addresses.
    if (
        use_case is None
        or person_of(rater) in built
        or rater in stored_addresses((*built, use_case.owner, use_case.champion or ""))
    ):
        return
    found = TrustLabel(
        id=new_id(),
        use_case=call.use_case,
        call_id=call.id,
        labeller=rater,
        at=writer.clock.now(),
        origin="rating",
        part=answer.part,
        supported=grounded,
        version_digest=call.version_digest,
        verifier=answer.report.verifier or "",
        raw=answer.raw,
        releasable=releasable(answer.report),
        sample=sample,
    )
    await catalog.TRUST_LABELS.put(writer, found, "label")


class Labels:
    """The queue of drawn answers and the labels people gave. `changed` is told the use case after each label."""

    def __init__(
        self, database: Database, flush: Callable[[], Awaitable[None]], changed: Callable[[str], Awaitable[object]]
    ) -> None:
        self._database, self._flush, self._changed = database, flush, changed

    async def queue(self, use_case: str) -> QueueState:
        """How far the labelling of the current version has come. Sample data are left out."""
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            found = await standing(connection, item, await current_digest(connection, item), self._database.clock.now())
        counts = {state: sum(each.state == state for each in found.units) for state in ("judged", "skipped", "waiting")}
        return QueueState(use_case=use_case, drawn=len(found.units), **counts)

    async def next(self, use_case: str, labeller: User) -> LabelTask | None:
        """The next drawn answer for this person, theirs for LEASE_S; None where there is none. In order of rank, so that nobody
        chooses. NotAllowed for who is not qualified or built the use case."""
        await self._flush()
        async with self._database.operate() as connection:
            item = await require_use_case(connection, use_case)
            await _check_labeller(connection, item, labeller)
            now = self._database.clock.now()
            async for task in self._open_tasks(connection, item, labeller, now):
                until_s = task.until.timestamp()
                await stored.lease(connection, task.draw.id, labeller=labeller.name, now_s=now.timestamp(), until_s=until_s)
                return task
        return None

    async def _open_tasks(self, connection: Connection, item: UseCase, labeller: User, now: datetime) -> AsyncIterator[LabelTask]:
        """What this person may judge now, in order of rank."""
        digest = await current_digest(connection, item)
        found = await stored.open_draws(
            connection, item.name, digest, labeller=labeller.name, now_s=now.timestamp(), limit=OPEN_DRAWS_MAX
        )
        pending = await pending_calls(connection, item.name, now)
        since = await since_of(connection, item.name, digest)
        for each in found:
            if each.sample or _own(each, labeller) or each.id in pending or (since is not None and each.drawn_at <= since):
                continue
            task = await self._task(connection, each, labeller, now)
            if task is not None:
                yield task

    async def _check_turn(self, connection: Connection, item: UseCase, drawn: Draw, labeller: User, now: datetime) -> None:
        """Conflict where this person would choose what to judge: a first judgement goes by rank, or to who holds the answer. What
        was judged before may be said anew, and by others too."""
        holder = await stored.lease_holder(connection, drawn.id, now.timestamp())
        if holder not in (None, labeller.name):
            raise Conflict(f"{holder} is looking at this answer")
        before = await catalog.TRUST_LABELS.find(connection, call_id=drawn.id)
        if holder is not None or any(
            each.counted and (each.supported is not None or each.labeller == labeller.name) for each in before
        ):
            return
        async for task in self._open_tasks(connection, item, labeller, now):
            if task.draw.id != drawn.id:
                break
            return
        raise Conflict("answers are judged in the order in which they are handed out: take the next one")

    async def task(self, call_id: str, labeller: User) -> LabelTask:
        """One drawn answer, to look at again or to say something else about. NotFound where it was not drawn."""
        async with self._database.read() as connection:
            drawn = await self._drawn(connection, call_id)
            await _check_labeller(connection, await require_use_case(connection, drawn.use_case), labeller)
            found = await self._task(connection, drawn, labeller, self._database.clock.now())
        if found is None:
            raise Conflict(f"the texts of call {call_id} were removed: nobody can judge it any more")
        return found

    async def label(
        self,
        call_id: str,
        *,
        labeller: User,
        supported: bool | None,
        claims: Sequence[ClaimMark] = (),
        reason: str = "",
        sample: bool = False,
    ) -> TrustLabel:
        """Say whether the sources support every claim of a drawn answer; None skips it and takes a reason. The same again changes
        nothing; something else is a revision. A claim marked unsupported makes the answer unsupported."""
        _check_label(supported, claims, reason)
        async with self._database.read() as connection:
            drawn = await self._drawn(connection, call_id)
            item = await require_use_case(connection, drawn.use_case)
            await _check_labeller(connection, item, labeller)
            if _own(drawn, labeller):
                raise NotAllowed(f"{labeller.name} asked for this answer: somebody else must judge it")
            call = await require(connection, CALLS, call_id)
            if call_id in await pending_calls(connection, drawn.use_case, self._database.clock.now()):
                raise Conflict("this answer waits for its sign-off: decide that instead")
            answer = judged(call)
            if (
                call.redacted_at is not None
                or answer is None
                or any(not 0 <= each.start < each.end <= len(answer.text) for each in claims)
            ):
                raise Conflict(f"the texts of call {call_id} are not there, or the marked claims are not in them")
            if not sample:
                await self._check_turn(connection, item, drawn, labeller, self._database.clock.now())
            detect = await detect_of(connection, item)
        published = [each.text for each in call.sources]
        (safe,) = await masked([reason.strip()], detect, published=published)
        async with self._database.write(f"user:{labeller.name}") as writer:
            made = _label(drawn, labeller.name, supported, "spot_check", writer, reason=safe, claims=claims, sample=sample)
            made = await _put(writer, made)
            await stored.end_lease(writer.connection, call_id, labeller.name)
        await self._changed(drawn.use_case)
        return made

    async def add_samples(self, use_case: str, says: Mapping[str, bool], *, labeller: str, actor: str) -> int:
        """Keep sample labels of drawn answers, by call; how many of the calls were drawn. They are shown and never count."""
        async with self._database.write(actor) as writer:
            await require_use_case(writer.connection, use_case)
            made = 0
            for call_id, supported in sorted(says.items()):
                drawn = await stored.LABEL_DRAWS.get(writer.connection, call_id)
                if drawn is not None and drawn.use_case == use_case:
                    await _put(writer, _label(drawn, labeller, supported, "spot_check", writer, sample=True))
                    made += 1
        return made

    async def refusal(self, use_case: UseCase, labeller: User | None) -> str:
        """Why this person may not judge answers of `use_case`; "" where they may."""
        if labeller is None:
            return "a key can not label"
        try:
            async with self._database.read() as connection:
                await _check_labeller(connection, use_case, labeller)
        except NotAllowed as error:
            return str(error)
        return ""

    async def find(self, use_case: str, *, limit: int = 200) -> list[TrustLabel]:
        """The newest labels first, revisions and labels of other versions included."""
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
            return await catalog.TRUST_LABELS.find(connection, use_case=use_case, newest_first=True, limit=limit)

    async def of_call(self, call_id: str) -> list[TrustLabel]:
        """What people say now of the answer of one call."""
        async with self._database.read() as connection:
            return current_labels(await catalog.TRUST_LABELS.find(connection, call_id=call_id))

    async def _drawn(self, connection: Connection, call_id: str) -> Draw:
        drawn = await stored.LABEL_DRAWS.get(connection, call_id)
        if drawn is None:
            raise NotFound(f"the answer of call {call_id!r} was not drawn to be labelled: rate it instead")
        return drawn

    async def _task(self, connection: Connection, drawn: Draw, labeller: User, now: datetime) -> LabelTask | None:
        call = await CALLS.get(connection, drawn.id)
        answer = judged(call) if call is not None else None
        if call is None or answer is None or call.redacted_at is not None:
            return None
        found = current_labels(await catalog.TRUST_LABELS.find(connection, call_id=drawn.id, labeller=labeller.name))
        own = next((each for each in found if not each.volunteered), None)
        return LabelTask(draw=drawn, call=call, answer=answer, until=now + timedelta(seconds=LEASE_S), own_label=own)


def _own(drawn: Draw, labeller: User) -> bool:
    return drawn.user_id is not None and drawn.user_id.casefold() == labeller.name.casefold()


async def _check_labeller(connection: Connection, use_case: UseCase, labeller: User) -> None:
    """NotAllowed unless this person may judge answers of `use_case`: qualified, and not who built it."""
    wanted = {LABELLER_QUALIFICATION, use_case.sign_off.qualification if use_case.sign_off else LABELLER_QUALIFICATION}
    if not wanted & {*labeller.qualifications, *labeller.roles}:
        raise NotAllowed(f"{labeller.name} is not qualified as {' or '.join(sorted(wanted))}")
    if person_of(labeller.name) in await persons_who_built(connection, use_case):
        raise NotAllowed(
            f"{labeller.name} owns, champions or has built {use_case.name}: someone who did not build it must judge its answers"
        )


def _check_label(supported: bool | None, claims: Sequence[ClaimMark], reason: str) -> None:
    if supported is None and not reason.strip():
        raise InputError("say why nobody could tell: a skipped answer counts as unsupported", field="reason")
    if len(reason) > REASON_LENGTH_MAX:
        raise InputError(f"a reason has at most {REASON_LENGTH_MAX} characters", field="reason")
    if len(claims) > CLAIM_MARKS_MAX:
        raise InputError(f"at most {CLAIM_MARKS_MAX} claims are marked", field="claims")
    if supported and any(not each.supported for each in claims):
        raise InputError("an answer with an unsupported claim is unsupported", field="supported")


def _label(
    drawn: Draw,
    labeller: str,
    supported: bool | None,
    origin: LabelOrigin,
    writer: Writer,
    *,
    reason: str = "",
    claims: Sequence[ClaimMark] = (),
    sample: bool = False,
) -> TrustLabel:
    return TrustLabel(
        id=new_id(),
        use_case=drawn.use_case,
        call_id=drawn.id,
        labeller=labeller,
        at=writer.clock.now(),
        origin=origin,
        part=drawn.part,
        supported=supported,
        version_digest=drawn.version_digest,
        verifier=drawn.verifier,
        raw=drawn.raw,
        releasable=drawn.releasable,
        probability=drawn.probability,
        claims=tuple(claims),
        reason=reason,
        sample=sample or drawn.sample,
    )


async def _put(writer: Writer, made: TrustLabel) -> TrustLabel:
    """Append `made`, or give back the person's newest label where it says the same."""
    before = await catalog.TRUST_LABELS.find(
        writer.connection, call_id=made.call_id, labeller=made.labeller, counted=made.counted
    )
    if before and msgspec.structs.replace(made, id=before[-1].id, at=before[-1].at, origin=before[-1].origin) == before[-1]:
        return before[-1]
    await catalog.TRUST_LABELS.put(writer, made, "relabel" if before else "label")
    return made
