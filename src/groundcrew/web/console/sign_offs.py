"""The page where one draft is read and decided: taken, released, changed, rejected, or judged a second time without knowing the
first decision."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter

from groundcrew.domain.feedback import CORRECTED_TEXT_LENGTH_MAX
from groundcrew.domain.sign_off import RELEASED_STATES, SignOff
from groundcrew.domain.sign_off_edits import edits_between
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, GroundcrewError, InputError, NotAllowed, NotFound, WouldBeMasked
from groundcrew.services.suggested_labels import LABEL_LENGTH_MAX
from groundcrew.web.api.calls import recorded_call
from groundcrew.web.api.common import REASON_LENGTH_MAX, person_of, principal_of, services_of
from groundcrew.web.authorization import allowed
from groundcrew.web.console.page import Page, PageRequest, fragment, render, see
from groundcrew.web.console.sign_off_page import Lease, Review, Viewer, lease_of, review_of
from groundcrew.web.console.word_changes import Change, changes_of
from groundcrew.web.console.words import DONE
from groundcrew.web.requests import read_form

Comment = Annotated[str, msgspec.Meta(max_length=REASON_LENGTH_MAX)]
Said = Literal["", "yes", "no"]
Name = Annotated[str, msgspec.Meta(max_length=200)]
Label = Annotated[str, msgspec.Meta(max_length=LABEL_LENGTH_MAX)]
#: What may be typed into the field for further labels.
ADDED_LENGTH_MAX = 2_000
ONLY_A_PERSON = "only a person signs"


class DecisionForm(msgspec.Struct, frozen=True, kw_only=True):
    """A decision. `text` is what an edit releases, `seen` the sha256 of the text that the page showed; `act` is the button."""

    decision: Literal["approve", "edit", "reject"]
    text: Annotated[str, msgspec.Meta(max_length=CORRECTED_TEXT_LENGTH_MAX)] = ""
    comment: Comment = ""
    #: Empty where it was not said; an approval says yes.
    grounded: Said = ""
    seen: Annotated[str, msgspec.Meta(max_length=64)] = ""
    contradictions_checked: Literal["", "yes"] = ""
    on_behalf_of: Name = ""
    #: "labels": the page lists labels; `label` are those that were left checked, `added` further ones, separated by commas.
    of: Literal["", "labels"] = ""
    label: tuple[Label, ...] = ()
    added: Annotated[str, msgspec.Meta(max_length=ADDED_LENGTH_MAX)] = ""
    act: Literal["sign", "preview"] = "sign"


class JudgementForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a second person would have decided."""

    decision: Literal["approve", "edit", "reject"]
    comment: Comment = ""
    grounded: Said = ""
    act: Literal["sign"] = "sign"


class ClaimForm(msgspec.Struct, frozen=True, kw_only=True):
    """Taking a draft. `part` asks for the part of the page that says who holds it, for a page that is open."""

    part: Literal["", "lease"] = ""


class LeaveForm(msgspec.Struct, frozen=True, kw_only=True):
    """Leaving a draft. `until` names the claim that a page knew of: a newer one is not ended."""

    until: Annotated[str, msgspec.Meta(max_length=40)] = ""


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """What this person decided just now."""

    id: str
    said: str
    sha256: str | None


Done = Annotated[str, QueryParameter(name="done", max_length=40)]
After = Annotated[str, QueryParameter(name="after", max_length=64)]


@get("/sign-offs/{sign_off_id:str}", action="read")
async def sign_off_page(request: PageRequest, sign_off_id: FromPath[str], done: Done = "", after: After = "") -> Page:
    """The draft beside its sources. Looking takes nothing: the page asks for its claim once it is open."""
    return await _page(request, sign_off_id, message=DONE.get(done), after=after)


@post("/sign-offs/{sign_off_id:str}/claim", action="decide_sign_off")
async def claim(request: PageRequest, sign_off_id: FromPath[str]) -> Page:
    """Take the draft, or keep it a while longer."""
    form = await read_form(request, ClaimForm)
    problem = None
    try:
        await services_of(request).sign_offs.claim(sign_off_id, person_of(request, ONLY_A_PERSON))
    except Conflict as error:
        problem = str(error)
    if form.part:
        return await _lease_part(request, sign_off_id)
    if problem is not None:
        return await _page(request, sign_off_id, status=409, problem=problem)
    return see(f"/sign-offs/{sign_off_id}?done=claimed")


@get("/sign-offs/{sign_off_id:str}/lease", action="read")
async def lease(request: PageRequest, sign_off_id: FromPath[str]) -> Page:
    """Who holds the draft now, for a page that is open."""
    return await _lease_part(request, sign_off_id)


