"""Whether a record's text is text: its encoding, and the language that it is in. Both cost so little that every record can be
looked at."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import Final

#: What `language_problem` says of a text whose language can not be told, where that counts as a problem.
LANGUAGE_UNKNOWN: Final = "in a language that can not be told"
#: Of longer texts (code points) the first and the last half of that are looked at for their share of letters.
SHARE_LENGTH_MAX = 20_000
#: Characters without white space from which on a text can be told from what is none, and the share of letters that it has at
#: least: a table of laboratory values has a third, a dump of bytes none.
TOLD_CHARACTERS_MIN, LETTER_SHARE_MIN = 24, 0.2
#: A run of letters and digits as long as this is no word; runs that make this share of a text make it none.
RUN_LENGTH_MIN, RUN_SHARE_MIN = 120, 0.5
#: Characters of a finding that are shown.
SHOWN_MAX = 12

#: Tabs, line ends and page breaks are text; all others of the first 32, DEL and the C1 set are not.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_ASCII_CONTROLS = bytes((*range(9), *range(14, 32), 127))
_NO_CHARACTER = re.compile("[\ufffd\ufffe\uffff\ud800-\udfff]")
#: Characters that were written out for a way that bears ASCII only, and read back by nobody: =C3=A4, \\xc3\\xa4, \\u00e4, &auml;
_WRITTEN_OUT = re.compile(
    r"=C[2-5]=[89AB][0-9A-F]|=E2=8[0-9A-F]=[89AB][0-9A-F]|\\x[89a-f][0-9a-f]|\\u0[0-4][0-9a-f]{2}|\\u20[0-9a-f]{2}"
    r"|&(?:[A-Za-z]{1,2}(?:uml|grave|acute|circ|tilde|cedil|ring|lig)|#\d{2,5}|#x[0-9A-Fa-f]{2,4}|deg|micro|plusmn|nbsp|[rl][sd]quo);"
)
#: A letter that was lost on the way to ASCII: question marks in a word or right before one, of which one may be a slip.
_LOST = re.compile(r"(?<=[A-Za-z])\?{1,3}(?=[a-z])|(?<=[a-z]{3})\?(?=[-’'][a-z])|(?<!\S)\?(?=[a-z]{2})")
_LOST_MIN = 2
_ADDRESS = re.compile(r"(?:://|www\.)\S{1,2000}")
_LONG_RUN = re.compile(rf"[A-Za-z0-9+/=]{{{RUN_LENGTH_MIN},}}")
#: All that one character of UTF-8 is in a table of single bytes stands side by side, and next to nothing in a sound text does.
_SIDE_BY_SIDE = re.compile(r"[^\x00-\x7f]{2,}")
#: Texts of scripts of their own have all their words side by side; beyond that many code points one has been looked at enough.
SIDE_BY_SIDE_MAX = 4_000


def _written(byte_range: range, encoding: str) -> str:
    """The characters that the bytes are in `encoding`, escaped for a class of a pattern; C1 controls where it has none."""
    characters = [bytes([each]).decode(encoding, "ignore") or chr(each) for each in byte_range]
    return "".join(re.escape(each) for each in characters)


def _mixed_up(encoding: str) -> re.Pattern[str]:
    """Sequences of UTF-8 as they look in `encoding`: letters of European scripts (two bytes: C2 to C5, CE to D1), and
    punctuation, signs and byte-order marks (three bytes: E2, EF)."""
    continued = _written(range(0x80, 0xC0), encoding)
    two = _written(range(0xC2, 0xC6), encoding) + _written(range(0xCE, 0xD2), encoding)
    three, mark, second = (_written(range(*each), encoding) for each in ((0xE2, 0xE3), (0xEF, 0xF0), (0xBB, 0xC0)))
    return re.compile(f"[{two}][{continued}]|[{three}][{continued}][{continued}]|[{mark}][{second}][{continued}]")


#: As what UTF-8 is read by mistake, the usual one first.
_BEYOND = re.compile(r"[^\x00-\x7f]")
_READINGS = tuple((name, _mixed_up(name)) for name in ("cp1252", "mac_roman", "cp850", "cp437", "cp1250", "cp1251"))
_LEADS = frozenset(
    bytes([each]).decode(encoding, "ignore")
    for encoding, _ in _READINGS
    for each in (*range(0xC2, 0xC6), *range(0xCE, 0xD2), 0xE2, 0xEF)
)
#: Leads that stand beside no such sign in any language, in the tables of Western and Central Europe.
_SURE_LEADS = frozenset("ÂÃâï")
#: In the Cyrillic table the leads are everyday letters: most of the text's Cyrillic must be such sequences.
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_CYRILLIC_SHARE_MIN = 0.6
_CLOSING = frozenset("“”’…–—»›•«‹„‚")
#: What stands in no word: signs between small letters or before some, capitals between small letters, and letters of another
#: script between them, of which one may be a name that someone coined. Another table of single bytes was taken for the right one.
_SIGNS = "´„”“‚‰¸ˆ˜§¤¶†‡¨¼½¾¦±²³¹¢£¥¬®©‹›™∂∫√∆≈∞≠◊─-▟■⌐Ͱ-ϿЀ-ӿ\u4e00-\u9fff"
_INSIDE = re.compile(rf"(?<=[A-Za-z])[{_SIGNS}]+(?=[a-zß-ÿﬁﬂ])|(?<![^\s(])[¸Ÿ³²¹‰ˆ±\u4e00-\u9fff](?=[a-z]{{2}})")
_INSIDE_MIN = 2
_CAPITALS_ORDINALS = (*range(0xC0, 0xD7), *range(0xD8, 0xDF), 0x160, 0x178, 0x17D, 0x152)
_CAPITALS = frozenset(map(chr, _CAPITALS_ORDINALS))
#: What stands in the words of sound texts, and what is therefore no sign that anything is wrong.
_IN_WORDS = frozenset(map(chr, (*range(0xDF, 0x180), *_CAPITALS_ORDINALS, 0xB0, 0xB5, 0xB7, 0xD7, 0xA0, 0xAD, 0x2019, 0x2013)))
_CAPITAL_INSIDE = re.compile(r"(?<=[a-zß-ÿ])[À-ÖØ-ÞŠŸŽŒ](?=[a-zß-ÿ])|(?<=[a-z]{3})[À-ÖØ-ÞŠŸŽŒ](?![A-ZÀ-Þ])")
_HAN = re.compile(r"[\u2e80-\u9fff]")
_PRINTABLE = frozenset(string.printable.encode())


def encoding_problem(text: str) -> str | None:
    """What is wrong with the encoding of `text`, None where nothing is: UTF-8 read as something else, one table of characters
    taken for another, lost characters, control characters, halves of pairs, or mostly what is no text."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) != len(raw.translate(None, _ASCII_CONTROLS)):
        return _control(text)
    if len(raw) == len(text):
        return _ascii_problem(text, raw)
    # Which characters there are decides what there can be to look for: most texts hold a handful beyond ASCII.
    beyond = set(_BEYOND.findall(text))
    if min(beyond) <= "\x9f":
        return _control(text)
    if max(beyond) >= "\ud800" and (broken := _NO_CHARACTER.search(text)) is not None:
        point = ord(broken.group())
        what = "half of a pair" if 0xD800 <= point < 0xE000 else "the mark of a character that was lost"
        return f"holds {what}, U+{point:04X}, at {broken.start()}"
    if not beyond.isdisjoint(_LEADS) and (problem := _side_by_side(text)) is not None:
        return problem
    if (not beyond.isdisjoint(_CAPITALS) and _CAPITAL_INSIDE.search(text) is not None) or (
        not all(map(_IN_WORDS.__contains__, beyond)) and len(_INSIDE.findall(text)) >= _INSIDE_MIN
    ):
        return "holds signs in the middle of words, as a text has that was read by another table of characters"
    if max(beyond) >= "\u2e80" and _is_two_bytes_as_one(text):
        return "is a text of single bytes that was read as UTF-16"
    return _ascii_problem(text, raw)


