"""What the demo prints: headings, rates with their intervals, answers with their quotes, what was caught, what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from groundcrew.cli.demo import Answer, Email, Invention
    from groundcrew.domain.gate import GateEvaluation
    from groundcrew.services.audit import AuditReport

QUOTED_ANSWERS = 3
BAR_WIDTH = 40
#: Kinds of inventions of which the report shows one in full.
SHOWN_KINDS = ("invented_fee", "car_for_one_dollar", "wrong_date")
TEXT_LENGTH_MAX = 420
_STATE = {"quiet": False}
#: Statuses of a message that got an answer, and of one that was told that there is no verified one.
ANSWERED, DECLINED = ("answered", "fallback"), ("declined",)


def quiet(silent: bool) -> None:
    """Print nothing on stdout from now on, or print again."""
    _STATE["quiet"] = silent


def is_quiet() -> bool:
    """Whether nothing is printed."""
    return _STATE["quiet"]


def line(text: str = "") -> None:
    """One line."""
    if not _STATE["quiet"]:
        click.echo(f"  {text}" if text else "")


def heading(title: str, command: str) -> None:
    """A section's title, with the command that does the same outside the demo."""
    if not _STATE["quiet"]:
        click.echo()
        click.secho(f"{title}  ", bold=True, nl=False)
        click.secho(command, dim=True)


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; elsewhere a line every quarter."""
    import sys

    from groundcrew.cli.progress import progress_bar

    if sys.stderr.isatty():
        with progress_bar(label) as advance:
            yield advance
        return
    shown = {"quarter": 0}

    def advance_quarterly(done: int, total: int) -> None:
        quarter = done * 4 // total if total else 0
        if quarter > shown["quarter"]:
            shown["quarter"] = quarter
            line(f"{label}: {done} of {total}")

    yield advance_quarterly


def mail_text(subject: str, text: str) -> str:
    """An e-mail as it is sent to the gateway."""
    return f"Subject: {subject}\n\n{text}" if subject else text


def counts(answers: Sequence[Answer]) -> dict[str, int]:
    """How many were answered, declined, held, refused, failed."""
    found = {"answered": 0, "declined": 0, "held": 0, "refused": 0, "failed": 0}
    for each in answers:
        key = "answered" if each.status in ANSWERED else each.status
        found[key if key in found else "failed"] += 1
    return found


def _share(number: int, total: int) -> str:
    from groundcrew.stats.intervals import wilson

    if not total:
        return "–"
    interval = wilson(number, total)
    return f"{number:5d} of {total} = {number / total:6.1%} [{interval.lower:.1%}, {interval.upper:.1%}]"


def rates(answers: Sequence[Answer], emails: Sequence[Email]) -> None:
    """Answered, declined, held, refused; and, where it is known, how that compares with what could be answered."""
    for status, number in counts(answers).items():
        if number or status in ("answered", "declined", "held"):
            line(f"{status:<9} {_share(number, len(answers))}")
    refusals = Counter(each.code for each in answers if each.status in ("refused", "failed"))
    for code, number in refusals.items():
        line(f"  {code}: {number}")
    known = quality(answers, emails)
    if known:
        line()
        line(f"answerable and answered      {_share(known['answerable_answered'], known['answerable'])}")
        line(f"  with an expected sentence  {_share(known['expected_quoted'], known['answerable_answered'])}")
        line(f"unanswerable and not answered{_share(known['unanswerable_declined'], known['unanswerable'])}")


def quality(answers: Sequence[Answer], emails: Sequence[Email]) -> dict[str, int]:
    """Counts against what is known of the e-mails; {} where nothing is."""
    if any(each.answerable is None for each in emails):
        return {}
    pairs = list(zip(answers, emails, strict=True))
    answered = [(answer, email) for answer, email in pairs if answer.status in ANSWERED]
    good = [
        email
        for answer, email in answered
        if email.answerable and any(sentence in answer.text for sentence in (*email.expected, *email.also))
    ]
    return {
        "answerable": sum(bool(each.answerable) for each in emails),
        "answerable_answered": sum(bool(email.answerable) for _, email in answered),
        "expected_quoted": len(good),
        "unanswerable": sum(not each.answerable for each in emails),
        "unanswerable_declined": sum(not email.answerable and answer.status not in ANSWERED for answer, email in pairs),
    }


def trust_distribution(answers: Sequence[Answer]) -> None:
    """A histogram of the trust of what was answered."""
    values = [each.details["trust"] for each in answers if each.status in ANSWERED and each.details.get("trust") is not None]
    if not values:
        return
    line()
    line("trust of the answers (probability that every claim is supported)")
    edges = [0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0]
    for low, high in pairwise(edges):
        number = sum(low <= value < high or (high == 1.0 and value == 1.0) for value in values)
        line(f"{low:4.2f}–{high:4.2f} {'█' * round(number / len(values) * BAR_WIDTH):<{BAR_WIDTH}} {number}")


def quoted_answers(answers: Sequence[Answer], emails: Sequence[Email]) -> None:
    """Three answers with the sentences of approved articles that they quote."""
    chosen = [
        (answer, email)
        for answer, email in zip(answers, emails, strict=True)
        if answer.status in ANSWERED
        and answer.details.get("citations")
        and (not email.expected or any(each in answer.text for each in (*email.expected, *email.also)))
    ]
    step = max(1, len(chosen) // QUOTED_ANSWERS)
    for answer, email in chosen[::step][:QUOTED_ANSWERS]:
        line()
        line(f"{email.id}: {_short(mail_text(email.subject, email.text))}")
        line(f"  answer: {_short(answer.text)}")
        line(f"  trust {answer.details.get('trust'):.2f}, status {answer.status}")
        for citation in answer.details["citations"]:
            line(f"  quote from {citation['document']}: “{_short(citation['quote'])}”")


def inventions(
    wrong: Sequence[Answer], expected_wrong: Sequence[Invention], right: Sequence[Answer], expected_right: Sequence[Invention]
) -> dict[str, Any]:
    """Which inventions reached the customer as they were, and how many correct answers were let through."""
    passed = [
        (answer, invention)
        for answer, invention in zip(wrong, expected_wrong, strict=True)
        if answer.status == "answered" and answer.text.strip() == invention.answer.strip()
    ]
    line(f"invented answers caught      {_share(len(wrong) - len(passed), len(wrong))}")
    by_kind = caught_by_kind(expected_wrong, {invention.id for _, invention in passed})
    for kind, (caught, planted) in by_kind.items():
        line(f"  {kind.replace('_', ' '):<26} {caught} of {planted}")
    shown = set()
    for answer, invention in zip(wrong, expected_wrong, strict=True):
        if invention.kind not in SHOWN_KINDS or invention.kind in shown:
            continue
        shown.add(invention.kind)
        line()
        line(f"{invention.kind.replace('_', ' ')}: {_short(invention.question)}")
        line(f"  the model said:    {_short(invention.answer)}")
        got = f"{answer.status} {answer.code}".strip()
        line(f"  the customer got:  [{got}] {_short(answer.text) or '(nothing yet)'}")
        line(f"  why it was caught: {invention.why}")
        for reason in _reasons(answer):
            line(f"  check: {reason}")
    for _, invention in passed:
        line(f"  MISSED {invention.id}: {_short(invention.answer)}")
    kept = sum(
        answer.status == "answered" and answer.text.strip() == each.answer.strip()
        for answer, each in zip(right, expected_right, strict=True)
    )
    line()
    line(f"correct answers let through  {_share(kept, len(right))}; the others were replaced by verbatim quotes, or held")
    return {
        "inventions": len(wrong),
        "caught": len(wrong) - len(passed),
        "caught_by_kind": {kind: {"caught": caught, "planted": planted} for kind, (caught, planted) in by_kind.items()},
        "correct": len(right),
        "correct_let_through": kept,
    }


def caught_by_kind(planted: Sequence[Invention], passed: Collection[str]) -> dict[str, tuple[int, int]]:
    """For each kind of invention, in the order of the file: how many were caught, of how many planted."""
    found: dict[str, tuple[int, int]] = {}
    for invention in planted:
        caught, of = found.get(invention.kind, (0, 0))
        found[invention.kind] = (caught + (invention.id not in passed), of + 1)
    return found


def _reasons(answer: Answer) -> list[str]:
    withheld = answer.details.get("withheld") or {}
    claims = withheld.get("claims") or answer.details.get("claims") or []
    return [reason for claim in claims for reason in claim.get("reasons", [])][:3]


def next_gate(evaluation: GateEvaluation) -> None:
    """The checklist of the next stage, and that sample data do not open it."""
    from groundcrew.cli.gates import print_evaluation

    heading("5. What the next stage still asks for", f"groundcrew gate {evaluation.use_case}")
    if not is_quiet():
        print_evaluation(evaluation)


def audit_line(audit: AuditReport) -> None:
    """Whether the audit log verifies."""
    heading("6. Proof", "groundcrew audit verify")
    if audit.problems:
        line(f"BROKEN: {audit.problems[0]}")
    else:
        line(f"{audit.entries} audit entries verify; newest hash {audit.head[:16]}…")


def next_steps() -> None:
    """What to do after a demo that has ended."""
    line("Next: `make demo SERVE=1` leaves the console running; README.md takes you to a use case of your own.")


def serving(url: str, password: str | None) -> None:
    """Where the console is."""
    click.echo()
    click.secho(f"The console is at {url}/ (name: admin, password: {password}). Stop with Ctrl+C.", bold=True)


def summary(
    answers: Sequence[Answer],
    emails: Sequence[Email],
    caught: dict[str, Any],
    evaluations: Sequence[GateEvaluation],
    audit: AuditReport,
) -> dict[str, Any]:
    """The result as plain data."""
    return {
        "emails": len(emails),
        **counts(answers),
        "quality": quality(answers, emails),
        **caught,
        "missing_for_next_stage": [each.key for each in evaluations[-1].results if each.status != "pass"],
        "audit_entries": audit.entries,
        "audit_problems": list(audit.problems),
    }


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= TEXT_LENGTH_MAX else flat[: TEXT_LENGTH_MAX - 1] + "…"
