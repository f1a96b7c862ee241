"""ICD-10-CM as it is installed: which codes there are, which a case may have, and how they are found however they are written."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import fromstring, parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.code_systems import icd10cm
from groundcrew.code_systems.catalogue import code_system
from groundcrew.code_systems.system import CodeSystem

TABULAR = """
<ICD10CM.tabular><version>2099</version><chapter><name>1</name><desc>Made-up injuries (S00-S99)</desc>
<section id="S00-S09"><desc>Made-up injuries to the head (S00-S09)</desc>
 <diag><name>S06</name><desc>Knock</desc>
  <sevenChrNote><note>The appropriate 7th character is to be added to each code from category S06</note></sevenChrNote>
  <sevenChrDef><extension char="A">initial encounter</extension><extension char="D">subsequent encounter</extension></sevenChrDef>
  <notes><note>7th character D does not apply to codes in category S06 with 6th character 7 - worst, or 8 - worse.</note></notes>
  <diag><name>S06.1</name><desc>Knock on the ear</desc><inclusionTerm><note>Ear bump</note></inclusionTerm></diag>
  <diag><name>S06.2</name><desc>Knock on the nose</desc>
   <diag><name>S06.2X7</name><desc>Knock on the nose, worst</desc></diag>
   <diag><name>S06.2X9</name><desc>Knock on the nose, other</desc></diag></diag></diag>
 <diag><name>S09</name><desc>Other knock</desc></diag>
</section>
<section id="S10"><desc>Scratch</desc><diag><name>S10</name><desc>Scratch</desc></diag></section>
</chapter></ICD10CM.tabular>
"""


@pytest.fixture(scope="module")
def installed() -> CodeSystem:
    return code_system("icd-10-cm")


def test_seventh_characters_are_enumerated_by_the_notes_with_placeholders() -> None:
    system = icd10cm.from_tabular(fromstring(TABULAR), release="2099")
    assert [each.code for each in system.codes.values() if each.usable] == [
        *("S06.1XXA", "S06.1XXD", "S06.2X7A", "S06.2X9A", "S06.2X9D", "S09", "S10"),
    ]
    entry = system.codes["S06.1XXA"]
    assert (entry.title, entry.parent, entry.chapter) == ("Knock on the ear, initial encounter", "S06.1", "1")
    assert entry.inclusions == ("Ear bump",)
    assert [each.code for each in system.parents("S06.2X7A")] == ["S06.2X7", "S06.2", "S06", "S00-S09", "1"]
    assert system.codes["S10-S10"].kind == "block"
    assert list(system.chapters()) == ["1"]


def test_the_notes_alone_give_exactly_the_codes_that_the_publisher_lists() -> None:
    table, listed = icd10cm._files()
    assert listed is not None
    by_notes = icd10cm.from_tabular(parse(table).getroot(), release="installed")
    ours = {each.code.replace(".", "") for each in by_notes.codes.values() if each.kind == "code"}
    published = {each for each in listed.read_text(encoding="utf-8").split() if len(each) > 2 and "-" not in each}
    assert ours == published


@pytest.mark.parametrize(
    ("written", "code", "usable"),
    [
        ("S52.501A", "S52.501A", True),
        ("s52501a", "S52.501A", True),
        (" S52 501A", "S52.501A", True),
        ("S52.501", "S52.501", False),
        ("S52.5-", "S52.5", False),
        ("T07.XXXA", "T07.XXXA", True),
        ("t07xxxa", "T07.XXXA", True),
        ("T07", "T07", False),
        ("E11,9", "E11.9", True),
        ("I10.", "I10", True),
        ("a00-a09", "A00-A09", False),
    ],
)
def test_a_code_is_found_however_it_is_written(installed: CodeSystem, written: str, code: str, usable: bool) -> None:
    entry = installed.find(written)
    assert entry is not None
    assert (entry.code, entry.usable) == (code, usable)
    assert installed.is_usable(written) is usable
    assert (installed.problem(written) is None) is usable


@pytest.mark.parametrize(
    "written",
    ["", " ", "E1.19", "S52.501Z", "T07A", "E11.9 Type 2 diabetes", "E1l.9", "E11..9", "250.00", "E11.99", "S06.1X7D", "x" * 500],
)
def test_what_is_no_code_is_not_found(installed: CodeSystem, written: str) -> None:
    assert installed.find(written) is None
    assert installed.problem(written)


@pytest.mark.parametrize(
    ("words", "category"),
    [("pneumonia", "J18"), ("fever", "R50"), ("sepsis", "A41"), ("gout", "M10"), ("covid", "U07"), ("epilepsy", "G40")],
)
def test_the_first_hit_is_what_a_word_means_by_itself(installed: CodeSystem, words: str, category: str) -> None:
    assert installed.search(words)[0].entry.code.startswith(category)


def test_search_finds_by_words_and_their_beginnings(installed: CodeSystem) -> None:
    assert installed.search("atrial fibrillation unspecified")[0].entry.code == "I48.91"
    assert any(each.entry.code == "A00.0" for each in installed.search("classical choler"))
    assert installed.search("Meniere's disease")[0].entry.title.startswith("Ménière")
    assert installed.search("zzzzzz") == []
    assert len(installed.search("fracture", limit=7)) == 7


def test_headings_lead_to_their_codes(installed: CodeSystem) -> None:
    under = [each.code for each in installed.usable_under("S52.501")]
    assert len(under) == 16
    assert under[0] == "S52.501A"
    assert len(list(installed.chapters())) == 22
    assert installed.children("E11.9") == ()
    assert installed.children("nothing") == installed.parents("nothing") == ()


def test_it_is_the_same_system_every_time(installed: CodeSystem) -> None:
    assert code_system("icd-10-cm") is installed
    assert len(installed.digest) == 64
    assert "2026" in installed.release or installed.release


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_writing_of_a_code_leads_to_it(data: st.DataObject) -> None:
    system = code_system("icd-10-cm")
    codes = [each for each in system.codes.values() if each.kind == "code"]
    entry = codes[data.draw(st.integers(0, len(codes) - 1))]
    written = data.draw(st.sampled_from((entry.code, entry.code.replace(".", ""), entry.code.replace(".", " "))))
    written = data.draw(st.sampled_from((written, written.lower(), f" {written} ")))
    assert system.find(written) == entry


def test_the_package_is_not_imported_for_it() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from groundcrew.code_systems.catalogue import code_system; code_system('icd-10-cm');"
        "print('simple_icd_10_cm.simple_icd_10_cm' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.strip() == "False"