def _is_two_bytes_as_one(text: str) -> bool:
    """Whether most characters are Chinese ones whose two bytes are letters each."""
    if 2 * len(_HAN.findall(text)) < len(text):
        return False
    return any(_PRINTABLE.issuperset(text.encode(each, "replace")) for each in ("utf-16-le", "utf-16-be"))


def _control(text: str) -> str | None:
    found = _CONTROL.search(text)
    return None if found is None else f"holds the control character U+{ord(found.group()):04X} at {found.start()}"


def _side_by_side(text: str) -> str | None:
    """What is wrong with the runs of characters beyond ASCII."""
    # One more character on each side: a sequence counts by what stands beside it.
    runs, length = [], 0
    for match in _SIDE_BY_SIDE.finditer(text):
        runs.append(text[max(0, match.start() - 1) : match.end() + 1])
        length += len(runs[-1])
        if length > SIDE_BY_SIDE_MAX:
            break
    joined = "\n".join(runs)
    for encoding, pattern in _READINGS:
        if (found := _sequence(joined, pattern, encoding)) is not None:
            return f"is UTF-8 that was read as {encoding}: {found!r}"
    return None


def _sequence(runs: str, pattern: re.Pattern[str], encoding: str) -> str | None:
    """The first sequence of `pattern` in `runs` that can be nothing else."""
    found = [match for match in pattern.finditer(runs) if _decodes(match.group(), encoding)]
    if encoding == "cp1251":
        letters = sum(len(_CYRILLIC.findall(each.group())) for each in found)
        enough = len(found) > 1 and letters >= _CYRILLIC_SHARE_MIN * len(_CYRILLIC.findall(runs))
        return found[0].group() if enough else None
    for place, match in enumerate(found):
        sequence = match.group()
        before, after = runs[max(0, match.start() - 1) : match.start()], runs[match.end() : match.end() + 1]
        # A capital letter before a closing mark may be just that.
        closes = len(sequence) == 2 and sequence[1] in _CLOSING and not after.isalpha()
        beside = before.isalpha() or after.isalpha()
        sure = sequence[0] in _SURE_LEADS and encoding in ("cp1252", "cp1250")
        if (not closes and (sure or beside)) or place > 0:
            return sequence
    return None


