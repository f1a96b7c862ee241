"""Where a sentence ends: full stops of abbreviations, ordinals, dates and initials end none, in English, German, French and
Italian."""

from __future__ import annotations

import re

from groundcrew.grounding.wordlists import word_set

#: A mark that may end a sentence, with the quotation marks and brackets that close after it.
BOUNDARY = re.compile(
    r"(?:(?<![.!?…؟।])[.!?…؟।]+(?:[\"'”“’»›)\]*_]|[ \u00a0\u202f][»›])*(?=\s))|(?<![。！？])[。！？]+[」』”»)]*"
)

#: Never end a sentence, whatever follows.
_ABBREVIATIONS = word_set(
    """dr mr mrs ms prof st e.g i.e eg ie approx vs cf resp dept est fig al jr sr gen rev hon z.b zb d.h dh
    u.a ua bzw ca inkl exkl evtl ggf sog vgl mio mrd tsd hr frl dipl ing str v.a i.d.r idr o.ä s.o
    s.u u.u z.t re li bds tägl tgl pat beh dott.ssa
    z.hd zzgl abzgl gem lt geb verh bsp abb jh jährl mtl monatl med iur phil oec p.ex p.es ex env m mm mme mlle mmes dott
    sig sig.ra sigg sig.na ecc.. pag tel tél fax incl excl max. u.s u.k a.k.a jan feb mär apr jun jul aug sep
    sept okt oct nov dez dec janv févr juil genn febbr sett ott mwst konto-nr kto-nr c.-à-d av bd"""
)
#: End a sentence only where the next word starts with a capital letter.
_MAY_END = word_set("a.m p.m p.a am pm etc usw inc ltd corp co ecc gmbh ag u.s.w min max")
#: After a figure they are units, which end a sentence only before a word that opens one; else never.
_UNITS = word_set("fr rp std min sek mio mrd tsd kg km")
#: Abbreviations that are units after a figure and then end a sentence like any word ("a nodule of 8 mm. Mild emphysema").
_MEASURES = frozenset(("mm", "cm", "ml", "cc"))
#: What is told by a letter: "density C. No mass" names a class, where "C. Meier" abbreviates a name.
_LETTERED = re.compile(
    r"(?i)\b(?:density|dichte|type|typ|class|klasse|grade|grad|stage|stadium|category|kategorie|group|gruppe|vitamin|hepatitis|"
    r"weber)\s+$"
)
#: Abbreviations only before a digit ("No. 5"), else ordinary words.
_BEFORE_DIGIT = word_set(
    """no nr nos art abs s p pp para sec ziff lit kap chf sfr cap vol bd rs pos ref min max st tel mind ext
    approx ca n al cpv bst let ch f ff tab anh mar mai"""
)
#: Words that open a sentence after a figure or an abbreviation, where German capitals tell nothing.
_OPENERS = word_set(
    """the a an it this that these those you we they he she if please for in on at our your to and but there from with
    after before then also however all any no
    der die das den dem ein eine sie wir es er ihr ihre unser unsere dies diese dieser dieses wenn falls bitte für in
    im am an auf bei mit
    nach vor danach dann auch aber und jedoch alle kein keine zudem ausserdem zusätzlich von vom zu zum zur ab bis
    le la les un une il elle ils elles nous vous ce cette ces si pour dans en sur avec après avant puis mais et chaque
    aucun votre nos
    lo gli i uno una lei questo questa se per nel nella con dopo prima poi ma e ogni nessun il suo la sua"""
)
_MONTH_START = re.compile(
    r"(?i)(?:jan|feb|mär|maer|mar|apr|mai|may|jun|jul|aug|sep|okt|oct|nov|dez|dec|janv|févr|avr|juin|juil|août|déc|"
    r"gen|mag|giu|lug|ago|set|ott|dic|quartal|halbjahr|tag|woche|monat|jahr|stock|klasse|etage|säule|obergeschoss|mal\b)"
)
_ORDINAL_LEAD = re.compile(
    r"(?i)\b(?:am|zum|der|den|dem|des|vom|die|das|ab|bis|im|beim|jeder|jedem|jeden|und|oder|seit|per|dieses|ersten)\s+\d{1,2}$"
)
_DATE_NEXT = re.compile(r"\d{1,2}\.(?:[ \u00a0]?\d{2,4}|\s)")
_SPACED_INITIAL = re.compile(r"(?:[^\W\d_]\.[ \u00a0\u202f]?){1,3}$")
_FIGURE_NEXT = re.compile(r"(?:[A-Z]{3}|[$€£]|Fr\.)\s?\d|\d")
#: Quotation marks that open and close.
_QUOTES = (('"', '"'), ("“", "”"), ("„", "“"), ("«", "»"), ("»", "«"))
_QUOTED_CHARS_MAX = 240
_WORD_BEFORE = re.compile(r"[\w.'’-]+$")
#: How far back the word before a mark is looked for, in characters.
_LOOK_BACK = 40


