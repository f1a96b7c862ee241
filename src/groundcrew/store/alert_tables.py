"""The tables of alerts and incidents, in the same metadata as all others."""

from __future__ import annotations

import sqlalchemy as sa

from groundcrew.store.tables import _document_table, _text, metadata

alert_rules = _document_table("alert_rules")
alerts = _document_table("alerts", _text("rule"), _text("use_case"), _text("state"), indexes=(("state",), ("use_case",)))
alert_silences = _document_table("alert_silences", sa.Column("ended", sa.Boolean, nullable=False), indexes=(("ended",),))
incidents = _document_table("incidents", _text("state"), _text("origin_key"), indexes=(("state",), ("origin_key",)))
incident_events = _document_table(
    "incident_events", _text("incident"), _text("reference"), indexes=(("incident",), ("reference",))
)
incident_actions = _document_table("incident_actions", _text("incident"), _text("state"), indexes=(("incident",), ("state",)))
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
    _text("host"),
    sa.Column("process_id", sa.BigInteger, nullable=False),
    sa.Column("seen_at_s", sa.Float, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)
