# ruff: noqa: E501 - lines of published files are long
"""Code systems from published tables, small ones of our own in their formats: what is read, and where it is wrong."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from groundcrew.cli.main import cli
from groundcrew.code_systems import building
from groundcrew.code_systems.catalogue import Format, catalogue, code_system, import_system
from groundcrew.errors import Conflict, InputError, NotFound

KAPITEL = "01;Erfundene Infektionen\n02;Erfundene Stoffwechselleiden\n"
GRUPPEN = "A00;A09;01;Infektionen des Darms\nE10;E14;02;Zuckerkrankheit\n"
KODES = """3;N;X;01;A00;A00.-;A00;A00;Darminfektion;Darminfektion;;;V;V
4;T;X;01;A00;A00.0;A00.0;A000;Darminfektion, leicht;Darminfektion;leicht;;P;P
3;T;X;01;A00;A05*;A05;A05;Folge einer Infektion;Folge;;;O;O
3;T;X;01;A00;A08!;A08;A08;Nur zur Statistik;Statistik;;;V;V
3;N;X;02;E10;E11.-;E11;E11;Zucker, Typ 2;Zucker;;;V;V
4;N;S;02;E10;E11.9-;E11.9;E119;Zucker ohne Folgen;Zucker;ohne Folgen;;V;V
5;T;S;02;E10;E11.90;E11.90;E1190;Zucker, übermäßig;Zucker;ohne Folgen;eingestellt;P;P
"""
OPS = {
    "ops2026syst_kapitel.txt": "5;Erfundene Eingriffe\n",
    "ops2026syst_gruppen.txt": "5;5-42;5-54;Eingriffe am Bauch\n",
    "ops2026syst_dreisteller.txt": "5;5-42;5-47;Eingriffe am Blinddarm\n",
    "ops2026syst_kodes.txt": "4;N;X;5;5-42;5-47;5-470;;Blinddarm entfernen;;;;J;N;N\n5;T;X;5;5-42;5-47;5-470.0;;Offen;;;;J;N;N\n"
    "5;N;X;5;5-42;5-47;5-470.1;;Mit Kamera;;;;J;N;N\n6;T;X;5;5-42;5-47;5-470.1x;;Sonstige;;;;J;N;N\n",
}
CLAML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE ClaML SYSTEM "ClaML.dtd">
<ClaML version="2.0.0"><Title date="2025-09-12" name="Erfunden" version="2026">Erfunden</Title>
<Modifier code="S1"><SubClass code=".0"/></Modifier>
<ModifierClass modifier="S1" code=".0"><SuperClass code="S1"/><Rubric kind="preferred"><Label xml:lang="de">leicht</Label></Rubric></ModifierClass>
<ModifierClass modifier="S1" code=".1"><SuperClass code="S1"/><Rubric kind="preferred"><Label xml:lang="de">schwer</Label></Rubric></ModifierClass>
<ModifierClass modifier="S2" code="0"><SuperClass code="S2"/><Rubric kind="preferred"><Label xml:lang="de">früh</Label></Rubric></ModifierClass>
<ModifierClass modifier="S2" code="1"><Meta name="excludeOnPrecedingModifier" value="S1 .0"/><SuperClass code="S2"/>
 <Rubric kind="preferred"><Label xml:lang="de">spät</Label></Rubric></ModifierClass>
<Class code="I" kind="chapter"><SubClass code="A00-A09"/><Rubric kind="preferred"><Label xml:lang="de">Kapitel eins</Label></Rubric></Class>
<Class code="A00-A09" kind="block"><SuperClass code="I"/><SubClass code="A00"/><SubClass code="A01"/>
 <Rubric kind="preferred"><Label xml:lang="de">Gruppe</Label></Rubric></Class>
<Class code="A00" kind="category"><SuperClass code="A00-A09"/><SubClass code="A00.0"/>
 <Rubric kind="preferred"><Label xml:lang="de">Ding</Label></Rubric></Class>
<Class code="A00.0" kind="category"><SuperClass code="A00"/>
 <Rubric kind="preferred"><Label xml:lang="de">Ding mit <Reference>A01</Reference></Label></Rubric>
 <Rubric kind="inclusion"><Label xml:lang="de">Sache</Label></Rubric><Rubric kind="exclusion"><Label xml:lang="de">Unding</Label></Rubric></Class>
<Class code="A01" kind="category"><Meta name="Para301" value="P"/><SuperClass code="A00-A09"/><ModifiedBy code="S1"/>
 <ModifiedBy code="S2" all="false"><ValidModifierClass code="0"/><ValidModifierClass code="1"/></ModifiedBy>
 <Rubric kind="preferred"><Label xml:lang="de">Leiden</Label></Rubric></Class>
</ClaML>
"""
CHOP = """zcode;item type;text;codable
C1;T;Operationen am Erfundenen;0
Z01;T;Eingriffe;0
Z01.1;T;Kleiner Eingriff;0
Z01.1;I;;
Z01.11;T;Ganz kleiner Eingriff;1
Z01.11;I;Winziger Eingriff;
Z01.11;X;Großer Eingriff;
Z01.11;N;Ein Hinweis;
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(files: dict[str, str], encoding: str = "utf-8") -> Path:
        folder = tmp_path / "published"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding=encoding)
        return folder

    return write


def icd(kodes: str = KODES) -> dict[str, str]:
    return {"icd10gm2026syst_kapitel.txt": KAPITEL, "icd10gm2026syst_gruppen.txt": GRUPPEN, "icd10gm2026syst_kodes.txt": kodes}


def test_metadata_of_icd_10_gm(write: Callable[..., Path], tmp_path: Path) -> None:
    entry = import_system("icd-10-gm", write(icd()), format="metadata", folder=tmp_path / "kept")
    assert (entry.release, entry.language, entry.codes) == ("2026", "de", 3)
    system = code_system("icd-10-gm", folder=tmp_path / "kept")
    assert [each.code for each in system.codes.values() if each.usable] == ["A00.0", "A05", "E11.90"]
    assert [each.code for each in system.parents("e1190")] == ["E11.9", "E11", "E10-E14", "2"]
    found = system.find("A00.-")
    assert found is not None
    assert (found.code, found.usable) == ("A00", False)
    assert list(system.chapters()) == ["1", "2"]
    assert system.search("ubermassig")[0].entry.code == "E11.90"


def test_metadata_of_ops_and_of_older_editions_in_another_encoding(write: Callable[..., Path], tmp_path: Path) -> None:
    import_system("ops", write(OPS, "cp1252"), format="metadata", folder=tmp_path / "kept")
    system = code_system("ops@2026", folder=tmp_path / "kept")
    assert [each.code for each in system.codes.values() if each.usable] == ["5-470.0", "5-470.1x"]
    assert [each.code for each in system.parents("54701X")] == ["5-470.1", "5-470", "5-47", "5-42...5-54", "5"]


def test_an_archive_is_read_as_it_was_published(write: Callable[..., Path], tmp_path: Path) -> None:
    folder = write(icd())
    archive = tmp_path / "icd10gm2026syst-meta.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for each in folder.iterdir():
            target.write(each, f"Klassifikationsdateien/{each.name}")
    first = import_system("icd-10-gm", archive, format="metadata", folder=tmp_path / "kept")
    second = import_system("icd-10-gm", folder, format="metadata", folder=tmp_path / "kept")
    assert first.digest == second.digest
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_archives_that_can_not_be_read_or_would_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "x.zip"

    def refused(message: str) -> None:
        with pytest.raises(InputError, match=message):
            import_system("any", archive, format="claml", release="1", folder=tmp_path / "kept")

    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("../../a.xml", " " * 6_000)
        target.writestr("b.xml", " " * 6_000)
    assert not (tmp_path.parent / "a.xml").exists()
    monkeypatch.setattr(building, "PUBLICATION_BYTES_MAX", 10_000)
    refused(r"x\.zip: is larger than 10,000 bytes, unpacked")
    monkeypatch.setattr(building, "ARCHIVE_FILES_MAX", 1)
    refused(r"x\.zip: holds more than 1 tables")
    whole = archive.read_bytes()
    # Bit 0 of the flags of an entry: encrypted.
    archive.write_bytes(whole.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"))
    refused("can not be opened: .*encrypted")
    # The first bytes of the packed text.
    at = whole.index(b"a.xml") + 5
    archive.write_bytes(whole[:at] + b"\xff\xff\xff" + whole[at + 3 :])
    refused("is a damaged archive")


def test_claml_with_modifiers(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write({"syst_claml_2026.xml": CLAML}) / "syst_claml_2026.xml"
    import_system("made-up", path, format="claml", folder=tmp_path / "kept")
    system = code_system("made-up", folder=tmp_path / "kept")
    assert [each.code for each in system.codes.values() if each.usable] == ["A00.0", "A01.00", "A01.10", "A01.11"]
    assert (system.release, system.language) == ("2026", "de")
    entry = system.codes["A00.0"]
    assert (entry.title, entry.inclusions, entry.excludes) == ("Ding mit A01", ("Sache",), ("Unding",))
    assert system.codes["A01.11"].title == "Leiden: schwer: spät"
    assert [each.code for each in system.parents("A01.11")] == ["A01.1", "A01", "A00-A09", "I"]


def test_chop_with_its_rows_of_notes(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write({"chop.csv": CHOP}) / "chop.csv"
    import_system("chop", path, format="chop", release="2026", language="de", folder=tmp_path / "kept")
    system = code_system("chop", folder=tmp_path / "kept")
    (entry,) = [each for each in system.codes.values() if each.usable]
    assert (entry.code, entry.inclusions, entry.excludes, entry.parent) == (
        *("Z01.11", ("Winziger Eingriff",), ("Großer Eingriff",), "Z01.1"),
    )
    assert list(system.chapters()) == ["C1"]


def test_a_plain_table_needs_no_more_than_code_and_title(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write({"own.csv": "Nr;Bezeichnung;parent\nA;Alles;\nA1;Eins;A\nB;Bäume;\n"}) / "own.csv"
    import_system("own", path, format="csv", release="1", folder=tmp_path / "kept", columns={"code": "Nr"})
    system = code_system("own", folder=tmp_path / "kept")
    assert [(each.code, each.usable) for each in system.codes.values()] == [("A", False), ("A1", True), ("B", True)]


@pytest.mark.parametrize(
    ("files", "format", "message"),
    [
        (icd("3;N;X;01;A00\n"), "metadata", r"kodes\.txt:1: has 5 fields, at least 14"),
        (icd(KODES + KODES.split("\n")[1] + "\n"), "metadata", r"kodes\.txt:8: the code A00\.0 comes twice, first in .*:2"),
        (icd(KODES.replace("4;T;X;01;A00;A00.0", "4;?;X;01;A00;A00.0")), "metadata", r"kodes\.txt:2: the second field is T"),
        ({"x.txt": "nothing"}, "metadata", "holds no file of codes"),
        ({"x.xml": "<ClaML><Class></ClaML>"}, "claml", r"x\.xml:1: is no well-formed XML"),
        ({"x.xml": CLAML.replace('<ModifiedBy code="S1"/>', '<ModifiedBy code="S9"/>')}, "claml", "A01 is modified by 'S9'"),
        ({"x.csv": "code;title;parent\nA;One;B\n"}, "csv", r"x\.csv:2: A lies under 'B'"),
        ({"x.csv": "code;title;parent\nA;One;B\nB;Two;A\n"}, "csv", r"x\.csv:2: the entries above A go in circles"),
        (
            {"x.csv": "code;title\nA.1;One\na1;Two\n"},
            "csv",
            r"x\.csv:3: the code a1 differs from A\.1 in its dots and case alone",
        ),
        (
            {
                "x.xml": CLAML.replace('"ClaML.dtd"', '"ClaML.dtd" [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]').replace(
                    "Ding mit", "&b;"
                )
            },
            "claml",
            r"x\.xml:2: declares XML entities",
        ),
        ({"x.csv": 'code;title\nA;"One'}, "csv", r"x\.csv:2: is no readable row"),
        ({"x.csv": "code;title\nA;" + "x" * 100_001}, "csv", r"x\.csv:2: is no readable row"),
        ({"x.csv": "number;name\n1;One\n"}, "csv", "no column for the code"),
        ({"x.csv": "code;title;usable\nA;One;perhaps\n"}, "csv", r"x\.csv:2: usable: 'perhaps' is neither yes nor no"),
        ({"x.csv": "code;title\nA;\n"}, "csv", r"x\.csv:2: the title of A"),
        ({"x.csv": "code;title\n"}, "csv", "holds no code"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(
    write: Callable[..., Path], tmp_path: Path, files: dict[str, str], format: Format, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        import_system("any", write(files), format=format, release="1", folder=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_an_edition_is_never_overwritten_and_the_last_one_is_meant(write: Callable[..., Path], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    path = write({"own.csv": "code;title\nA;One\n"}) / "own.csv"
    for release in ("2", "10"):
        import_system("own", path, format="csv", release=release, folder=kept)
    path.write_text("code;title\nA;Another\n", encoding="utf-8")
    with pytest.raises(Conflict, match="is there with other content"):
        import_system("own", path, format="csv", release="2", folder=kept)
    assert code_system("own", folder=kept).release == "10"
    assert code_system("own@2", folder=kept).release == "2"
    assert [each.name for each in catalogue(kept)] == ["icd-10-cm", "own", "own"]
    with pytest.raises(NotFound, match="did you mean 'own'"):
        code_system("owm", folder=kept)
    with pytest.raises(InputError, match="ships with the package"):
        import_system("icd-10-cm", path, format="csv", release="2", folder=kept)


def test_a_damaged_file_is_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write({"own.csv": "code;title\nA;One\n"}) / "own.csv"
    entry = import_system("own", path, format="csv", release="1", folder=tmp_path / "kept")
    Path(entry.path).write_bytes(Path(entry.path).read_bytes()[:-9])
    with pytest.raises(InputError, match="damaged code system"):
        code_system("own", folder=tmp_path / "kept")


def test_the_command(write: Callable[..., Path], tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(cli, ["codes", *arguments, "--data", str(tmp_path / "data")], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    folder = write(icd())
    assert "icd-10-gm 2026: 3 usable codes" in run("import", "icd-10-gm", str(folder), "--format", "metadata")
    assert "icd-10-gm" in run("list")
    assert "above: E10-E14" in run("show", "icd-10-gm", "e1190")
    assert "a heading, which no case may have" in run("show", "icd-10-gm", "E11")
    assert '"code": "E11.90"' in run("search", "icd-10-gm", "zuck", "--usable", "--json")
    assert "nothing in icd-10-gm has these words" in run("search", "icd-10-gm", "zebra")
