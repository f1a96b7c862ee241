"""The medical-coding blueprint's notes are what they say: codes exist, evidence is at its place, faults are known."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from groundcrew.code_systems.catalogue import code_system
from groundcrew.code_systems.system import CodeSystem
from groundcrew.domain.hypothesis import baseline_problems, problems
from groundcrew.metrics.plan import plan as work_out
from groundcrew.services.declarations import load

BLUEPRINT = Path(__file__).parents[3] / "blueprints" / "medical-coding"
DATA = BLUEPRINT / "data"
SIZE_BYTES_MAX = 2_000_000


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        return json.loads(line)
    except ValueError:
        return None


LINES = (DATA / "encounters.jsonl").read_text(encoding="utf-8").splitlines()
RECORDS = [row for row in map(_parsed, LINES) if row is not None]
PLANTED = [json.loads(line) for line in (DATA / "planted.jsonl").read_text(encoding="utf-8").splitlines()]
FAULTY = {row["id"] for row in PLANTED if row["kind"] != "personal data"}
SOUND = [row for row in RECORDS if row["id"] not in FAULTY]
FAULTS = {
    *("copy", "near copy", "near copy in another chart", "contradiction", "wrong codes", "unknown code", "misspelt code"),
    *("heading, not a usable code", "no text", "no codes", "no patient", "no date", "too short", "too long"),
    *("evidence outside the text", "wrong language", "broken encoding", "broken line", "personal data"),
}


@pytest.fixture(scope="module")
def icd() -> CodeSystem:
    return code_system("icd-10-cm")


@pytest.fixture
def note_texts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BLUEPRINT))
    sys.modules.pop("note_texts", None)
    import note_texts

    return note_texts


def test_the_script_makes_the_notes_again_byte_for_byte() -> None:
    done = subprocess.run([sys.executable, str(BLUEPRINT / "make_sample_data.py"), "--check"], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    assert sum(path.stat().st_size for path in DATA.iterdir()) < SIZE_BYTES_MAX


def test_there_are_many_notes_of_four_kinds_and_patients_who_come_again() -> None:
    assert len(SOUND) >= 400
    assert set(Counter(row["kind"] for row in SOUND)) == {"ed", "discharge", "outpatient", "nursing"}
    visits = Counter(row["patient"] for row in SOUND)
    assert sum(count > 1 for count in visits.values()) >= 80
    assert len({row["text"] for row in SOUND}) == len(SOUND)
    for row in SOUND:
        date.fromisoformat(row["date"])


def test_the_evidence_of_sound_notes_stands_in_the_text_and_bears_every_code() -> None:
    for row in SOUND:
        assert row["codes"], row["id"]
        assert set(row["codes"]) == {each["label"] for each in row["evidence"]}, row["id"]
        for each in row["evidence"]:
            words = row["text"][each["start"] : each["end"]]
            assert words == words.strip(), row["id"]
            assert words, row["id"]
        assert not re.search(r"\[\[|\]\]|<<|>>|\{\w+\}", row["text"]), row["id"]


def test_codes_of_sound_notes_exist_are_usable_and_spread_over_chapters(icd: CodeSystem) -> None:
    used = {code for row in SOUND for code in row["codes"]}
    found = {code: icd.find(code) for code in used}
    assert [code for code, each in found.items() if each is None or not each.usable] == []
    assert len(used) >= 60
    assert len({each.chapter for each in found.values() if each}) >= 12


def test_each_diagnosis_is_written_in_many_ways_and_also_where_it_must_not_be_coded(note_texts: ModuleType) -> None:
    known = note_texts.diagnoses()
    assert len(known) >= 60
    for code, each in known.items():
        assert len({*each.short, *each.sentence}) >= 6, code
        assert each.denied, code
        for text in (*each.short, *each.sentence):
            assert "[[" in text, text
        for text in (*each.story, *each.plan, *each.medicine, *each.denied, *each.family):
            assert "[[" not in text, text
        assert each.excludes <= set(known), code
    assert sum(bool(each.family) for each in known.values()) >= 20
    assert set(note_texts.company()) | {c for each in note_texts.company().values() for c in each} <= set(known)


def test_faults_are_what_they_are_listed_as(icd: CodeSystem) -> None:
    assert {row["kind"] for row in PLANTED} == FAULTS
    rows = {row["id"]: row for row in RECORDS}
    for each in PLANTED:
        row = rows.get(each["id"], {})
        match each["kind"]:
            case "broken line":
                assert _parsed(LINES[each["line"] - 1]) is None
            case "copy":
                assert row["text"] == rows[each["of"]]["text"]
            case "near copy" | "near copy in another chart" | "contradiction":
                assert row["text"] != rows[each["of"]]["text"]
                assert row["text"].startswith(rows[each["of"]]["text"])
                assert (row["codes"] == rows[each["of"]]["codes"]) == (each["kind"] != "contradiction")
            case "wrong codes":
                assert not set(row["codes"]) & set(each["true"])
            case "unknown code" | "misspelt code":
                assert any(icd.find(code) is None for code in row["codes"]), row["codes"]
            case "heading, not a usable code":
                assert any((found := icd.find(code)) is not None and not found.usable for code in row["codes"])


def test_planted_personal_data_stand_where_they_are_listed_and_are_fictional() -> None:
    rows = {row["id"]: row for row in RECORDS}
    spans = [(rows[each["id"]], span) for each in PLANTED if each["kind"] == "personal data" for span in each["spans"]]
    assert len(spans) >= 60
    assert {span["kind"] for _, span in spans} >= {"NAME", "PHONE", "EMAIL", "RECORD_NUMBER", "BIRTH_DATE", "ADDRESS"}
    for row, span in spans:
        assert row["text"][span["start"] : span["end"]] == span["words"]
        assert span["kind"] != "PHONE" or " 555-01" in span["words"]
        assert span["kind"] != "EMAIL" or span["words"].endswith(".example")


def test_a_mark_that_is_not_closed_or_stands_in_another_is_refused(note_texts: ModuleType) -> None:
    assert note_texts.plain("a [[I10|b]] c")[:2] == ("a b c", [{"label": "I10", "start": 2, "end": 3}])
    for wrong in ("[[I10|a", "a]]", "[[I10|a [[I10|b]]]]"):
        with pytest.raises(ValueError, match="mark"):
            note_texts.plain(wrong)


def test_the_declaration_lets_phi_go_to_this_process_only_and_a_certified_coder_sign_everything() -> None:
    declared = load([BLUEPRINT])
    (use_case,) = (each.value for each in declared.use_cases)
    assert use_case.sign_off is not None
    assert (use_case.sign_off.when, use_case.sign_off.qualification) == ("always", "certified-coder")
    assert (use_case.solution, use_case.autonomy, use_case.data_classes) == ("customized", "draft_and_sign_off", ("phi",))
    assert [(each.value.api, each.value.baa, each.value.base_url) for each in declared.providers] == [("tuned", True, None)]
    assert use_case.evaluation is not None
    assert use_case.evaluation.at_least


def test_the_same_personal_data_is_masked_where_is_learned_and_where_is_answered() -> None:
    recipe = yaml.safe_load((BLUEPRINT / "recipe.yaml").read_text(encoding="utf-8"))
    (policy,) = (each.value for each in load([BLUEPRINT]).policies)
    (rule,) = policy.guards
    assert (rule.guard, rule.on, rule.action) == ("pii", ("input",), "redact")
    assert rule.settings["types"] == recipe["personal_data"]["types"]


def test_the_plan_can_be_run_as_it_is_declared() -> None:
    plan = load([BLUEPRINT]).hypotheses["medical-coding"].plan
    assert problems(plan) == []
    assert baseline_problems(plan) == []
    assert work_out(plan).required_n <= (plan.planned_n or 0)


def test_published_cases_become_records_whose_articles_lie_in_one_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BLUEPRINT))
    sys.modules.pop("codiesp", None)
    import codiesp

    marked = [{"kind": "DIAGNOSTICO", "code": "N20.0", "offsets": [[0, 7], [12, 17]]}]
    other = [{"kind": "PROCEDIMIENTO", "code": "0TTB", "offsets": [[0, 7]]}]
    case = {"text_es": "cálculo del riñón", "text_en": "kidney stone", "diagnosis_codes": ["n20.0"], "evidence": marked + other}
    for name, articles in (("train", (*range(13), 6, 12)), ("dev", (20, 21))):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as lines:
            for place, article in enumerate(articles):
                lines.write(json.dumps({**case, "id": f"S{article}-{place}"}) + "\n")
    found = codiesp.whole_articles(list(codiesp.records(tmp_path)))
    assert len(found) == 2 * 17
    assert len({each["id"] for each in found}) == len(found)
    splits = {(each["article"], each["split"]) for each in found}
    assert len({article for article, _ in splits}) == len(splits)
    assert {split for _, split in splits} == {"train", "validation", "test"}
    spanish = next(each for each in found if each["language"] == "es")
    assert spanish["codes"] == ["N20.0"]
    assert [(each["label"], spanish["text"][each["start"] : each["end"]]) for each in spanish["evidence"]] == [
        ("N20.0", "cálculo"),
        ("N20.0", "riñón"),
    ]
    assert all(each["evidence"] == [] for each in found if each["language"] == "en")
