"""The policies of gates: read from a file, compared with what is in force, published once and for ever.

A policy may ask for more than the defaults as it likes; asking for less takes a reason, which the audit log keeps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from groundcrew.domain.gate import Criterion, GatePolicy, policy_digest
from groundcrew.domain.use_case import STAGES, Stage
from groundcrew.errors import DeclarationError, InputError
from groundcrew.services.criteria.registry import CHECKS
from groundcrew.services.declaration_fields import Complaints, Fields
from groundcrew.services.declaration_yaml import plain, read_documents
from groundcrew.services.declared import DeclarationErrors
from groundcrew.services.gates import default_policies, load_checks
from groundcrew.services.ramp_rules import ramp_rule
from groundcrew.store import catalog
from groundcrew.store.database import Database

CRITERIA_MAX = 100
#: Settings that can only ask for more where the defaults do not have them.
STRICTER = ("age_days_max", "rate_min")


class PolicyDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One stage's policy against the one in force: what changes, and in what it asks for less than the defaults."""

    stage: Stage
    version: int
    changes: tuple[str, ...]
    looser: tuple[str, ...]
    notes: tuple[str, ...] = ()


class GatePolicies:
    """The published policies, all versions of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, stage: Stage | None = None, *, all_versions: bool = False) -> list[GatePolicy]:
        """The policies in force, in the order of the stages; with `all_versions` the superseded ones too."""
        async with self._database.read() as connection:
            found = await catalog.GATE_POLICIES.find(connection)
        wanted = [
            each for each in found if (stage is None or each.stage == stage) and (all_versions or each.state == "published")
        ]
        return sorted(wanted, key=lambda each: (STAGES.index(each.stage), each.version))

    async def difference(self, wanted: Sequence[GatePolicy]) -> list[PolicyDifference]:
        """What publishing `wanted` would change; nothing is written. Stages whose policy stays as it is are left out."""
        in_force = {each.stage: each for each in await self.find()}
        newest = {each.stage: each.version for each in await self.find(all_versions=True)}
        return [
            found
            for each in wanted
            if (found := _difference(each, in_force.get(each.stage), newest.get(each.stage, 0) + 1)).changes
        ]

    async def publish(self, wanted: Sequence[GatePolicy], *, actor: str, reason: str = "") -> list[GatePolicy]:
        """Put `wanted` in force, each as the next version of its stage; the earlier one is superseded and stays as it is.

        Returns those that were published: what is in force already is not published again. InputError where one asks for less
        than the defaults and no reason is given.
        """
        published = []
        async with self._database.write(actor) as writer:
            for policy in wanted:
                versions = await catalog.GATE_POLICIES.find(writer.connection, stage=policy.stage)
                in_force = next((each for each in reversed(versions) if each.state == "published"), None)
                found = _difference(policy, in_force, max((each.version for each in versions), default=0) + 1)
                if not found.changes:
                    continue
                if found.looser and not reason.strip():
                    raise InputError(
                        f"into {policy.stage} this asks for less than the defaults ({'; '.join(found.looser)}): say why",
                        field="reason",
                    )
                for old in versions:
                    if old.state == "published":
                        await catalog.GATE_POLICIES.put(writer, msgspec.structs.replace(old, state="superseded"), "supersede")
                made = msgspec.structs.replace(
                    policy, version=found.version, state="published", reason=reason.strip() if found.looser else ""
                )
                details = {"changes": list(found.changes), "looser": list(found.looser), "digest": policy_digest(made)}
                await catalog.GATE_POLICIES.put(writer, made, "publish", reason=reason, details=details)
                published.append(made)
            if published:
                await writer.touch_snapshot()
        return published


def load_policies(path: Path) -> list[GatePolicy]:
    """The policies that a YAML file declares, one document a stage. Raises InputError, DeclarationErrors naming each place."""
    shown, complaints = str(path), Complaints()
    found: list[GatePolicy] = []
    for node in read_documents(path, shown):
        if not isinstance(node.value, dict):
            complaints.add(DeclarationError("expected a mapping with stage and criteria", file=shown, line=node.line))
            continue
        fields = Fields(node, shown, complaints)
        fields.text("kind")
        stage: Stage = fields.choice("stage", STAGES)
        source = fields.text("source", default=shown)
        criteria = tuple(_read_criterion(each) for each in fields.sections("criteria"))
        fields.finish()
        keys = [each.key for each in criteria]
        if len(set(keys)) < len(keys) or len(keys) > CRITERIA_MAX:
            fields.complain("criteria", f"expected at most {CRITERIA_MAX} criteria, each with a key of its own")
        if any(each.stage == stage for each in found):
            fields.complain("stage", f"{stage} is declared twice")
        found.append(GatePolicy(stage=stage, version=0, state="draft", criteria=criteria, source=source))
    if complaints.errors:
        raise DeclarationErrors(complaints.errors)
    if not found:
        raise InputError("declares no policy", file=shown)
    return found


def _read_criterion(fields: Fields) -> Criterion:
    key, check = fields.text("key", required=True, length_max=64), fields.text("check", required=True, length_max=64)
    title = fields.text("title", default=key.replace("_", " ").capitalize())
    node = fields.node("settings")
    settings = plain(node) if node is not None else {}
    if not isinstance(settings, dict):
        fields.complain("settings", "expected a mapping")
        settings = {}
    if check == "ramp":
        try:
            ramp_rule(settings)
        except (InputError, TypeError, ValueError) as error:
            fields.complain("settings", str(error))
    fields.finish()
    return Criterion(key=key, title=title, check=check, settings=settings)


def looser(policy: GatePolicy, default: GatePolicy) -> list[str]:
    """In what `policy` asks for less than `default`, one line each. A setting whose direction its name does not tell counts as
    looser as soon as it differs."""
    found = []
    own = {each.key: each for each in policy.criteria}
    for criterion in default.criteria:
        mine = own.get(criterion.key)
        if mine is None or mine.check != criterion.check:
            found.append(f"{criterion.key} is not asked for" if mine is None else f"{criterion.key} is checked by {mine.check}")
            continue
        found += [
            f"{criterion.key}.{name} is {mine.settings.get(name, 'not set')}, the default is {value}"
            for name, value in criterion.settings.items()
            if not _as_strict(name, mine.settings.get(name), value)
        ]
        found += [
            f"{criterion.key}.{name} is set, the default leaves it"
            for name in mine.settings
            if name not in criterion.settings and name not in STRICTER
        ]
    return found


def _as_strict(name: str, mine: Any, default: Any) -> bool:
    if mine == default:
        return True
    numbers = all(
        isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each) for each in (mine, default)
    )
    if name == "grade_min" and isinstance(mine, str) and isinstance(default, str):
        return mine in "ABCD" and mine <= default
    if not numbers:
        return False
    if name.endswith("_min"):
        return bool(mine >= default)
    return bool(name.endswith("_max") and mine <= default)


def _difference(policy: GatePolicy, in_force: GatePolicy | None, version: int) -> PolicyDifference:
    load_checks()
    default = next((each for each in default_policies() if each.stage == policy.stage), None)
    before = {each.key: each for each in in_force.criteria} if in_force is not None else {}
    after = {each.key: each for each in policy.criteria}
    changes = [f"+ {key}" for key in after if key not in before] + [f"- {key}" for key in before if key not in after]
    for key, criterion in after.items():
        old = before.get(key)
        if old is not None and old != criterion:
            changes.append(f"~ {key}: {_told(old)} → {_told(criterion)}")
    if in_force is None and not changes:
        changes.append("the first policy of this stage")
    unknown = [each.check for each in policy.criteria if each.check not in CHECKS]
    notes = [f"nothing computes {each!r}: its criterion stays unknown and the gate closed" for each in unknown]
    if not policy.criteria:
        notes.append("it asks for nothing, and an empty policy denies")
    return PolicyDifference(
        stage=policy.stage,
        version=version,
        changes=tuple(changes),
        looser=tuple(looser(policy, default)) if default is not None else (),
        notes=tuple(notes),
    )


def _told(criterion: Criterion) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in sorted(criterion.settings.items()))
    return f"{criterion.check}({settings})"
