"""The collections that need no queries of their own: one line each says which columns are looked up."""

from __future__ import annotations

from groundcrew.domain.absence import Absence
from groundcrew.domain.alert import Alert, AlertRule, Silence
from groundcrew.domain.approval import Approval
from groundcrew.domain.certification import Certification
from groundcrew.domain.delivery import Channel, Delivery
from groundcrew.domain.drift import DriftAlarm
from groundcrew.domain.evidence import Evidence
from groundcrew.domain.gate import GateEvaluation, GatePolicy
from groundcrew.domain.gate_snapshot import EvidenceSnapshot, snapshot_id
from groundcrew.domain.guard import Policy
from groundcrew.domain.hypothesis import Hypothesis
from groundcrew.domain.incident import Incident, IncidentAction, IncidentEvent
from groundcrew.domain.job import Job
from groundcrew.domain.key import Key
from groundcrew.domain.kill_switch import KillSwitch
from groundcrew.domain.knowledge import KnowledgeBase, Revision
from groundcrew.domain.knowledge_quality import Finding
from groundcrew.domain.model_swap import ModelSwap
from groundcrew.domain.provider import Model, Provider
from groundcrew.domain.rating_queue import RatingSkip
from groundcrew.domain.sign_off import SignOff, review_state
from groundcrew.domain.spending import BudgetWarning
from groundcrew.domain.trust_label import TrustLabel
from groundcrew.domain.trust_rules import Calibration, CalibrationAlarm, GuaranteeRecord
from groundcrew.domain.use_case import UseCase
from groundcrew.domain.user import User
from groundcrew.domain.verifier import Verifier
from groundcrew.store import oversight_tables, tables
from groundcrew.store.collection import Collection
from groundcrew.store.rows import stamp

