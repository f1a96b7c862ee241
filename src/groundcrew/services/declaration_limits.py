"""Readers of what bounds a use case: its budget, its rate limits, whom it may serve, what is kept of its calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from groundcrew.domain.use_case import Budget, CacheRule, Exposure, Limits, RateLimits, SpendLimits
from groundcrew.guards.masking import personal_kinds
from groundcrew.services.declaration_fields import Fields, shown
from groundcrew.services.declaration_yaml import Node, describe

TOKENS_MAX = 10**15
REQUESTS_PER_MINUTE_MAX = 10**9
CONCURRENT_MAX = 10**6
USD_MAX = 1e9
#: Users that a use case may name, and the length of each.
USERS_MAX, USER_LENGTH_MAX = 10_000, 200
USERS_FILE_BYTES_MAX = 4 * 1024 * 1024
CACHE_TTL_S_MAX, CACHE_ENTRIES_MAX = 7 * 86_400, 1_000_000

#: Finds the file that a field names: as an absolute path and as shown in errors.
Locate = Callable[[Fields, str], tuple[Path, str] | None]


def read_budget(fields: Fields) -> Budget | None:
    """`budget`: limits of tokens and USD for the use case, under `per_user` and `per_key` for each of those."""
    section = fields.section("budget")
    if section is None:
        return None
    own = _spend(section)
    per_user, per_key = _spend_of(section, "per_user"), _spend_of(section, "per_key")
    section.finish()
    return Budget(
        tokens_per_day=own.tokens_per_day,
        tokens_per_month=own.tokens_per_month,
        usd_per_day=own.usd_per_day,
        usd_per_month=own.usd_per_month,
        per_user=per_user,
        per_key=per_key,
    )


def _spend_of(fields: Fields, key: str) -> SpendLimits | None:
    section = fields.section(key)
    if section is None:
        return None
    found = _spend(section)
    section.finish()
    return found


def _spend(section: Fields) -> SpendLimits:
    return SpendLimits(
        tokens_per_day=section.integer("tokens_per_day", low=1, high=TOKENS_MAX),
        tokens_per_month=section.integer("tokens_per_month", low=1, high=TOKENS_MAX),
        usd_per_day=section.number("usd_per_day", low=0, above=True, high=USD_MAX),
        usd_per_month=section.number("usd_per_month", low=0, above=True, high=USD_MAX),
    )


def read_limits(fields: Fields) -> Limits | None:
    """`limits`: how fast calls may come and how many may be under way, under `per_user` and `per_key` for each of those."""
    section = fields.section("limits")
    if section is None:
        return None
    own = _rates(section)
    per_user, per_key = _rates_of(section, "per_user"), _rates_of(section, "per_key")
    section.finish()
    return Limits(
        requests_per_minute=own.requests_per_minute,
        tokens_per_minute=own.tokens_per_minute,
        concurrent=own.concurrent,
        per_user=per_user,
        per_key=per_key,
    )


def _rates_of(fields: Fields, key: str) -> RateLimits | None:
    section = fields.section(key)
    if section is None:
        return None
    found = _rates(section)
    section.finish()
    return found


def _rates(section: Fields) -> RateLimits:
    return RateLimits(
        requests_per_minute=section.integer("requests_per_minute", low=1, high=REQUESTS_PER_MINUTE_MAX),
        tokens_per_minute=section.integer("tokens_per_minute", low=1, high=TOKENS_MAX),
        concurrent=section.integer("concurrent", low=1, high=CONCURRENT_MAX),
    )


def read_exposure(fields: Fields, locate: Locate) -> Exposure | None:
    """`exposure`: a ceiling in percent, users by name (a list, or {file: PATH} with one a line), or both."""
    section = fields.section("exposure")
    if section is None:
        return None
    percent = section.number("ceiling_percent", low=0, high=100)
    users = _users(section, locate)
    if percent is None and not section.has("ceiling_percent") and not section.has("users"):
        section.complain("ceiling_percent", "declare ceiling_percent, users, or both")
    section.finish()
    return Exposure(ceiling_percent=percent, users=frozenset(users))


def _users(section: Fields, locate: Locate) -> list[str]:
    node = section.node("users")
    if node is None:
        return []
    named: list[tuple[str, Node | None, str]] = []
    if isinstance(node.value, dict):
        inner = section.section("users")
        if inner is None:
            return []
        located = locate(inner, "file")
        inner.finish()
        if located is None:
            return []
        try:
            if located[0].stat().st_size > USERS_FILE_BYTES_MAX:
                raise ValueError(f"is larger than {USERS_FILE_BYTES_MAX} bytes")
            lines = located[0].read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            section.complain("users", f"{shown(located[1])} can not be read: {getattr(error, 'strerror', None) or error}")
            return []
        named = [(f"users (line {number} of {located[1]})", None, line.strip()) for number, line in enumerate(lines, 1)]
        named = [each for each in named if each[2] and not each[2].startswith("#")]
    else:
        for key, item in section.items("users") or []:
            if not isinstance(item.value, str | int) or isinstance(item.value, bool) or not str(item.value).strip():
                section.complain(key, f"expected the identifier of a user, found {describe(item)}", item.line)
                continue
            named.append((key, item, str(item.value).strip()))
    if len(named) > USERS_MAX:
        section.complain("users", f"more than {USERS_MAX} users: use ceiling_percent")
    for key, place, user in named[:USERS_MAX]:
        if problem := _user_problem(user):
            section.complain(key, problem, place.line if place is not None else node.line)
    return [user for _, _, user in named[:USERS_MAX]]


def _user_problem(user: str) -> str:
    if len(user) > USER_LENGTH_MAX or not user.isprintable():
        return f"a user is named by at most {USER_LENGTH_MAX} printable characters"
    if personal_kinds(user):
        return "holds personal data (not shown): name users by identifiers, as calls do in groundcrew-user-id"
    return ""


def read_cache(fields: Fields) -> CacheRule | None:
    """`cache`: for how long, and how many, answers may be given again."""
    section = fields.section("cache")
    if section is None:
        return None
    entries = section.integer("max_entries", low=1, high=CACHE_ENTRIES_MAX)
    section.node("ttl", required=True)
    ttl_s = section.duration_s("ttl", default=1, high=CACHE_TTL_S_MAX)
    section.finish()
    return CacheRule(ttl_s=ttl_s, **({} if entries is None else {"entries_max": entries}))


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """How calls are recorded, as declared; None leaves it to what else is declared."""

    on_failure: Literal["closed", "shed"] | None = None
    mask: Literal["full", "patterns"] | None = None


def read_recording(fields: Fields) -> Recording:
    """`recording`: whether calls go on that can not be recorded (closed or shed, by itself or as `on_failure`), and what looks
    for the personal data that is masked in records (`mask`)."""
    words: tuple[Literal["closed", "shed"], ...] = ("closed", "shed")
    node = fields.node("recording")
    if node is None:
        return Recording()
    if not isinstance(node.value, dict):
        return Recording(on_failure=fields.choice("recording", words))
    section = fields.section("recording")
    if section is None:
        return Recording()
    looking: tuple[Literal["full", "patterns"], ...] = ("full", "patterns")
    found = Recording(
        on_failure=section.choice("on_failure", words) if section.has("on_failure") else None,
        mask=section.choice("mask", looking) if section.has("mask") else None,
    )
    if not (section.has("on_failure") or section.has("mask")):
        section.complain("mask", "declare on_failure, mask, or both")
    section.finish()
    return found
