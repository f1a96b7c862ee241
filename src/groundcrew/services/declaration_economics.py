"""Reading `economics`: of a use case's declaration, or of a file of its own beside an experiment's plan."""

from __future__ import annotations

from pathlib import Path

from groundcrew.domain.use_case import Economics
from groundcrew.errors import DeclarationError, InputError
from groundcrew.services.declaration_fields import Complaints, Fields
from groundcrew.services.declaration_yaml import read_documents
from groundcrew.services.declared import DeclarationErrors

AMOUNT_MAX = 1e12


def read_economics(fields: Fields) -> Economics | None:
    """`economics` of a use case, None where it declares none."""
    section = fields.section("economics")
    if section is None:
        return None
    economics = _read(section)
    section.finish()
    return economics


def load_economics(path: Path) -> tuple[Economics, float]:
    """The economics in a YAML file, and what a case costs in model calls in USD (`tokens_per_case_usd`). InputError,
    DeclarationErrors naming file, line and field."""
    shown, complaints = str(path), Complaints()
    documents = read_documents(path, shown)
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise DeclarationError("expected one mapping of economics", file=shown)
    fields = Fields(documents[0], shown, complaints)
    economics = _read(fields)
    tokens = fields.number("tokens_per_case_usd", low=0, high=AMOUNT_MAX, required=True) or 0.0
    fields.finish()
    if complaints.errors:
        raise DeclarationErrors(complaints.errors)
    if economics.cases_per_month <= 0:
        raise InputError("must be more than 0", file=shown, field="cases_per_month")
    return economics, tokens


def _read(section: Fields) -> Economics:
    return Economics(
        hourly_cost_usd=section.number("hourly_cost_usd", low=0, high=AMOUNT_MAX, required=True) or 0.0,
        cases_per_month=section.number("cases_per_month", low=0, high=AMOUNT_MAX, required=True) or 0.0,
        fixed_usd_per_month=section.number("fixed_usd_per_month", low=0, high=AMOUNT_MAX) or 0.0,
        value_per_unit_usd=section.number("value_per_unit_usd", low=0, high=AMOUNT_MAX),
        review_s=section.number("review_s", low=0, high=AMOUNT_MAX),
        review_included=section.boolean("review_included") if section.has("review_included") else None,
    )