def _decodes(found: str, encoding: str) -> bool:
    try:
        raw = b"".join(each.encode("latin-1") if "\x80" <= each <= "\x9f" else each.encode(encoding) for each in found)
        return len(raw.decode()) == 1
    except UnicodeError:
        return False


def _ascii_problem(text: str, raw: bytes) -> str | None:
    """What can be wrong with a text of which every character is one; `raw` is the text in UTF-8."""
    if (b"=" in raw or b"\\" in raw or b"&" in raw) and (written := _WRITTEN_OUT.search(text)) is not None:
        return f"holds characters written out: {written.group()[:SHOWN_MAX]!r}"
    if raw.count(b"?") >= _LOST_MIN and len(_LOST.findall(_ADDRESS.sub(" ", text))) >= _LOST_MIN:
        return "holds question marks in the middle of words, where letters were lost"
    if len(text) > SHARE_LENGTH_MAX:
        text = text[: SHARE_LENGTH_MAX // 2] + text[-SHARE_LENGTH_MAX // 2 :]
        raw = text.encode("utf-8", "replace")
    solid, letters = _counts(text, raw)
    if solid >= TOLD_CHARACTERS_MIN and letters < LETTER_SHARE_MIN * solid:
        return "holds next to no letters"
    if solid >= RUN_LENGTH_MIN and sum(map(len, _long_runs(raw))) >= RUN_SHARE_MIN * solid:
        return "holds runs of letters and digits that are no words, as encoded files do"
    return None


_SPACES = string.whitespace.encode()
_ASCII_LETTERS = string.ascii_letters.encode()


def _counts(text: str, raw: bytes) -> tuple[int, int]:
    """How many characters are no white space, and how many are letters; of texts beyond ASCII the letters are counted one by
    one only where those of ASCII do not suffice."""
    solid = raw.translate(None, _SPACES)
    letters = len(solid) - len(solid.translate(None, _ASCII_LETTERS))
    if len(raw) == len(text) or letters >= LETTER_SHARE_MIN * len(solid):
        return len(solid), letters
    return len("".join(text.split())), sum(map(str.isalpha, text))


def _long_runs(raw: bytes) -> Iterator[str]:
    # Hardly any text has such a word: to look for the longest one is many times quicker than the pattern.
    words = raw.split()
    if max(map(len, words), default=0) < RUN_LENGTH_MIN:
        return
    for word in words:
        if len(word) >= RUN_LENGTH_MIN:
            yield from _LONG_RUN.findall(word.decode("utf-8", "replace"))


def language_problem(text: str, wanted: tuple[str, ...], *, unknown_passes: bool = True) -> str | None:
    """In which language `text` is instead of one of `wanted` (codes such as de); None where it is in one of them, and, unless
    `unknown_passes` is False, where its language can not be told for sure (too short, mixed, or no running text).

    A text with enough small words of a wanted language is in it; that is twenty times quicker than to weigh all languages, which
    costs about 0.35 ms per 100 words.
    """
    from groundcrew.guards.language import is_sure
    from groundcrew.guards.language_profiles import tell_language

    if _speaks_for_itself(text, wanted):
        return None
    told = tell_language(text)
    if told.language in wanted and (unknown_passes or is_sure(told)):
        return None
    if told.language is None or told.language in wanted or not is_sure(told):
        return None if unknown_passes else LANGUAGE_UNKNOWN
    return f"in {told.language}; expected {' or '.join(sorted(wanted))}"


#: So many words of a text, and such a share of them, must be small words of one wanted language. A text in another language
#: has a third of that at most: where two languages share a word, it counts for neither unless it is rare in one of them.
_SMALL_WORDS_MIN, _SMALL_WORD_SHARE_MIN = 5, 0.1
_SMALL_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the and of with was were have has had been that this which from not she his her they there who is would at",
        "de": "der die das und ist mit von den dem ein eine einer eines einem einen nicht auf für bei wurde wird sich auch nach"
        " aus wegen seit keine kein sind zur zum",
        "fr": "les des du et est une dans pour avec sur aux qui par pas cette sans elle ont au chez était",
        "es": "el los las del y con por para al fue lo sin como más se presentó era",
        "it": "il di che è per gli della dei delle nel nella alla non sono dal dalla più anche stato stata",
        "pt": "os uma não com da do dos das em ao foi pela pelo mais",
        "nl": "het een van met niet op voor zijn werd naar bij door aan ook wordt",
    }.items()
}


def _speaks_for_itself(text: str, wanted: tuple[str, ...]) -> bool:
    words = text.lower().split()
    for language in wanted:
        small = _SMALL_WORDS.get(language)
        if small is not None:
            found = sum(map(small.__contains__, words))
            if found >= _SMALL_WORDS_MIN and found >= _SMALL_WORD_SHARE_MIN * len(words):
                return True
    return False
