"""Tuned models at work: loads a model's folder and suggests labels, each with its evidence. Needs no training library."""
