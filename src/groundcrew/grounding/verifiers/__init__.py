"""Verifiers: whatever says how far a claim rests on passages, behind one protocol."""
