"""The technical file: every statement says what it stands on, all forms tell the same, and what was filed stays what it was."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.technical_file import Statement, TechnicalFile, hash_of
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import InputError, NotAllowed
from groundcrew.services.bundle import Services
from groundcrew.services.technical_file_pages import BASIS_WORDS, render
from groundcrew.services.technical_files import file_problems, read_file


@pytest.fixture
async def services(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> AsyncIterator[Services]:
    clock = prepared.copy("ready", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, clock, bare=True) as services:
        await bank.accounts(services, "user:anna", roles=("legal",))
        yield services


def statement(file: TechnicalFile, label: str) -> Statement:
    return next(each for each in file.statements if each.label == label)


async def test_each_statement_stands_on_rows_a_declaration_a_word_or_nothing(services: Services) -> None:
    await services.evidence.attest(bank.NAME, "card:limits", actor="user:anna", statement="Never for complaints.")
    file = await services.technical_files.of(bank.NAME)
    purpose = statement(file, "Purpose")
    assert (purpose.basis, purpose.by, purpose.source) == ("declared", "user:maria", "use-case/assistant, field purpose")
    limits = statement(file, "Known limits and foreseeable misuse")
    assert (limits.basis, limits.by, limits.text) == ("attested", "user:anna", "Never for complaints.")
    assert limits.until is not None
    stop = statement(file, "3 Stopping it")
    assert (stop.basis, len(stop.sha256)) == ("computed", 64)
    assert "criterion kill_switch" in stop.source
    training = statement(file, "Training data")
    assert (training.basis, training.text.startswith("unknown: ")) == ("missing", True)
    assert all(each.source and each.sha256 and each.at for each in file.statements if each.basis == "computed")
    assert all(each.by and each.sha256 for each in file.statements if each.basis in ("attested", "declared"))
    assert [each.key for each in file.parts if each.key == "fundamental_rights"] == [], "asked of a high tier only"
    assert statement(file, "8 Declaration of conformity").basis == "missing"


async def test_nothing_is_invented_for_a_use_case_that_has_nothing(services: Services) -> None:
    bare = UseCase(
        name="bare",
        title="Bare",
        owner="maria@bank.example",
        business_unit="it",
        purpose="Try something",
        affected_persons="nobody yet",
        solution="product",
        autonomy="assist",
        data_classes=("internal",),
        model=bank.MODEL,
    )
    await bank.apply(services, use_cases=[bank.use_case(), bare])
    file = await services.technical_files.of("bare")
    assert statement(file, "2 Instructions given to the model").basis == "missing"
    assert statement(file, "2 Tests fixed beforehand").basis == "missing"
    assert statement(file, "(2) Who oversees it").basis == "missing"
    assert statement(file, "Champion").basis == "missing"
    assert statement(file, "Calls of this version").text == "0"


async def test_a_filed_file_stays_as_it_was_and_is_in_the_audit(services: Services) -> None:
    filed = await services.technical_files.file(bank.NAME, actor="user:anna", reason="the supervisor asks")
    services.database.clock.advance(60)  # type: ignore[attr-defined]
    await bank.apply(services, use_cases=[bank.use_case(purpose="Something else")])
    kept = await services.technical_files.filing(filed.id)
    assert (kept.file, file_problems(kept.file)) == (filed.file, [])
    assert (await services.technical_files.of(bank.NAME)).sha256 != kept.sha256
    heads = await services.technical_files.filings(bank.NAME)
    assert [(each.id, each.reason, each.filed_by) for each in heads] == [(filed.id, "the supervisor asks", "user:anna")]
    assert (await services.audit.verify()).problems == ()


@pytest.mark.parametrize("actor", ["key:app", "system:jobs", "user:bot"])
async def test_a_file_is_filed_by_a_person_with_a_reason(services: Services, actor: str) -> None:
    await bank.accounts(services, "user:bot", kind="agent")
    with pytest.raises(NotAllowed):
        await services.technical_files.file(bank.NAME, actor=actor, reason="because")
    with pytest.raises(InputError):
        await services.technical_files.file(bank.NAME, actor="user:anna", reason=" ")


async def test_all_forms_tell_the_same_and_nothing_that_was_written_becomes_markup(services: Services) -> None:
    nasty = "<script>alert(1)</script> | [x](http://evil.example) `a` **b**"
    await bank.apply(services, use_cases=[bank.use_case(affected_persons=nasty)])
    file = await services.technical_files.of(bank.NAME)
    html, markdown = render(file, "html").decode(), render(file, "md").decode()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<script" not in markdown.replace("\\<script", "")
    assert "[x](" not in markdown.replace("\\[x\\](", "")
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(render(file, "pdf"))).pages)
    for each in file.parts:
        assert each.title in html
        assert each.title in text
    for word in ("COMPUTED", "DECLARED", "MISSING"):
        assert set(BASIS_WORDS.values()) >= {word}
        assert all(word in form for form in (html, markdown, text))
    assert "states no conformity" in html
    data = base64.b64decode(re.search(r"base64,([A-Za-z0-9+/=]+)", html).group(1))  # type: ignore[union-attr]
    assert read_file(data, "x") == file == read_file(render(file, "json"), "x")
    with pytest.raises(InputError):
        render(file, "docx")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_any_change_of_a_file_is_found(services: Services, data: st.DataObject) -> None:
    file = await services.technical_files.of(bank.NAME)
    assert hash_of(read_file(render(file, "json"), "x")) == file.sha256
    part = data.draw(st.integers(0, len(file.parts) - 1))
    place = data.draw(st.integers(0, len(file.parts[part].statements) - 1))
    changed = msgspec.to_builtins(file)
    field = data.draw(st.sampled_from(["text", "label", "basis", "sha256"]))
    was = changed["parts"][part]["statements"][place][field]
    changed["parts"][part]["statements"][place][field] = "attested" if field == "basis" and was != "attested" else was + "x"
    if field == "basis" and was == "attested":
        changed["parts"][part]["statements"][place][field] = "computed"
    assert file_problems(msgspec.convert(changed, TechnicalFile)) != []


def test_what_is_no_file_is_named() -> None:
    with pytest.raises(InputError, match="is no technical file"):
        read_file(b"{}", "x.json")
