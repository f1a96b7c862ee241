"""What people say for codes: the tables that ship, tables of one's own, and what is wrong in one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from groundcrew.cli.main import cli
from groundcrew.code_systems import term_files
from groundcrew.code_systems.catalogue import FOLDER, add_terms, code_system, import_system
from groundcrew.errors import InputError


def own_system(folder: Path) -> Path:
    table = folder / "own.csv"
    table.write_text("code;title;parent\nA;Accounts;\nA1;Password forgotten;A\nA2;Locked out;A\n", encoding="utf-8")
    import_system("it-topics", table, format="csv", release="1", language="en", folder=folder / FOLDER)
    return folder / FOLDER


def table(folder: Path, text: str) -> Path:
    path = folder / "terms.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_term_that_ships_is_of_a_code_that_a_case_may_have(tmp_path: Path) -> None:
    system = code_system("icd-10-cm", folder=tmp_path)
    tables = sorted((term_files.SHIPPED / "icd-10-cm").glob("*.tsv"))
    seen: set[tuple[str, str]] = set()
    for path in tables:
        for row in term_files.checked(path, system):
            assert (row.code, row.language) not in seen, (path.name, row.line)
            seen.add((row.code, row.language))
    assert {language for _, language in seen} == {"en", "es"}
    assert len(seen) == sum(len(codes) for codes in system.terms.values()) > 1_000
    assert sum(path.stat().st_size for path in tables) < 1_500_000


def test_codes_are_found_by_terms_in_either_language(tmp_path: Path) -> None:
    system = code_system("icd-10-cm", folder=tmp_path)
    for words, wanted in (("palpitaciones", "R00.2"), ("racing heart", "R00.0")):
        assert wanted in [hit.entry.code for hit in system.search(words, limit=5)]
    assert "taquicardia" in system.terms_of("R00.0")["es"]


def test_own_terms_are_added_found_and_in_the_digest(tmp_path: Path) -> None:
    folder = own_system(tmp_path)
    before = code_system("it-topics", folder=folder)
    assert (before.terms, before.terms_digest) == ({}, "")
    path = table(tmp_path, "# ours\n\nA1\tde\tKennwort vergessen | Passwort weg\na1\ten\tforgot my password\n")
    added = add_terms("it-topics", path, folder=folder)
    assert (added.codes, added.terms, added.languages) == (1, 3, ("de", "en"))
    after = code_system("it-topics", folder=folder)
    assert after.terms["de"] == {"A1": ("Kennwort vergessen", "Passwort weg")}
    assert after.digest == before.digest
    assert after.terms_digest
    assert [hit.entry.code for hit in after.search("kennwort")] == ["A1"]
    # The same again is the same; other terms are another digest.
    assert add_terms("it-topics", path, folder=folder).path == added.path
    add_terms("it-topics", table(tmp_path, "A2\tde\tausgesperrt\n"), folder=folder)
    assert code_system("it-topics", folder=folder).terms_digest != after.terms_digest


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("A1\tde", "terms.tsv:2: has 2 fields"),
        ("A9\tde\tWort", "terms.tsv:2: code: 'A9' is no code of it-topics 1"),
        ("A\tde\tWort", "terms.tsv:2: code: A is a heading"),
        ("A1\tGerman\tWort", "terms.tsv:2: language: 'German' is no language"),
        ("A1\tde\t | ", "terms.tsv:2: terms: holds no term"),
        ("A1\tde\tgut | ??", "terms.tsv:2: terms: '??' is no term"),
    ],
)
def test_what_is_wrong_in_a_table_is_told_with_its_line_and_nothing_is_kept(tmp_path: Path, line: str, told: str) -> None:
    folder = own_system(tmp_path)
    path = table(tmp_path, f"A1\ten\tforgot it\n{line}\n")
    with pytest.raises(InputError) as caught:
        add_terms("it-topics", path, folder=folder)
    assert told in str(caught.value)
    assert code_system("it-topics", folder=folder).terms == {}


def test_a_table_that_is_no_text_or_empty_is_told(tmp_path: Path) -> None:
    folder = own_system(tmp_path)
    with pytest.raises(InputError, match="holds no terms"):
        add_terms("it-topics", table(tmp_path, "# nothing\n"), folder=folder)
    path = tmp_path / "terms.tsv"
    path.write_bytes(b"A1\tde\t\xff\xfe\n")
    with pytest.raises(InputError, match="no UTF-8"):
        add_terms("it-topics", path, folder=folder)
    with pytest.raises(InputError, match="can not be read"):
        add_terms("it-topics", tmp_path / "none.tsv", folder=folder)


def test_the_command_line_adds_and_shows_terms(tmp_path: Path) -> None:
    own_system(tmp_path)
    path = table(tmp_path, "A1\tde\tKennwort vergessen\n")
    run = CliRunner().invoke(cli, ["codes", "add-terms", "it-topics", str(path), "--data", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert "it-topics: 1 terms in de for 1 codes" in run.output
    shown = CliRunner().invoke(cli, ["codes", "show", "it-topics", "A1", "--data", str(tmp_path)])
    assert "terms (de): Kennwort vergessen" in shown.output
