"""Every table. Most hold one struct per row as canonical JSON (`document`) beside the columns that queries need.

The document is what the audit chain's digests are over; the columns are derived from it and verified against it.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()


def _document_table(name: str, *columns: sa.Column[object], indexes: tuple[tuple[str, ...], ...] = ()) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        *columns,
        sa.Column("document", sa.Text, nullable=False),
        *(sa.Index(f"ix_{name}_{'_'.join(each)}", *each) for each in indexes),
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text, nullable=nullable)


providers = _document_table("providers")
models = _document_table("models")
policies = _document_table("policies")
verifiers = _document_table("verifiers")
knowledge_bases = _document_table("knowledge_bases")
revisions = _document_table("revisions", _text("knowledge_base"), _text("state"), indexes=(("knowledge_base", "state"),))
use_cases = _document_table("use_cases", _text("stage"), _text("business_unit"))
hypotheses = _document_table("hypotheses", _text("use_case"), _text("state"), indexes=(("use_case",),))
keys = _document_table("keys", _text("use_case"), sa.Column("sha256", sa.Text, nullable=False, unique=True))
kill_switches = _document_table("kill_switches", _text("state"))
users = _document_table("users")
evidence = _document_table("evidence", _text("use_case"), _text("kind"), indexes=(("use_case", "kind"),))
gate_policies = _document_table("gate_policies", _text("stage"), _text("state"), indexes=(("stage", "state"),))
gate_evaluations = _document_table("gate_evaluations", _text("use_case"), _text("stage"), indexes=(("use_case", "stage"),))
sign_offs = _document_table(
    "sign_offs",
    _text("use_case"),
    _text("state"),
    _text("call_id"),
    sa.Column("expires_at", sa.Text, nullable=False, server_default=""),
    sa.Column("qualification", sa.Text, nullable=False, server_default=""),
    #: When it is wanted: its service level, or the end of its time.
    sa.Column("due_at", sa.Text, nullable=False, server_default=""),
    #: Of a second review: "open" or "done"; empty where there is none, or the first decision is still to come.
    sa.Column("review", sa.Text, nullable=False, server_default=""),
    indexes=(
        ("state", "expires_at", "use_case"),
        ("use_case", "state", "id"),
        ("call_id",),
        ("state", "qualification", "due_at"),
        ("review", "use_case"),
    ),
)
sign_off_claims = sa.Table(
    "sign_off_claims",
    metadata,
    sa.Column("sign_off_id", sa.Text, primary_key=True),
    _text("holder"),
    sa.Column("until_s", sa.Float, nullable=False),
)
absences = _document_table("absences", _text("person"), _text("ends_at"), indexes=(("ends_at",),))
ratings = _document_table(
    "ratings",
    _text("use_case"),
    _text("version_digest"),
    sa.Column("sample", sa.Boolean, nullable=False),
    _text("call_id", nullable=True),
    sa.Column("rater", sa.Text, nullable=False, server_default=""),
    sa.Column("origin", sa.Text, nullable=False, server_default="direct"),
    sa.Column("at", sa.Text, nullable=False, server_default=""),
    sa.Column("stars", sa.Integer, nullable=False, server_default="0"),
    _text("case_id", nullable=True),
    sa.Column("critical_harm", sa.Boolean, nullable=True),
    indexes=(
        ("use_case", "version_digest", "sample", "at", "id"),
        ("use_case", "version_digest", "sample", "rater", "call_id", "case_id"),
        ("call_id",),
    ),
)
# Outcomes and calls come in bulk: one audit entry covers a batch, named by its sequence in `batch`.
outcomes = _document_table(
    "outcomes",
    _text("use_case"),
    _text("metric"),
    _text("case_id"),
    sa.Column("sample", sa.Boolean, nullable=False),
    sa.Column("value", sa.Float, nullable=False, server_default="0"),
    sa.Column("at", sa.Text, nullable=False, server_default=""),
    sa.Column("version_digest", sa.Text, nullable=False, server_default=""),
    _text("unit_id", nullable=True),
    _text("arm", nullable=True),
    _text("cluster", nullable=True),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(("use_case", "metric", "case_id"), ("use_case", "version_digest", "metric"), ("batch",)),
)
calls = _document_table(
    "calls",
    _text("use_case"),
    _text("status"),
    _text("received_at"),
    _text("version_digest"),
    _text("case_id", nullable=True),
    _text("trust_state", nullable=True),
    _text("trace_id", nullable=True),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("cost_usd", sa.Float, nullable=True),
    sa.Column("sample", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("shadow_of", nullable=True),
    _text("trial", nullable=True),
    sa.Column("key_id", sa.Text, nullable=False, server_default=""),
    _text("user_id", nullable=True),
    sa.Column("charged_nanos", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("redacted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(
        ("use_case", "received_at"),
        ("batch",),
        ("use_case", "shadow_of"),
        ("trace_id",),
    ),
)
#: Calls that were for people, newest last; copies of them by version. Both are read a page at a time, however many there are.
_SERVED = sa.and_(calls.c.shadow_of.is_(None), calls.c.trial.is_(None))
_COPIES = calls.c.shadow_of.is_not(None)
for _name, _where, *_columns in (
    ("ix_calls_served_id", _SERVED, calls.c.id),
    ("ix_calls_served_use_case_id", _SERVED, calls.c.use_case, calls.c.id),
    ("ix_calls_served_use_case_status_id", _SERVED, calls.c.use_case, calls.c.status, calls.c.id),
    ("ix_calls_copies_use_case_version_digest_id", _COPIES, calls.c.use_case, calls.c.version_digest, calls.c.id),
):
    sa.Index(_name, *_columns, sqlite_where=_where, postgresql_where=_where)

# Answers drawn to be labelled, in batches like the calls; labels of them, of which the newest of a labeller and call counts.
label_draws = _document_table(
    "label_draws",
    _text("use_case"),
    _text("version_digest"),
    sa.Column("rank", sa.Float, nullable=False),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(
        ("use_case", "version_digest", "rank"),
        ("use_case", "version_digest", "id"),
        ("use_case", "version_digest", "batch"),
        ("batch",),
    ),
)
trust_labels = _document_table(
    "trust_labels",
    _text("use_case"),
    _text("version_digest"),
    _text("call_id"),
    _text("labeller"),
    sa.Column("supported", sa.Boolean, nullable=True),
    sa.Column("counted", sa.Boolean, nullable=False),
    indexes=(("use_case", "version_digest"), ("call_id",)),
)
calibrations = _document_table("calibrations", _text("use_case"), indexes=(("use_case",),))
calibration_alarms = _document_table("calibration_alarms", _text("use_case"), indexes=(("use_case",),))
guarantees = _document_table("guarantees", _text("use_case"), indexes=(("use_case",),))

# What an account was warned of; the id names account, limit and period, so that nobody is warned twice.
budget_warnings = _document_table("budget_warnings", _text("use_case"), _text("period"))

jobs = _document_table("jobs", _text("kind"), _text("subject"), _text("state"), indexes=(("state",), ("kind", "subject")))
findings = _document_table(
    "findings", _text("knowledge_base"), _text("kind"), _text("state"), indexes=(("knowledge_base", "kind"),)
)
# Recorded calls that were scored again; in batches, as the calls themselves.
rescored = _document_table(
    "rescored",
    _text("job_id"),
    _text("use_case"),
    _text("call_id"),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(("job_id",), ("call_id",), ("batch",)),
)

audit_entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("subject"),
    _text("hash"),
    sa.Column("document", sa.Text, nullable=False),
    sa.Index("ix_audit_entries_subject_sequence", "subject", "sequence"),
)

# One row: where the chain ends, so that entries cut off at its end are missed.
audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    _text("hash"),
)

# Operational rows: not part of the audited record.
snapshot_version = sa.Table(
    "snapshot_version",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)
enforcement_points = sa.Table(
    "enforcement_points",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("host"),
    sa.Column("process_id", sa.BigInteger, nullable=False),
    sa.Column("snapshot_version", sa.BigInteger, nullable=False),
    sa.Column("seen_at_s", sa.Float, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default="gateway"),
    # Calls cut in flight since it started, by scope that is stopped now, as JSON.
    sa.Column("cut", sa.Text, nullable=False, server_default="{}"),
    sa.Column("started_at_s", sa.Float, nullable=False, server_default="0"),
    sa.Column("enforced_at_s", sa.Float, nullable=False, server_default="0"),
    # How long it last stood still, and when it went on.
    sa.Column("paused_s", sa.Float, nullable=False, server_default="0"),
    sa.Column("resumed_at_s", sa.Float),
)
key_uses = sa.Table(
    "key_uses",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    _text("use_case"),
    _text("used_at"),
    sa.Index("ix_key_uses_use_case", "use_case"),
)
# Who is looking at a drawn answer, and until when (Unix time), so that two people do not do the same one.
label_leases = sa.Table(
    "label_leases",
    metadata,
    sa.Column("call_id", sa.Text, primary_key=True),
    _text("labeller"),
    sa.Column("until_s", sa.Float, nullable=False),
)
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("user_name", sa.Text, nullable=False),
    sa.Column("expires_at_s", sa.Float, nullable=False),
)
#: Sums of recorded calls by UTC day and by everything that spending is asked for. Money is in nano-USD (1e-9 USD); calls whose
#: cost is unknown add to `calls`, `unknown_calls` and tokens, nothing to `nanos`; `charged_nanos` is what budgets were charged.
SPENDING_KEYS = ("day", "use_case", "business_unit", "model", "provider", "key_id", "user_id")
SPENDING_SUMS = ("calls", "unknown_calls", "input_tokens", "output_tokens", "unknown_tokens", "nanos", "charged_nanos")
spending = sa.Table(
    "spending",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in SPENDING_KEYS),
    sa.Column("sample", sa.Boolean, primary_key=True),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in SPENDING_SUMS),
)
#: What running gateways hold for their calls in flight, rewritten at every exchange.
budget_holds = sa.Table(
    "budget_holds",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("gateway", "kind", "use_case", "account")),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("nanos", sa.BigInteger, nullable=False),
)

#: How far each job has come and who works on it until when; its checkpoint is what the next worker goes on from.
job_runs = sa.Table(
    "job_runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("kind"),
    _text("place", nullable=True),
    _text("owner", nullable=True),
    sa.Column("lease_until_s", sa.Float, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=True),
    sa.Column("failed", sa.BigInteger, nullable=False),
    _text("failures"),
    _text("checkpoint"),
    sa.Column("cancel", sa.Boolean, nullable=False),
    sa.Column("finished", sa.Boolean, nullable=False),
    sa.Column("started_at_s", sa.Float, nullable=True),
    sa.Column("updated_at_s", sa.Float, nullable=True),
    sa.Index("ix_job_runs_finished", "finished"),
)

# What evaluations of gates rested on (named by the hash of their content), what functions said of versions, and how stages are
# certified.
evidence_snapshots = _document_table("evidence_snapshots", _text("use_case"), indexes=(("use_case",),))
approvals = _document_table(
    "approvals", _text("use_case"), _text("version_digest"), _text("state"), indexes=(("use_case", "version_digest"),)
)
certifications = _document_table("certifications", _text("state"))
# Experiments: the first time that each unit met one, in batches as the calls; and what each look at one said.
exposures = _document_table(
    "exposures",
    _text("use_case"),
    _text("experiment"),
    _text("unit_id"),
    _text("arm"),
    _text("cluster", nullable=True),
    _text("exposed_at"),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(("experiment",), ("use_case", "unit_id"), ("batch",)),
)
experiment_looks = _document_table(
    "experiment_looks",
    _text("use_case"),
    _text("experiment"),
    _text("version_digest"),
    _text("mark"),
    indexes=(("experiment", "version_digest"), ("use_case",)),
)

# The rating queue. Calls that are put up for rating come in batches and are never changed; who does not rate one says why.
rating_requests = _document_table(
    "rating_requests",
    _text("use_case"),
    _text("version_digest"),
    sa.Column("rank", sa.Float, nullable=False),
    sa.Column("raters", sa.Integer, nullable=False),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(("use_case", "version_digest", "rank"), ("batch",)),
)
rating_skips = _document_table("rating_skips", _text("use_case"), _text("call_id"), _text("rater"), indexes=(("call_id",),))
# Operational: who holds a call to rate it until when (Unix time); a row stays as the note that it was handed out to them.
rating_leases = sa.Table(
    "rating_leases",
    metadata,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("rater", sa.Text, primary_key=True),
    sa.Column("until_s", sa.Float, nullable=False),
)
# Operational: what links in e-mails are signed with; several while links of an older one may still come back.
link_secrets = sa.Table(
    "link_secrets",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("secret"),
    sa.Column("created_at_s", sa.Float, nullable=False),
)
# Outcomes that come weeks later find the version that answered their case.
sa.Index(
    "ix_calls_use_case_case_id",
    calls.c.use_case,
    calls.c.case_id,
    sqlite_where=calls.c.case_id.is_not(None),
    postgresql_where=calls.c.case_id.is_not(None),
)

# Evaluation suites, a row for each version, and what came of asking their cases; results in batches, as calls.
evaluation_suites = _document_table(
    "evaluation_suites",
    _text("name"),
    _text("use_case"),
    sa.Column("version", sa.Integer, nullable=False),
    indexes=(("name",), ("use_case",)),
)
evaluation_results = _document_table(
    "evaluation_results",
    _text("job_id"),
    _text("suite"),
    _text("case_id"),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(("job_id",), ("suite",), ("batch",)),
)

# Swaps of models and their reverts; answers of alternates to recorded calls, in batches like the calls.
model_swaps = _document_table("model_swaps", _text("model"), indexes=(("model",),))
rehearsed = _document_table(
    "rehearsed",
    _text("job_id"),
    _text("use_case"),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(("job_id",), ("use_case",), ("batch",)),
)
#: Sums of recorded calls that were for people (no shadow copies, no trials), so that no page adds up calls. `span` says how long
#: a period is: "all" (one period, ""), "day" or "hour" (`2026-01-31T09`). `cost_nanos` leaves calls of unknown cost out.
CALL_SUM_KEYS = ("use_case", "span", "period", "version_digest", "status", "trust_state")
CALL_SUMS = ("calls", "unknown_cost_calls", "cost_nanos", "input_tokens", "output_tokens")
call_sums = sa.Table(
    "call_sums",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in CALL_SUM_KEYS),
    sa.Column("sample", sa.Boolean, primary_key=True),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in CALL_SUMS),
    sa.Index("ix_call_sums_span_period", "span", "period"),
)
#: How the figures of the same calls are spread, by day: how many fell into each bucket (stats/buckets.py), with their sum and the
#: sum of their squares, so that means are exact.
CALL_SPREAD_KEYS = ("use_case", "measure", "day", "version_digest")
call_spreads = sa.Table(
    "call_spreads",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in CALL_SPREAD_KEYS),
    sa.Column("sample", sa.Boolean, primary_key=True),
    sa.Column("bucket", sa.Integer, primary_key=True),
    sa.Column("calls", sa.BigInteger, nullable=False),
    sa.Column("total", sa.Float, nullable=False),
    sa.Column("squares", sa.Float, nullable=False),
)
#: The ratings of a version that count (of those of one rater and call or case, the newest): how many by star, how many answered
#: whether they saw harm, how many did. `rewrites` rises when one came that is not the last in time or replaces another, so that
#: what was computed along the order of ratings is computed anew; `newest` is the place of the last one in that order.
RATING_SUMS = ("one", "two", "three", "four", "five", "asked", "harms")
rating_sums = sa.Table(
    "rating_sums",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("use_case", "version_digest")),
    sa.Column("sample", sa.Boolean, primary_key=True),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in RATING_SUMS),
    sa.Column("rewrites", sa.BigInteger, nullable=False),
    _text("newest"),
)
#: The outcomes that count (of one metric and case, the newest), by the outcome's day: how many, their sum, that of their squares.
OUTCOME_SUM_KEYS = ("use_case", "version_digest", "metric", "arm", "day")
outcome_sums = sa.Table(
    "outcome_sums",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in OUTCOME_SUM_KEYS),
    sa.Column("sample", sa.Boolean, primary_key=True),
    sa.Column("outcomes", sa.BigInteger, nullable=False),
    sa.Column("total", sa.Float, nullable=False),
    sa.Column("squares", sa.Float, nullable=False),
)

# The outbox, and where it leads. A run is what still has to be sent: it is gone once the delivery has ended.
channels = _document_table("channels")
deliveries = _document_table(
    "deliveries",
    _text("channel"),
    _text("state"),
    _text("subject"),
    _text("created_at"),
    indexes=(("created_at",), ("state", "created_at"), ("channel", "created_at"), ("subject",)),
)
delivery_runs = sa.Table(
    "delivery_runs",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    _text("channel"),
    _text("subject"),
    sa.Column("since_s", sa.Float, nullable=False),
    sa.Column("next_attempt_s", sa.Float, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    _text("last_error"),
    _text("owner", nullable=True),
    sa.Column("lease_until_s", sa.Float, nullable=False),
    sa.Index("ix_delivery_runs_channel_next_attempt_s", "channel", "next_attempt_s"),
    sa.Index("ix_delivery_runs_channel_subject_sequence", "channel", "subject", "sequence"),
)

# Drift: reference windows and what was found of newer ones.
drift_references = _document_table(
    "drift_references",
    _text("use_case"),
    _text("version_digest"),
    _text("made_at"),
    indexes=(("use_case", "version_digest", "made_at"),),
)
drift_windows = _document_table(
    "drift_windows",
    _text("use_case"),
    _text("version_digest"),
    indexes=(("use_case", "version_digest", "id"),),
)
drift_alarms = _document_table(
    "drift_alarms", _text("use_case"), _text("state"), indexes=(("use_case", "state", "id"), ("state", "id"))
)
# Operational: how far calls were read and who reads until when, features of calls whose window is not full yet, how each monitor
# stands. `revision` rises with each change of a monitor, so that of two servers one closes a window.
drift_mark = sa.Table(
    "drift_mark",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("batch", sa.BigInteger, nullable=False),
    _text("call_id"),
    sa.Column("read_at_s", sa.Float, nullable=False),
    _text("samplers"),
    _text("owner"),
    sa.Column("lease_until_s", sa.Float, nullable=False),
)
drift_calls = sa.Table(
    "drift_calls",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("use_case"),
    _text("version_digest"),
    _text("received_at"),
    _text("document"),
    sa.Index("ix_drift_calls_use_case_version_digest_id", "use_case", "version_digest", "id"),
)
drift_monitors = sa.Table(
    "drift_monitors",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("use_case", "version_digest")),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("looked_at_s", sa.Float, nullable=False),
    sa.Column("asked", sa.Boolean, nullable=False),
    _text("document"),
)

# Alerts and incidents: alert_tables.py.
