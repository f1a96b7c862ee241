"""Ratings and outcomes: idempotent, corrected by a newer value, all of a batch or none, and refused with the field's name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.postgres import run_apart
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.call import SourceReference
from groundcrew.domain.identifiers import new_id
from groundcrew.errors import Conflict, InputError, NotFound
from groundcrew.services.bundle import Services
from groundcrew.services.feedback import NewOutcome, NewRating


@pytest.fixture
async def services(database_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("declared", database_url)
    async with bank.opened(database_url, tmp_path, clock, bare=True) as services:
        yield services


def outcome(**changes: object) -> NewOutcome:
    return msgspec.structs.replace(NewOutcome(metric="handle_time", value=60.0, case_id="case-1"), **changes)


async def values(services: Services) -> dict[tuple[str, str], float]:
    return {(each.metric, each.case_id): each.value for each in await services.feedback.outcomes(bank.NAME)}


async def test_a_rating_of_a_call_takes_its_version_and_case(services: Services) -> None:
    call = bank.call(version_digest="f" * 64, case_id="case-9")
    await services.calls.ship([call], gateway="gateway-1")
    rating = await services.feedback.rate(NewRating(stars=4, rater="anna", call_id=call.id), actor="user:anna")
    assert (rating.use_case, rating.version_digest, rating.case_id) == (bank.NAME, "f" * 64, "case-9")
    assert await services.feedback.ratings(bank.NAME) == [rating]


async def test_a_rating_of_a_case_takes_the_current_version(services: Services) -> None:
    new = NewRating(stars=4, rater="anna", use_case=bank.NAME, case_id="case-9")
    rating = await services.feedback.rate(new, actor="user:anna")
    assert rating.version_digest == await bank.digest_of(services)


async def test_a_rating_sent_twice_under_one_id_is_one(services: Services) -> None:
    new = NewRating(id=new_id(), stars=4, rater="anna", use_case=bank.NAME, case_id="case-9")
    first = await services.feedback.rate(new, actor="user:anna")
    assert await services.feedback.rate(new, actor="user:anna") == first
    with pytest.raises(Conflict, match="exists with other content"):
        await services.feedback.rate(msgspec.structs.replace(new, stars=1), actor="user:anna")
    assert len(await services.feedback.ratings(bank.NAME)) == 1


async def test_a_call_that_still_lies_in_the_spool_is_shipped_to_be_rated(services: Services) -> None:
    call = bank.call()

    async def flush() -> None:
        await services.calls.ship([call], gateway="gateway-1")

    services.flush = flush
    rating = await services.feedback.rate(NewRating(stars=4, rater="anna", call_id=call.id), actor="user:anna")
    assert rating.call_id == call.id
    with pytest.raises(NotFound, match="no call"):
        await services.feedback.rate(NewRating(stars=4, rater="anna", call_id=new_id()), actor="user:anna")


async def test_a_key_rates_its_own_use_case_only(services: Services) -> None:
    await bank.apply(services, use_cases=[bank.use_case(name="second")])
    call = bank.call(use_case="second")
    await services.calls.ship([call], gateway="gateway-1")
    for new in (
        NewRating(stars=4, rater="anna", call_id=call.id),
        NewRating(stars=4, rater="anna", case_id="case-1", use_case="second"),
    ):
        with pytest.raises(NotFound):
            await services.feedback.rate(new, actor="key:1", use_case=bank.NAME)


BAD_RATINGS: list[tuple[dict[str, object], str]] = [
    ({"stars": 0}, "stars"),
    ({"stars": 6}, "stars"),
    ({"rater": " "}, "rater"),
    ({"rater": "x" * 201}, "rater"),
    ({"comment": "x" * 4_001}, "comment"),
    ({"corrected_text": "x" * 100_001}, "corrected_text"),
    ({"case_id": None}, "call_id"),
    ({"case_id": "nul\0"}, "case_id"),
    ({"at": datetime(2026, 3, 1)}, "at"),  # noqa: DTZ001
    ({"at": datetime(2026, 3, 3, tzinfo=UTC)}, "at"),
]


async def test_a_bad_rating_names_its_field(services: Services) -> None:
    new = NewRating(stars=4, rater="anna", use_case=bank.NAME, case_id="case-9")
    for changes, field in BAD_RATINGS:
        with pytest.raises(InputError) as raised:
            await services.feedback.rate(msgspec.structs.replace(new, **changes), actor="user:anna")
        assert raised.value.field == field
    assert await services.feedback.ratings(bank.NAME) == []


async def test_ratings_in_bulk_are_all_recorded_or_none(services: Services) -> None:
    good = bank.ratings(3)
    with pytest.raises(InputError, match="stars"):
        await services.feedback.rate_many([*good, msgspec.structs.replace(good[0], stars=9)], actor="user:anna")
    with pytest.raises(NotFound, match="did you mean 'assistant'"):
        await services.feedback.rate_many([*good, msgspec.structs.replace(good[0], use_case="asistant")], actor="user:anna")
    assert await services.feedback.ratings(bank.NAME) == []
    assert len(await services.feedback.rate_many(good, actor="user:anna")) == 3
    with pytest.raises(InputError, match="use_case and case_id"):
        await services.feedback.rate_many([NewRating(stars=3, rater="anna", use_case=bank.NAME)], actor="user:anna")
    with pytest.raises(InputError, match="at most 10000"):
        await services.feedback.rate_many(good * 4_000, actor="user:anna")


async def test_outcomes_sent_again_change_nothing_and_a_new_value_supersedes(services: Services) -> None:
    rows = [outcome(), outcome(case_id="case-2", value=70.0)]
    first = await services.feedback.add_outcomes(bank.NAME, rows, actor="system:tickets")
    assert (first.recorded, first.unchanged) == (2, 0)
    head = (await services.audit.verify()).head
    again = await services.feedback.add_outcomes(bank.NAME, rows, actor="system:tickets")
    assert (again.recorded, again.unchanged) == (0, 2)
    assert (await services.audit.verify()).head == head
    corrected = await services.feedback.add_outcomes(bank.NAME, [rows[0], outcome(case_id="case-2", value=71.0)], actor="user:x")
    assert (corrected.recorded, corrected.unchanged) == (1, 1)
    assert await values(services) == {("handle_time", "case-1"): 60.0, ("handle_time", "case-2"): 71.0}
    assert (await services.audit.verify()).problems == ()


async def test_a_value_that_comes_back_counts_as_the_newest(services: Services) -> None:
    for value in (60.0, 70.0, 60.0):
        await services.feedback.add_outcomes(bank.NAME, [outcome(value=value)], actor="system:tickets")
        assert await values(services) == {("handle_time", "case-1"): value}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.tuples(st.integers(0, 3), st.floats(-1e9, 1e9)), min_size=1, max_size=30))
def test_of_several_values_in_one_request_the_last_counts(
    tmp_path_factory: pytest.TempPathFactory, prepared: Prepared, numbers: list[tuple[int, float]]
) -> None:
    folder = tmp_path_factory.mktemp("outcomes")
    url = f"sqlite:///{folder / 'groundcrew.db'}"
    clock = prepared.copy("declared", url)

    async def work() -> None:
        async with bank.opened(url, folder, clock, bare=True) as services:
            rows = [outcome(case_id=f"case-{case}", value=value) for case, value in numbers]
            await services.feedback.add_outcomes(bank.NAME, rows, actor="system:tickets")
            assert await values(services) == {("handle_time", f"case-{case}"): value for case, value in numbers}

    run_apart(work())


BAD_OUTCOMES: list[tuple[dict[str, object], str]] = [
    ({"metric": " "}, "[1].metric"),
    ({"value": float("nan")}, "[1].value"),
    ({"value": float("inf")}, "[1].value"),
    ({"case_id": ""}, "[1].case_id"),
    ({"unit_id": "x" * 201}, "[1].unit_id"),
    ({"at": datetime(2026, 3, 1)}, "[1].at"),  # noqa: DTZ001
]


async def test_a_bad_outcome_names_row_and_field_and_nothing_is_recorded(services: Services) -> None:
    for changes, field in BAD_OUTCOMES:
        with pytest.raises(InputError) as raised:
            await services.feedback.add_outcomes(bank.NAME, [outcome(), outcome(**changes)], actor="system:tickets")
        assert raised.value.field == field
    assert await values(services) == {}


async def test_a_time_keeps_its_moment_whatever_its_offset(services: Services) -> None:
    moment = datetime.fromisoformat("2026-03-01T23:30:00+05:30")
    await services.feedback.add_outcomes(bank.NAME, [outcome(at=moment)], actor="system:tickets")
    assert (await services.feedback.outcomes(bank.NAME))[0].at == moment
    again = await services.feedback.add_outcomes(bank.NAME, [outcome(at=moment.astimezone(UTC))], actor="system:tickets")
    assert again.unchanged == 1


async def test_no_rows_are_no_change(services: Services) -> None:
    head = (await services.audit.verify()).head
    nothing = await services.feedback.add_outcomes(bank.NAME, [], actor="system:tickets")
    assert (nothing.recorded, nothing.unchanged) == (0, 0)
    assert (await services.audit.verify()).head == head


async def test_more_outcomes_than_one_request_takes_are_refused(services: Services) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [outcome(case_id=f"case-{each}", at=start + timedelta(seconds=each)) for each in range(10_001)]
    with pytest.raises(InputError, match="at most 10000"):
        await services.feedback.add_outcomes(bank.NAME, rows, actor="system:tickets")
    imported = await services.feedback.add_outcomes(bank.NAME, rows[:1_200], actor="system:tickets")
    assert imported.recorded == len(await services.feedback.outcomes(bank.NAME)) == 1_200


async def test_what_people_write_is_masked_before_it_is_kept(services: Services) -> None:
    new = NewRating(
        id=new_id(),
        stars=4,
        rater="anna muster",
        use_case=bank.NAME,
        case_id="case-9",
        comment="Ask anna@bank.example or luca@bank.example.",
        corrected_text="Write to luca@bank.example.",
    )
    rating = await services.feedback.rate(new, actor="key:1")
    assert rating.comment == "Ask [EMAIL] or [EMAIL_2]."
    assert rating.corrected_text == "Write to [EMAIL_2]."
    assert rating.rater.startswith("sha256-")
    assert await services.feedback.rate(new, actor="key:1") == rating, "sent twice it is still one"


async def test_what_a_passage_of_the_call_says_stays_in_a_comment(services: Services) -> None:
    line = SourceReference(passage_id="p", document="d", title="t", text="Our hotline is 044 668 18 00.")
    call = bank.call(sources=(line,))
    await services.calls.ship([call], gateway="gateway-1")
    new = NewRating(stars=4, rater="anna", call_id=call.id, comment="Say 044 668 18 00, not 044 271 39 55.")
    assert (await services.feedback.rate(new, actor="user:anna")).comment == "Say 044 668 18 00, not [PHONE]."


@pytest.mark.parametrize("field", ["case_id", "unit_id", "cluster", "metric"])
async def test_an_identifier_that_is_personal_data_is_refused_and_not_repeated(services: Services, field: str) -> None:
    with pytest.raises(InputError, match="personal data") as caught:
        await services.feedback.add_outcomes(bank.NAME, [outcome(**{field: "anna@bank.example"})], actor="key:1")
    assert "anna@" not in str(caught.value)
    assert caught.value.field == f"[0].{field}"
