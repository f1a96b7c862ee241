"""The options by which the audit log is searched and exported in part."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from groundcrew.domain.audit_search import Wanted
from groundcrew.domain.moments import in_utc
from groundcrew.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--subject", help="audit: about this, such as use-case/NAME; use-case/ or key/ab* for all that begin so."),
    click.option("--actor", help="audit: what this one did, such as anna, or system:* for all that begin so."),
    click.option("--action", help="audit: this was done, such as approve."),
    click.option("--since", help="audit: from this time on, such as 2026-05-01 or 2026-05-01T12:00:00Z."),
    click.option("--until", help="audit: before this time."),
    click.option("--text", help="audit: with this anywhere in the entry."),
)


def search_options(function: Command) -> Command:
    """The options that say which entries are wanted."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def wanted_of(*, use_case: str | None, **given: Any) -> Wanted:
    """What the options say."""
    return Wanted(
        subject=given["subject"],
        actor=given["actor"],
        action=given["action"],
        use_case=use_case,
        since=moment(given["since"], "since"),
        until=moment(given["until"], "until"),
        text=given["text"],
    )


def moment(text: str | None, field: str) -> datetime | None:
    """A day or a moment, in UTC where no zone is given; InputError."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no time: write 2026-05-01 or 2026-05-01T12:00:00Z", field=field) from None
    return in_utc(found, field)
