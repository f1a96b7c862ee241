"""What an exploration becomes: the draft of a use case's declaration, ready for `groundcrew apply`."""

from __future__ import annotations

import json

from groundcrew.domain.exploration import Draft, Exploration
from groundcrew.errors import InputError
from groundcrew.services.declaration_fields import is_email


def declaration_of(exploration: Exploration, draft: Draft) -> str:
    """The declaration as YAML. InputError where its owner is no e-mail address, which a use case's is."""
    if not is_email(exploration.owner):
        raise InputError("a use case's owner is an e-mail address, and this exploration's is none", field="owner")
    said = _quoted(exploration.learned)
    lines = [
        f"# A draft from exploration {exploration.id}, which was {exploration.outcome}.",
        "# It starts in discovery. The pilot asks for a registered hypothesis: write its plan, and name it below.",
        "kind: UseCase",
        f"name: {draft.name}",
        f"title: {_quoted(exploration.title)}",
        f"owner: {exploration.owner}",
        f"business_unit: {exploration.business_unit}",
        f"purpose: {_quoted(exploration.hypothesis)}",
        f"affected_persons: {_quoted(draft.affected_persons)}",
        f"solution: {draft.solution}",
        f"autonomy: {draft.autonomy}",
        f"data_classes: [{', '.join(draft.data_classes)}]",
        f"model: {draft.model}",
        f"# What was learned: {said}",
        "# hypothesis: {plan: PLAN.yaml}",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A text as one line that YAML reads back as it was: what JSON writes is YAML."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
