"""What reviewers make of suggested labels: the text that their choice signs, and the outcomes and the rating that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.feedback import STARS_MAX, STARS_MIN, Rating
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.sign_off import RELEASED_STATES, SignOff
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services import outcomes
from groundcrew.services.governance import persons_who_built
from groundcrew.services.lookups import person_of, require, tuned_model
from groundcrew.services.outcomes import NewOutcome
from groundcrew.store import catalog, tuning
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Connection, Database, Writer
from groundcrew.store.feedback import RATINGS, newest_rating
from groundcrew.tuned.answer import Answer, Suggested, decided, places, read_answer

#: The answer's own shape is here for pages, which read it as this module does.
__all__ = [
    "Answer",
    "LabelChange",
    "SignedLabels",
    "Suggested",
    "SuggestedLabels",
    "change_of",
    "note_decision",
    "places",
    "read_answer",
]

#: Names of the outcomes that a decision becomes, one each a case: 1 where nothing was changed, and how many labels were.
ACCEPTED, KEPT, REMOVED, ADDED = "suggestions_accepted", "labels_kept", "labels_removed", "labels_added"
#: Labels that a reviewer may add at once, and their length.
ADDED_MAX, LABEL_LENGTH_MAX = 50, 200


class LabelChange(msgspec.Struct, frozen=True, kw_only=True):
    """What one decision did to the suggested labels. `final` is None where the draft was rejected, or the text that left is no
    answer of a model any more: which labels are right is then not known."""

    suggested: frozenset[str]
    final: frozenset[str] | None
    rejected: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the labels left as they were suggested."""
        return self.final == self.suggested

    @property
    def stars(self) -> int | None:
        """The decision as a rating: 5 for labels that left as they were, 1 for a rejection, and 1 to 4 by the F1 of what was
        suggested against what left. None where that is not known."""
        if self.rejected:
            return STARS_MIN
        if self.final is None:
            return None
        if self.accepted:
            return STARS_MAX
        shared = len(self.suggested & self.final)
        f1 = 2 * shared / (len(self.suggested) + len(self.final))
        return STARS_MIN + round(f1 * (STARS_MAX - 1 - STARS_MIN))


class SignedLabels(msgspec.Struct, frozen=True, kw_only=True):
    """The text that a choice of labels signs, and the titles of those that were added, which are the code system's own words."""

    text: str
    changed: bool
    own_words: tuple[str, ...] = ()


def change_of(sign_off: SignOff) -> LabelChange | None:
    """What became of the labels of a decided draft; None where the draft holds none, or nobody has decided it."""
    draft = read_answer(sign_off.draft)
    if draft is None or sign_off.decided_by is None:
        return None
    suggested = frozenset(draft.labels)
    if sign_off.state not in RELEASED_STATES or sign_off.final_text is None:
        return LabelChange(suggested=suggested, final=None, rejected=True)
    final = read_answer(sign_off.final_text)
    return LabelChange(suggested=suggested, final=frozenset(final.labels) if final is not None else None)


async def note_decision(writer: Writer, sign_off: SignOff, use_case: UseCase | None) -> None:
    """Record what a decision says of a tuned model's suggestions: outcomes of its case, and the signer's rating of the call,
    unless they built the use case or have rated it. Nothing for other drafts."""
    change = change_of(sign_off)
    call = await CALLS.get(writer.connection, sign_off.call_id) if change is not None else None
    if change is None or use_case is None or call is None or call.trial is not None:
        return
    await outcomes.record(writer, use_case, _outcomes(change, call), details={"sign_off": sign_off.id})
    if change.stars is not None and sign_off.signer:
        await _rate(writer, sign_off, use_case, call, change.stars)


def _outcomes(change: LabelChange, call: Call) -> list[NewOutcome]:
    values = {ACCEPTED: float(change.accepted)}
    if change.final is not None:
        values |= {
            KEPT: float(len(change.suggested & change.final)),
            REMOVED: float(len(change.suggested - change.final)),
            ADDED: float(len(change.final - change.suggested)),
        }
    return [
        NewOutcome(
            metric=name,
            value=value,
            case_id=call.case_id or call.id,
            unit="" if name == ACCEPTED else "labels",
            unit_id=call.unit_id,
            arm=call.arm,
            call_id=call.id,
            sample=call.sample,
        )
        for name, value in values.items()
    ]


