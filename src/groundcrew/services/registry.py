"""Applying declarations: what changes is shown field by field, written in one transaction, and its consequences follow.

A use case's stage, run state and holds are never declared: a new one starts in discovery; a changed purpose or data
class, or a higher tier, sends one that has gone further back to pilot; a prohibited one is refused.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import msgspec

from groundcrew.domain import risk
from groundcrew.domain.data_class import DataClass, provider_may_see, rank
from groundcrew.domain.evaluation import SuiteContent
from groundcrew.domain.guard import Policy
from groundcrew.domain.hypothesis import Hypothesis, HypothesisPlan, amend
from groundcrew.domain.knowledge import KnowledgeBase
from groundcrew.domain.prices import price_of
from groundcrew.domain.provider import Model
from groundcrew.domain.resource import Resource
from groundcrew.domain.stage import EXPOSED_STAGES, moved
from groundcrew.domain.use_case import STAGES, UseCase
from groundcrew.errors import DeclarationError, NotFound
from groundcrew.guards.masking import detect_for
from groundcrew.services import risk_standing
from groundcrew.services.alert_rule_checks import rule_problems
from groundcrew.services.capabilities import load_in
from groundcrew.services.changes import Change, FieldChange, differences
from groundcrew.services.criteria.entry import exposure_problem
from groundcrew.services.declaration_capabilities import capability_problems
from groundcrew.services.declaration_resources import resource_problems
from groundcrew.services.declarations import unresolved_references
from groundcrew.services.declared import DeclarationErrors, Declarations, Declared, KnownNames
from groundcrew.services.evaluation_suites import changes as suite_changes
from groundcrew.services.evaluation_suites import masked_content, put_suite
from groundcrew.services.lookups import current_digest, newest_hypothesis
from groundcrew.services.overlap_scan import refresh, unadopted
from groundcrew.services.policy_stages import stage_notes
from groundcrew.services.propagation import propagate
from groundcrew.services.resource_ledger import with_kept_capacity
from groundcrew.services.sign_off_declarations import sign_off_problems
from groundcrew.services.swap_declarations import note_declared, swap_problems
from groundcrew.services.tuned_standing import alias_notes
from groundcrew.store import catalog, deciding
from groundcrew.store.collection import Collection
from groundcrew.store.database import Connection, Database, Writer

#: Fields of a use case that the registry keeps and no declaration sets.
_EARNED = ("stage", "run_state", "holds", "run_reason", "ramp", "risk")


class Registry:
    """The declared things: providers, models, knowledge bases, policies, verifiers, use cases and their hypotheses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def apply(self, declarations: Declarations, *, actor: str, dry_run: bool = False) -> list[Change]:
        """Write what differs and return the diff; nothing is written when something is wrong, or with `dry_run`.

        Raises DeclarationErrors for references that lead nowhere and for prohibited use cases.
        """
        declarations = await self._masked(declarations)
        try:
            async with self._database.write(actor) as writer:
                changes = await self._apply(writer, declarations)
                if dry_run:
                    raise _DryRun(changes)
        except _DryRun as dry:
            return dry.changes
        await propagate(self._database)
        if any(each.kind == "VendorCapability" and each.action != "unchanged" for each in changes):
            await refresh(self._database, actor=actor)
        return changes

    async def _masked(self, declarations: Declarations) -> Declarations:
        """`declarations` with their suites' texts masked as their use cases, declared here or before, ask for it."""
        found = []
        for each in declarations.suites:
            name = each.value.use_case
            async with self._database.read() as connection:
                here = [one.value for one in declarations.use_cases if one.value.name == name]
                use_case = here[0] if here else await catalog.USE_CASES.get(connection, name)
                policies = {one.value.name: one.value for one in declarations.policies}
                policy_name = (use_case.policy if use_case is not None else None) or ""
                policy = policies.get(policy_name) or await catalog.POLICIES.get(connection, policy_name)
            detect = each.value.mask or (detect_for(use_case, policy) if use_case is not None else "full")
            try:
                found.append(msgspec.structs.replace(each, value=await masked_content(each.value, detect)))
            except DeclarationError as error:
                raise DeclarationErrors([each.error(error.message, error.field or "cases")]) from None
        return msgspec.structs.replace(declarations, suites=tuple(found))

    async def _apply(self, writer: Writer, declarations: Declarations) -> list[Change]:
        await _check(writer.connection, declarations, writer.clock.now().date())
        before = await digests(writer.connection)
        changes: list[Change] = []
        kinds: list[tuple[str, Collection[Any], tuple[Declared[Any], ...]]] = [
            ("Provider", catalog.PROVIDERS, declarations.providers),
            ("Model", catalog.MODELS, declarations.models),
            ("KnowledgeBase", catalog.KNOWLEDGE_BASES, declarations.knowledge_bases),
            ("Policy", catalog.POLICIES, declarations.policies),
            ("Verifier", catalog.VERIFIERS, declarations.verifiers),
            ("Channel", catalog.CHANNELS, declarations.channels),
            ("AlertRule", catalog.ALERT_RULES, declarations.alert_rules),
            ("Resource", deciding.RESOURCES, declarations.resources),
        ]
        for kind, collection, declared in kinds:
            changes += [await _noted(writer, await _put(writer, kind, collection, each.value), each.value) for each in declared]
        await note_declared(writer, [each.value for each in declarations.models])
        for each in declarations.use_cases:
            changes.append(await _put_use_case(writer, each.value))
        for name, declared_plan in declarations.hypotheses.items():
            changes.append(await _put_hypothesis(writer, name, declared_plan.plan))
        sold = await load_in(writer, declarations.capabilities, "apply")
        suites = [await _put_suite(writer, each) for each in declarations.suites]
        if any(change.action != "unchanged" for change in changes):
            await writer.touch_snapshot()
            changes += await version_changes(writer, before)
        return changes + sold + suites


