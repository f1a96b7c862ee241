"""What signers make of suggested labels: the text that is signed, outcomes, a rating, and figures by label."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.services import bank
from tests.unit.tuning import tuned_bank
from tests.unit.web.site import call

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.use_case import SignOffRule
from groundcrew.domain.user import User
from groundcrew.errors import Conflict, InputError, WouldBeMasked
from groundcrew.services.bundle import Services
from groundcrew.services.lookups import current_digest
from groundcrew.services.rating_figures import rating_figures
from groundcrew.services.suggested_labels import LabelChange
from groundcrew.store import catalog, rating_sums
from groundcrew.store.feedback import RATINGS
from groundcrew.tuned.answer import Answer, Suggested, read_answer
from groundcrew.web.console.suggested import suggestions_of

RULE = SignOffRule(when="always", qualification="coder")


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with bank.opened(sqlite_url, tmp_path) as opened:
        await bank.apply(opened, use_cases=[bank.use_case(solution="customized", grounding=None, sign_off=RULE)])
        yield opened


@pytest.fixture
async def coder(services: Services) -> User:
    async with services.database.write("system:test") as writer:
        user = User(name="cody", password_hash="", roles=("reviewer",), qualifications=("coder",), created_at=writer.clock.now())
        await catalog.USERS.put(writer, user, "create")
    return user


def answer(*labels: str, near: tuple[str, ...] = ("R05.9",), model: str = "coder@1") -> Answer:
    found = [Suggested(label=each, score=0.9, kept=True, title=f"title of {each}") for each in labels]
    found += [Suggested(label=each, score=0.2, kept=False) for each in near]
    return Answer(
        model=model, digest="d" * 64, labels=labels, trust=0.5, needs_person=True, reason="unsure", suggestions=tuple(found)
    )


async def hold(services: Services, draft: Answer | str, **more: Any) -> str:
    """A held draft; its sign-off's id."""
    async with services.database.read() as connection:
        digest = await current_digest(connection, await services.use_cases.get(bank.NAME))
    text = draft if isinstance(draft, str) else draft.text
    made = call(use_case=bank.NAME, status="held", withheld_answer=text, sign_off_id=new_id(), version_digest=digest, **more)
    await services.calls.ship([made], gateway="g")
    assert made.sign_off_id is not None
    return made.sign_off_id


async def sign(services: Services, coder: User, sign_off: str, kept: list[str], added: list[str] | None = None):  # type: ignore[no-untyped-def]
    labels = await services.suggested_labels.signed(sign_off, kept, added or [])
    return await services.sign_offs.decide(
        sign_off,
        "edit" if labels.changed else "approve",
        signer=coder,
        text=labels.text if labels.changed else None,
        own_words=labels.own_words,
    )


async def outcomes(services: Services) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for each in await services.feedback.outcomes(bank.NAME):
        found.setdefault(each.case_id, {})[each.metric] = each.value
    return found


async def test_decisions_become_outcomes_ratings_and_figures(services: Services, coder: User) -> None:
    as_it_was = await sign(services, coder, await hold(services, answer("A", "B"), case_id="c1"), ["A", "B"])
    assert (as_it_was.state, as_it_was.final_text) == ("approved", as_it_was.draft)
    changed = await sign(services, coder, await hold(services, answer("A", "B"), case_id="c2"), ["A", "R05.9"], ["C", "D"])
    assert changed.state == "edited"
    left = read_answer(changed.final_text or "")
    assert left is not None
    assert left.labels == ("A", "R05.9", "C", "D")
    rejected = await hold(services, answer("B"), case_id="c3")
    await services.sign_offs.decide(rejected, "reject", signer=coder, comment="another patient")
    assert await outcomes(services) == {
        "c1": {"suggestions_accepted": 1, "labels_kept": 2, "labels_removed": 0, "labels_added": 0},
        "c2": {"suggestions_accepted": 0, "labels_kept": 1, "labels_removed": 1, "labels_added": 3},
        "c3": {"suggestions_accepted": 0},
    }
    async with services.database.read() as connection:
        ratings = await RATINGS.find(connection, use_case=bank.NAME)
    assert sorted((each.case_id, each.stars, each.origin) for each in ratings) == [
        ("c1", 5, "sign_off"),
        ("c2", 2, "sign_off"),
        ("c3", 1, "sign_off"),
    ]
    figures = {each.name: each.interval for each in (await services.metrics.report(bank.NAME, meanings=False)).figures}
    assert figures["suggestion_acceptance"].estimate == pytest.approx(1 / 3)
    assert figures["suggestion_precision"].estimate == pytest.approx(3 / 4)
    assert figures["suggestion_recall"].estimate == pytest.approx(3 / 6)
    assert figures["label_edits"].estimate == pytest.approx(2)
    uses = await services.label_usage.report(bank.NAME)
    assert uses is not None
    assert (uses.decisions, uses.rejected) == (3, 1)
    by_label = {each.label: each for each in uses.labels}
    assert (by_label["A"].suggested, by_label["A"].kept, by_label["A"].title) == (2, 2, "title of A")
    assert by_label["B"].precision.estimate == 0.5
    assert (by_label["R05.9"].added, by_label["R05.9"].recall.estimate) == (1, 0)


