"""The documents of a technical file, statement by statement: system card, model cards, technical documentation, logs, what
deployers do, fundamental rights, and how far controls are covered.

They follow the outline of Annex IV and of Art. 12, 26 and 27 of Regulation (EU) 2024/1689 in our own words. They are evidence
for whoever judges; they claim no conformity.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.provider import Provider, Target
from groundcrew.domain.technical_file import Part, Statement
from groundcrew.guards.masking import detect_for
from groundcrew.services.control_facts import Materials
from groundcrew.services.control_features import RIGHTS_QUESTIONS
from groundcrew.services.controls import active, coverage

TEXT_LENGTH_MAX = 2_000
MODEL_CARDS_MAX = 20
#: What a model's card asks and no registry can know → subject of the word, {0} being PROVIDER/MODEL.
MODEL_QUESTIONS = {
    "Training data": "model:{0}:training_data",
    "Licence and terms of use": "model:{0}:terms",
    "Known limits": "model:{0}:limits",
    "Evaluations by its provider": "model:{0}:evaluations",
}


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """Who declared the use case last, and when."""

    by: str
    at: datetime | None


class _Writer:
    """Makes statements of one use case."""

    def __init__(self, of: Materials, said: Declared) -> None:
        self.of, self.said = of, said
        self.subject = f"use-case/{of.use_case.name}"

    def declared(self, label: str, value: Any, *, field: str) -> Statement:
        """What the declaration says, missing where it says nothing."""
        text = value if isinstance(value, str) else ", ".join(str(each) for each in value) if value else ""
        if not text.strip():
            return self.missing(label, f"declare `{field}`")
        return Statement(
            label=label,
            text=text[:TEXT_LENGTH_MAX],
            basis="declared",
            source=f"{self.subject}, field {field}",
            sha256=digest(value),
            at=self.said.at,
            by=self.said.by,
        )

    def computed(self, label: str, text: str, value: Any, *, source: str) -> Statement:
        """What the records give now; `value` is what was read."""
        return Statement(label=label, text=text, basis="computed", source=source, sha256=digest(value), at=self.of.now)

    def criterion(self, key: str, label: str = "") -> Statement:
        """How a criterion of a gate stands: computed, a person's word, or missing where it is not known."""
        judged = self.of.judged.get(key)
        if judged is None:
            return self.missing(label or key, "no published gate asks for it")
        found = judged.result
        label = label or found.title
        if found.status == "unknown":
            return self.missing(label, found.missing.replace("`", "'") or found.figure)
        words = [each for each in self.of.facts.evidence if each.attested and each.sha256 in found.evidence]
        text = f"{found.figure or found.status}; asked for: {found.bound or 'that it holds'}; {found.status}"
        if words:
            word = words[-1]
            return Statement(
                label=label,
                text=f"{word.content.get('statement', '')}"[:TEXT_LENGTH_MAX],
                basis="attested",
                source=f"evidence/{word.id}",
                sha256=word.sha256,
                at=word.recorded_at,
                by=word.producer,
                until=word.valid_until,
            )
        source = f"criterion {found.key} of the gate into {judged.stage.replace('_', ' ')}; {found.source}".rstrip("; ")
        return self.computed(label, text, found, source=source)

    def word(self, label: str, subject: str) -> Statement:
        """A person's word, missing where nobody who did not build it gave one that is valid now."""
        found = self.of.word(subject)
        if found is None:
            return self.missing(label, f"groundcrew attest {self.of.use_case.name} '{subject}' --statement …")
        return Statement(
            label=label,
            text=str(found.content.get("statement", ""))[:TEXT_LENGTH_MAX],
            basis="attested",
            source=f"evidence/{found.id}",
            sha256=found.sha256,
            at=found.recorded_at,
            by=found.producer,
            until=found.valid_until,
        )

    def missing(self, label: str, how: str) -> Statement:
        """What nobody has said or recorded, and how it comes about."""
        return Statement(label=label, text=f"unknown: {how}", basis="missing")


