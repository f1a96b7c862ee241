"""The languages that texts are told apart in, and the scripts that tell some of them by themselves."""

from __future__ import annotations

import re

#: Told by their letters' company (models/language has a text of each).
LATIN = ("cs", "da", "de", "en", "es", "fr", "hr", "it", "nl", "pl", "pt", "ro", "sq", "sv", "tr")
#: Told by their script: the language and its letters. Of one script the first is meant unless a letter of a later one stands
#: there.
SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("uk", re.compile("[іїєґІЇЄҐ]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("fa", re.compile("[پچژگ]")),
    ("ar", re.compile("[\u0600-\u06ff\u0750-\u077f]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile("[\u4e00-\u9fff\u3400-\u4dbf]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("am", re.compile("[\u1200-\u137f]")),
    ("hy", re.compile("[\u0530-\u058f]")),
    ("ka", re.compile("[\u10a0-\u10ff]")),
    ("ta", re.compile("[\u0b80-\u0bff]")),
    ("bn", re.compile("[\u0980-\u09ff]")),
)
#: Letters of one script, of which a later language is meant where the first one's own letters stand.
SHARED_SCRIPTS = {"uk": "ru", "fa": "ar", "ja": "zh"}
LANGUAGES = frozenset({*LATIN, *(name for name, _ in SCRIPTS)})