PROVIDERS = Collection(tables.providers, Provider, "provider", identify=lambda each: each.name)
MODELS = Collection(tables.models, Model, "model", identify=lambda each: each.name)
POLICIES = Collection(tables.policies, Policy, "policy", identify=lambda each: each.name)
VERIFIERS = Collection(tables.verifiers, Verifier, "verifier", identify=lambda each: each.name)
KNOWLEDGE_BASES = Collection(tables.knowledge_bases, KnowledgeBase, "knowledge-base", identify=lambda each: each.name)
REVISIONS = Collection(
    tables.revisions,
    Revision,
    "revision",
    identify=lambda each: f"{each.knowledge_base}@{each.id}",
    columns=lambda each: {"knowledge_base": each.knowledge_base, "state": each.state},
)
USE_CASES = Collection(
    tables.use_cases,
    UseCase,
    "use-case",
    identify=lambda each: each.name,
    columns=lambda each: {"stage": each.stage, "business_unit": each.business_unit},
)
HYPOTHESES = Collection(
    tables.hypotheses,
    Hypothesis,
    "hypothesis",
    identify=lambda each: f"{each.use_case}@{each.version:06d}",
    columns=lambda each: {"use_case": each.use_case, "state": each.state},
)
KEYS = Collection(
    tables.keys,
    Key,
    "key",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "sha256": each.sha256},
)
KILL_SWITCHES = Collection(
    tables.kill_switches,
    KillSwitch,
    "kill-switch",
    identify=lambda each: str(each.scope),
    columns=lambda each: {"state": each.state},
)
USERS = Collection(tables.users, User, "user", identify=lambda each: each.name)
EVIDENCE = Collection(
    tables.evidence,
    Evidence,
    "evidence",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "kind": each.kind},
)
GATE_POLICIES = Collection(
    tables.gate_policies,
    GatePolicy,
    "gate-policy",
    identify=lambda each: f"{each.stage}@{each.version:06d}",
    columns=lambda each: {"stage": each.stage, "state": each.state},
)
GATE_EVALUATIONS = Collection(
    tables.gate_evaluations,
    GateEvaluation,
    "gate-evaluation",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "stage": each.stage},
)
BUDGET_WARNINGS = Collection(
    tables.budget_warnings,
    BudgetWarning,
    "budget-warning",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "period": each.period},
)
TRUST_LABELS = Collection(
    tables.trust_labels,
    TrustLabel,
    "trust-label",
    identify=lambda each: each.id,
    columns=lambda each: {
        "use_case": each.use_case,
        "version_digest": each.version_digest,
        "call_id": each.call_id,
        "labeller": each.labeller,
        "supported": each.supported,
        "counted": each.counted,
    },
)
CALIBRATIONS = Collection(
    tables.calibrations,
    Calibration,
    "calibration",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case},
)
CALIBRATION_ALARMS = Collection(
    tables.calibration_alarms,
    CalibrationAlarm,
    "calibration-alarm",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case},
)
ALERT_RULES = Collection(oversight_tables.alert_rules, AlertRule, "alert-rule", identify=lambda each: each.name)
ALERTS = Collection(
    oversight_tables.alerts,
    Alert,
    "alert",
    identify=lambda each: each.id,
    columns=lambda each: {"rule": each.rule, "use_case": each.use_case, "state": each.state},
)
ALERT_SILENCES = Collection(
    oversight_tables.alert_silences,
    Silence,
    "alert-silence",
    identify=lambda each: each.id,
    columns=lambda each: {"ended": each.ended_at is not None},
)
INCIDENTS = Collection(
    oversight_tables.incidents,
    Incident,
    "incident",
    identify=lambda each: each.id,
    columns=lambda each: {"state": each.state, "origin_key": each.origin_key},
)
INCIDENT_EVENTS = Collection(
    oversight_tables.incident_events,
    IncidentEvent,
    "incident-event",
    identify=lambda each: each.id,
    columns=lambda each: {"incident": each.incident, "reference": each.reference},
)
INCIDENT_ACTIONS = Collection(
    oversight_tables.incident_actions,
    IncidentAction,
    "incident-action",
    identify=lambda each: each.id,
    columns=lambda each: {"incident": each.incident, "state": each.state},
)
DRIFT_ALARMS = Collection(
    oversight_tables.drift_alarms,
    DriftAlarm,
    "drift-alarm",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "state": each.state},
)
GUARANTEES = Collection(
    tables.guarantees,
    GuaranteeRecord,
    "guarantee",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case},
)
RATING_SKIPS = Collection(
    tables.rating_skips,
    RatingSkip,
    "rating-skip",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "call_id": each.call_id, "rater": each.rater},
)
SIGN_OFFS = Collection(
    tables.sign_offs,
    SignOff,
    "sign-off",
    identify=lambda each: each.id,
    columns=lambda each: {
        "use_case": each.use_case,
        "state": each.state,
        "call_id": each.call_id,
        "expires_at": stamp(each.expires_at),
        "qualification": each.qualification,
        "due_at": stamp(each.due_at or each.expires_at),
        "review": review_state(each),
    },
)
ABSENCES = Collection(
    tables.absences,
    Absence,
    "absence",
    identify=lambda each: each.id,
    columns=lambda each: {"person": each.person, "ends_at": stamp(each.ended_at or each.ends_at)},
)
JOBS = Collection(
    tables.jobs,
    Job,
    "job",
    identify=lambda each: each.id,
    columns=lambda each: {"kind": each.kind, "subject": each.subject, "state": each.state},
)
FINDINGS = Collection(
    tables.findings,
    Finding,
    "finding",
    identify=lambda each: each.id,
    columns=lambda each: {"knowledge_base": each.knowledge_base, "kind": each.kind, "state": each.state},
)
# Named by what they hold: the chain's check of a row is a check of its name too.
EVIDENCE_SNAPSHOTS = Collection(
    tables.evidence_snapshots,
    EvidenceSnapshot,
    "evidence-snapshot",
    identify=snapshot_id,
    columns=lambda each: {"use_case": each.use_case},
)
APPROVALS = Collection(
    tables.approvals,
    Approval,
    "approval",
    identify=lambda each: each.id,
    columns=lambda each: {"use_case": each.use_case, "version_digest": each.version_digest, "state": each.state},
)
CERTIFICATIONS = Collection(
    tables.certifications,
    Certification,
    "certification",
    identify=lambda each: each.use_case,
    columns=lambda each: {"state": each.state},
)
MODEL_SWAPS = Collection(
    tables.model_swaps,
    ModelSwap,
    "model-swap",
    identify=lambda each: each.id,
    columns=lambda each: {"model": each.model},
)
CHANNELS = Collection(oversight_tables.channels, Channel, "channel", identify=lambda each: each.name)
DELIVERIES = Collection(
    oversight_tables.deliveries,
    Delivery,
    "delivery",
    identify=lambda each: each.id,
    columns=lambda each: {
        "channel": each.channel,
        "state": each.state,
        "subject": each.subject,
        "created_at": stamp(each.created_at),
    },
)
