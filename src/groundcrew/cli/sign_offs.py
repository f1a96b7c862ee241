"""`sign-off`: what waits for people, deciding it under one's own account, judging again, and being away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast, get_args

import click
import msgspec

from groundcrew.cli.common import as_option, json_option, person, print_json, print_table, storage_options, with_services
from groundcrew.domain.moments import in_utc
from groundcrew.domain.sign_off import DECISIONS, Decision, SignOff, SignOffState
from groundcrew.errors import InputError, WouldBeMasked

if TYPE_CHECKING:
    from groundcrew.domain.absence import Absence
    from groundcrew.domain.user import User
    from groundcrew.services.bundle import Services
    from groundcrew.services.second_reviews import Agreement
    from groundcrew.services.sign_off_queue import Unattended, Waiting

ROWS_SHOWN_MAX = 500
TEXT_BYTES_MAX = 1 << 20
#: Pieces of evidence that a line about a label quotes.
QUOTES_SHOWN = 2

Decorator: TypeAlias = Callable[[Callable[..., Any]], Any]


@click.group("sign-off")
def sign_off() -> None:
    """What waits for people, and their decisions; each under the person's own account (--as NAME)."""


async def _account(services: Services, as_name: str | None) -> User:
    """The person who decides: a shell's user is nobody's signature."""
    if as_name is None:
        raise InputError("a person signs under their own account", field="--as")
    return await services.users.get((await person(services, as_name)).removeprefix("user:"))


