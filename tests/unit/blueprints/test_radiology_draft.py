"""The radiology blueprint is consistent, its errors are what they are labelled as, and the trust score sees a swapped side."""

from __future__ import annotations

import importlib.util
import json
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from groundcrew.domain.hypothesis import baseline_problems, problems
from groundcrew.guards.masking import mask_text
from groundcrew.guards.redaction import Pseudonyms
from groundcrew.metrics.plan import plan as work_out
from groundcrew.services.declarations import load

BLUEPRINT = Path(__file__).parents[3] / "blueprints" / "radiology-draft"
KINDS = {"laterality", "size", "value", "negation", "invention", "level", "retracted"}
#: What the measure must keep; its README has the figures.
LATERALITY_SEEN_MIN, DRAFTS_DOUBTED_MAX = 0.93, 0.16
HEADINGS = {"en": ("FINDINGS:", "IMPRESSION:"), "de": ("BEFUND:", "BEURTEILUNG:")}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (BLUEPRINT / "data" / name).read_text(encoding="utf-8").splitlines()]


DICTATIONS = {row["id"]: row for row in rows("dictations.jsonl")}
PLANTED = rows("planted.jsonl")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BLUEPRINT / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_a_hundred_dictations_of_five_kinds() -> None:
    assert len(DICTATIONS) == len(rows("dictations.jsonl")) == 100
    assert set(Counter(row["modality"] for row in DICTATIONS.values())) == {"CT", "MR", "X-ray", "ultrasound", "mammography"}
    assert Counter(row["language"] for row in DICTATIONS.values()) == {"en": 83, "de": 17}
    assert len({row["text"] for row in DICTATIONS.values()}) == 100


@pytest.mark.parametrize("row", DICTATIONS.values(), ids=DICTATIONS)
def test_a_draft_has_its_headings_and_only_figures_that_were_dictated(row: dict[str, Any]) -> None:
    first, second = HEADINGS[row["language"]]
    assert row["draft"].startswith(first)
    assert f"\n\n{second}\n" in row["draft"]
    spoken = {"one": "1", "two": "2", "three": "3", "five": "5", "eight": "8", "zero": "0", "minus": "-"}
    said = row["text"].lower()
    for word, digit in spoken.items():
        said = re.sub(rf"\b{word}\b", digit, said)
    dictated = set(re.findall(r"\d+(?:[.,]\d+)?", said))
    told = set(re.findall(r"\d+(?:[.,]\d+)?", row["draft"]))
    assert told <= dictated, told - dictated


def test_nothing_in_a_dictation_or_draft_is_masked_for_the_record() -> None:
    for row in DICTATIONS.values():
        for text in (row["text"], row["draft"]):
            assert mask_text(text, "patterns", Pseudonyms()) == text


def test_each_error_changes_its_draft_at_the_place_that_it_names() -> None:
    assert len({row["id"] for row in PLANTED}) == len(PLANTED) == 467
    assert {row["kind"] for row in PLANTED} == KINDS
    for row in PLANTED:
        draft, answer = DICTATIONS[row["dictation"]]["draft"], row["answer"]
        assert answer != draft
        assert 0 <= row["start"] < row["end"] <= len(answer)
        assert answer[: row["start"]] == draft[: row["start"]], row["id"]
        assert row["is"] in answer
        assert row["was"] in draft


def test_the_declaration_holds_every_answer_and_lets_phi_go_to_a_baa_only() -> None:
    declared = load([BLUEPRINT])
    (use_case,) = (each.value for each in declared.use_cases)
    assert use_case.sign_off is not None
    assert (use_case.sign_off.when, use_case.sign_off.qualification) == ("always", "radiologist")
    assert (use_case.data_classes, use_case.autonomy) == (("phi",), "draft_and_sign_off")
    assert use_case.grounding is not None
    assert (use_case.grounding.source, use_case.grounding.marked, use_case.grounding.below) == ("request", True, "hold")
    assert all(each.value.baa for each in declared.providers)
    assert "scratch that" in use_case.prompt


def test_the_plan_can_be_run_as_it_is_declared() -> None:
    plan = load([BLUEPRINT]).hypotheses["radiology-draft"].plan
    assert problems(plan) == []
    assert baseline_problems(plan) == []
    assert work_out(plan).required_n <= (plan.planned_n or 0)


def test_the_scripted_writer_errs_where_it_is_told() -> None:
    writer = script("scripted_writer")
    answers = writer.drafts(["ct-chest-01-1"])
    for row in DICTATIONS.values():
        assert (answers[row["text"]] == row["draft"]) == (row["id"] != "ct-chest-01")
    assert "left upper lobe" in answers[DICTATIONS["ct-chest-01"]["text"]]
    with pytest.raises(KeyError):
        writer.drafts(["no-such-error"])


def test_the_trust_score_sees_swapped_sides_and_lets_most_drafts_be() -> None:
    measure = script("measure")
    right = measure.scored([(row["text"], row["draft"]) for row in DICTATIONS.values()])
    assert sum(map(measure.is_doubted, right)) <= DRAFTS_DOUBTED_MAX * len(right)
    swapped = [row for row in PLANTED if row["kind"] == "laterality"]
    wrong = measure.scored([(DICTATIONS[row["dictation"]]["text"], row["answer"]) for row in swapped])
    assert sum(map(measure.is_doubted, wrong)) >= LATERALITY_SEEN_MIN * len(wrong)
