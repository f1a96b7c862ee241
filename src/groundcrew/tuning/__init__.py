"""Tuning: from a curated data set to a model, by a runner that works here or elsewhere; exports, evaluation, lineage."""