def ends_sentence(text: str, match: re.Match[str], begin: int, end: int) -> bool:
    """Whether the mark that `BOUNDARY` found in `text[begin:end]` ends a sentence."""
    after = text[match.end() : min(end, match.end() + _LOOK_BACK)].lstrip()
    mark = match.group()
    if not after:
        return True
    if _in_quotation(text, match.end(), begin, end):
        return False
    if mark[0] != "." or mark.startswith(".."):
        return not (after[0].islower() and mark[0] in "….") or mark[0] in "。！？"
    before = _WORD_BEFORE.search(text[max(begin, match.start() - _LOOK_BACK) : match.start()])
    word = re.split(r"['’]", before.group().lower())[-1] if before else ""
    if not word:
        return True
    if len(mark) > 1 and mark[-1] in "»”“":
        return not after[0].islower()
    if _abbreviates(text, match.start(), word, after):
        return False
    if word.isdigit() and len(word) <= 2:
        return not _is_ordinal(text[max(begin, match.start() - _LOOK_BACK) : match.start()], after)
    return not after[0].islower()


def _in_quotation(text: str, stop: int, begin: int, end: int) -> bool:
    """Whether the mark stands inside a quotation after which the sentence goes on ("He said “Wait. Go.” and left")."""
    before = text[max(begin, stop - _QUOTED_CHARS_MAX) : stop]
    for opening, closing in _QUOTES:
        if opening not in before:
            continue
        is_open = before.count(opening) % 2 == 1 if opening == closing else before.count(opening) > before.count(closing)
        close = text.find(closing, stop, min(end, stop + _QUOTED_CHARS_MAX)) if is_open else -1
        if close >= 0:
            follows = text[close + 1 : min(end, close + _LOOK_BACK)].lstrip(" \u00a0")
            return bool(follows) and (follows[0].islower() or follows[0] == ",")
    return False


def _abbreviates(text: str, stop: int, word: str, after: str) -> bool:
    """Whether the full stop at `text[stop]` belongs to the abbreviation `word`."""
    if word in _BEFORE_DIGIT and after[0].isdigit():
        return True
    before = text[max(0, stop - len(word) - 2) : stop - len(word)].rstrip()
    if word in _UNITS and before[-1:].isdigit():
        return not _opens(after)
    if word in _MEASURES and before[-1:].isdigit():
        return False
    if word in ("min", "max", "approx") and _FIGURE_NEXT.match(after):
        return True
    if word in _MAY_END:
        return not after[0].isupper()
    if word in _ABBREVIATIONS or word == "fr":
        return True
    if len(word) == 1 and word.isalpha():
        return _is_initial(text, stop, word, after)
    return False


def _is_initial(text: str, stop: int, word: str, after: str) -> bool:
    """ "J. Meier", and the letters of "z. B." and "p. ex.": a letter or short word with a full stop follows or came before."""
    if text[stop - 1].isupper() and word != "i":
        if _LETTERED.search(text[max(0, stop - _LOOK_BACK) : stop - 1]):
            return False
        alone = stop < 2 or text[stop - 2].isspace() or text[stop - 2] in ".-(\"'“‘«„"  # "3.5 °C." ends a sentence
        return alone and not _opens(after)
    spaced = (
        re.match(r"[^\W\d_]{1,4}\.", after) is not None or _SPACED_INITIAL.search(text[max(0, stop - 12) : stop - 1]) is not None
    )
    return spaced and word not in ("a", "e", "i", "o", "y")


def _is_ordinal(lead: str, after: str) -> bool:
    """ "3. Mai", "am 15. Tag", "31. 12. 2027"."""
    if _MONTH_START.match(after) or _DATE_NEXT.match(after) or re.match(r"(?:19|20)\d\d\b", after):
        return True
    return bool(_ORDINAL_LEAD.search(lead)) and after[0].isalpha() and not _opens(after)


def _opens(after: str) -> bool:
    first = re.match(r"[^\W\d_]+", after)
    return first is not None and first.group()[0].isupper() and first.group().lower() in _OPENERS
