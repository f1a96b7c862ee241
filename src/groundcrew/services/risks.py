"""Risk: the questionnaire as people answer it, the tier that follows, and how it becomes lower: by legal and ethics, together.

Anybody may raise a tier. Nobody lowers it alone, and nobody who built the use case has a word in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

import msgspec

from groundcrew.domain import risk
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.questionnaire import annex_iii_keys, questionnaire, questions_by_key
from groundcrew.domain.risk import (
    REASON_LENGTH_MAX,
    LoweringFunction,
    LoweringWord,
    RiskAnswer,
    RiskAssessment,
    RiskLowering,
    RiskSheet,
)
from groundcrew.domain.use_case import TERMINAL_STAGES, Answer, RiskTier, UseCase
from groundcrew.domain.user import Role
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services import risk_standing
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import nearest, person_of, require_use_case
from groundcrew.services.propagation import propagate
from groundcrew.store import catalog, deciding
from groundcrew.store.database import Connection, Database, Writer

#: How often the questionnaire of one use case may be answered.
SHEETS_MAX = 1_000
#: Who may say no or unknown; a test holds it against the policies of the web.
ROLES: frozenset[Role] = frozenset({"admin", "owner", "legal", "ethics"})


class AnsweredQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """How one question stands. `said` is what a person answered last, with who, when and why; `declared` what the declaration
    says. `due` says why it should be answered again, `hint` is a word of the purpose that suggests to look."""

    question: str
    answer: Answer | None
    declared: bool | None = None
    said: RiskAnswer | None = None
    by: str = ""
    at: datetime | None = None
    due: str = ""
    hint: str = ""


class RiskView(msgspec.Struct, frozen=True, kw_only=True):
    """The risk of one use case: its tier with the reasons, every question as it stands, why the assessment is due (empty: it is
    not), and what is asked of legal and ethics. `lowest` is how low they could set the tier."""

    use_case: str
    assessment: RiskAssessment
    questionnaire: int
    answered_as_of: int
    questions: tuple[AnsweredQuestion, ...]
    due: tuple[str, ...]
    lowest: RiskTier
    lowering: RiskLowering | None
    sheets: int


class Risks:
    """Risk of the use cases of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def view(self, use_case: str) -> RiskView:
        """How the risk of one use case stands."""
        async with self._database.read() as connection:
            return await view_in(connection, await require_use_case(connection, use_case))

    async def sheets(self, use_case: str, *, limit: int = 100) -> list[RiskSheet]:
        """What was answered, the newest first."""
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
            return await deciding.RISK_SHEETS.find(connection, use_case=use_case, newest_first=True, limit=limit)

    async def lowerings(self, use_case: str) -> list[RiskLowering]:
        """Every lowering that was asked for, the newest first."""
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
            return await deciding.RISK_LOWERINGS.find(connection, use_case=use_case, newest_first=True)

    async def due(self) -> dict[str, tuple[str, ...]]:
        """Use cases whose assessment is due → why."""
        async with self._database.read() as connection:
            live = [each for each in await catalog.USE_CASES.find(connection) if each.stage not in TERMINAL_STAGES]
            found = {each.name: (await view_in(connection, each)).due for each in live}
        return {name: why for name, why in found.items() if why}

    async def answer(self, use_case: str, answers: Sequence[RiskAnswer], *, actor: str) -> RiskView:
        """Record answers to questions, each with its reason, and set the tier that follows from all of them.

        A yes takes effect at once: a higher tier sends the use case back to its pilot, a prohibited one stops its calls. A no
        never lowers the tier. InputError for unknown questions and answers without a reason, NotAllowed for a program's no.
        """
        _check_answers(answers)
        async with self._database.write(actor) as writer:
            old = await require_use_case(writer.connection, use_case)
            if old.stage in TERMINAL_STAGES:
                raise Conflict(f"{use_case} is {old.stage}: nothing follows from its answers any more")
            await _check_answerer(writer.connection, actor, answers)
            if await deciding.RISK_SHEETS.count(writer.connection, use_case=use_case) >= SHEETS_MAX:
                raise Conflict(f"the questionnaire of {use_case} was answered {SHEETS_MAX} times: no more is kept")
            sheet = RiskSheet(
                id=new_id(),
                use_case=use_case,
                by=actor,
                at=writer.clock.now(),
                questionnaire=questionnaire().version,
                context=risk.context_of(old),
                answers=tuple(answers),
            )
            reason = "; ".join(dict.fromkeys(each.reason for each in answers))[:REASON_LENGTH_MAX]
            await deciding.RISK_SHEETS.put(writer, sheet, "answer", reason=reason, details={"answers": len(answers)})
            held = risk_standing.kept(old, old)
            assert held.risk is not None
            said: dict[str, Answer] = held.risk.answers | {each.question: each.answer for each in answers}
            standing = msgspec.structs.replace(held.risk, answers=said)
            await _put(writer, old, msgspec.structs.replace(held, risk=standing), "answer_risk")
            found = await view_in(writer.connection, await require_use_case(writer.connection, use_case))
        await propagate(self._database)
        return found

    async def lower(self, use_case: str, to: str, *, function: str, reason: str, actor: str) -> RiskLowering:
        """Say for legal or for ethics that the tier may become `to`. It does when both have said so of the same answers, two
        different people. NotAllowed for whoever does not hold the function, built the use case or has spoken for the other one;
        Conflict for a tier that is not lower, or lower than the answers bear."""
        if function not in risk.LOWERING_FUNCTIONS:
            raise InputError(f"expected one of {', '.join(risk.LOWERING_FUNCTIONS)}, found {function!r}", field="function")
        if to not in risk.ORDER:
            raise InputError(f"expected one of {', '.join(risk.ORDER)}, found {to!r}", field="to")
        if not reason.strip() or len(reason) > REASON_LENGTH_MAX:
            raise InputError(f"say why, in at most {REASON_LENGTH_MAX} characters", field="reason")
        wanted: RiskTier = to
        spoken: LoweringFunction = function
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            await _check_function(writer.connection, actor, spoken)
            if person_of(actor) in await persons_who_built(writer.connection, item):
                raise NotAllowed(f"{person_of(actor)} owns, champions or has built {use_case}: somebody else speaks of its risk")
            _check_lower(item, wanted)
            word = LoweringWord(function=spoken, by=actor, at=writer.clock.now(), reason=reason)
            lowering = await _with_word(writer, item, wanted, word)
            if len(lowering.words) == len(risk.LOWERING_FUNCTIONS):
                lowering = msgspec.structs.replace(lowering, state="done")
                await _put_lowered(writer, item, lowering)
            await deciding.RISK_LOWERINGS.put(writer, lowering, lowering.state, reason=reason, details={"function": spoken})
        await propagate(self._database)
        return lowering


