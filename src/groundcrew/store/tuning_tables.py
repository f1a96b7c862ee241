"""The tables of tuning, in the same metadata as all others."""

from __future__ import annotations

import sqlalchemy as sa

from groundcrew.store.tables import document_table, metadata, text

data_sets = document_table("data_sets", text("name"), text("revision"), indexes=(("name",), ("revision",)))
tuning_runs = document_table("tuning_runs", text("model"), text("data_set"), text("state"), indexes=(("model",), ("state",)))
tuned_models = document_table("tuned_models", text("name"), text("digest"), text("state"), indexes=(("name",), ("state",)))
# Operational: the figures of each step of a run, so that a page can draw them wherever the worker is.
tuning_steps = sa.Table(
    "tuning_steps",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    text("document"),
)
