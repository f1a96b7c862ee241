"""What a call rested on, as of its time: reconstructed from the audit log, with the entry that proves each part. What the log has
only the digest of, and nobody kept, is said and not guessed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from groundcrew.domain.audit import AuditEntry
from groundcrew.domain.call import Call
from groundcrew.domain.canonical import canonical_json, sha256_hex
from groundcrew.domain.gate import GateEvaluation
from groundcrew.domain.hypothesis import Hypothesis, Variant
from groundcrew.domain.kill_switch import KillSwitch, Scope
from groundcrew.domain.provider import Model, Provider
from groundcrew.domain.use_case import UseCase, version_digest
from groundcrew.domain.verifier import Verifier
from groundcrew.errors import NotFound
from groundcrew.store import audit as stored
from groundcrew.store import audit_search, calls, catalog, kept_documents
from groundcrew.store.collection import Collection
from groundcrew.store.database import Connection, Database

T = TypeVar("T")

#: Changes of one use case or sign-off that are looked through for the one that counted.
ENTRIES_MAX = 1_000
#: Actions that put a use case into its stage.
_MOVES = ("advance", "demote")


class ContextFact(msgspec.Struct, frozen=True, kw_only=True):
    """One part of what a call rested on: what it was, and the number, time, actor and digest of the entry that proves it.
    `document` is the part itself, None where it was not kept; `problem` says what can not be told."""

    part: str
    finding: str
    entry: int | None = None
    at: datetime | None = None
    by: str = ""
    subject: str = ""
    digest: str = ""
    document: dict[str, Any] | None = None
    problem: str = ""


class DecisionContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of what a call rested on. `version_matches` is True where the parts put together have the very
    version digest that the gateway recorded: then they are what it enforced; None where a part is missing."""

    call_id: str
    use_case: str
    received_at: datetime
    version_digest: str
    snapshot_version: int
    version_matches: bool | None
    version_finding: str
    facts: tuple[ContextFact, ...]


