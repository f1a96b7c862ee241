# ruff: noqa: E501 - texts read better in one line
"""Encodings and languages: sound texts of many languages pass, damage of every sort is named."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.curation.text_checks import LANGUAGE_UNKNOWN, encoding_problem, language_problem

SOUND = {
    "German": "Der Patient ist 45 Jahre alt; Übergewicht, größer als üblich. „Groß“ sagt er – und „Spaß“. Temperatur 38,5 °C, FÜSSE.",
    "French": "Le patient, âgé de 54 ans, présente un œdème à l’hôpital « Hôtel-Dieu »… N° 12. À l’entrée, fièvre — ÂGÉ, Noël, naïf.",
    "Italian": "È stato ricoverato perché affetto da febbre; c’è più di una possibilità. Età 45, “così” disse.",
    "Spanish": "El paciente de 45 años, ¿alergias? ¡Ninguna! Niño con fiebre de 38,5º C, 1ª dosis. ESPAÑA, AÑO. SEÑOR “MUÑOZ”",
    "Polish": "Pacjentka skarży się na ból głowy, źle śpi. Łódź, Świętokrzyskie, żółć. „Źródło” – mówi.",
    "Greek": "Ο ασθενής παραπονείται για πόνο στο στήθος. Θερμοκρασία 38,5 °C.",
    "Chinese": "患者男性，45岁，主诉胸痛三天。CT检查示肺炎，IgG阳性，CRP 12 mg/L。",
    "Russian": "Пациент жалуется на боль в груди.",
    "Ukrainian": "Рік тому пацієнт мав біль у грудях, її лікували.",
    "Czech": "Úžasný den, pacient má ŽIŽKOV, Šťastný. Příznaky: žádné.",
    "Portuguese": "NÃO, SÃO PAULO, IRMÃ, “AMANHÔ e coração",
    "Turkish": "Hasta göğüs ağrısından şikayet ediyor. İSTANBUL",
    "emoji": "Feeling great today 😀👍🏽 after the visit ❤️ 🏥 thanks",
    "signs": "Temp 38.5 °C ± 0.2, 5 µg/dL, SpO₂ ≥ 95 %, ½ tablet, 10⁹/L, 1.5 Å±0.2, → home, ≤ 3×/day, α-blocker, TGFβ1, naïve fiancée",
    "laboratory": "Na 138 K 4.2 Cl 101 HCO3 24 BUN 14 Cr 0.9 Glu 101 WBC 7.2 Hgb 13.1 Plt 250",
    "addresses": "see https://a.b/c?id=3&x?y=3 and www.x.y/p?q what? why?",
    "pages": "page one\x0cpage two\tand more\r\n",
    "short": "ok",
    "empty": "",
}
WORDS = "größer als üblich, café-au-lait, naïve, Sjögren’s, 38,5 °C ± 0,2, ≥ 5 µg – „gut“, Füße, führt, möglich"


@pytest.mark.parametrize("name", SOUND)
def test_sound_texts_pass(name: str) -> None:
    assert encoding_problem(SOUND[name]) is None


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "mac_roman", "cp850", "cp437", "cp1250", "cp1251", "gbk"])
def test_utf_8_that_was_read_as_something_else(encoding: str) -> None:
    assert encoding_problem(WORDS.encode().decode(encoding, "ignore"))


@pytest.mark.parametrize(
    ("written", "read"), [("cp1252", "mac_roman"), ("cp1252", "cp850"), ("cp1252", "cp437"), ("mac_roman", "cp1252")]
)
def test_one_table_of_characters_read_as_another(written: str, read: str) -> None:
    assert encoding_problem(WORDS.encode(written, "ignore").decode(read, "ignore"))


@pytest.mark.parametrize("text", ["don’t worry", "Temp 38.5 °C", "5 µg", "≥ 5 times", "a – b and so on", "café owner", "Łódź"])
def test_a_single_sequence_is_enough(text: str) -> None:
    problem = encoding_problem(text.encode().decode("cp1252", "ignore"))
    assert problem is not None
    assert "read as cp125" in problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\x00b", "control character U+0000 at 1"),
        ("the patient\x92s leg", "control character U+0092"),
        ("lost \ufffd here", "a character that was lost"),
        ("half \ud83d here", "half of a pair"),
        ("caf?-au-lait and na?ve", "question marks in the middle of words"),
        ("gr??er als ?blich", "question marks"),
        ("M=C3=BCller came", "written out"),
        ("M\\u00fcller came", "written out"),
        ("caf\\xe9 owner", "written out"),
        ("M&uuml;ller came", "written out"),
        ("the patient&#146;s leg", "written out"),
        ("SGVsbG8gd29ybGQh" * 20, "no words"),
        ("0101 1100 1010 0011 1111 0000 1010", "next to no letters"),
        (b"The patient came in today".decode("utf-16-le", "ignore"), "UTF-16"),
        ("prÈsente une maladie", "signs in the middle"),
    ],
)
def test_damage_is_named(text: str, message: str) -> None:
    problem = encoding_problem(text)
    assert problem is not None
    assert message in problem


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_any_text_gets_an_answer(text: str) -> None:
    assert encoding_problem(text) is None or encoding_problem(text)


@given(st.text(alphabet=st.characters(codec="ascii", categories=("L", "Zs")), max_size=80))
def test_plain_letters_are_never_damaged(text: str) -> None:
    assert encoding_problem(text) is None


JAPANESE = "患者は三日前から胸の痛みを訴えています。熱はなく、咳も出ていません。歩くと悪くなります。"
ENGLISH = "The patient was seen today and reports that the pain in his knee is better with rest and worse on the stairs."
GERMAN = "Der Patient wurde heute gesehen und berichtet, dass die Schmerzen im Knie in Ruhe besser und beim Treppensteigen stärker sind."


def test_languages_are_told_and_what_can_not_be_told_is_told_apart() -> None:
    assert language_problem(ENGLISH, ("en",)) is None
    assert language_problem(ENGLISH, ("de", "en")) is None
    assert language_problem(ENGLISH, ("de",)) == "in en; expected de"
    assert language_problem(GERMAN, ("fr", "it")) == "in de; expected fr or it"
    assert language_problem("BP 120/80, HR 72", ("en",)) is None
    assert language_problem("BP 120/80, HR 72", ("en",), unknown_passes=False) == LANGUAGE_UNKNOWN
    assert language_problem(JAPANESE, ("en",)) == "in ja; expected en"
    assert language_problem(JAPANESE, ("ja",)) is None
