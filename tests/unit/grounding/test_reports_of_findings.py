"""Reports of findings: sides, directions and states of the body turned round are caught; labels, lists and denials are read."""

from __future__ import annotations

import pytest

from groundcrew.grounding.checks.polarity import check_polarity
from groundcrew.grounding.sentences import split_sentences
from groundcrew.grounding.trust import TrustScorer


@pytest.fixture(scope="module")
def scorer() -> TrustScorer:
    return TrustScorer(None)


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("Tear of the medial meniscus.", "Tear of the lateral meniscus."),
        ("Fracture of the proximal radius.", "Fracture of the distal radius."),
        ("Posterior dislocation of the shoulder.", "Anterior dislocation of the shoulder."),
        ("The deltoid ligament is torn.", "Deltoid ligament intact."),
        ("The portal vein is thrombosed.", "Portal vein patent."),
        ("Displaced supracondylar fracture.", "Nondisplaced supracondylar fracture."),
        ("The right lung is collapsed.", "Right lung expanded."),
        ("Mild central canal stenosis at L3-4.", "Severe central canal stenosis at L3-4."),
        ("Der Außenmeniskus ist gerissen.", "Außenmeniskus intakt."),
        ("Rechtskonvexe Skoliose.", "Linkskonvexe Skoliose."),
        ("No ascites.", "Mild ascites."),
        ("No effusion.", "Large effusion."),
        ("Dissection flap.", "No dissection flap."),
        ("No nodule on the right.", "No nodule on the left."),
        ("Left kidney: Mild hydronephrosis.", "Right kidney mild hydronephrosis. Left kidney normal."),
        ("Both kidneys are normal.", "Left kidney normal."),
    ],
)
def test_what_is_turned_round_is_contradicted(scorer: TrustScorer, answer: str, source: str) -> None:
    report = scorer.score(answer, [source])
    assert any(claim.contradicted for claim in report.claims), report


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("No filling defect on the left.", "Filling defects in the right main artery. Left side is clear."),
        ("Both kidneys are normal.", "Left kidney normal, right kidney normal."),
        (
            "Left kidney: 11.4 cm, mild hydronephrosis.",
            "Right kidney 10.8 cm, no hydronephrosis, simple cyst. Left kidney 11.4 cm, mild hydronephrosis. "
            "Impression: mild left hydronephrosis, right renal cyst.",
        ),
        ("Right breast: Focal asymmetry of 15 mm.", "Right breast focal asymmetry, 15 mm. Left breast negative."),
        ("Stenosis of 30% of the left ICA.", "Right ICA 70 percent stenosis. Left ICA 30 percent."),
        ("Fracture of the fifth metacarpal.", "Fracture of the fifth metacarpal. No other fracture."),
        ("No new lesion.", "Two lesions, unchanged. No new lesion."),
        ("No effusion.", "Small effusion on the right. No effusion on the left."),
        ("The medial and lateral menisci are intact.", "Medial meniscus intact, lateral meniscus intact."),
    ],
)
def test_labels_lists_and_denials_are_no_contradiction(scorer: TrustScorer, answer: str, source: str) -> None:
    report = scorer.score(answer, [source])
    assert not any(claim.contradicted for claim in report.claims), [claim.reasons for claim in report.claims]


def test_a_denial_and_no_more_is_laid_beside_a_short_note() -> None:
    assert [each.check for each in check_polarity("No ascites.", ["Mild ascites."])] == ["negation"]
    assert check_polarity("No ascites.", ["Mild ascites.", "No ascites in the pelvis."]) == []


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("A nodule of 8 mm. Mild emphysema.", ["A nodule of 8 mm.", "Mild emphysema."]),
        ("Zyste von 4 mm. Keine Blutung.", ["Zyste von 4 mm.", "Keine Blutung."]),
        ("Extremely dense, density D. Right breast negative.", ["Extremely dense, density D.", "Right breast negative."]),
        ("Weber B. Medial malleolus intact.", ["Weber B.", "Medial malleolus intact."]),
        ("Written by B. Right and C. Meier.", ["Written by B. Right and C. Meier."]),
        ("Adressé à MM. Dupont et Favre.", ["Adressé à MM. Dupont et Favre."]),
    ],
)
def test_a_measure_or_a_class_may_end_a_sentence(text: str, sentences: list[str]) -> None:
    assert [text[each.start : each.end] for each in split_sentences(text)] == sentences