@post("/sign-offs/{sign_off_id:str}/leave", action="decide_sign_off")
async def leave(request: PageRequest, sign_off_id: FromPath[str]) -> Page:
    """Leave the draft to others."""
    form = await read_form(request, LeaveForm)
    services, person = services_of(request), person_of(request, ONLY_A_PERSON)
    seen = await services.sign_off_queue.standing(sign_off_id, person)
    # A page that closes may be heard after the next one has opened and taken the draft anew.
    if not form.until or (seen.claim is not None and seen.claim.until.isoformat() == form.until):
        await services.sign_offs.release_claim(sign_off_id, person)
    return see("/sign-offs?done=left")


@post("/sign-offs/{sign_off_id:str}/decide", action="decide_sign_off")
async def decide(request: PageRequest, sign_off_id: FromPath[str]) -> Page:
    """Release the draft, another text, or nothing; then the next draft comes."""
    form = await read_form(request, DecisionForm)
    person = person_of(request, ONLY_A_PERSON)
    if form.act == "preview":
        return await _previewed(request, sign_off_id, form)
    services, decision, text = services_of(request), form.decision, form.text
    own_words: tuple[str, ...] = ()
    grounded = _yes(form.grounded)
    try:
        if form.of == "labels" and decision != "reject":  # what is checked is what is signed, whichever of the two was chosen
            labels = await services.suggested_labels.signed(sign_off_id, form.label, form.added.split(","))
            decision, text, own_words = "edit" if labels.changed else "approve", labels.text, labels.own_words
            grounded = False  # labels that were changed were not all right and complete, which is what the trust is about
        await services.sign_offs.decide(
            sign_off_id,
            decision,
            signer=person,
            text=text if decision == "edit" else None,
            comment=form.comment,
            grounded=grounded if decision != "approve" else None,
            on_behalf_of=form.on_behalf_of or None,
            sha256=form.seen or None,
            contradictions_checked=_yes(form.contradictions_checked) is True,
            own_words=own_words,
        )
    except WouldBeMasked as error:
        shown = msgspec.structs.replace(form, text=error.text)
        return await _page(request, sign_off_id, status=400, problem=_masked(error), form=shown)
    except (Conflict, InputError, NotAllowed) as error:
        return await _page(request, sign_off_id, status=_status(error), problem=_words(error), form=form)
    return await _next(request, person, after=sign_off_id)


@post("/sign-offs/{sign_off_id:str}/judge", action="decide_sign_off")
async def judge(request: PageRequest, sign_off_id: FromPath[str]) -> Page:
    """Say what one would have decided, without knowing what was."""
    form = await read_form(request, JudgementForm)
    person = person_of(request, ONLY_A_PERSON)
    try:
        await services_of(request).second_reviews.judge(
            sign_off_id,
            form.decision,
            reviewer=person,
            comment=form.comment,
            grounded=_yes(form.grounded) if form.decision != "approve" else None,
        )
    except (Conflict, InputError, NotAllowed) as error:
        said = DecisionForm(decision=form.decision, comment=form.comment, grounded=form.grounded)
        return await _page(request, sign_off_id, status=_status(error), problem=_words(error), form=said)
    return await _next(request, person, after=sign_off_id)


def viewer_of(request: PageRequest) -> Viewer:
    """Who looks at the pages of sign-offs."""
    principal = principal_of(request)
    return Viewer(name=principal.name, user=principal.user, may_decide=allowed(principal, "decide_sign_off"))


async def last_decision(request: PageRequest, sign_off_id: str) -> Last | None:
    """What this person has just decided, for the note at the top; None where it is not theirs to be told."""
    if not sign_off_id:
        return None
    try:
        found = await services_of(request).sign_offs.get(sign_off_id)
    except NotFound:
        return None
    name = principal_of(request).name
    if found.second_reading is not None and found.second_reading.reader == name:
        return Last(id=found.id, said="Your judgement is recorded.", sha256=None)
    mine = [each for each in found.readings if each.reader == name and not each.void]
    if not mine:
        return None
    return Last(id=found.id, said=_said(found), sha256=mine[-1].sha256)


async def next_of(request: PageRequest, person: User, *, use_case: str | None = None) -> str | None:
    """The id of the most urgent draft that nobody holds, now claimed for this person; else of one to judge a second time."""
    services = services_of(request)
    try:
        following = await services.sign_offs.claim_next(person, use_case=use_case)
        if following is not None:
            return following.id
        reviews = await services.second_reviews.waiting(person, use_case=use_case, limit=1)
    except (Conflict, NotAllowed):
        return None
    return reviews[0].sign_off_id if reviews else None


