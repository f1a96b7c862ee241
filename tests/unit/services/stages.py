"""A bank's assistant put straight into a later stage, accounts of the functions, and outcomes of an experiment at scale."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import numpy as np
from argon2 import PasswordHasher
from tests.unit.services import bank

from groundcrew.domain.approval import FUNCTIONS
from groundcrew.domain.ramp import Ramp, RampStep
from groundcrew.domain.use_case import Stage, UseCase
from groundcrew.domain.user import Role, User
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewOutcome
from groundcrew.services.gate_policies import GatePolicies
from groundcrew.store import catalog
from groundcrew.testing import FakeClock

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def put_in(services: Services, stage: Stage, *, percent: float | None = None, **changes: object) -> UseCase:
    """The assistant in `stage`, as if its gate had passed; with a ramp at `percent`."""
    now = services.database.clock.now()
    ramp = None
    if percent is not None:
        ramp = Ramp(steps=(RampStep(percent=percent, at=now, by="user:maria", reason="start"),))
    use_case = await services.use_cases.get(bank.NAME)
    moved = msgspec.structs.replace(use_case, stage=stage, ramp=ramp, **changes)
    async with services.database.write("user:maria") as writer:
        await catalog.USE_CASES.put(writer, moved, "advance")
        await writer.touch_snapshot()
    return moved


async def account(services: Services, name: str, *roles: Role) -> str:
    """An account with these roles; how it acts."""
    user = User(name=name, password_hash=CHEAP.hash("x"), roles=roles, created_at=services.database.clock.now())
    async with services.database.write("system:test") as writer:
        await catalog.USERS.put(writer, user, "create")
    return f"user:{name}"


async def approve_all(services: Services, stage: Stage = "scale") -> None:
    """Every function approves the current version."""
    for asked in await services.approvals.request(bank.NAME, actor="user:maria", to=stage):
        who = await account(services, f"{asked.function}-person", asked.function)
        await services.approvals.decide(asked.id, "approved", actor=who, statement="looked at it")
    assert len(FUNCTIONS) == 4


async def measure(
    services: Services,
    clock: FakeClock,
    *,
    days: float = 8,
    units: int = 300,
    complaints: float = 0.0,
    mean: float = 600,
    tag: str,
) -> None:
    """`days` of an experiment at scale: handle times and complaints of `units` tickets in each arm."""
    start, random = clock.now(), np.random.default_rng(5)
    clock.advance(days * bank.DAY_S)
    rows = []
    for arm, arm_mean, rate in (("human", 900.0, 0.0), ("draft_assist", mean, complaints)):
        times, bad = random.normal(arm_mean, 200, units), random.random(units) < rate
        for unit in range(units):
            at = start + timedelta(days=days * (unit + 1) / (units + 1))
            named = {"case_id": f"{tag}-{arm}-{unit}", "unit_id": f"{tag}-{arm}-{unit}", "arm": arm, "at": at}
            rows.append(NewOutcome(metric="handle_time", value=float(times[unit]), unit="s", **named))
            rows.append(NewOutcome(metric="complaint", value=float(bad[unit]), **named))
    await services.feedback.add_outcomes(bank.NAME, rows, actor="system:tickets")


async def without(services: Services, stage: Stage, *keys: str) -> None:
    """Publish a policy for `stage` that leaves `keys` out."""
    policies: GatePolicies = services.gate_policies
    policy = (await policies.find(stage))[0]
    kept = tuple(each for each in policy.criteria if each.key not in keys)
    await policies.publish([msgspec.structs.replace(policy, criteria=kept)], actor="user:admin", reason="not asked for here")
