"""Which language a text is in, what the guard `language` makes of it, and that doubt never blocks. The sentences here were
written after the profiles and are in none of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.guards.language_names import LATIN
from groundcrew.guards.language_profiles import FOLDER, tell_language
from groundcrew.guards.registry import find_guard

TEXTS = {
    "de": (
        "Der Zug nach Chur hat zwanzig Minuten Verspätung wegen eines umgestürzten Baumes.",
        "Ich kann mich nicht anmelden, das Passwort wird abgelehnt.",
        "Dein Brief hat mich sehr gefreut, merci!",
        "Grüezi, chönd Sie mir bitte säge, wänn d Filiale hüt zue macht?",
        "Merci vielmal, das isch lieb vo dir, bis am Mäntig!",
    ),
    "en": (
        "The train to Leeds is twenty minutes late because of a tree on the line.",
        "I cannot log in, my password is rejected.",
        "Your letter made me very happy, thanks!",
    ),
    "fr": (
        "Le train de Lausanne a vingt minutes de retard à cause d'un arbre tombé sur la voie.",
        "Je n'arrive pas à me connecter, le mot de passe est refusé.",
        "Ta lettre m'a fait très plaisir, merci !",
    ),
    "it": (
        "Il treno per Lugano è in ritardo di venti minuti a causa di un albero caduto sui binari.",
        "Non riesco ad accedere, la password viene rifiutata.",
        "La tua lettera mi ha fatto molto piacere, grazie!",
    ),
    "es": ("No consigo entrar, la contraseña es rechazada.", "Su paquete fue entregado al vecino."),
    "pt": ("Não consigo entrar, a palavra-passe é recusada.", "A sua encomenda foi entregue ao vizinho."),
    "nl": ("Ik kan niet inloggen, het wachtwoord wordt geweigerd.", "Uw pakket is bij de buren bezorgd."),
    "pl": ("Nie mogę się zalogować, hasło jest odrzucane.",),
    "tr": ("Giriş yapamıyorum, şifrem kabul edilmiyor.",),
    "ro": ("Nu mă pot conecta, parola este respinsă.",),
    "sq": ("Nuk mund të hyj, fjalëkalimi refuzohet.",),
    "ru": ("Я не могу войти, пароль не подходит.",),
    "uk": ("Я не можу увійти, пароль не підходить.",),
    "el": ("Δεν μπορώ να συνδεθώ, ο κωδικός δεν γίνεται δεκτός.",),
    "ar": ("لا أستطيع تسجيل الدخول، كلمة المرور مرفوضة.",),
    "he": ("אני לא מצליח להתחבר, הסיסמה נדחית.",),
    "ja": ("ログインできません。パスワードが拒否されます。",),
    "zh": ("我无法登录，密码被拒绝了。",),
    "ko": ("로그인할 수 없습니다. 비밀번호가 거부됩니다.",),
    "hi": ("मैं लॉग इन नहीं कर पा रहा हूँ।",),
}
UNTOLD = (
    *("Merci!", "ok", "IBAN CH93 0076 2011 6238 5295 7", "4711-0815 / 12.5.2026", "https://bank.example/de/konto/seite"),
    *("```python\nfor each in range(10):\n    print(each)\n```", "x = [a for a in b if a]", "", "SELECT * FROM t WHERE a = 1"),
)


@pytest.mark.parametrize(("language", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_the_language_of_a_sentence_is_told(language: str, text: str) -> None:
    assert tell_language(text).language == language


@pytest.mark.parametrize("text", UNTOLD)
def test_what_is_in_no_language_is_not_told_and_passes(text: str) -> None:
    assert tell_language(text).language is None
    assert find_guard("language").check(text, {"allowed": ["de"]}).verdict == "pass"


def test_every_latin_language_has_its_text() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == sorted(LATIN)


def check(text: str, **context: Any) -> tuple[str, list[str]]:
    verdict = find_guard("language").check(text, context)
    return verdict.verdict, [each.reason for each in verdict.findings]


GERMAN, FRENCH = TEXTS["de"][0], TEXTS["fr"][0]


def test_another_language_blocks_and_the_allowed_ones_pass() -> None:
    assert check(GERMAN, allowed=["de", "fr"]) == ("pass", [])
    assert check(GERMAN, allowed=["en", "fr"]) == ("block", ["in de; expected en or fr"])
    assert check(TEXTS["ru"][0], allowed=["de"]) == ("block", ["in ru; expected de"])


def test_an_answer_is_in_the_language_of_the_request_where_that_can_be_told() -> None:
    assert check(GERMAN, same_as_request=True, request=FRENCH, role="assistant") == ("block", ["in de; expected fr"])
    assert check(GERMAN, same_as_request=True, request=TEXTS["de"][3])[0] == "pass"
    assert check(GERMAN, same_as_request=True, request="ok?")[0] == "pass"
    assert check(GERMAN, same_as_request=True, request="ok?", allowed=["fr"])[0] == "block"


def test_greetings_of_another_language_do_not_turn_a_text() -> None:
    assert check("Bonjour zusammen, " + GERMAN + " Merci und adieu!", allowed=["de"])[0] == "pass"


def test_short_and_mixed_texts_are_flagged_at_most() -> None:
    assert check("Nein danke schön", allowed=["fr"])[0] in ("pass", "flag")
    assert check(f"{GERMAN} {FRENCH}", allowed=["de"])[0] != "block"
    assert check(f"{GERMAN} {TEXTS['de'][1]}\n\n{FRENCH}", allowed=["de"]) == ("flag", ["a paragraph in fr; expected de"])


def test_owners_and_earlier_turns_are_not_judged() -> None:
    assert check(GERMAN, allowed=["fr"], role="system")[0] == "pass"
    assert check(GERMAN, allowed=["fr"], role="user", newest=FRENCH)[0] == "pass"
    assert check(GERMAN, allowed=["fr"], role="user", newest=GERMAN)[0] == "block"


def test_a_long_text_is_not_said_to_be_looked_at_whole() -> None:
    assert find_guard("language").check(GERMAN + " ", {"allowed": ["de"]}).complete
    assert not find_guard("language").check((GERMAN + " ") * 400, {"allowed": ["de"]}).complete


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=300))
def test_any_text_is_judged(text: str) -> None:
    verdict = find_guard("language").check(text, {"allowed": ["de"]})
    assert all(0 <= each.start < each.end <= len(text) for each in verdict.findings)


def test_german_and_english_sets_are_told(shared_data: Path) -> None:
    for name, language in (("pawsx_de", "de"), ("rte3_de", "de"), ("mnli_dev_en", "en")):
        with gzip.open(shared_data / "paraphrase" / f"{name}.jsonl.gz", "rt") as rows:
            texts = {json.loads(row)["claim"] for row in rows}
        texts = {text for text in texts if len(text.split()) > 8}
        wrong = [text for text in texts if tell_language(text).language not in (language, None)]
        assert len(wrong) <= 0.006 * len(texts)
        assert sum(tell_language(text).language == language for text in texts) >= 0.98 * len(texts)
