"""The page of guards: what they found in the newest calls, the rules of every policy, and a policy tried on labelled texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery

from groundcrew.domain.guard import Place
from groundcrew.errors import InputError, NotFound
from groundcrew.guards.trial import TrialReport, rows_of
from groundcrew.services.guarding import TRIAL_ROWS_MAX
from groundcrew.web.api.common import services_of, views_of
from groundcrew.web.console.page import Page, PageRequest, render
from groundcrew.web.requests import read_form

#: Findings and mistakes that one page shows.
FINDINGS_SHOWN_MAX, MISTAKES_SHOWN_MAX = 100, 50
#: Characters of labelled rows that the form takes.
ROWS_LENGTH_MAX = 4_000_000
PLACES: tuple[Place, ...] = ("input", "passages", "tool_results", "output")
EXAMPLE = (
    '{"id": 1, "text": "Blocking a lost card is free.", "label": "pass"}\n'
    '{"id": 2, "text": "We will refund you 500 francs, guaranteed.", "label": "block"}'
)


class TrialForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form: rows as JSON Lines."""

    rows: Annotated[str, msgspec.Meta(min_length=1, max_length=ROWS_LENGTH_MAX)]
    place: Place = "output"
    by: Annotated[str, msgspec.Meta(max_length=100)] = ""
    enforced: bool = False


@get("/guards", action="read")
async def guards_page(request: PageRequest, use_case: FromQuery[str] = "", guard: FromQuery[str] = "") -> Page:
    """What guards found lately, and every policy."""
    return await _page(request, use_case=use_case.strip(), guard=guard.strip())


@get("/guards/{name:str}", action="read")
async def policy_page(request: PageRequest, name: FromPath[str]) -> Page:
    """One policy and the form to try it."""
    return await _policy(request, name, TrialForm(rows=EXAMPLE), None, None)


@post("/guards/{name:str}/test", action="test_policy", status_code=200)
async def try_page(request: PageRequest, name: FromPath[str]) -> Page:
    """The policy with its results on the rows of the form."""
    form = await read_form(request, TrialForm)
    by = form.by.strip() or None
    try:
        rows = rows_of(_lines(form.rows), "rows", by)
        report = await services_of(request).guarding.test(name, rows, place=form.place, enforced=form.enforced, group_field=by)
    except NotFound:
        raise
    except InputError as error:
        return await _policy(request, name, form, None, str(error))
    return await _policy(request, name, form, report, None)


def _lines(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of JSON Lines with their line numbers; InputError names the line."""
    count = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        count += 1
        if count > TRIAL_ROWS_MAX:
            raise InputError(f"at most {TRIAL_ROWS_MAX} rows here; `groundcrew policy test` takes larger files", file="rows")
        try:
            yield number, msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.ValidationError:
            raise InputError("is no JSON object", file="rows", line=number) from None
        except msgspec.DecodeError as error:
            raise InputError(f"is not JSON: {error}", file="rows", line=number) from None


async def _page(request: PageRequest, *, use_case: str, guard: str) -> Page:
    services = services_of(request)
    overview = await services.guarding.overview(use_case=use_case or None, guard=guard or None, findings_max=FINDINGS_SHOWN_MAX)
    policies = await services.guarding.policies()
    used: dict[str, list[str]] = {}
    for each in await services.use_cases.find():
        if each.policy is not None:
            used.setdefault(each.policy, []).append(each.name)
    names = {rule.label for policy in policies for rule in policy.guards} | {each.guard for each in overview.counts}
    return await render(
        request,
        "guards.html",
        here="guards",
        found=overview,
        policies=policies,
        used=used,
        guards=sorted(names | ({guard} if guard else set())),
        guard_now=guard,
        use_cases=(await views_of(request).scopes()).use_cases,
        use_case_now=use_case,
    )


async def _policy(request: PageRequest, name: str, form: TrialForm, report: TrialReport | None, problem: str | None) -> Page:
    policy = await services_of(request).guarding.policy(name)
    return await render(
        request,
        "policy.html",
        status=400 if problem else 200,
        here="guards",
        policy=policy,
        form=form,
        report=report,
        problem=problem,
        places=PLACES,
        rows_max=TRIAL_ROWS_MAX,
        mistakes=report.mistakes[:MISTAKES_SHOWN_MAX] if report is not None else (),
    )


HANDLERS = [guards_page, policy_page, try_page]