class _DryRun(Exception):
    """Rolls the transaction back and carries the diff out."""

    def __init__(self, changes: list[Change]) -> None:
        self.changes = changes


async def _check(connection: Connection, declarations: Declarations, today: date) -> None:
    known = KnownNames(
        providers=frozenset(each.name for each in await catalog.PROVIDERS.find(connection)),
        models=frozenset(each.name for each in await catalog.MODELS.find(connection)),
        knowledge_bases=frozenset(each.name for each in await catalog.KNOWLEDGE_BASES.find(connection)),
        policies=frozenset(each.name for each in await catalog.POLICIES.find(connection)),
        verifiers=frozenset(each.name for each in await catalog.VERIFIERS.find(connection)),
        channels=frozenset(each.name for each in await catalog.CHANNELS.find(connection)),
    )
    errors: list[DeclarationError] = list(unresolved_references(declarations, known))
    for each in declarations.use_cases:
        assessment = risk.assess(each.value)
        if assessment.tier == "prohibited":
            errors.append(each.error(f"prohibited: {'; '.join(assessment.reasons)}", "risk"))
        if problem := await _exposure_problem(connection, each.value):
            errors.append(each.error(problem, "exposure"))
    errors += await swap_problems(connection, declarations)
    errors += await sign_off_problems(connection, declarations)
    errors += await rule_problems(connection, declarations)
    errors += capability_problems(declarations.capabilities, today)
    errors += await resource_problems(connection, declarations)
    if errors:
        raise DeclarationErrors(errors)


async def _exposure_problem(connection: Connection, declared: UseCase) -> str:
    """Why a use case that serves people may not take this exposure, "" where it may: what its gate asked for can not be
    undone by a declaration."""
    old = await catalog.USE_CASES.get(connection, declared.name)
    if old is None or old.stage not in EXPOSED_STAGES or old.exposure == declared.exposure:
        return ""
    if declared.exposure is None:
        return f"{declared.name} is in {old.stage} and keeps an exposure: 100 percent serves everybody"
    if old.stage not in ("pilot", "production_readiness"):
        return ""
    policies = await catalog.GATE_POLICIES.find(connection, stage="pilot", state="published")
    asked = [each for each in (policies[-1].criteria if policies else ()) if each.check == "exposure_cap"]
    problems = [exposure_problem(declared.exposure, each) for each in asked]
    return next((f"{declared.name} is in {old.stage}: {each}" for each in problems if each), "")