class DecisionContexts:
    """Contexts of the calls of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, call_id: str) -> DecisionContext:
        """The context of one call; NotFound."""
        async with self._database.read() as connection:
            call = await calls.CALLS.get(connection, call_id)
            if call is None:
                raise NotFound(f"no call {call_id!r}")
            return await _Reconstruction(connection, call).whole()


class _Reconstruction:
    """One call's context, part by part."""

    def __init__(self, connection: Connection, call: Call) -> None:
        self._connection, self._call = connection, call
        self._facts: list[ContextFact] = []

    async def whole(self) -> DecisionContext:
        call = self._call
        await self._record()
        use_case = await self._part("use case", catalog.USE_CASES, call.use_case, _use_case_words)
        matches = await self._version(use_case)
        await self._stage()
        await self._part("certification", catalog.CERTIFICATIONS, call.use_case, lambda each: f"{each.state}", optional=True)
        await self._switches(use_case)
        await self._key()
        self._of_the_call(use_case)
        await self._sign_off()
        return DecisionContext(
            call_id=call.id,
            use_case=call.use_case,
            received_at=call.received_at,
            version_digest=call.version_digest,
            snapshot_version=call.snapshot_version,
            version_matches=matches,
            version_finding=_version_words(matches),
            facts=tuple(self._facts),
        )

    async def _record(self) -> None:
        """The call itself: the entry under which it came, and whether its batch is still what the log says."""
        batch = await calls.batch_of(self._connection, self._call.id)
        documents = await calls.batch_documents(self._connection, batch)
        expected = await stored.batch_digest(self._connection, batch)
        is_same = sha256_hex(b"\n".join(documents.values())) == expected
        entry = await stored.entry_at(self._connection, batch)
        finding = f"{self._call.status}, shipped with {len(documents) - 1} others"
        problem = "" if is_same else "the rows of its batch differ from the log: one was edited"
        self._add("record", finding, entry, problem=problem)

    async def _part(self, part: str, collection: Collection[T], name: str, words: Any, *, optional: bool = False) -> T | None:
        """What `name` was at the time of the call."""
        subject = collection.subject(name)
        found = await audit_search.as_of(self._connection, subject, self._call.received_at)
        if not found:
            if not optional:
                self._add(part, name, None, problem="the log knows nothing of it from before the call")
            return None
        entry = found[0]
        if entry.subject_digest is None:
            self._add(part, f"{name}: removed", entry)
            return None
        document = await self._document(collection, name, entry.subject_digest)
        if document is None:
            self._add(part, name, entry, problem=await self._why_missing(entry))
            return None
        item = collection.decode(document)
        self._add(part, words(item), entry, document=document)
        return item

    async def _why_missing(self, entry: AuditEntry) -> str:
        if kept_documents.was_kept(entry, await kept_documents.kept_since(self._connection)):
            return "only its digest is known: it was kept and is not there any more"
        if kept_documents.TOO_LONG in entry.details:
            return "only its digest is known: it was changed since, and was too long to be kept"
        return "only its digest is known: it was changed since, and versions were not kept then"

    async def _document(self, collection: Collection[Any], name: str, digest: str) -> str | None:
        """The document with this digest: as kept, or the row as it is where it has not changed since."""
        kept = await kept_documents.kept(self._connection, digest)
        if kept is not None:
            return kept
        row = await collection.get(self._connection, name)
        document = canonical_json(row) if row is not None else b""
        return document.decode() if document and sha256_hex(document) == digest else None

    async def _version(self, use_case: UseCase | None) -> bool | None:
        """Everything that the version's digest is over, and whether it is the digest that the gateway recorded."""
        call = self._call
        model = await self._part("model", catalog.MODELS, use_case.model if use_case else call.model, _model_words)
        if use_case is None:
            return None
        missing = model is None
        policy = None
        if use_case.policy:
            policy = await self._part("policy", catalog.POLICIES, use_case.policy, _policy_words)
            missing |= policy is None
        embedding = None
        if use_case.embedding_model:
            embedding = await self._part("embedding model", catalog.MODELS, use_case.embedding_model, _model_words)
            missing |= embedding is None
        revision = call.knowledge_revision
        if use_case.grounding is not None and use_case.grounding.knowledge:
            base = use_case.grounding.knowledge
            if revision is None:
                revision = await self._serving(base)
            if revision is not None:
                name = f"{base}@{revision}"
                words = f"{base}, revision {revision[:12]}"
                await self._part(
                    "knowledge", catalog.REVISIONS, name, lambda each: f"{words}, {each.state} by {each.approved_by}"
                )
        verifiers, judges = await self._verifiers(use_case)
        variants = await self._variants()
        models = [each for each in (model, embedding, *(judges or ()), *(item for _, _, item in variants)) if each is not None]
        of_answers = [each for each in (model, embedding, *(item for _, _, item in variants)) if each is not None]
        providers = await self._providers(of_answers, also=models)
        if missing or verifiers is None or judges is None or providers is None:
            return None
        return call.version_digest == version_digest(
            use_case,
            model=model,
            providers=providers,
            policy=policy,
            knowledge_revision=revision,
            embedding_model=embedding,
            verifiers=verifiers,
            judges=judges,
            variants=variants,
        )

    async def _verifiers(self, use_case: UseCase) -> tuple[tuple[Verifier, ...] | None, tuple[Model, ...] | None]:
        """The verifiers in turn, and the models that they ask; None where one is not known."""
        verifiers, judges = list[Verifier](), list[Model]()
        names = use_case.grounding.verifiers if use_case.grounding else ()
        for name in names:
            verifier = await self._part("verifier", catalog.VERIFIERS, name, lambda each: f"{each.name} ({each.api})")
            verifiers += [verifier] if verifier is not None else []
        aliases = dict.fromkeys(each.model for each in verifiers if each.api == "judge" and each.model)
        for alias in aliases:
            judge = await self._part("judge", catalog.MODELS, alias, _model_words)
            judges += [judge] if judge is not None else []
        return tuple(verifiers) if len(verifiers) == len(names) else None, tuple(judges) if len(judges) == len(aliases) else None

    async def _providers(self, of_answers: list[Model], *, also: list[Model]) -> tuple[Provider, ...] | None:
        """The providers of the models, None where one is not known; only those of models that answer are part of the version."""
        names = {target.provider for each in of_answers for target in each.targets}
        found: list[Provider] = []
        whole = True
        for name in sorted(names | {target.provider for each in also for target in each.targets}):
            provider = await self._part("provider", catalog.PROVIDERS, name, lambda each: f"{each.name} ({each.api})")
            whole &= provider is not None or name not in names
            found += [provider] if provider is not None and name in names else []
        return tuple(found) if whole else None

    async def _serving(self, base: str) -> str | None:
        """The revision that was approved last before the call."""
        newest: tuple[datetime, str] | None = None
        for each in await catalog.REVISIONS.find(self._connection, knowledge_base=base):
            moment = each.approved_at
            if moment is not None and moment <= self._call.received_at and (newest is None or (moment, each.id) > newest):
                newest = (moment, each.id)
        return newest[1] if newest else None

    async def _variants(self) -> tuple[tuple[str, Variant, Model | None], ...]:
        """What the arms of the hypothesis of that time answer with."""
        versions = await catalog.HYPOTHESES.find(self._connection, use_case=self._call.use_case, newest_first=True)
        for each in versions:
            name = catalog.HYPOTHESES.identify(each)
            if not await audit_search.as_of(self._connection, catalog.HYPOTHESES.subject(name), self._call.received_at):
                continue
            hypothesis = await self._part("hypothesis", catalog.HYPOTHESES, name, _hypothesis_words)
            if hypothesis is None or hypothesis.state == "draft" or hypothesis.plan.arms is None:
                return ()
            found: list[tuple[str, Variant, Model | None]] = []
            for arm, variant in sorted(hypothesis.plan.arms.variants.items()):
                model: Model | None = None
                if variant.model:
                    model = await self._part("model of an arm", catalog.MODELS, variant.model, _model_words)
                found.append((arm, variant, model))
            return tuple(found)
        return ()

    async def _stage(self) -> None:
        """Who put the use case into its stage, by which evaluation, on which evidence and whose word."""
        subject = catalog.USE_CASES.subject(self._call.use_case)
        entries = await audit_search.as_of(self._connection, subject, self._call.received_at, limit=ENTRIES_MAX)
        moved = next((each for each in entries if each.action in _MOVES), None)
        if moved is None:
            first = entries[-1] if entries and len(entries) < ENTRIES_MAX else None
            finding = f"{self._call.stage}: it was declared and has not moved" if first else str(self._call.stage)
            self._add("stage", finding, first, problem="" if first else "no move within its newest changes")
            return
        self._add("stage", f"{moved.details.get('from')} → {moved.details.get('to')} ({moved.action})", moved)
        evaluation_id = moved.details.get("evaluation")
        if not isinstance(evaluation_id, str):
            return
        evaluation = await self._kept_row("gate evaluation", catalog.GATE_EVALUATIONS, evaluation_id, _evaluation_words)
        if evaluation is None:
            return
        policy = f"{evaluation.stage}@{evaluation.policy_version:06d}"
        await self._part("gate policy", catalog.GATE_POLICIES, policy, lambda each: f"{each.stage}, version {each.version}")
        if not evaluation.snapshot:
            return
        snapshot = await self._kept_row(
            "evidence", catalog.EVIDENCE_SNAPSHOTS, evaluation.snapshot, lambda each: f"{len(each.evidence)} pieces of evidence"
        )
        for mark in snapshot.approvals if snapshot is not None else ():
            entries = await audit_search.as_of(
                self._connection, catalog.APPROVALS.subject(mark.id), self._call.received_at, limit=ENTRIES_MAX
            )
            said = f"{mark.function}: {mark.state}" + (f" by {mark.decided_by}" if mark.decided_by else "")
            self._add("approval", said, entries[0] if entries else None, problem="" if entries else "the log has no entry of it")

    async def _kept_row(self, part: str, collection: Collection[T], name: str, words: Any) -> T | None:
        """A row that is written once, as the log has its digest."""
        row = await collection.get(self._connection, name)
        entries = await stored.latest(self._connection, subject=collection.subject(name), limit=1)
        if row is None or not entries:
            self._add(part, name, entries[0] if entries else None, problem="it is not there any more")
            return None
        document = canonical_json(row)
        is_same = sha256_hex(document) == entries[0].subject_digest
        problem = "" if is_same else "its row differs from the log: it was edited"
        self._add(part, words(row), entries[0], document=document.decode() if is_same else None, problem=problem)
        return row if is_same else None

    async def _switches(self, use_case: UseCase | None) -> None:
        """The kill switches that could have stopped the call."""
        call = self._call
        scopes = [Scope("all"), Scope("use-case", call.use_case), Scope("unit", call.business_unit), Scope("key", call.key_id)]
        scopes += [Scope("model", use_case.model if use_case else call.model)]
        scopes += [Scope("provider", call.provider)] if call.provider else []
        known = False
        for scope in scopes:
            before = len(self._facts)
            await self._part("kill switch", catalog.KILL_SWITCHES, str(scope), _switch_words, optional=True)
            known |= len(self._facts) > before
        if not known:
            self._add("kill switch", "none of its switches had ever been tripped", None)

    async def _key(self) -> None:
        entries = await audit_search.as_of(self._connection, f"key/{self._call.key_id}", self._call.received_at)
        problem = "" if entries else "the log knows nothing of it from before the call"
        self._add("key", self._call.key_id, entries[0] if entries else None, problem=problem)

    def _of_the_call(self, use_case: UseCase | None) -> None:
        """What the gateway found itself; the call's own entry proves it."""
        call, entry = self._call, self._facts[0]
        for guard in call.guards:
            found = ", ".join(f"{kind} {number}" for kind, number in sorted(guard.types.items()))
            self._same(
                entry,
                "guard",
                f"{guard.guard} on {guard.place}: {guard.verdict}, {guard.action}" + (f" ({found})" if found else ""),
            )
        if call.trust is not None:
            score = "not computed" if call.trust.trust is None else f"{call.trust.trust:.2f}"
            self._same(entry, "trust", f"{call.trust.state}, {score}")
        if call.experiment:
            self._same(entry, "experiment", f"arm {call.arm}")
        if use_case is not None and use_case.budget is not None:
            limits = msgspec.to_builtins(use_case.budget)
            said = ", ".join(f"{name} {value}" for name, value in sorted(limits.items()) if value is not None)
            spent = f"; this call {call.input_tokens + call.output_tokens} tokens"
            problem = "how much of it was left in that moment is in no record"
            self._same(entry, "budget", said + spent, problem=problem)

    async def _sign_off(self) -> None:
        if not self._call.sign_off_id:
            return
        row = await catalog.SIGN_OFFS.get(self._connection, self._call.sign_off_id)
        entries = await stored.latest(
            self._connection, subject=catalog.SIGN_OFFS.subject(self._call.sign_off_id), limit=ENTRIES_MAX
        )
        if row is None or not entries:
            self._add("sign-off", self._call.sign_off_id, None, problem="it is not there")
            return
        is_same = sha256_hex(canonical_json(row)) == entries[0].subject_digest
        for each in reversed(entries):
            problem = "" if each is not entries[0] or is_same else "its row differs from the log: it was edited"
            self._add("sign-off", f"{each.action} {row.state if each is entries[0] else ''}".strip(), each, problem=problem)

    def _add(self, part: str, finding: str, entry: AuditEntry | None, *, document: str | None = None, problem: str = "") -> None:
        self._facts.append(
            ContextFact(
                part=part,
                finding=finding,
                entry=entry.sequence if entry else None,
                at=entry.at if entry else None,
                by=entry.actor if entry else "",
                subject=entry.subject if entry else "",
                digest=(entry.subject_digest or "") if entry else "",
                document=msgspec.json.decode(document) if document else None,
                problem=problem,
            )
        )

    def _same(self, record: ContextFact, part: str, finding: str, *, problem: str = "") -> None:
        """A part that the call's own record holds."""
        changed = msgspec.structs.replace(record, part=part, finding=finding, problem=problem or record.problem)
        self._facts.append(changed)