async def _next(request: PageRequest, person: User, *, after: str) -> Page:
    following = await next_of(request, person)
    return see(f"/sign-offs/{following}?after={after}" if following else f"/sign-offs?after={after}&done=nothing_waits")


async def _review(request: PageRequest, sign_off_id: str, form: DecisionForm | None = None) -> tuple[Review, Lease]:
    services, viewer = services_of(request), viewer_of(request)
    await services.sign_offs.get(sign_off_id)  # What a gateway of this process has not shipped yet comes in by it.
    seen = await services.sign_off_queue.standing(sign_off_id, viewer.user)
    call = await recorded_call(services, seen.sign_off.call_id)
    stopped = await services.sign_off_reading.stopping(seen.sign_off.use_case) if seen.sign_off.state == "pending" else ()
    chosen = form.label if form is not None and form.of == "labels" else None
    review = review_of(seen, call, viewer, stopped=stopped, now=services.database.clock.now(), chosen=chosen)
    return review, lease_of(review, seen.claim, viewer)


async def _lease_part(request: PageRequest, sign_off_id: str) -> Page:
    _, found = await _review(request, sign_off_id)
    return fragment("sign_off_lease.html", lease=found, csrf_token=principal_of(request).csrf_token)


async def _page(
    request: PageRequest,
    sign_off_id: str,
    *,
    status: int = 200,
    message: str | None = None,
    problem: str | None = None,
    form: DecisionForm | None = None,
    after: str = "",
) -> Page:
    review, found = await _review(request, sign_off_id, form)
    before, following, place = await _neighbours(request, sign_off_id)
    return await render(
        request,
        "sign_off.html",
        status=status,
        here="sign_offs",
        review=msgspec.structs.replace(review, before=before, after=following, place=place),
        lease=found,
        form=form,
        preview=_preview(review, form),
        last=await last_decision(request, after),
        text_length_max=CORRECTED_TEXT_LENGTH_MAX,
        message=message,
        problem=problem,
    )


async def _previewed(request: PageRequest, sign_off_id: str, form: DecisionForm) -> Page:
    """The page with what an edit would change, as it would be signed: masked."""
    if form.decision != "edit" or not form.text:
        return await _page(request, sign_off_id, form=form)
    try:
        await services_of(request).sign_offs.check_text(sign_off_id, form.text)
    except WouldBeMasked as error:
        shown = msgspec.structs.replace(form, text=error.text)
        return await _page(request, sign_off_id, problem=_masked(error), form=shown)
    except InputError as error:
        return await _page(request, sign_off_id, status=400, problem=_words(error), form=form)
    return await _page(request, sign_off_id, form=form)


async def _neighbours(request: PageRequest, sign_off_id: str) -> tuple[str | None, str | None, str]:
    """The drafts before and after this one in the person's queue, and its place there."""
    services, viewer = services_of(request), viewer_of(request)
    if viewer.user is None or not viewer.may_decide:
        return None, None, ""
    waiting = await services.sign_off_queue.waiting(viewer.user, only_mine=True)
    reviews = await services.second_reviews.waiting(viewer.user)
    ids = [each.sign_off.id for each in waiting if not each.signed_by_me] + [each.sign_off_id for each in reviews]
    if sign_off_id not in ids:
        return None, next(iter(ids), None), ""
    at = ids.index(sign_off_id)
    return ids[at - 1] if at else None, next(iter(ids[at + 1 :]), None), f"{at + 1} of {len(ids)}"


def _preview(review: Review, form: DecisionForm | None) -> tuple[Change, ...]:
    if form is None or form.decision != "edit" or not form.text:
        return ()
    return changes_of(review.text, edits_between(review.text, form.text))


def _said(found: SignOff) -> str:
    if found.state == "pending":
        return "Your signature is recorded. The text leaves when a second person signs the same text."
    if found.state in RELEASED_STATES:
        return f"You signed: the text of {found.use_case} leaves."
    return "You rejected the draft: nothing of it leaves."


def _yes(said: Said) -> bool | None:
    return None if said == "" else said == "yes"


def _status(error: GroundcrewError) -> int:
    return 400 if isinstance(error, InputError) else 409 if isinstance(error, Conflict) else 403


def _masked(error: WouldBeMasked) -> str:
    found = f" ({', '.join(each.lower().replace('_', ' ') for each in error.kinds)})" if error.kinds else ""
    return (
        f"Nothing was signed yet. What you typed holds personal data or secrets{found}, which do not leave: tags stand in their "
        "place now. Read the text below as it would leave, and sign it, or change it."
    )


def _words(error: GroundcrewError) -> str:
    return error.message if isinstance(error, InputError) else str(error)


HANDLERS = [sign_off_page, claim, lease, leave, decide, judge]