def parts_of(of: Materials, said: Declared) -> tuple[Part, ...]:
    """All documents of the file, in order."""
    write = _Writer(of, said)
    parts = [_system_card(write), *_model_cards(write), _technical(write), _logging(write), _deployer(write)]
    if of.risk.assessment.tier in ("high", "prohibited"):
        parts.append(_rights(write))
    return (*parts, _controls(write))


def _system_card(write: _Writer) -> Part:
    of, item = write.of, write.of.use_case
    assessment = of.risk.assessment
    grounded = item.grounding
    rests = "none" if grounded is None else (grounded.knowledge or "what each request says itself")
    rules = ", ".join(f"{each.label} ({each.action})" for each in of.enforced)
    rule = item.sign_off
    signed = f"{rule.when}, by whoever is qualified as {rule.qualification}" if rule else "none"
    holds = "; ".join(f"{each.kind}: {each.reason}" for each in item.holds) or "none"
    return Part(
        key="system_card",
        title="System card",
        after="groundcrew",
        intro="What the use case is, what it may do now, and how it has done.",
        statements=(
            write.declared("Title", item.title, field="title"),
            write.declared("Purpose", item.purpose, field="purpose"),
            write.declared("Affected persons", item.affected_persons, field="affected_persons"),
            write.declared("Business unit", item.business_unit, field="business_unit"),
            write.declared("Accountable owner", item.owner, field="owner"),
            write.declared("Champion", item.champion or "", field="champion"),
            write.declared("Solution", item.solution.replace("_", " "), field="solution"),
            write.declared("Autonomy", item.autonomy.replace("_", " "), field="autonomy"),
            write.declared("Data classes", item.data_classes, field="data_classes"),
            write.computed(
                "Risk tier",
                f"{assessment.tier}: {'; '.join(assessment.reasons)}",
                assessment,
                source=f"questionnaire version {of.risk.questionnaire}, {len(of.sheets)} times answered by people",
            ),
            write.computed(
                "Stage and holds",
                f"{item.stage.replace('_', ' ')}, {item.run_state}; holds: {holds}",
                item.holds,
                source=write.subject,
            ),
            write.computed("Answers rest on", rests, grounded, source=write.subject),
            write.computed("Guards that are enforced", rules or "none", rules, source=f"policy/{item.policy or 'none'}"),
            write.computed("Sign-off", signed, rule, source=write.subject),
            write.criterion("rating", "What people say of its answers"),
            write.criterion("grounded", "Share of answers that their sources support"),
            write.criterion("critical_harm", "Critical harm"),
            write.word("Known limits and foreseeable misuse", "card:limits"),
        ),
    )


def _model_cards(write: _Writer) -> list[Part]:
    model = write.of.facts.model
    if model is None:
        gap = write.missing(f"Model {write.of.use_case.model}", "declare it")
        return [Part(key="model_card", title="Model card", after="groundcrew", intro="", statements=(gap,))]
    known = {each.name: each for each in (*write.of.facts.providers, *write.of.facts.stand_in_providers)}
    targets = (*model.targets, *model.alternates)[:MODEL_CARDS_MAX]
    return [_model_card(write, each, known.get(each.provider), each in model.alternates) for each in targets]


