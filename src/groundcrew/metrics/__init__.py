"""Contextual metrics, one per file, and what experiments make of them: plans, observations, comparisons, verdicts."""