async def _rate(writer: Writer, sign_off: SignOff, use_case: UseCase, call: Call, stars: int) -> None:
    signer = sign_off.signer or ""
    if person_of(signer) in await persons_who_built(writer.connection, use_case):
        return
    if await newest_rating(writer.connection, call.id, signer) is not None:
        return
    rating = Rating(
        id=new_id(),
        use_case=use_case.name,
        stars=stars,
        rater=signer,
        at=sign_off.signed_at or writer.clock.now(),
        version_digest=call.version_digest,
        call_id=call.id,
        case_id=call.case_id,
        sample=call.sample,
        origin="sign_off",
    )
    await RATINGS.put(writer, rating, "rate")


class SuggestedLabels:
    """Choices of labels as texts to sign. `data` is the data folder, where imported code systems lie."""

    def __init__(self, database: Database, data: Path) -> None:
        self._database, self._data = database, data

    async def signed(self, sign_off_id: str, kept: Sequence[str], added: Sequence[str]) -> SignedLabels:
        """The text that keeps exactly `kept` of the labels that stand in the draft, and `added` ones. Conflict where the draft is
        no answer of a tuned model; InputError for a label that it does not name, or that the model's code system does not have.
        """
        async with self._database.read() as connection:
            pending = await require(connection, catalog.SIGN_OFFS, sign_off_id)
            answer = read_answer(pending.text_to_sign)
            if answer is None:
                raise Conflict(f"the draft of {sign_off_id} holds no suggested labels")
            system = await _code_system(connection, answer)
        known = {each.label for each in answer.suggestions}
        if unknown := [each for each in kept if each not in known]:
            raise InputError(f"{unknown[0]!r} is none of the suggestions", field="label")
        titles = self._checked(added, system)
        labels = (*[each.label for each in answer.suggestions if each.label in set(kept)], *titles)
        if set(labels) == set(answer.labels):
            return SignedLabels(text=pending.text_to_sign, changed=False)
        # What a person typed and no code system knows may be anything: it is masked like any text.
        own = (*known, *(each for pair in titles.items() for each in pair if system), answer.model, answer.digest)
        return SignedLabels(text=decided(answer, labels, titles).text, changed=True, own_words=tuple(filter(None, own)))

    async def changed(self, sign_off_id: str, removed: Sequence[str], added: Sequence[str]) -> SignedLabels:
        """The text that keeps the labels that stand but `removed` ones, and `added` ones; without either, what stands. As
        `signed` otherwise; InputError for a removed label that does not stand."""
        async with self._database.read() as connection:
            pending = await require(connection, catalog.SIGN_OFFS, sign_off_id)
        answer = read_answer(pending.text_to_sign)
        stand = answer.labels if answer is not None else ()
        if answer is not None and (unknown := [each for each in removed if each not in stand]):
            raise InputError(f"{unknown[0]!r} is none of the labels that stand: {', '.join(stand) or 'none'}", field="remove")
        return await self.signed(sign_off_id, [each for each in stand if each not in removed], added)

    def _checked(self, added: Sequence[str], system: str) -> dict[str, str]:
        """Added labels with their titles, written as their code system writes them."""
        from groundcrew.code_systems.catalogue import code_system

        wanted = list(dict.fromkeys(each.strip() for each in added if each.strip()))
        if len(wanted) > ADDED_MAX:
            raise InputError(f"at most {ADDED_MAX} labels can be added at once", field="added")
        if too_long := [each for each in wanted if len(each) > LABEL_LENGTH_MAX]:
            raise InputError(f"{too_long[0][:40]!r}… is no label: {LABEL_LENGTH_MAX} characters at most", field="added")
        if not wanted or not system:
            return dict.fromkeys(wanted, "")
        try:
            codes = code_system(system, folder=self._data / "code-systems")
        except NotFound:
            raise InputError(f"the code system {system!r} is not installed: no code can be checked", field="added") from None
        found = {}
        for each in wanted:
            entry = codes.find(each)
            if entry is None or not entry.usable:
                raise InputError(codes.problem(each) or f"{each!r} is no usable code", field="added")
            found[entry.code] = entry.title
        return found


async def _code_system(connection: Connection, answer: Answer) -> str:
    """The code system of the labels of the model that answered; "" where they are of none."""
    model = await tuned_model(connection, answer.model)
    if model is None:
        return ""
    data_set = await tuning.DATA_SETS.get(connection, f"{model.data_set}@{model.data_revision}")
    return data_set.code_system if data_set is not None else ""