def _use_case_words(use_case: UseCase) -> str:
    held = f", held: {', '.join(each.kind for each in use_case.holds)}" if use_case.holds else ""
    tier = f", risk tier {use_case.risk.tier}" if use_case.risk is not None else ""
    return f"{use_case.title}, stage {use_case.stage.replace('_', ' ')}{tier}, {use_case.run_state}{held}"


def _model_words(model: Model) -> str:
    return f"{model.name}: " + ", ".join(f"{each.provider}/{each.model}" for each in model.targets)


def _policy_words(policy: Any) -> str:
    return f"{policy.name}: {len(policy.guards)} guard{'' if len(policy.guards) == 1 else 's'}"


def _hypothesis_words(hypothesis: Hypothesis) -> str:
    return f"version {hypothesis.version}, {hypothesis.state}"


def _evaluation_words(evaluation: GateEvaluation) -> str:
    passed = sum(each.status == "pass" for each in evaluation.results)
    return f"{evaluation.stage.replace('_', ' ')}: {passed} of {len(evaluation.results)} criteria passed"


def _switch_words(switch: KillSwitch) -> str:
    return f"{switch.scope}: {switch.state.replace('_', ' ')}"


def _version_words(matches: bool | None) -> str:
    if matches is None:
        return "a part of the version can not be reconstructed, so that it can not be held against the call's"
    if matches:
        return "the parts below have the version digest that the gateway recorded: they are what it enforced"
    return (
        "the parts below do not have the version digest that the gateway recorded: it worked from a snapshot of before a change"
    )
