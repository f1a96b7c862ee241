"""Reads `kind: Resource`: what there is so much of in each period, whose it is, and what it is counted in; and says where what
is declared would take back what was given already."""

from __future__ import annotations

from typing import get_args

from groundcrew.domain.resource import (
    AMOUNT_MAX,
    CAPACITY_PERIODS_MAX,
    MEASURES,
    Measure,
    PeriodLength,
    Resource,
    amount_problem,
    period_problem,
)
from groundcrew.errors import Conflict, DeclarationError
from groundcrew.services.declaration_fields import Fields
from groundcrew.services.declaration_reading import Reading
from groundcrew.services.declared import Declarations
from groundcrew.services.resource_ledger import check_capacity, with_kept_capacity
from groundcrew.store import deciding
from groundcrew.store.database import Connection

RESOURCES_MAX = 500


def read_resource(fields: Fields, _: Reading) -> Resource:
    """kind: Resource."""
    measure = fields.choice("measure", MEASURES)
    period = fields.choice("period", get_args(PeriodLength), default="month")
    if measure != "people_days":
        fields.refuse("skill", "only people have one: leave it out, or measure people_days")
    if measure != "usd":
        fields.refuse("budget_line", "only money is booked on one: leave it out, or measure usd")
    capacity = fields.number("capacity", low=0, high=AMOUNT_MAX)
    if capacity is not None and (problem := amount_problem(measure, capacity, zero=True)):
        fields.complain("capacity", problem)
    return Resource(
        name=fields.name("name"),
        title=fields.text("title", length_max=200),
        measure=measure,
        owner=fields.email("owner", required=True) or "",
        period=period,
        business_unit=fields.name("business_unit", required=False),
        skill=fields.text("skill", length_max=100),
        budget_line=fields.text("budget_line", length_max=200),
        capacity=capacity,
        capacity_of=_capacities(fields, measure, period),
    )


def _capacities(fields: Fields, measure: Measure, period: PeriodLength) -> dict[str, float]:
    """`capacity_of`: a period and how much there is in it."""
    section = fields.section("capacity_of")
    if section is None:
        return {}
    found: dict[str, float] = {}
    for key in list(section.rest()):
        if problem := period_problem(key, period):
            section.complain(key, problem)
        value = section.number(key, low=0, high=AMOUNT_MAX)
        if value is not None and (problem := amount_problem(measure, value, zero=True)):
            section.complain(key, problem)
        found[key] = value or 0.0
    if len(found) > CAPACITY_PERIODS_MAX:
        fields.complain("capacity_of", f"more than {CAPACITY_PERIODS_MAX} periods")
    return found


async def resource_problems(connection: Connection, declarations: Declarations) -> list[DeclarationError]:
    """A complaint for every resource of which less would be there than was given of it."""
    found: list[DeclarationError] = []
    if not declarations.resources:
        return found
    for each in declarations.resources:
        old = await deciding.RESOURCES.get(connection, each.value.name)
        try:
            await check_capacity(connection, with_kept_capacity(each.value, old))
        except Conflict as error:
            found.append(each.error(str(error), "capacity"))
    names = {each.name for each in await deciding.RESOURCES.find(connection)} | {
        each.value.name for each in declarations.resources
    }
    if len(names) > RESOURCES_MAX:
        found.append(declarations.resources[-1].error(f"more than {RESOURCES_MAX} resources", "name"))
    return found