async def test_who_built_it_does_not_rate_it_and_a_rating_of_ones_own_stands(services: Services, coder: User) -> None:
    first = await hold(services, answer("A"))
    found = await services.sign_offs.get(first)
    from groundcrew.services.feedback import NewRating

    await services.feedback.rate(NewRating(stars=3, rater="cody", call_id=found.call_id), actor="user:cody")
    await sign(services, coder, first, ["A"])
    async with services.database.write("system:test") as writer:
        owner = User(
            name="maria", password_hash="", roles=("reviewer",), qualifications=("coder",), created_at=writer.clock.now()
        )
        await catalog.USERS.put(writer, owner, "create")
    await sign(services, owner, await hold(services, answer("A")), ["A"])
    async with services.database.read() as connection:
        ratings = await RATINGS.find(connection, use_case=bank.NAME)
    assert [(each.stars, each.rater) for each in ratings] == [(3, "cody")]


async def test_other_drafts_are_left_alone(services: Services, coder: User) -> None:
    sign_off = await hold(services, "Dear customer")
    with pytest.raises(Conflict, match="no suggested labels"):
        await services.suggested_labels.signed(sign_off, [], [])
    await services.sign_offs.decide(sign_off, "approve", signer=coder)
    assert await outcomes(services) == {}
    assert await services.label_usage.report(bank.NAME) is None
    names = {each.name for each in (await services.metrics.report(bank.NAME, meanings=False)).figures}
    assert "suggestion_acceptance" not in names


async def test_a_text_in_the_place_of_labels_says_nothing_of_them(services: Services, coder: User) -> None:
    sign_off = await hold(services, answer("A"), case_id="c1")
    await services.sign_offs.decide(sign_off, "edit", signer=coder, text="ask the ward")
    assert await outcomes(services) == {"c1": {"suggestions_accepted": 0}}
    uses = await services.label_usage.report(bank.NAME)
    assert uses is not None
    assert uses.labels == ()


async def test_codes_are_checked_and_written_as_their_system_writes_them(services: Services, coder: User, tmp_path: Path) -> None:
    fields = {"id": "id", "text": ["text"], "label": "codes", "multiple": True, "code_system": "icd-10-cm", "split": "split"}
    data_set = await tuned_bank.registered(services, tmp_path / "notes", fields=fields)
    model = await tuned_bank.tuned(services, data_set)
    sign_off = await hold(services, answer("I10", model=model.id))
    for wrong in ("E11", "Z99.99X", "hypertension"):
        with pytest.raises(InputError, match="added"):
            await services.suggested_labels.signed(sign_off, ["I10"], [wrong])
    with pytest.raises(InputError, match="none of the suggestions"):
        await services.suggested_labels.signed(sign_off, ["E11.9"], [])
    signed = await sign(services, coder, sign_off, ["I10"], [" e119 "])
    left = read_answer(signed.final_text or "")
    assert left is not None
    assert left.labels == ("I10", "E11.9")
    assert left.suggestions[-1] == Suggested(
        label="E11.9",
        title="Type 2 diabetes mellitus without complications",
        because="added by a person",
        added_by_person=True,
    )


@pytest.mark.parametrize(
    ("suggested", "final", "stars"),
    [("AB", "AB", 5), ("AB", "A", 3), ("AB", "CD", 1), ("", "A", 1), ("ABCDEFGH", "ABCDEFGI", 4), ("", "", 5)],
)
def test_stars_follow_from_what_was_changed(suggested: str, final: str, stars: int) -> None:
    assert LabelChange(suggested=frozenset(suggested), final=frozenset(final)).stars == stars
    assert LabelChange(suggested=frozenset(suggested), final=None).stars is None


def test_a_rejection_is_one_star() -> None:
    change = LabelChange(suggested=frozenset("A"), final=None, rejected=True)
    assert (change.stars, change.accepted) == (1, False)
    assert msgspec.structs.replace(change, rejected=False).stars is None


async def test_stars_that_were_worked_out_stand_for_nobodys_opinion(services: Services, coder: User) -> None:
    """Whoever signs without looking would give five stars; a rating of one's own counts, before or after."""
    from groundcrew.services.feedback import NewRating

    sign_offs = [await hold(services, answer("A", "B"), case_id=f"c{number}") for number in range(3)]
    for each in sign_offs:
        await sign(services, coder, each, ["A", "B"])
    async with services.database.read() as connection:
        digest = await current_digest(connection, await services.use_cases.get(bank.NAME))
        assert (await rating_figures(connection, bank.NAME, digest, sample=False)).n == 0
    gate = await services.gates.evaluate(bank.NAME, actor=bank.PERSON, to="production_readiness")
    (rating,) = [each for each in gate.results if each.key == "rating"]
    assert (rating.status, rating.n) == ("unknown", 0)
    found = await services.sign_offs.get(sign_offs[0])
    await services.feedback.rate(NewRating(stars=2, rater="cody", call_id=found.call_id), actor="user:cody")
    async with services.database.read() as connection:
        assert (await rating_figures(connection, bank.NAME, digest, sample=False)).counts == (0, 1, 0, 0, 0)
        kept, order = await rating_sums.stored(connection), await rating_sums.rebuilt(connection)
    assert kept == order


async def test_labels_that_a_person_types_are_masked_like_any_text(services: Services, coder: User) -> None:
    sign_off = await hold(services, answer("A"))
    with pytest.raises(WouldBeMasked):
        await sign(services, coder, sign_off, ["A"], ["anna.muster@example.org"])


async def test_a_page_leaves_no_label_out_that_would_be_signed(services: Services) -> None:
    """What a form does not list is taken out of what is signed."""
    many = tuple(f"L{number:03}" for number in range(100))
    found = await services.sign_offs.get(await hold(services, answer(*many)))
    seen = suggestions_of(found, found.draft, None)
    assert seen is not None
    assert [each.label for each in seen.rows if each.checked] == list(many)
    too_many = await services.sign_offs.get(await hold(services, answer(*(f"L{number}" for number in range(300)))))
    assert suggestions_of(too_many, too_many.draft, None) is None
