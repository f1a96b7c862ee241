"""Declarations beside swaps: the fields that say who could take over, and files that would undo a swap without saying so."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from groundcrew.domain.data_class import highest, provider_may_see
from groundcrew.domain.model_swap import named, out_of_date
from groundcrew.domain.provider import (
    REHEARSAL_CALLS_DEFAULT,
    REHEARSAL_CALLS_MAX,
    Model,
    SwapRule,
    Target,
)
from groundcrew.domain.rehearsal import MEASURE_NAMES
from groundcrew.domain.use_case import STAGES
from groundcrew.errors import DeclarationError
from groundcrew.services.declaration_fields import Fields
from groundcrew.services.declared import Declarations
from groundcrew.store import catalog
from groundcrew.store.database import Connection, Writer

MARGIN_MAX = 1_000.0
COST_MAX_USD = 1e6
#: A standing rehearsal asks a provider hundreds of questions: not more often than daily.
EVERY_S_MIN, EVERY_S_MAX = 86_400, 90 * 86_400


def read_swap(fields: Fields) -> SwapRule:
    """Model.swap: margins of guardrails, and the standing rehearsal."""
    section = fields.section("swap")
    if section is None:
        return SwapRule()
    margins: dict[str, float] = {}
    if (given := section.section("margins")) is not None:
        for name in MEASURE_NAMES:
            value = given.number(name, low=0, high=MARGIN_MAX)
            if value is not None:
                margins[name] = value
        given.finish()
    every_s = section.duration_s("rehearse_every", default=0, low=EVERY_S_MIN, high=EVERY_S_MAX)
    calls = section.integer("calls", low=1, high=REHEARSAL_CALLS_MAX)
    cost = section.number("cost_max_usd", low=0, above=True, high=COST_MAX_USD)
    section.finish()
    return SwapRule(
        margins=margins,
        rehearse_every_s=every_s or None,
        calls=REHEARSAL_CALLS_DEFAULT if calls is None else calls,
        cost_max_usd=cost,
    )


def refuse_role(section: Fields) -> None:
    """An alternate answers nobody, so that it has no share of anything."""
    for key in ("role", "weight", "share_percent"):
        section.refuse(key, "an alternate answers nobody: it has neither role nor weight nor share")


def check_alternate(fields: Fields, alternate: Target, targets: Sequence[Target]) -> None:
    """An alternate is none of the `targets` that answer, nor declared before."""
    if any((each.provider, each.model) == (alternate.provider, alternate.model) for each in targets if each.role != "shadow"):
        fields.complain("alternates", f"{named((alternate.provider, alternate.model))} stands there already")


async def swap_problems(connection: Connection, declarations: Declarations) -> list[DeclarationError]:
    """A complaint for every declared model that would undo a swap, and for every alternate that may not see what a use case on
    its alias handles."""
    errors = []
    for each in declarations.models:
        records = await catalog.MODEL_SWAPS.find(connection, model=each.value.name)
        if problem := out_of_date(records, each.value):
            errors.append(each.error(problem, "targets"))
    return errors + await _blind_alternates(connection, declarations)


async def note_declared(writer: Writer, models: Sequence[Model]) -> None:
    """Remember that a declaration has come which knows of the newest swap of its alias."""
    for model in models:
        records = await catalog.MODEL_SWAPS.find(writer.connection, model=model.name, newest_first=True, limit=1)
        if records and not records[0].declared and set(records[0].stepped_in) <= model.answering:
            await catalog.MODEL_SWAPS.put(writer, msgspec.structs.replace(records[0], declared=True), "declare")


async def _blind_alternates(connection: Connection, declarations: Declarations) -> list[DeclarationError]:
    declared = {
        *(("provider", each.value.name) for each in declarations.providers),
        *(("model", each.value.name) for each in declarations.models),
        *(("use_case", each.value.name) for each in declarations.use_cases),
    }
    providers = {each.name: each for each in await catalog.PROVIDERS.find(connection)}
    providers |= {each.value.name: each.value for each in declarations.providers}
    models = {each.name: each for each in await catalog.MODELS.find(connection)}
    models |= {each.value.name: each.value for each in declarations.models}
    stages = {each.name: each.stage for each in await catalog.USE_CASES.find(connection)}
    use_cases = {each.name: each for each in await catalog.USE_CASES.find(connection)}
    use_cases |= {each.value.name: each.value for each in declarations.use_cases}
    places = {each.value.name: each for each in declarations.models}
    errors = []
    for use_case in use_cases.values():
        model = models.get(use_case.model)
        if model is None or stages.get(use_case.name, "discovery") not in STAGES:
            continue
        needed = highest(use_case.data_classes)
        for index, each in enumerate(model.alternates):
            provider = providers.get(each.provider)
            touched = declared & {("provider", each.provider), ("model", model.name), ("use_case", use_case.name)}
            if provider is None or not touched or provider_may_see(needed, provider.data_classes, baa=provider.baa):
                continue
            message = f"{each.provider} may not see {needed}, which {use_case.name} handles"
            if (place := places.get(model.name)) is not None:
                errors.append(place.error(message, f"alternates[{index}].provider"))
            else:
                errors.append(DeclarationError(f"alternate of {model.name}: {message}", field="data_classes"))
    return errors
