"""The tables of oversight, in the same metadata as all others: the outbox, drift, alerts and incidents."""

from __future__ import annotations

import sqlalchemy as sa

from groundcrew.store.tables import document_table, metadata, text

# The outbox, and where it leads. A run is what still has to be sent: it is gone once the delivery has ended.
channels = document_table("channels")
deliveries = document_table(
    "deliveries",
    text("channel"),
    text("state"),
    text("subject"),
    text("created_at"),
    indexes=(("created_at",), ("state", "created_at"), ("channel", "created_at"), ("subject",)),
)
delivery_runs = sa.Table(
    "delivery_runs",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    text("channel"),
    text("subject"),
    sa.Column("since_s", sa.Float, nullable=False),
    sa.Column("next_attempt_s", sa.Float, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    text("last_error"),
    text("owner", nullable=True),
    sa.Column("lease_until_s", sa.Float, nullable=False),
    sa.Index("ix_delivery_runs_channel_next_attempt_s", "channel", "next_attempt_s"),
    sa.Index("ix_delivery_runs_channel_subject_sequence", "channel", "subject", "sequence"),
)

# Drift: reference windows and what was found of newer ones.
drift_references = document_table(
    "drift_references",
    text("use_case"),
    text("version_digest"),
    text("made_at"),
    indexes=(("use_case", "version_digest", "made_at"),),
)
drift_windows = document_table(
    "drift_windows",
    text("use_case"),
    text("version_digest"),
    indexes=(("use_case", "version_digest", "id"),),
)
drift_alarms = document_table(
    "drift_alarms", text("use_case"), text("state"), indexes=(("use_case", "state", "id"), ("state", "id"))
)
# Operational: how far calls were read and who reads until when, features of calls whose window is not full yet, how each monitor
# stands. `revision` rises with each change of a monitor, so that of two servers one closes a window.
drift_mark = sa.Table(
    "drift_mark",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("batch", sa.BigInteger, nullable=False),
    text("call_id"),
    sa.Column("read_at_s", sa.Float, nullable=False),
    text("samplers"),
    text("owner"),
    sa.Column("lease_until_s", sa.Float, nullable=False),
)
drift_calls = sa.Table(
    "drift_calls",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("use_case"),
    text("version_digest"),
    text("received_at"),
    text("document"),
    sa.Index("ix_drift_calls_use_case_version_digest_id", "use_case", "version_digest", "id"),
)
drift_monitors = sa.Table(
    "drift_monitors",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("use_case", "version_digest")),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("looked_at_s", sa.Float, nullable=False),
    sa.Column("asked", sa.Boolean, nullable=False),
    text("document"),
)

# Alerts and incidents.
alert_rules = document_table("alert_rules")
alerts = document_table("alerts", text("rule"), text("use_case"), text("state"), indexes=(("state",), ("use_case",)))
alert_silences = document_table("alert_silences", sa.Column("ended", sa.Boolean, nullable=False), indexes=(("ended",),))
incidents = document_table("incidents", text("state"), text("origin_key"), indexes=(("state",), ("origin_key",)))
incident_events = document_table("incident_events", text("incident"), text("reference"), indexes=(("incident",), ("reference",)))
incident_actions = document_table("incident_actions", text("incident"), text("state"), indexes=(("incident",), ("state",)))
# Operational: how each rule stands for each use case. `version` rises with every change, so that of two servers one writes.
alert_tracks = sa.Table(
    "alert_tracks",
    metadata,
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("use_case", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)
# Operational, one row: when rules were last looked at (Unix time), whichever server did.
alert_turns = sa.Table(
    "alert_turns",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("looked_at_s", sa.Float, nullable=False),
)
# Operational: what each server says of its own gateway.
gateway_health = sa.Table(
    "gateway_health",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("host"),
    sa.Column("process_id", sa.BigInteger, nullable=False),
    sa.Column("seen_at_s", sa.Float, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("machine", sa.Text, nullable=False, server_default=""),
    sa.Column("process_started", sa.Text, nullable=False, server_default=""),
)
