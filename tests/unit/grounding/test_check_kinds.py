"""Each kind of finding: what it objects to, in words that name both texts, and what it leaves alone."""

from __future__ import annotations

import pytest

from groundcrew.grounding.checks import CHECK_NAMES, CheckName, Finding, run_checks, told_by
from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.ranking import choose_window
from groundcrew.grounding.reading import ANCHORS_MAX
from groundcrew.grounding.statement import read_statement
from groundcrew.grounding.trust import TrustScorer


def check(claim: str, *sources: str, around: str = "") -> list[Finding]:
    evidence, statement = Evidence(sources), read_statement(claim)
    window = choose_window(statement, frozenset(), evidence)
    anchors = [evidence.sentences[number] for number in window.ranked[:ANCHORS_MAX]] if window is not None else []
    return run_checks(statement, frozenset(), evidence, anchors, lambda _: -1.0, told_by([read_statement(around)]))


NOTE = "R knee pain x 3 wks after fall. L hip unremarkable. Both ears were examined. No fever."
ACCOUNTS = (
    "The Starter account includes 10 free transfers. The Business account costs CHF 15 a month and includes unlimited transfers."
)
TABLE = "Fees per quarter\n\n| Product | Fee |\n|---|---|\n| Basis | CHF 9.00 |\n| Comfort | CHF 18.00 |"


@pytest.mark.parametrize(
    ("claim", "source", "kind", "reason"),
    [
        ("Pay within 30 days.", "Pay within 20 days.", "number", "“20 days” in the source, “30 days” in the answer"),
        ("Pay within 20 weeks.", "Pay within 20 days.", "unit", "“20 days” in the source, “20 weeks” in the answer"),
        ("The card costs EUR 20.", "The card costs CHF 20.", "currency", "“CHF 20” in the source, “EUR 20” in the answer"),
        ("It ends in the third quarter.", "It ends in the second quarter.", "date", "“second quarter” in the source"),
        ("Ms Keller leads it.", "Ms Koller leads it.", "name", "“Koller” in the source, “Keller” in the answer"),
        ("The adviser is Daniela Brunner.", "The adviser is Daniel Brunner.", "name", "“Daniel Brunner” in the source"),
        ("Die Filiale in Luzern ist offen.", "Die Filiale in Zug ist offen.", "name", "“Zug” in the source, “Luzern” in the"),
        ("Ampicillin 500 mg twice daily.", "Amoxicillin 500 mg twice daily.", "name", "“Amoxicillin” in the source"),
        ("Left knee pain after a fall.", NOTE, "laterality", "“R” in the source, “Left” in the answer"),
        ("The patient has fever.", NOTE, "negation", "“No fever.” in the source"),
        ("All adults need a booster.", "Adults may need a booster.", "quantifier", "“may” in the source, “All” in the answer"),
        ("All firms are Swiss.", "Two thirds of the firms are Swiss.", "quantifier", "“thirds” in the source"),
        ("Transfers always arrive today.", "Transfers usually arrive today.", "quantifier", "“usually” in the source"),
        ("Bikes are insured.", "Bikes are insured if they were locked.", "condition", "“if they were locked” in the source"),
        ("The Starter account includes unlimited transfers.", ACCOUNTS, "merged", "said of “Business” in the source"),
        ("Basis costs CHF 18.00.", TABLE, "merged", "“CHF 9.00” in the source for"),
        ("Comfort costs CHF 18.00 a month.", TABLE, "rate", "per quarter in the source, per month in the answer"),
        ("Store it above 25 °C.", "Store it below 25 °C.", "direction", "in the source"),
        ("The cheque is free of charge.", "The cheque arrives on Monday.", "offer", "is offered by no source"),
    ],
)
def test_each_kind_vetoes_with_both_texts(claim: str, source: str, kind: CheckName, reason: str) -> None:
    found = [finding for finding in check(claim, source) if finding.check == kind and finding.veto]
    assert any(reason in finding.reason for finding in found), check(claim, source)


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("The right knee hurts after a fall.", NOTE),
        ("The left ear was examined.", NOTE),
        ("You have the right to object.", "Customers left the branch. Customers have a right to object."),
        ("An account stays locked for half an hour.", "Accounts are locked for 30 minutes."),
        ("About 67 percent of the firms are Swiss.", "Two thirds of the firms are Swiss."),
        ("It runs for over two hours.", "It runs for 135 minutes."),
        ("The fee went down by 0.15 percentage points.", "The fee fell from 0.85% to 0.70%."),
        ("The outage lasted an hour and a half.", "The server failed from 09:10 to 10:40."),
        ("At weekends the branch is closed.", "Mon–Fri 9.00–17.30, Sat and Sun closed."),
        ("The SNB sets the rate.", "The Swiss National Bank sets the rate."),
        ("The British firm pays.", "The firm is based in the United Kingdom and pays."),
        ("Order the repair after you report the damage.", "Report the damage before ordering the repair."),
        ("She has not smoked for two years.", "She stopped smoking two years ago."),
        ("The package is a free test.", "The package is a test without charge."),
        ("The Business account includes unlimited transfers.", ACCOUNTS),
        ("Preheat to 400°F (205°C).", "Preheat to 400°F."),
        ("Preheat to 350°F (175°C).", "Preheat the oven to 350 degrees F (175 degrees C)."),
        ("4. Mark the place of the hinge.", "Attach two hinges. Mark the place of the hinge."),
        ("Income from boxes 1, 2, 3, and 5 is reported.", "Income from boxes 1,2,3, and 5 is reported."),
        ("She is between 30 and 40 (based on passages 1, 2, and 3).", "She is between the age of 30 and 40."),
    ],
)
def test_rewordings_meet_no_veto(claim: str, source: str) -> None:
    assert not [finding for finding in check(claim, source) if finding.veto]


