"""Every table. Most hold one struct per row as canonical JSON (`document`) beside the columns that queries need.

The document is what the audit chain's digests are over; the columns are derived from it and verified against it.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()


def document_table(name: str, *columns: sa.Column[object], indexes: tuple[tuple[str, ...], ...] = ()) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.Text, primary_key=True),
        *columns,
        sa.Column("document", sa.Text, nullable=False),
        *(sa.Index(f"ix_{name}_{'_'.join(each)}", *each) for each in indexes),
    )


def text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text, nullable=nullable)


providers = document_table("providers")
models = document_table("models")
policies = document_table("policies")
verifiers = document_table("verifiers")
knowledge_bases = document_table("knowledge_bases")
revisions = document_table("revisions", text("knowledge_base"), text("state"), indexes=(("knowledge_base", "state"),))
use_cases = document_table("use_cases", text("stage"), text("business_unit"))
hypotheses = document_table("hypotheses", text("use_case"), text("state"), indexes=(("use_case",),))
keys = document_table("keys", text("use_case"), sa.Column("sha256", sa.Text, nullable=False, unique=True))
kill_switches = document_table("kill_switches", text("state"))
users = document_table("users")
evidence = document_table("evidence", text("use_case"), text("kind"), indexes=(("use_case", "kind"),))
gate_policies = document_table("gate_policies", text("stage"), text("state"), indexes=(("stage", "state"),))
gate_evaluations = document_table("gate_evaluations", text("use_case"), text("stage"), indexes=(("use_case", "stage"),))
sign_offs = document_table(
    "sign_offs",
    text("use_case"),
    text("state"),
    text("call_id"),
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
    text("holder"),
    sa.Column("until_s", sa.Float, nullable=False),
)
absences = document_table("absences", text("person"), text("ends_at"), indexes=(("ends_at",),))
ratings = document_table(
    "ratings",
    text("use_case"),
    text("version_digest"),
    sa.Column("sample", sa.Boolean, nullable=False),
    text("call_id", nullable=True),
    sa.Column("rater", sa.Text, nullable=False, server_default=""),
    sa.Column("origin", sa.Text, nullable=False, server_default="direct"),
    sa.Column("at", sa.Text, nullable=False, server_default=""),
    sa.Column("stars", sa.Integer, nullable=False, server_default="0"),
    text("case_id", nullable=True),
    sa.Column("critical_harm", sa.Boolean, nullable=True),
    indexes=(
        ("use_case", "version_digest", "sample", "at", "id"),
        ("use_case", "version_digest", "sample", "rater", "call_id", "case_id"),
        ("call_id",),
    ),
)
# Outcomes and calls come in bulk: one audit entry covers a batch, named by its sequence in `batch`.
outcomes = document_table(
    "outcomes",
    text("use_case"),
    text("metric"),
    text("case_id"),
    sa.Column("sample", sa.Boolean, nullable=False),
    sa.Column("value", sa.Float, nullable=False, server_default="0"),
    sa.Column("at", sa.Text, nullable=False, server_default=""),
    sa.Column("version_digest", sa.Text, nullable=False, server_default=""),
    text("unit_id", nullable=True),
    text("arm", nullable=True),
    text("cluster", nullable=True),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(("use_case", "metric", "case_id"), ("use_case", "version_digest", "metric"), ("batch",)),
)
calls = document_table(
    "calls",
    text("use_case"),
    text("status"),
    text("received_at"),
    text("version_digest"),
    text("case_id", nullable=True),
    text("trust_state", nullable=True),
    text("trace_id", nullable=True),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("cost_usd", sa.Float, nullable=True),
    sa.Column("sample", sa.Boolean, nullable=False, server_default=sa.false()),
    text("shadow_of", nullable=True),
    text("trial", nullable=True),
    sa.Column("key_id", sa.Text, nullable=False, server_default=""),
    text("user_id", nullable=True),
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
label_draws = document_table(
    "label_draws",
    text("use_case"),
    text("version_digest"),
    sa.Column("rank", sa.Float, nullable=False),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(
        ("use_case", "version_digest", "rank"),
        ("use_case", "version_digest", "id"),
        ("use_case", "version_digest", "batch"),
        ("batch",),
    ),
)
trust_labels = document_table(
    "trust_labels",
    text("use_case"),
    text("version_digest"),
    text("call_id"),
    text("labeller"),
    sa.Column("supported", sa.Boolean, nullable=True),
    sa.Column("counted", sa.Boolean, nullable=False),
    indexes=(("use_case", "version_digest"), ("call_id",)),
)
calibrations = document_table("calibrations", text("use_case"), indexes=(("use_case",),))
calibration_alarms = document_table("calibration_alarms", text("use_case"), indexes=(("use_case",),))
guarantees = document_table("guarantees", text("use_case"), indexes=(("use_case",),))

# What an account was warned of; the id names account, limit and period, so that nobody is warned twice.
budget_warnings = document_table("budget_warnings", text("use_case"), text("period"))

jobs = document_table("jobs", text("kind"), text("subject"), text("state"), indexes=(("state",), ("kind", "subject")))
findings = document_table("findings", text("knowledge_base"), text("kind"), text("state"), indexes=(("knowledge_base", "kind"),))
# Recorded calls that were scored again; in batches, as the calls themselves.
rescored = document_table(
    "rescored",
    text("job_id"),
    text("use_case"),
    text("call_id"),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(("job_id",), ("call_id",), ("batch",)),
)

audit_entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    # Compared byte by byte, so that all subjects with a beginning stand together.
    sa.Column("subject", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
    text("hash"),
    sa.Column("document", sa.Text, nullable=False),
    # What entries are searched by; derived from the document, and verified against it.
    *(sa.Column(name, sa.Text, nullable=False, server_default="") for name in ("at", "actor", "action", "use_case")),
    sa.Index("ix_audit_entries_subject_sequence", "subject", "sequence"),
    *(sa.Index(f"ix_audit_entries_{each}_sequence", each, "sequence") for each in ("at", "actor", "action", "use_case")),
)
# What audited documents were, by their SHA-256: the log holds digests alone. Written with the entry that first has the digest.
kept_documents = sa.Table(
    "kept_documents",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    text("noun"),
    sa.Column("document", sa.Text, nullable=False),
)

# One row: where the chain ends, so that entries cut off at its end are missed.
audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    text("hash"),
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
    text("host"),
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
    # Where its process id means something, and when that process began.
    sa.Column("machine", sa.Text, nullable=False, server_default=""),
    sa.Column("process_started", sa.Text, nullable=False, server_default=""),
    # Seconds without the database after which it refuses everything; null: never.
    sa.Column("refuses_after_s", sa.Float),
)
key_uses = sa.Table(
    "key_uses",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    text("use_case"),
    text("used_at"),
    sa.Index("ix_key_uses_use_case", "use_case"),
)
# Who is looking at a drawn answer, and until when (Unix time), so that two people do not do the same one.
label_leases = sa.Table(
    "label_leases",
    metadata,
    sa.Column("call_id", sa.Text, primary_key=True),
    text("labeller"),
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
    text("kind"),
    text("place", nullable=True),
    text("owner", nullable=True),
    sa.Column("lease_until_s", sa.Float, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=True),
    sa.Column("failed", sa.BigInteger, nullable=False),
    text("failures"),
    text("checkpoint"),
    sa.Column("cancel", sa.Boolean, nullable=False),
    sa.Column("finished", sa.Boolean, nullable=False),
    sa.Column("started_at_s", sa.Float, nullable=True),
    sa.Column("updated_at_s", sa.Float, nullable=True),
    sa.Index("ix_job_runs_finished", "finished"),
)

# What evaluations of gates rested on (named by the hash of their content), what functions said of versions, and how stages are
# certified.
evidence_snapshots = document_table("evidence_snapshots", text("use_case"), indexes=(("use_case",),))
approvals = document_table(
    "approvals", text("use_case"), text("version_digest"), text("state"), indexes=(("use_case", "version_digest"),)
)
certifications = document_table("certifications", text("state"))
# Experiments: the first time that each unit met one, in batches as the calls; and what each look at one said.
exposures = document_table(
    "exposures",
    text("use_case"),
    text("experiment"),
    text("unit_id"),
    text("arm"),
    text("cluster", nullable=True),
    text("exposed_at"),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(("experiment",), ("use_case", "unit_id"), ("batch",)),
)
experiment_looks = document_table(
    "experiment_looks",
    text("use_case"),
    text("experiment"),
    text("version_digest"),
    text("mark"),
    indexes=(("experiment", "version_digest"), ("use_case",)),
)

# The rating queue. Calls that are put up for rating come in batches and are never changed; who does not rate one says why.
rating_requests = document_table(
    "rating_requests",
    text("use_case"),
    text("version_digest"),
    sa.Column("rank", sa.Float, nullable=False),
    sa.Column("raters", sa.Integer, nullable=False),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(("use_case", "version_digest", "rank"), ("batch",)),
)
rating_skips = document_table("rating_skips", text("use_case"), text("call_id"), text("rater"), indexes=(("call_id",),))
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
    text("secret"),
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
evaluation_suites = document_table(
    "evaluation_suites",
    text("name"),
    text("use_case"),
    sa.Column("version", sa.Integer, nullable=False),
    indexes=(("name",), ("use_case",)),
)
evaluation_results = document_table(
    "evaluation_results",
    text("job_id"),
    text("suite"),
    text("case_id"),
    sa.Column("batch", sa.BigInteger, nullable=False),
    indexes=(("job_id",), ("suite",), ("batch",)),
)

# Swaps of models and their reverts; answers of alternates to recorded calls, in batches like the calls.
model_swaps = document_table("model_swaps", text("model"), indexes=(("model",),))
rehearsed = document_table(
    "rehearsed",
    text("job_id"),
    text("use_case"),
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
    text("newest"),
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
