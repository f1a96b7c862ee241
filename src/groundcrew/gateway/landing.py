"""What a use case, its keys and its users may take, worked out once from the declarations, and who is let in at all."""

from __future__ import annotations

import msgspec

from groundcrew.domain.exposure import effective_exposure, place_of, share_of
from groundcrew.domain.snapshot import KeyEntry
from groundcrew.domain.spending import METERS, to_nanos
from groundcrew.domain.stage import limits
from groundcrew.domain.use_case import Exposure, RateLimits, SpendLimits, UseCase
from groundcrew.errors import RefusedCall
from groundcrew.guards.masking import without_names


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one account. `spend`: (index of the meter, limit in tokens or nano-USD); `request_s` and `token_s` are
    emission intervals, 60 / limit; 0 and None: not limited."""

    spend: tuple[tuple[int, int], ...] = ()
    requests: int = 0
    request_s: float = 0.0
    tokens: int = 0
    token_s: float = 0.0
    concurrent: int | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that bounds the calls of one key of one use case. `share` is the part of 2**64 places that is exposed, None
    where exposure is not enforced."""

    use_case: Cap
    key: Cap | None
    user: Cap | None
    share: int | None
    users: frozenset[str]


def plan_for(use_case: UseCase, key: KeyEntry) -> Plan:
    """The limits that are declared for `use_case` and `key`, and what the stage adds."""
    stage, budget, rates = limits(use_case), use_case.budget, use_case.limits
    own = _cap(budget, rates, tokens_per_day=stage.tokens_per_day)
    per_key = _cap(budget.per_key if budget else None, rates.per_key if rates else None)
    key_cap = _tighter(per_key, _cap(key.budget, key.limits))
    user_cap = _cap(budget.per_user if budget else None, rates.per_user if rates else None)
    share, users = _share(effective_exposure(use_case)) if stage.enforces_exposure else (None, frozenset())
    return Plan(
        use_case=own or Cap(),
        key=key_cap,
        user=user_cap,
        share=share,
        users=users,
    )


def _cap(spend: SpendLimits | None, rates: RateLimits | None, *, tokens_per_day: int | None = None) -> Cap | None:
    found: list[tuple[int, int]] = []
    for index, meter in enumerate(METERS):
        limit = getattr(spend, meter) if spend is not None else None
        if index == 0 and tokens_per_day is not None:
            limit = tokens_per_day
        if limit is not None:
            found.append((index, int(limit) if index < 2 else to_nanos(limit)))
    requests = (rates.requests_per_minute if rates else None) or 0
    tokens = (rates.tokens_per_minute if rates else None) or 0
    concurrent = rates.concurrent if rates else None
    if not (found or requests or tokens or concurrent is not None):
        return None
    return Cap(
        spend=tuple(found),
        requests=requests,
        request_s=60 / requests if requests else 0.0,
        tokens=tokens,
        token_s=60 / tokens if tokens else 0.0,
        concurrent=concurrent,
    )


def _tighter(first: Cap | None, second: Cap | None) -> Cap | None:
    """Of each limit the lower one."""
    if first is None or second is None:
        return first or second
    spend: dict[int, int] = dict(first.spend)
    for index, limit in second.spend:
        spend[index] = min(limit, spend.get(index, limit))
    requests = min(filter(None, (first.requests, second.requests)), default=0)
    tokens = min(filter(None, (first.tokens, second.tokens)), default=0)
    return Cap(
        spend=tuple(sorted(spend.items())),
        requests=requests,
        request_s=60 / requests if requests else 0.0,
        tokens=tokens,
        token_s=60 / tokens if tokens else 0.0,
        concurrent=min((each for each in (first.concurrent, second.concurrent) if each is not None), default=None),
    )


def _share(exposure: Exposure | None) -> tuple[int | None, frozenset[str]]:
    if exposure is None or (exposure.ceiling_percent is not None and exposure.ceiling_percent >= 100):
        return None, frozenset()
    # As calls name them, see `user_of`.
    return share_of(exposure.ceiling_percent), frozenset(map(without_names, exposure.users))


def check_exposure(plan: Plan, use_case: str, user: str | None) -> None:
    """RefusedCall not_in_exposure unless `user` is one whom the use case may serve in its stage."""
    if plan.share is None or (user is not None and (user in plan.users or place_of(use_case, user) < plan.share)):
        return
    if user is None:
        raise RefusedCall(
            "not_in_exposure",
            f"use case {use_case} serves some of its users only, and this call names none: send the header groundcrew-user-id",
        )
    raise RefusedCall("not_in_exposure", f"user {user!r} is not among those whom use case {use_case} may serve in its stage")