async def _put(writer: Writer, kind: str, collection: Collection[Any], item: Any) -> Change:
    name = collection.identify(item)
    old = await collection.get(writer.connection, name)
    if isinstance(item, KnowledgeBase) and isinstance(old, KnowledgeBase) and not item.paths:
        item = msgspec.structs.replace(item, paths=old.paths)
    if isinstance(item, Resource):
        item = with_kept_capacity(item, old)
    fields = differences(old, item)
    if old is not None and not fields:
        return Change(kind=kind, name=name, action="unchanged")
    await collection.put(writer, item, "apply", details={"fields": [each.field for each in fields]})
    notes = stage_notes(item) if isinstance(item, Policy) else ()
    return Change(kind=kind, name=name, action="created" if old is None else "updated", fields=fields, notes=notes)


async def _noted(writer: Writer, change: Change, item: Any) -> Change:
    """`change` with what is to be known of an alias's tuned models, also where nothing was changed. Providers come before."""
    notes = await alias_notes(writer.connection, item) if isinstance(item, Model) else ()
    return msgspec.structs.replace(change, notes=(*change.notes, *notes)) if notes else change


async def _put_use_case(writer: Writer, declared: UseCase) -> Change:
    old = await catalog.USE_CASES.get(writer.connection, declared.name)
    notes: list[str] = []
    unpriced = (*await _unseen(writer.connection, declared), *await _unpriced(writer.connection, declared))
    if old is None:
        tier = risk.assess(declared)
        item = risk_standing.first(declared)
        item = msgspec.structs.replace(item, stage="discovery", run_state="running", run_reason="exploring in discovery")
        notes.append(f"risk tier {tier.tier}: {'; '.join(tier.reasons)}")
        notes.append("starts in discovery, on the exploration allowance")
    else:
        item = msgspec.structs.replace(declared, **{name: getattr(old, name) for name in _EARNED})
        if not differences(old, item):
            return Change(kind="UseCase", name=item.name, action="unchanged", notes=unpriced)
        item, demotion = _demoted(old, item)
        item, settled = risk_standing.settled(old, risk_standing.kept(old, item), writer.clock.now())
        notes += [*demotion, *settled]
        item, undone = await unadopted(writer, old, item)
        notes += undone
    fields = tuple(each for each in differences(old, item) if each.field != "risk")
    # Whoever owned or championed it before goes on counting as who built it.
    people = {each for one in (old, item) if one is not None for each in (one.owner, one.champion) if each}
    details = {"fields": [each.field for each in fields], "people": sorted(people)}
    await catalog.USE_CASES.put(writer, item, "apply", reason="; ".join(notes) if old else "", details=details)
    action: Literal["created", "updated"] = "created" if old is None else "updated"
    return Change(kind="UseCase", name=item.name, action=action, fields=fields, notes=(*notes, *unpriced))


async def _unseen(connection: Connection, use_case: UseCase) -> tuple[str, ...]:
    """What to say where no provider may see even the least sensitive data of the use case: then it can answer no call."""
    model = await catalog.MODELS.get(connection, use_case.model)
    least: DataClass = min(use_case.data_classes, key=rank, default="public")
    names = []
    for target in model.targets if model is not None else ():
        provider = await catalog.PROVIDERS.get(connection, target.provider)
        if provider is None or target.role != "primary" or target.weight == 0:
            continue
        if provider_may_see(least, provider.data_classes, baa=provider.baa):
            return ()
        names.append(provider.name)
    if not names:
        return ()
    needed = f"`data_classes` with {least}" + (" and `baa: true`" if least == "phi" else "")
    told = ", ".join(dict.fromkeys(names))
    why = f"no provider of model {use_case.model} may see {least} data ({told}); it takes {needed}"
    return (f"every call will be refused: {why}",)