async def view_in(connection: Connection, use_case: UseCase) -> RiskView:
    """How the risk of `use_case` stands."""
    sheets = await deciding.RISK_SHEETS.find(connection, use_case=use_case.name, limit=SHEETS_MAX)
    open_ = await deciding.RISK_LOWERINGS.find(connection, use_case=use_case.name, state="open", newest_first=True, limit=1)
    newest = {each.question: (sheet, each) for sheet in sheets for each in sheet.answers}
    answers, hints, context = risk.answers_of(use_case), risk.hints(use_case), risk.context_of(use_case)
    questions = []
    for each in questionnaire().questions:
        sheet, said = newest.get(each.key, (None, None))
        changed = sheet is not None and sheet.context != context
        questions.append(
            AnsweredQuestion(
                question=each.key,
                answer=answers.get(each.key),
                declared=use_case.risk_answers.get(each.key),
                said=said,
                by=sheet.by if sheet else "",
                at=sheet.at if sheet else None,
                due="what is declared has changed since it was answered" if changed else "",
                hint=hints.get(each.key, ""),
            )
        )
    as_of = use_case.risk.questionnaire if use_case.risk is not None else questionnaire().version
    basis = risk.basis_of(use_case)
    return RiskView(
        use_case=use_case.name,
        assessment=risk.assess(use_case),
        questionnaire=questionnaire().version,
        answered_as_of=as_of,
        questions=tuple(questions),
        due=_due(use_case, questions, as_of),
        lowest=risk.lowest(use_case),
        lowering=next((each for each in open_ if each.basis == basis), None),
        sheets=len(sheets),
    )


def _due(use_case: UseCase, questions: Sequence[AnsweredQuestion], as_of: int) -> tuple[str, ...]:
    """Why the assessment is to be made again, one line each."""
    found, version = [], questionnaire().version
    if as_of < version:
        found.append(f"it was made with version {as_of} of the questionnaire, version {version} is in force")
    open_ = len(risk.unanswered(use_case))
    if open_:
        found.append(f"{open_} questions are not answered whose yes would be prohibited or high")
    changed = sum(bool(each.due) for each in questions)
    if changed:
        found.append(f"{changed} answers were given before purpose, affected persons, data classes, autonomy or solution changed")
    return tuple(found)


def _check_answers(answers: Sequence[RiskAnswer]) -> None:
    known = questions_by_key()
    if not answers or len(answers) > len(known):
        raise InputError(f"answer 1 to {len(known)} questions", field="answers")
    for each in answers:
        if each.question not in known:
            raise InputError(f"no question {each.question!r}{nearest(each.question, known)}", field="question")
        if each.answer not in get_args(Answer):
            raise InputError(f"expected one of {', '.join(risk.ANSWERS)}, found {each.answer!r}", field=each.question)
        if not each.reason.strip() or len(each.reason) > REASON_LENGTH_MAX:
            raise InputError(f"say why, in at most {REASON_LENGTH_MAX} characters", field=each.question)
    if len({each.question for each in answers}) < len(answers):
        raise InputError("a question is answered twice", field="answers")


