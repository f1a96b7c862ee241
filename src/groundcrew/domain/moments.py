"""Moments as they come in: with any offset, or with none, up to the ends of the calendar."""

from __future__ import annotations

from datetime import UTC, datetime

from groundcrew.errors import InputError


def in_utc(moment: datetime, field: str) -> datetime:
    """`moment` in UTC; one without a zone is meant so. InputError for one that is before the year 1 or past the year 9999
    there, which no calendar here has."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise InputError("the time is outside the years 1 to 9999 in UTC", field=field) from None