async def _unpriced(connection: Connection, use_case: UseCase) -> tuple[str, ...]:
    """What to say of targets whose price is unknown where a budget in USD is declared."""
    budget = use_case.budget
    spends = (budget, budget.per_user, budget.per_key) if budget is not None else ()
    if not any(each is not None and (each.usd_per_day or each.usd_per_month) for each in spends):
        return ()
    model = await catalog.MODELS.get(connection, use_case.model)
    unknown = []
    for target in model.targets if model is not None else ():
        provider = await catalog.PROVIDERS.get(connection, target.provider)
        if provider is not None and price_of(provider, target) is None:
            unknown.append(f"{target.provider}/{target.model}")
    if not unknown:
        return ()
    names = ", ".join(unknown)
    return (f"it has a budget in USD and {names} no known price: reckoned at the highest known one until you declare `price`",)


def _demoted(old: UseCase, new: UseCase) -> tuple[UseCase, list[str]]:
    """A new purpose or data class demotes to pilot; so does a higher tier, see `risk_standing`."""
    if new.stage not in STAGES or STAGES.index(new.stage) <= STAGES.index("pilot"):
        return new, []
    reasons = []
    if new.purpose != old.purpose:
        reasons.append("its purpose changed")
    if not set(new.data_classes) <= set(old.data_classes):
        reasons.append("it handles a new data class")
    if not reasons:
        return new, []
    return moved(new, "pilot"), [f"demoted from {new.stage} to pilot: {' and '.join(reasons)}"]


async def _put_hypothesis(writer: Writer, use_case: str, plan: HypothesisPlan) -> Change:
    newest = await newest_hypothesis(writer.connection, use_case)
    if newest is not None and newest.plan == plan:
        return Change(kind="Hypothesis", name=use_case, action="unchanged")
    fields = differences(newest.plan if newest else None, plan)
    notes: tuple[str, ...]
    if newest is None:
        item, notes = Hypothesis(use_case=use_case, plan=plan), ("a draft: register it before anyone is exposed",)
    elif newest.state == "draft":
        item, notes = msgspec.structs.replace(newest, plan=plan), ("still a draft",)
    else:
        item = amend(newest, plan)
        notes = (f"an amendment, version {item.version}: earlier data become exploratory, register it anew",)
    await catalog.HYPOTHESES.put(writer, item, "apply", reason="; ".join(notes) if newest else "")
    return Change(kind="Hypothesis", name=use_case, action="updated" if newest else "created", fields=fields, notes=notes)


async def _put_suite(writer: Writer, declared: Declared[SuiteContent]) -> Change:
    try:
        suite, before = await put_suite(writer, declared.value, actor=writer.actor)
    except NotFound as error:
        raise DeclarationErrors([declared.error(str(error), "use_case")]) from None
    except DeclarationError as error:
        raise DeclarationErrors([declared.error(error.message, error.field or "name")]) from None
    name = suite.content.name
    if suite is before:
        return Change(kind="EvaluationSuite", name=name, action="unchanged")
    fields = tuple(FieldChange(field=field, before=was, after=now) for field, was, now in suite_changes(suite, before))
    note = f"version {suite.version}, {suite.digest[:12]}"
    action: Literal["created", "updated"] = "created" if before is None else "updated"
    return Change(kind="EvaluationSuite", name=name, action=action, fields=fields, notes=(note,))


async def digests(connection: Connection) -> dict[str, str]:
    """Version digest of every use case, to compare with after a change."""
    return {each.name: await current_digest(connection, each) for each in await catalog.USE_CASES.find(connection)}


async def version_changes(writer: Writer, before: dict[str, str]) -> list[Change]:
    """Note in the audit log, and return, which existing use cases got another version digest than `before` says."""
    changes = []
    for name, new in (await digests(writer.connection)).items():
        old = before.get(name)
        if old is None or old == new:
            continue
        note = "its version changed: evidence bound to the earlier version is stale"
        await writer.audit(
            "version_changed", f"version/{name}", document=new.encode(), reason=note, details={"before": old, "after": new}
        )
        changes.append(Change(kind="Version", name=name, action="updated", notes=(note,)))
    return changes