async def _check_answerer(connection: Connection, actor: str, answers: Sequence[RiskAnswer]) -> None:
    """A yes is anybody's. A no or an unknown takes a person: under an account that is open and has a role for it, or on the
    host."""
    origin, _, name = actor.partition(":")
    if origin == "cli" or all(each.answer == "yes" for each in answers):
        return
    account = await catalog.USERS.get(connection, name) if origin == "user" else None
    if account is None or account.disabled or account.kind == "agent":
        raise NotAllowed("that something is not so takes a person with an account; anybody may answer yes")
    if not ROLES & set(account.roles):
        raise NotAllowed(f"{name} may answer yes; a no takes one of {', '.join(sorted(ROLES))}")


async def _check_function(connection: Connection, actor: str, function: LoweringFunction) -> None:
    """NotAllowed unless `actor` is a person who holds the function now; no other role stands in for it."""
    kind, _, name = actor.partition(":")
    user = await catalog.USERS.get(connection, name) if kind == "user" else None
    if user is None or user.disabled or user.kind == "agent":
        raise NotAllowed("a tier is lowered by people under their account: sign in, or use --as NAME")
    if function not in user.roles:
        raise NotAllowed(f"{user.name} does not hold the function {function}")


def _check_lower(use_case: UseCase, to: RiskTier) -> None:
    found, lowest = risk.assess(use_case), risk.lowest(use_case)
    if not risk.higher(found.tier, to):
        raise Conflict(f"{use_case.name} is {found.tier}, and {to} is not lower; a higher tier follows from an answer")
    if risk.higher(lowest, to):
        raise Conflict(
            f"{use_case.name} is at least {lowest} by its answers ({'; '.join(found.reasons)}): correct an answer first, with the"
            " reason, then lower the tier"
        )


async def _with_word(writer: Writer, item: UseCase, to: RiskTier, word: LoweringWord) -> RiskLowering:
    """The open lowering to `to` with one more word, or a new one; what was said of other answers has lapsed."""
    basis = risk.basis_of(item)
    mine: RiskLowering | None = None
    for each in await deciding.RISK_LOWERINGS.find(writer.connection, use_case=item.name, state="open"):
        if each.basis == basis and each.to == to:
            mine = each
        else:
            lapsed = msgspec.structs.replace(each, state="lapsed")
            await deciding.RISK_LOWERINGS.put(writer, lapsed, "lapse", reason="its answers or its aim are others by now")
    if mine is None:
        before = risk.assess(item).tier
        return RiskLowering(id=new_id(), use_case=item.name, before=before, to=to, basis=basis, words=(word,))
    if any(each.function == word.function for each in mine.words):
        raise Conflict(f"{word.function} has agreed already: {' and '.join(risk.LOWERING_FUNCTIONS)} both must")
    if any(person_of(each.by) == person_of(word.by) for each in mine.words):
        raise NotAllowed(f"{person_of(word.by)} has spoken for the other function: it takes two people")
    built = await persons_who_built(writer.connection, item)
    for said in mine.words:
        account = await catalog.USERS.get(writer.connection, said.by.partition(":")[2])
        if account is None or account.disabled or said.function not in account.roles or person_of(said.by) in built:
            lapsed = msgspec.structs.replace(mine, state="lapsed")
            await deciding.RISK_LOWERINGS.put(writer, lapsed, "lapse", reason=f"{said.by} speaks for {said.function} no more")
            return msgspec.structs.replace(mine, id=new_id(), words=(word,))
    return msgspec.structs.replace(mine, words=(*mine.words, word))


async def _put_lowered(writer: Writer, old: UseCase, lowering: RiskLowering) -> None:
    """Set the lower tier that both agreed to."""
    held = risk_standing.kept(old, old)
    assert held.risk is not None
    answers = risk.answers_of(old)
    excepted: tuple[str, ...] = ()
    if risk.higher(risk.assess(old).computed, lowering.to):
        excepted = tuple(sorted(each for each in annex_iii_keys() if answers.get(each) == "yes"))
    standing = msgspec.structs.replace(held.risk, tier=lowering.to, excepted=excepted or held.risk.excepted)
    await _put(writer, old, msgspec.structs.replace(held, risk=standing), "lower_risk")


async def _put(writer: Writer, old: UseCase, new: UseCase, action: str) -> None:
    item, notes = risk_standing.settled(old, new, writer.clock.now())
    if item != old:
        details = {"tier": item.risk.tier if item.risk else None, "before": risk.assess(old).tier}
        await catalog.USE_CASES.put(writer, item, action, reason="; ".join(notes), details=details)
        await writer.touch_snapshot()
