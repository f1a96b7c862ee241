"""The bank-email blueprint is consistent: what its data promise about its knowledge holds word for word."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from groundcrew.domain.hypothesis import baseline_problems, parse_plan, problems
from groundcrew.grounding.readers.markdown import read_markdown
from groundcrew.grounding.sentences import split_sentences
from groundcrew.metrics.plan import plan as work_out
from groundcrew.services.declarations import load

BLUEPRINT = Path(__file__).parents[3] / "blueprints" / "bank-email"
DATA = BLUEPRINT / "data"
INVENTION_KINDS = {
    *("invented_fee", "car_for_one_dollar", "wrong_date", "wrong_amount", "wrong_name", "unauthorised_promise", "mixed"),
}
METRIC_UNITS = {"handle_time": "s", "resolved_without_human": "share", "complaint": "share"}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def articles() -> dict[str, str]:
    """Plain text of each article by file name, as the knowledge base reads it."""
    paths = sorted((BLUEPRINT / "knowledge").iterdir())
    return {path.name: read_markdown(path.read_bytes(), path.name)[0].text for path in paths}


@pytest.fixture(scope="module")
def emails() -> list[dict[str, Any]]:
    return rows("emails.jsonl")


def test_the_knowledge_is_articles_only(articles: dict[str, str]) -> None:
    assert len(articles) >= 66
    assert all(name.endswith(".md") and not name.lower().startswith("readme") for name in articles)


def test_each_article_has_title_sections_and_a_readable_length() -> None:
    for path in (BLUEPRINT / "knowledge").iterdir():
        source = path.read_text(encoding="utf-8")
        assert source.startswith("# "), path.name
        assert source.count("\n## ") >= 2, path.name
        assert 120 <= len(source.split()) <= 350, path.name


def test_titles_are_unique() -> None:
    titles = Counter(path.read_text(encoding="utf-8").split("\n", 1)[0] for path in (BLUEPRINT / "knowledge").iterdir())
    assert [title for title, count in titles.items() if count > 1] == []


def test_every_expected_sentence_is_one_whole_sentence_of_a_named_article(
    articles: dict[str, str], emails: list[dict[str, Any]]
) -> None:
    sentences = {name: {text[s.start : s.end] for s in split_sentences(text)} for name, text in articles.items()}
    for mail in emails:
        for expected in mail["expected"]:
            holders = [name for name in mail["articles"] if expected in articles[name]]
            assert holders, (mail["id"], expected)
            assert any(expected in sentences[name] for name in holders), (mail["id"], expected)
        assert all(any(e in articles[name] for e in mail["expected"]) for name in mail["articles"]), mail["id"]


def test_alternatives_stand_in_the_knowledge_and_are_not_expected_already(
    articles: dict[str, str], emails: list[dict[str, Any]]
) -> None:
    everything = "\n".join(articles.values())
    for mail in emails:
        assert all(sentence in everything for sentence in mail["also"]), mail["id"]
        assert not set(mail["also"]) & set(mail["expected"]), mail["id"]
        assert mail["expected"] or not mail["also"], mail["id"]


def test_every_article_answers_at_least_one_email(articles: dict[str, str], emails: list[dict[str, Any]]) -> None:
    assert set(articles) - {name for mail in emails for name in mail["articles"]} == set()


def test_emails_are_many_unique_and_about_three_quarters_answerable(emails: list[dict[str, Any]]) -> None:
    assert len(emails) >= 330
    assert len({mail["id"] for mail in emails}) == len(emails)
    texts = Counter(" ".join(mail["text"].lower().split()) for mail in emails)
    assert [text for text, count in texts.items() if count > 1] == []
    assert 0.72 <= sum(mail["answerable"] for mail in emails) / len(emails) <= 0.78


def test_answerable_goes_with_expected_sentences_and_kind(emails: list[dict[str, Any]]) -> None:
    for mail in emails:
        assert mail["answerable"] == bool(mail["expected"]) == bool(mail["articles"]), mail["id"]
        assert mail["subject"].strip(), mail["id"]
        assert mail["text"].strip(), mail["id"]
        if mail["kind"] in ("out_of_scope", "no_verified_answer", "personal_data"):
            assert not mail["answerable"], mail["id"]


def test_enough_emails_ask_two_things_and_some_need_two_articles(emails: list[dict[str, Any]]) -> None:
    assert sum(len(mail["expected"]) > 1 for mail in emails) >= 15
    assert sum(len(mail["articles"]) > 1 for mail in emails) >= 10


def test_personal_data_are_obviously_fictional(emails: list[dict[str, Any]]) -> None:
    text = "\n".join(mail["text"] for mail in emails)
    for number in re.findall(r"\+\d[\d ]{7,}", text):
        assert " 555 " in number, number
    for domain in re.findall(r"@([\w.-]+\w)", text):
        assert domain == "example.com" or domain.endswith(".example"), domain
    ibans = re.findall(r"\bCH\d\d(?: ?\d){17}", text)
    assert len(ibans) >= 3
    for iban in ibans:
        digits = iban.replace(" ", "")
        assert int(digits[4:] + "1217" + digits[2:4]) % 97 == 1, iban


def test_inventions_are_unique_and_each_says_what_is_wrong() -> None:
    found = rows("inventions.jsonl")
    assert len(found) >= 12
    assert len({row["id"] for row in found}) == len({row["question"] for row in found}) == len(found)
    assert {row["kind"] for row in found} == INVENTION_KINDS
    assert all(row["answer"] and row["why"] for row in found)
    planted = Counter(row["kind"] for row in found)
    assert all(planted[kind] >= 2 for kind in ("invented_fee", "car_for_one_dollar", "unauthorised_promise", "wrong_date"))
    assert any("legally binding offer" in row["answer"] and "one dollar" in row["answer"] for row in found)


@pytest.mark.parametrize(("name", "at_least"), [("grounded_answers.jsonl", 24), ("rewordings.jsonl", 60)])
def test_amounts_dates_and_times_of_grounded_answers_stand_in_their_articles(
    articles: dict[str, str], name: str, at_least: int
) -> None:
    found = rows(name)
    assert len(found) >= at_least
    assert len({row["id"] for row in found}) == len({row["question"] for row in found}) == len(found)
    for row in found:
        sources = " ".join(articles[article] for article in row["articles"])
        written = (
            row["answer"].replace("'", ",") if row.get("language") != "de" else re.sub(r"(?<=\d),(?=\d)", ".", row["answer"])
        )
        for number in re.findall(r"\d+(?:[.,:]\d+)*", written.replace("'", ",")):
            assert re.search(rf"(?<![\d.,:]){re.escape(number)}(?!\d)", sources), (row["id"], number)


def test_rewordings_cover_many_articles_and_both_languages() -> None:
    found = rows("rewordings.jsonl")
    assert len({article for row in found for article in row["articles"]}) >= 40
    assert sum(row["language"] == "en" for row in found) >= 60
    assert sum(row["language"] == "de" for row in found) >= 15


def test_sample_rows_are_all_marked_and_well_formed(emails: list[dict[str, Any]]) -> None:
    ratings, outcomes = rows("sample_ratings.jsonl"), rows("sample_outcomes.jsonl")
    assert len(ratings) >= 240
    assert len(outcomes) >= 400
    assert all(row["sample"] is True for row in (*ratings, *outcomes))
    assert all(datetime.fromisoformat(row["at"]).tzinfo is not None for row in (*ratings, *outcomes))
    answerable = {mail["id"] for mail in emails if mail["answerable"]}
    assert all(row["email_id"] in answerable and row["stars"] in range(1, 6) and row["rater"] for row in ratings)
    assert len({row["case_id"] for row in ratings}) == len(ratings)
    assert {(row["metric"], row["unit"]) for row in outcomes} == set(METRIC_UNITS.items())
    assert len({(row["case_id"], row["metric"]) for row in outcomes}) == len(outcomes)
    arms = {row["unit_id"]: row["arm"] for row in outcomes}
    assert all(arms[row["unit_id"]] == row["arm"] for row in outcomes)
    assert set(arms.values()) == {"control", "treatment"}


def test_sample_data_look_as_the_readme_says() -> None:
    def mean(metric: str, arm: str) -> float:
        values = [r["value"] for r in rows("sample_outcomes.jsonl") if (r["metric"], r["arm"]) == (metric, arm)]
        return float(sum(values) / len(values))

    stars = [row["stars"] for row in rows("sample_ratings.jsonl")]
    assert 4.2 <= sum(stars) / len(stars) <= 4.4
    assert 800 <= mean("handle_time", "control") <= 1000
    assert 170 <= mean("handle_time", "treatment") <= 230
    assert 0.75 <= mean("resolved_without_human", "treatment") <= 0.85


def test_the_script_makes_the_sample_data_again_byte_for_byte() -> None:
    done = subprocess.run([sys.executable, str(BLUEPRINT / "make_sample_data.py"), "--check"], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()


def test_the_declarations_load_and_both_use_cases_are_registered_against_the_same_base() -> None:
    declared = load([BLUEPRINT])
    cases = [each.value for each in declared.use_cases]
    assert {case.name for case in cases} == set(declared.hypotheses) == {"bank-email", "bank-email-generated"}
    assert {case.model for case in cases} == {"mail-writer", "mail-writer-scripted"}
    assert len({case.owner for case in cases}) == len({case.champion for case in cases}) == 2
    for case in cases:
        assert case.grounding is not None
        assert (case.grounding.knowledge, case.grounding.mode, case.grounding.below) == ("bank-policies", "required", "fallback")
        assert case.sign_off is None
        assert case.exposure is not None
        assert case.exposure.ceiling_percent <= 5


def test_the_plan_can_be_registered_and_plans_enough_tickets() -> None:
    declared = yaml.safe_load((BLUEPRINT / "handle-time.yaml").read_text(encoding="utf-8"))
    hypothesis = parse_plan(declared)
    assert problems(hypothesis) == []
    assert baseline_problems(hypothesis) == []
    required_n = work_out(hypothesis).required_n
    assert required_n is not None
    assert hypothesis.planned_n is not None
    assert required_n <= hypothesis.planned_n


def test_the_suite_asks_what_the_articles_answer(articles: dict[str, str], emails: list[dict[str, Any]]) -> None:
    """References stand word for word in the articles, hold what is expected, and no question is one of the e-mails."""
    suite = load([BLUEPRINT / "evaluation.yaml"]).suites[0].value
    assert len(suite.cases) == 30
    assert sum(case.declines for case in suite.cases) == 5
    text = "\n".join(articles.values())
    mails = {each["text"] for each in emails}
    for case in suite.cases:
        assert case.question not in mails, case.id
        if not case.declines:
            assert case.reference is not None
            assert case.reference in text, case.id
            assert all(words in case.reference for words in case.contains), case.id
            assert not any(words in case.reference for words in case.excludes), case.id