def _model_card(write: _Writer, target: Target, provider: Provider | None, stands_by: bool) -> Part:
    name, alias = f"{target.provider}/{target.model}", write.of.use_case.model
    role = "stands by to take over" if stands_by else f"{target.role} of the alias {alias}"
    statements = [write.computed("Role", role, target, source=f"model/{alias}")]
    if provider is None:
        statements.append(write.missing("Provider", f"declare the provider {target.provider}"))
    else:
        where = provider.base_url or "at its vendor's own address"
        statements += [
            write.computed("Reached", f"{provider.api}, {where}", [provider.api, where], source=f"provider/{provider.name}"),
            write.computed(
                "May see",
                f"{', '.join(provider.data_classes)}; agreement for health information: {'declared' if provider.baa else 'none'}",
                [provider.data_classes, provider.baa],
                source=f"provider/{provider.name}",
            ),
        ]
    price = target.price
    if price is not None:
        told = f"{price.input_usd:g} USD in, {price.output_usd:g} USD out, a million tokens"
        statements.append(write.computed("Price", told, price, source=f"model/{alias}"))
    statements += [write.word(label, subject.format(name)) for label, subject in MODEL_QUESTIONS.items()]
    return Part(
        key=f"model_card:{name}",
        title=f"Model card: {name}",
        after="groundcrew",
        intro="What the registry knows of the model. What only its provider knows is a person's word, or unknown.",
        statements=tuple(statements),
    )


def _technical(write: _Writer) -> Part:
    of, item = write.of, write.of.use_case
    targets = sorted(f"{provider}/{name}" for provider, name in of.facts.model.answering) if of.facts.model else []
    plan = of.hypothesis
    version = f"version digest {of.facts.version_digest}"
    past = "; ".join(f"into {each.stage} on {each.evaluated_at:%Y-%m-%d}" for each in of.evaluations if each.passed)
    return Part(
        key="technical_documentation",
        title="Technical documentation",
        after="EU AI Act Art. 11 and Annex IV, in outline",
        intro="The points of Annex IV in turn, as far as the records bear them.",
        statements=(
            write.declared("1 Intended purpose", item.purpose, field="purpose"),
            write.computed("1 Version", version, version, source=write.subject),
            write.computed("1 Models that answer", ", ".join(targets) or "unknown", targets, source=f"model/{item.model}"),
            write.word("1 Hardware and where it runs", "annex_iv:hardware"),
            write.word("1 Instructions for use", "annex_iv:instructions"),
            write.computed(
                "2 Instructions given to the model",
                f"{len(item.prompt)} characters, sha256 {digest(item.prompt)}",
                item.prompt,
                source=write.subject,
            )
            if item.prompt
            else write.missing("2 Instructions given to the model", "no `prompt` is declared"),
            write.word("2 Design decisions and what was given up for them", "annex_iv:design"),
            write.criterion("grounding", "2 Data that answers rest on"),
            write.criterion("sign_off", "2 Human oversight"),
            write.computed(
                "2 Tests fixed beforehand",
                f"hypothesis {plan.name}, version {plan.version}, {plan.state}, sha256 {plan.digest or 'not frozen'}",
                plan,
                source=f"hypothesis/{item.name}",
            )
            if plan is not None
            else write.missing("2 Tests fixed beforehand", "declare and register a hypothesis"),
            write.criterion("verdict", "2 Result of the tests"),
            write.criterion("validation_report", "2 Validation"),
            write.criterion("least_privilege", "2 Security"),
            write.criterion("kill_switch", "3 Stopping it"),
            write.criterion("drift_reference", "3 Watching it"),
            write.criterion("exposure_cap", "3 Whom it serves"),
            write.criterion("guardrails", "4 Why these measures: guardrails"),
            write.word("4 Why these measures fit", "annex_iv:measures"),
            write.criterion("impact_assessment", "5 Risk management: impact assessment"),
            write.criterion("critical_harm", "5 Risk management: critical harm"),
            write.computed(
                "6 Changes: gates passed",
                past or "none",
                [each.id for each in of.evaluations if each.passed],
                source="gate evaluations",
            ),
            write.word("7 Standards applied", "annex_iv:standards"),
            write.word("8 Declaration of conformity", "annex_iv:declaration"),
            write.word("9 Plan for watching it after release", "annex_iv:after_release"),
        ),
    )


