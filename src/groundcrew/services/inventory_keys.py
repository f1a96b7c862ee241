"""Gateway keys that should not be as they are: never used, unused for long, of use cases that ended or nobody owns, or ending."""

from __future__ import annotations

from datetime import datetime, timedelta

from groundcrew.domain.inventory import FindingKind, FindingSeverity, ScanFinding, ScanReport, fingerprint_of
from groundcrew.domain.key import Key
from groundcrew.domain.use_case import TERMINAL_STAGES, UseCase
from groundcrew.domain.user import User
from groundcrew.store import catalog, operations
from groundcrew.store.database import Connection

ROOT = "gateway keys"
#: After how long a key that nobody uses is told, and how long before its end one that is in use [D].
NEVER_USED_DAYS, UNUSED_DAYS, EXPIRING_DAYS, IN_USE_DAYS = 14, 60, 14, 7


async def keys_report(connection: Connection, now: datetime) -> ScanReport:
    """What is odd about the keys at `now`: one finding for each key and kind."""
    used = await operations.key_uses_of(connection)
    use_cases = {each.name: each for each in await catalog.USE_CASES.find(connection)}
    users = {each.name.casefold(): each for each in await catalog.USERS.find(connection)}
    findings = []
    for key in await catalog.KEYS.find(connection):
        if key.revoked_at is not None or key.expires_at <= now:
            continue
        for kind, severity, reason in _oddities(key, use_cases.get(key.use_case), users, used.get(key.id), now):
            findings.append(
                ScanFinding(
                    source="keys",
                    service="groundcrew",
                    kind=kind,
                    severity=severity,
                    reason=reason,
                    fingerprint=fingerprint_of("keys", key.id, kind),
                    user=key.use_case,
                    fragment=f"key {key.id}" + (f" ({key.label})" if key.label else ""),
                    first_seen=key.created_at.isoformat(timespec="seconds"),
                    last_seen=used[key.id].isoformat(timespec="seconds") if key.id in used else None,
                )
            )
    return ScanReport(source="keys", root=ROOT, complete=True, catalogue="", findings=tuple(findings))


def _oddities(
    key: Key, use_case: UseCase | None, users: dict[str, User], used_at: datetime | None, now: datetime
) -> list[tuple[FindingKind, FindingSeverity, str]]:
    found: list[tuple[FindingKind, FindingSeverity, str]] = []
    if used_at is None and now - key.created_at > timedelta(days=NEVER_USED_DAYS):
        found.append(("never_used_key", "low", f"made on {key.created_at:%Y-%m-%d} for {key.use_case} and never used: revoke it"))
    if used_at is not None and now - used_at > timedelta(days=UNUSED_DAYS):
        found.append(("unused_key", "low", f"of {key.use_case}, last used on {used_at:%Y-%m-%d}: revoke it"))
    if use_case is None or use_case.stage in TERMINAL_STAGES:
        state = use_case.stage if use_case is not None else "not registered"
        found.append(("ended_key", "medium", f"{key.use_case} is {state}, and its key still lives: revoke it"))
    elif (problem := _owner_problem(use_case, users)) is not None:
        found.append(("unowned_key", "medium", f"{key.use_case} {problem}: nobody answers for what the key does"))
    ends_soon = key.expires_at - now <= timedelta(days=EXPIRING_DAYS)
    if used_at is not None and ends_soon and now - used_at <= timedelta(days=IN_USE_DAYS):
        found.append(
            ("expiring_key", "medium", f"of {key.use_case}, in use, ends on {key.expires_at:%Y-%m-%d}: rotate it before")
        )
    return found


def _owner_problem(use_case: UseCase, users: dict[str, User]) -> str | None:
    """What is wrong with a use case's owner; None too where the owner has no account here, which many have not."""
    owner = use_case.owner.strip().casefold()
    if not owner:
        return "has no owner"
    account = users.get(owner) or users.get(owner.partition("@")[0])
    return f"is owned by {use_case.owner}, whose account is closed" if account is not None and account.disabled else None
