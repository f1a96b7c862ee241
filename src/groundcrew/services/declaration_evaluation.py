"""Reads what a customized use case declares about its tuned model: which figures it has to reach on which held-out cases."""

from __future__ import annotations

from groundcrew.domain.use_case import EvaluationRule
from groundcrew.services.declaration_fields import Fields

#: Figures of an evaluation that a target may be set for; all lie in 0..1, and more is better.
TARGETS = (
    *("micro_f1", "micro_precision", "micro_recall", "macro_f1", "macro_precision", "macro_recall", "weighted_f1"),
    *("subset_accuracy", "precision_at_1", "precision_at_5", "precision_at_8", "precision_at_15", "mean_average_precision"),
)


def read_evaluation(fields: Fields) -> EvaluationRule | None:
    """evaluation: what a tuned model has to reach; None where it is not declared."""
    section = fields.section("evaluation")
    if section is None:
        return None
    data_set = section.name("data_set")
    wanted: dict[str, float] = {}
    targets = section.section("at_least")
    if targets is None:
        section.complain("at_least", "say what is to be reached, as {micro_f1: 0.6}")
    else:
        for name in TARGETS:
            value = targets.number(name, low=0, above=True, high=1)
            if value is not None:
                wanted[name] = value
        targets.finish()
        # What a key says wrongly is told by the key.
        if targets.empty():
            section.complain("at_least", f"name at least one of {', '.join(TARGETS)}")
    section.finish()
    return EvaluationRule(data_set=data_set, at_least=wanted)