def _logging(write: _Writer) -> Part:
    of, item = write.of, write.of.use_case
    counts = {f"{status}/{trust or '-'}": number for (status, trust), number in sorted(of.facts.status_counts.items())}
    by = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    masks = "all personal data that the guard finds" if detect_for(item, of.policy) == "full" else "what patterns find"
    chain = of.chain
    return Part(
        key="logging",
        title="Statement on records",
        after="EU AI Act Art. 12",
        intro="What is recorded by the system itself, without anybody's doing.",
        statements=(
            write.computed(
                "What each record holds",
                "time, key, stage, version digest, model, status, masked request and answer, guards' findings, sources and"
                " support of each claim, tokens, cost, latency",
                ["call"],
                source="the recorder of the gateway",
            ),
            write.computed("Calls of this version", f"{of.calls:,}" + (f": {by}" if by else ""), counts, source="calls"),
            write.computed("Masked before they are written", masks, masks, source=write.subject),
            write.criterion("logs", "How long they are kept"),
            write.computed(
                "Integrity",
                f"hash chain of {chain.sequence:,} entries, head {chain.hash}; 'groundcrew audit verify' checks it",
                [chain.sequence, chain.hash],
                source="audit chain",
            )
            if chain is not None
            else write.missing("Integrity", "the audit chain is empty"),
            write.computed(
                "Decisions of people on drafts",
                f"{sum(each.signed_at is not None for each in of.signed):,}",
                [each.id for each in of.signed],
                source="sign-offs",
            ),
        ),
    )


def _deployer(write: _Writer) -> Part:
    of, item = write.of, write.of.use_case
    heard = [each.name for each in of.alert_rules if each.channels or each.owner]
    rule = item.sign_off
    return Part(
        key="deployer",
        title="File of the deployer",
        after="EU AI Act Art. 26",
        intro="What whoever uses the system does and keeps.",
        statements=(
            write.word("(1) Used as its instructions say: measures taken", "deployer:instructions"),
            write.computed("(2) Who oversees it", f"{rule.when}: {rule.qualification}", rule, source=write.subject)
            if rule is not None
            else write.missing("(2) Who oversees it", "declare `sign_off`"),
            write.word("(2) Competence, training and authority of those people", "deployer:competence"),
            write.criterion("data_route", "(4) Input data: route"),
            write.word("(4) Input data: relevant for the purpose", "deployer:input_data"),
            write.computed(
                "(5) Watching: alert rules that tell somebody", ", ".join(heard) or "none", heard, source="alert rules"
            ),
            write.criterion("incidents", "(5) Incidents"),
            write.criterion("logs", "(6) Records kept"),
            write.word("(7) Workers were told", "deployer:workers"),
            write.word("(9) Data protection impact assessment", "deployer:data_protection"),
            write.word("(11) People about whom it helps to decide are told", "deployer:persons"),
        ),
    )


def _rights(write: _Writer) -> Part:
    return Part(
        key="fundamental_rights",
        title="Impact on fundamental rights",
        after="EU AI Act Art. 27(1)",
        intro="Asked because the tier is high. Whether the deployer must make it, a lawyer says; each answer is a person's word.",
        statements=tuple(write.word(label, subject) for subject, label in RIGHTS_QUESTIONS.items()),
    )


def _controls(write: _Writer) -> Part:
    statements = []
    for framework in active():
        found = coverage(framework, write.of)
        counts = found.counts
        text = (
            f"of {found.applicable} controls that apply: evidence for all of {counts.get('covered', 0)}, with a person's word for"
            f" {counts.get('attested', 0)} more, for some of {counts.get('partly', 0)}, none for {counts.get('not_covered', 0)}"
        )
        source = f"framework {framework.key}, mapping version {framework.version}, checked on {framework.checked_on}"
        statements.append(write.computed(f"{framework.title} ({framework.edition})", text, counts, source=source))
    return Part(
        key="controls",
        title="Evidence for controls",
        after="the frameworks named",
        intro="How far the records bear each framework. This is evidence for whoever judges, and no statement of conformity.",
        statements=tuple(statements),
    )