@pytest.mark.parametrize(
    ("claim", "sources", "reason"),
    [
        (
            "Please note the closing fee of CHF 45.",
            ["The prepaid card costs CHF 45 per year.", "Closing the account is done in e-banking."],
            "stands in the sources only for something else",
        ),
        (
            "Die Saldierungsgebühr beträgt CHF 45.",
            ["Die Prepaidkarte kostet CHF 45 im Jahr.", "Die Saldierung des Kontos erfolgt im E-Banking."],
            "stands in the sources only for something else",
        ),
        (
            "The fee of the Gold card is CHF 5000.",
            ['{"name": "Gold card", "fee": "CHF 120", "limit": {"amount": 5000, "currency": "CHF"}, "colours": ["red"]}'],
            "“CHF 120” in the source for this",
        ),
        ("The card costs CHF 48.", ["Product 48 is a card. It has a PIN."], "“CHF 48” is not in the sources"),
    ],
)
def test_an_amount_of_another_thing_is_vetoed(claim: str, sources: list[str], reason: str) -> None:
    assert any(reason in finding.reason and finding.veto for finding in check(claim, *sources)), check(claim, *sources)


@pytest.mark.parametrize(
    ("claim", "sources"),
    [
        ("The closing fee is CHF 45.", ["The prepaid card costs CHF 45.", "## Closing\n\nThe bank charges CHF 45."]),
        ("The limit of the Gold card is CHF 5000.", ['{"name": "Gold card", "fee": "CHF 120", "limit": "CHF 5000"}']),
        (
            "The annual fee of CHF 45 is due in May.",
            ["The prepaid card costs CHF 45. It is due in May. Annual reports are free."],
        ),
    ],
)
def test_an_amount_of_the_thing_itself_is_not(claim: str, sources: list[str]) -> None:
    assert not [finding for finding in check(claim, *sources) if finding.veto and finding.check == "merged"]


def test_what_the_question_calls_a_thing_is_excused_and_an_amount_in_it_is_not() -> None:
    sources = ["Taxable distributions go on line 21 of the return."]

    def vetoes(claim: str, question: str) -> bool:
        evidence, statement = Evidence(sources), read_statement(claim)
        found = run_checks(statement, frozenset(), evidence, evidence.sentences, lambda _: -1.0, asked=read_statement(question))
        return any(finding.veto for finding in found)

    assert not vetoes("They go on line 21 of return 1040.", "Where do they go on 1040?")
    assert vetoes("They go on line 21 of return 1040.", "Where do they go?")
    assert vetoes("The return costs CHF 45.", "Is it right that the return costs CHF 45?")


def test_a_condition_that_the_answer_tells_elsewhere_is_not_dropped() -> None:
    claim, source = "The package is free.", "The package is free if you are under 25."
    assert any(finding.check == "condition" for finding in check(claim, source))
    assert not check(claim, source, around="You are under 25. The package is free.")


def test_what_is_not_certain_is_a_hint_that_caps_nothing() -> None:
    found = check("Members enjoy lounge access worldwide.", "Members pay CHF 10 a month.")
    assert [finding.check for finding in found] == ["coverage"]
    assert not found[0].veto
    assert found[0].support_max == 1.0


def test_records_leave_room_for_what_writers_compute() -> None:
    record = "name: Compton\nrecorded: 2010–2015\nlength: 61 minutes\ncountry: United States\nlabel: Aftermath"
    assert not [finding for finding in check("It took five years to record.", record) if finding.veto]
    assert [finding for finding in check("It took five years to record.", "It took four years to record.") if finding.veto]


def test_a_report_names_the_kinds_of_checks() -> None:
    claim = TrustScorer(None).score("The card costs EUR 20.", ["The card costs CHF 20."]).claims[0]
    assert claim.checks == ("currency",)
    assert set(claim.checks) <= set(CHECK_NAMES)
    assert claim.contradicted


@pytest.mark.parametrize(
    ("source", "faithful", "faulty"),
    [
        (
            "Trips of up to 60 days are insured.",
            "Trips of up to two months are insured.",
            "Trips of up to three months are insured.",
        ),
        ("The contract runs for 365 days.", "The contract runs for one year.", "The contract runs for two years."),
        ("Each guest pays USD 32.", "Each guest pays 32 US dollars.", "Each guest pays 32 Canadian dollars."),
        (
            "The plan pays 75% of treatment costs.",
            "The plan reimburses 75% of treatment costs.",
            "The plan reimburses 57% of treatment costs.",
        ),
    ],
)
def test_what_people_say_otherwise_is_no_fault(source: str, faithful: str, faulty: str) -> None:
    scorer = TrustScorer(None)
    assert not any("answer" in reason for reason in scorer.score(faithful, [source]).claims[0].reasons)
    assert scorer.score(faithful, [source]).claims[0].support > 0.15
    assert scorer.score(faulty, [source]).claims[0].support <= 0.15
