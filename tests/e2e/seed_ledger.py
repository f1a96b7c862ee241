"""What the seeded bank has to share out: days of people, tokens and money, champions of its units, and a backlog."""

from __future__ import annotations

from groundcrew.domain.exploration import Box
from groundcrew.domain.resource import Measure, PeriodLength, Resource, ResourceRequest, period_of, periods_from
from groundcrew.services import decision_effects
from groundcrew.services.bundle import Services
from groundcrew.services.declared import Declarations, Declared

ACTOR = "user:maria.keller@bank.example"


def resource(name: str, title: str, measure: Measure, capacity: float | None, **more: str) -> Resource:
    period: PeriodLength = "quarter" if measure == "usd" else "month"
    return Resource(
        name=name,
        title=title,
        measure=measure,
        capacity=capacity,
        period=period,
        owner="head.ai@bank.example",
        skill=more.get("skill", ""),
        budget_line=more.get("budget_line", ""),
    )


async def seed_ledger(services: Services, use_case: str, other: str) -> dict[str, str]:
    """Fill the ledger; returns the ids of a donor's request and of an exploration that runs."""
    resources = (
        resource("data-scientists", "Data scientists", "people_days", 40, skill="data science"),
        resource("model-tokens", "Tokens of the shared contract", "tokens", 5_000_000),
        resource("ai-budget", "AI budget", "usd", 50_000, budget_line="4711"),
        resource("lawyers", "Lawyers", "people_days", None),
    )
    declared = tuple(Declared(value=each, file="resources.yaml", line=1) for each in resources)
    await services.registry.apply(Declarations(resources=declared), actor=ACTOR)
    months = periods_from(period_of(services.database.clock.now().date(), "month"), 3)

    async def ask(name: str, amount: float, purpose: str, periods: tuple[str, ...], by: str) -> ResourceRequest:
        return await services.resources.request(
            resource=name, use_case=by, amount=amount, periods=periods, purpose=purpose, actor=ACTOR
        )

    donor = await ask("data-scientists", 20, "Label 400 answers, so that the gate has its rating", months[:2], use_case)
    taker = await ask("data-scientists", 25, "Rewrite how contracts are found; the pilot waits for it", months[:1], other)
    tokens = await ask("model-tokens", 2_000_000, "The pilot's traffic", months[:2], use_case)
    money = await ask("ai-budget", 12_000, "Licences of the labelling tool", (), other)
    await ask("data-scientists", 30, "A second round of labels", months[1:], use_case)
    await ask("lawyers", 3, "Read the vendor's new terms", months[:1], other)
    async with services.database.write("system:stream") as writer:
        for request, terms in (
            (donor, {}),
            (taker, {"donors": [{"request": donor.id, "amount": 5}]}),
            (tokens, {}),
            (money, {"amount": 9_000}),
        ):
            await decision_effects.allocate_resource(writer, decision="seeded", request=request.id, terms=terms)
    return {"resource_request": donor.id, **await _champions_and_backlog(services, use_case)}


async def _champions_and_backlog(services: Services, use_case: str) -> dict[str, str]:
    carried = await services.use_cases.get(use_case)
    assert carried.champion is not None
    await services.champions.appoint(carried.champion, business_unit=carried.business_unit, actor="cli:maria")
    await services.champions.appoint("nora.imboden@bank.example", business_unit="legal", actor="cli:maria")
    await services.champions.lapse("nora.imboden@bank.example", reason="moved to another bank", actor="cli:maria")
    ids = []
    for title, hypothesis, box, key in (
        ("Plain letters about fees", "Customers call a fifth less often when letters about fees are plain", Box(days=10), None),
        ("Notes of branch visits", "Advisers need 4 minutes less when the note is drafted", Box(days=10, tokens=1_000), use_case),
        ("Parking chatbot", "Employees find a space two minutes faster", Box(days=3), None),
        ("Shorter fee letters", "Customers call less often when letters on fees are half as long", Box(days=5), None),
    ):
        made = await services.backlog.add(
            title=title,
            hypothesis=hypothesis,
            why="A third of all calls is about letters",
            business_unit="retail-service",
            owner="olga.frei@bank.example",
            box=box,
            tags=("letters",),
            use_case=key,
            actor=ACTOR,
        )
        ids.append(made.id)
    for each in ids[:3]:
        await services.backlog.start(each, actor=ACTOR)
    learned = "Calls fell by 18 % in the two branches that took part; the first paragraph mattered most."
    await services.backlog.finish(ids[0], "supported", learned, actor=ACTOR)
    await services.backlog.finish(ids[2], "refuted", "Nobody asked twice: the sign at the entrance is faster.", actor=ACTOR)
    return {"exploration": ids[1], "explored": ids[0]}