@sign_off.command("list")
@click.argument("use_case", required=False)
@click.option("--state", type=click.Choice(get_args(SignOffState)), default="pending", show_default=True, help="In this state.")
@click.option("--limit", type=click.IntRange(1, ROWS_SHOWN_MAX), default=50, show_default=True, help="At most so many.")
@json_option
@storage_options
def list_(use_case: str | None, state: str, limit: int, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """List what waits, the most urgent first, or what was decided, the newest first; of USE_CASE where given."""

    async def waiting(services: Services) -> tuple[list[Waiting], list[Unattended]]:
        queue = services.sign_off_queue
        return await queue.waiting(use_case=use_case, limit=limit), await queue.unattended()

    async def decided(services: Services) -> list[SignOff]:
        return await services.sign_offs.find(state=cast("SignOffState", state), use_case=use_case, limit=limit)

    if state != "pending":
        done = with_services(data, database_url, decided)
        rows = [(each.id, each.use_case, each.state, each.signer or "–", _moment(each.signed_at)) for each in done]
        _print(done, as_json, ("id", "use case", "state", "by", "at"), rows, empty=f"nothing is {state}")
        return
    found, alone = with_services(data, database_url, waiting)
    for each in alone:
        if each.waiting and use_case in (None, each.use_case):
            there = f"{len(each.present)} of {each.needed} people qualified as {each.qualification} are there"
            click.echo(f"{each.use_case}: {there}, {each.waiting} wait; {each.owner} must see to it", err=True)
    lines = [
        (
            each.sign_off.id,
            each.sign_off.use_case,
            each.sign_off.qualification,
            _due(each),
            f"{len(each.sign_off.standing)} of {each.sign_off.readers}",
            each.claim.holder if each.claim else "–",
            each.sign_off.reason,
        )
        for each in found
    ]
    _print(found, as_json, ("id", "use case", "takes", "due", "signed", "with", "why"), lines, empty="nothing waits")


@sign_off.command("show")
@click.argument("sign_off_id")
@json_option
@storage_options
def show(sign_off_id: str, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show one sign-off with the text that stands and its sha256; of suggested labels, what each one rests on as well."""

    async def work(services: Services) -> Waiting:
        return await services.sign_off_queue.standing(sign_off_id)

    found = with_services(data, database_url, work)
    item = found.sign_off
    text = item.final_text if item.final_text is not None else item.text_to_sign
    digest = item.signed_sha256 or item.sha256_to_sign
    if as_json:
        print_json({**msgspec.to_builtins(found), "text": text, "sha256": digest})
        return
    click.echo(f"{item.id}  {item.state}  use case {item.use_case}, call {item.call_id}")
    click.echo(f"takes {item.readers} x {item.qualification}; held because: {item.reason}; {_due(found)}")
    if found.claim is not None:
        click.echo(f"{found.claim.holder} has it before them until {found.claim.until:%H:%M:%S} UTC")
    for each in item.readings:
        place = f" on behalf of {each.on_behalf_of}" if each.on_behalf_of else ""
        click.echo(
            f"{_moment(each.at)} {each.reader}{place}: {each.decision}{' (void)' if each.void else ''} {each.comment}".rstrip()
        )
    _print_labels(text)
    click.echo(f"sha256 {digest}\n")
    click.echo(text)


def _print_labels(text: str) -> None:
    """The labels that a tuned model's answer names, for people; nothing for other texts."""
    from groundcrew.services.suggested_labels import read_answer

    answer = read_answer(text)
    if answer is None:
        return
    rows = [
        (
            "kept" if each.kept else "not kept",
            each.label,
            "–" if each.score is None else f"{each.score:.2f}",
            each.title,
            " | ".join(piece.text for piece in each.evidence[:QUOTES_SHOWN]),
        )
        for each in answer.suggestions
    ]
    if answer.needs_person:
        click.echo(f"the model leaves it to a person: {answer.reason}")
    print_table(("", "label", "score", "title", "rests on"), rows, empty="no label is suggested")


@sign_off.command("claim")
@click.argument("sign_off_id", required=False)
@click.option("--release", is_flag=True, help="Let go of it instead.")
@as_option
@json_option
@storage_options
def claim(
    sign_off_id: str | None, release: bool, as_name: str | None, as_json: bool, data: Path | None, database_url: str | None
) -> None:
    """Take SIGN_OFF_ID for two minutes, or the most urgent one where none is named."""

    async def work(services: Services) -> str | None:
        who = await _account(services, as_name)
        if sign_off_id is None:
            taken = await services.sign_offs.claim_next(who)
            return taken.id if taken is not None else None
        if release:
            await services.sign_offs.release_claim(sign_off_id, who)
        else:
            await services.sign_offs.claim(sign_off_id, who)
        return sign_off_id

    if release and sign_off_id is None:
        raise InputError("name the sign-off to let go of", field="sign_off_id")
    taken = with_services(data, database_url, work)
    if as_json:
        print_json({"claimed": None if release else taken})
    else:
        click.echo(f"{'let go of' if release else 'claimed'} {taken}" if taken else "nothing waits that you may decide")


def _deciding(name: str, *own: Decorator) -> Decorator:
    """A command by which a person decides SIGN_OFF_ID, with options of its own before those that all of them have."""
    on_behalf = click.option("--on-behalf-of", metavar="NAME", help="The absent person who named you.")
    parts = (sign_off.command(name), click.argument("sign_off_id"), *own, on_behalf, as_option, storage_options)

    def decorate(function: Callable[..., Any]) -> Any:
        for each in reversed(parts):
            function = each(function)
        return function

    return decorate


_comment = click.option("--comment", default="", help="Kept in the audit log.")
_checked = click.option("--contradictions-checked", is_flag=True, help="You looked at the claims that the sources contradict.")


def _decide(
    sign_off_id: str, decision: Decision, as_name: str | None, data: Path | None, database_url: str | None, **said: Any
) -> None:
    """Decide under the account of the person, and print what came of it."""

    async def work(services: Services) -> SignOff:
        return await services.sign_offs.decide(sign_off_id, decision, signer=await _account(services, as_name), **said)

    _say(with_services(data, database_url, work))


def _say(signed: SignOff) -> None:
    if signed.state == "pending":
        click.echo(f"{signed.id} signed by {len(signed.standing)} of {signed.readers}: another person must sign the same text")
    else:
        click.echo(f"{signed.id} {signed.state}" + (f", sha256 {signed.signed_sha256}" if signed.signed_sha256 else ""))


@_deciding(
    "approve",
    click.option("--sha256", help="Of the text that you saw; needed where somebody has edited the draft."),
    _comment,
    _checked,
)
def approve(sign_off_id: str, as_name: str | None, data: Path | None, database_url: str | None, **said: Any) -> None:
    """Sign the text of SIGN_OFF_ID as it stands."""
    _decide(sign_off_id, "approve", as_name, data, database_url, **said)


@_deciding(
    "edit",
    click.option(
        "--text-file", required=True, type=click.Path(path_type=Path, dir_okay=False), help="UTF-8, the text to release."
    ),
    click.option("--grounded/--not-grounded", default=None, help="Whether the sources support every claim of the draft."),
    _comment,
    _checked,
)
def edit(
    sign_off_id: str, text_file: Path, as_name: str | None, data: Path | None, database_url: str | None, **said: Any
) -> None:
    """Sign another text in the place of the draft of SIGN_OFF_ID.

    One with personal data in it is not signed: what it is masked is written out, for you to read and sign instead.
    """
    try:
        _decide(sign_off_id, "edit", as_name, data, database_url, text=_read(text_file), **said)
    except WouldBeMasked as error:
        # Without a newline of our own: what comes out can be kept in a file and signed byte for byte.
        click.echo(error.text, nl=False)
        raise


@_deciding(
    "labels",
    click.option("--remove", "removed", multiple=True, metavar="LABEL", help="Take this label out."),
    click.option("--add", "added", multiple=True, metavar="LABEL", help="Add this label; a code is checked."),
    click.option("--sha256", help="Of the text that you saw; needed where somebody has changed the labels."),
    _comment,
    _checked,
)
def labels(
    sign_off_id: str,
    removed: tuple[str, ...],
    added: tuple[str, ...],
    on_behalf_of: str | None,
    sha256: str | None,
    comment: str,
    contradictions_checked: bool,
    as_name: str | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Sign the suggested labels of SIGN_OFF_ID as they stand, without the removed ones and with the added ones."""

    async def work(services: Services) -> SignOff:
        who = await _account(services, as_name)
        chosen = await services.suggested_labels.changed(sign_off_id, removed, added)
        return await services.sign_offs.decide(
            sign_off_id,
            "edit" if chosen.changed else "approve",
            signer=who,
            text=chosen.text if chosen.changed else None,
            comment=comment,
            # Labels that were changed were not all right and complete, which is what the trust is about.
            grounded=False if chosen.changed else None,
            on_behalf_of=on_behalf_of,
            sha256=sha256,
            contradictions_checked=contradictions_checked,
            own_words=chosen.own_words,
        )

    _say(with_services(data, database_url, work))


@_deciding("reject", click.option("--comment", required=True, help="Why; the application is told."))
def reject(sign_off_id: str, as_name: str | None, data: Path | None, database_url: str | None, **said: Any) -> None:
    """Release nothing of SIGN_OFF_ID."""
    _decide(sign_off_id, "reject", as_name, data, database_url, **said)


@sign_off.command("judge")
@click.argument("sign_off_id", required=False)
@click.option("--decision", type=click.Choice(DECISIONS), help="What you would have decided.")
@click.option("--comment", default="", help="What you would change, or why you would reject it.")
@as_option
@json_option
@storage_options
def judge(
    sign_off_id: str | None,
    decision: str | None,
    comment: str,
    as_name: str | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Judge a decided draft without seeing the decision; list those that wait for it where none is named."""

    async def work(services: Services) -> object:
        who = await _account(services, as_name)
        if sign_off_id is None:
            return await services.second_reviews.waiting(who)
        if decision is None:
            raise InputError("say what you would have decided", field="--decision")
        judged = await services.second_reviews.judge(sign_off_id, cast("Decision", decision), reviewer=who, comment=comment)
        return {"sign_off_id": judged.id, "agrees": judged.decided_by == decision}

    found = with_services(data, database_url, work)
    if as_json or not isinstance(found, list):
        print_json(found)
        return
    rows = [(each.sign_off_id, each.use_case, each.draft) for each in found]
    print_table(("id", "use case", "draft"), rows, empty="nothing waits to be judged a second time by you")


@sign_off.command("absent")
@click.option("--from", "starts_at", metavar="TIME", help="YYYY-MM-DD or with a time and zone, UTC where none is given.")
@click.option("--until", "ends_at", metavar="TIME", help="As --from.")
@click.option("--delegate", metavar="NAME", help="Who may decide on your behalf; they need a qualification of yours.")
@click.option("--end", "ended", metavar="ID", help="End this absence now.")
@as_option
@json_option
@storage_options
def absent(
    starts_at: str | None,
    ends_at: str | None,
    delegate: str | None,
    ended: str | None,
    as_name: str | None,
    as_json: bool,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Say that you are away, end an absence, or list who is away where nothing is said."""

    async def work(services: Services) -> list[Absence]:
        if ended is not None:
            who = await _account(services, as_name)
            return [await services.absences.end(ended, actor=f"user:{who.name}", person=who)]
        if starts_at is None and ends_at is None:
            return await services.absences.find()
        who = await _account(services, as_name)
        start = _time(starts_at, "--from") if starts_at else services.database.clock.now()
        made = await services.absences.start(who, starts_at=start, ends_at=_time(ends_at, "--until"), delegate=delegate)
        return [made]

    found = with_services(data, database_url, work)
    rows = [
        (each.id, each.person, _moment(each.starts_at), _moment(each.ended_at or each.ends_at), each.delegate or "–")
        for each in found
    ]
    _print(found, as_json, ("id", "who", "from", "until", "in their place"), rows, empty="nobody is away")


@sign_off.command("agreement")
@click.argument("use_case", required=False)
@json_option
@storage_options
def agreement(use_case: str | None, as_json: bool, data: Path | None, database_url: str | None) -> None:
    """Show how far blind second reviews agree with first decisions."""

    async def work(services: Services) -> list[Agreement]:
        return await services.second_reviews.agreement(use_case=use_case)

    found = with_services(data, database_url, work)
    rows = [
        (
            each.use_case,
            each.qualification,
            each.share.n,
            f"{each.share.estimate:.3f} ({each.share.lower:.3f} to {each.share.upper:.3f})",
            "–" if each.kappa is None else f"{each.kappa:.2f}",
            " ".join(each.disagreements[:5]),
        )
        for each in found
    ]
    names = ("use case", "qualification", "drafts", "same decision (95 %)", "kappa", "disagreements")
    empty = "nothing was judged a second time yet (sign_off: {second_review_share: 0.1})"
    _print(found, as_json, names, rows, empty=empty)


def _print(found: object, as_json: bool, names: tuple[str, ...], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    if as_json:
        print_json(found)
    else:
        print_table(names, rows, empty=empty)


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
        if len(content) > TEXT_BYTES_MAX:
            raise InputError(f"larger than {TEXT_BYTES_MAX} bytes", file=str(path))
        return content.decode()
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", file=str(path)) from None
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror}", file=str(path)) from None


def _time(text: str | None, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise InputError(f"expected a time such as 2026-12-24 or 2026-12-24T08:00:00Z, found {text!r}", field=field) from None
    return in_utc(moment, field)


def _moment(moment: datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M UTC}"


def _due(waiting: Waiting) -> str:
    seconds = waiting.due_in_s
    if seconds is None:
        return f"expires in {_span(waiting.expires_in_s)}"
    return f"overdue by {_span(-seconds)}" if seconds <= 0 else f"due in {_span(seconds)}"


def _span(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
