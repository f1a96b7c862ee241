"""Statistics of the gates: pure functions on numbers, one family per file; unknown is None, never NaN, never a pass."""
