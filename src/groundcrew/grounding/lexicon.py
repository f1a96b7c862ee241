"""Words of claims and sources: tokens with offsets, function words, light stems and everyday synonyms, for four
languages. Comparing stems rather than strings is what lets a faithful rewording count as covered."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

import msgspec

from groundcrew.grounding.wordlists import word_set

WORD_CACHE_SIZE = 50_000
#: Sets of stems, one a sentence, whose words are kept by their beginnings.
SETS_CACHE_SIZE = 4_096
#: Texts whose words are kept: clauses of one claim are looked at by several checks.
TEXT_CACHE_SIZE = 8_192
#: Shared prefix that makes two long words count as forms of one word ("withdraw", "withdrawal").
PREFIX_CHARS_MIN = 5
PREFIX_SHARE_MIN = 0.8

_TOKEN = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*", re.UNICODE)

STOP_WORDS = word_set(
    """a an the this that these those it its he she they them their his her we us our you your i my me mine
    yours ours and or but if then than so as at by for from in into of off on onto to with about over
    under within between through during per via is are was were be been being am do does did done have
    has had having will would shall should can could may might must not no nor there here which who whom
    whose what when where how why also just only very more most such each any all some other same own
    both either neither too up down out again once please thank thanks dear kind hello hi yes ll ve re s
    t d m one's der die das den dem des ein eine einen einem einer eines und oder aber wenn dann als so
    wie bei von vom zu zum zur für mit auf aus an am im in ins über unter nach vor seit bis durch ohne
    gegen um ist sind war waren sein wird werden wurde wurden worden hat haben hatte hatten kann können
    konnte muss müssen soll sollen darf dürfen mag möchte nicht kein keine keinen keinem ich du er sie
    es wir ihr ihre ihren ihrem ihrer ihnen uns unser unsere unseren sich dass ob auch nur noch schon
    sehr mehr man dieser diese dieses diesen diesem jede jeder jedes jeden alle bitte danke hier dort da
    doch sowie bzw etwa je pro le la les un une des du de d l et ou mais si alors que qui quoi dont où
    ce cet cette ces il elle ils elles nous vous leur leurs son sa ses mon ma mes votre vos notre nos au
    aux en dans par pour avec sur sous sans est sont était être a ont avait avoir ne pas plus très aussi
    y se s il lo gli i una uno di del della dei delle dello da dal dalla a al alla ai alle nel nella nei
    nelle con su sul sulla per tra fra e o ma se che chi cui non è sono era erano essere ha hanno aveva
    avere si ci vi suo sua suoi loro questo questa questi queste anche più molto come"""
)

#: Groups of words that mean the same in everyday business English and German; the first names the group.
_SYNONYMS = """fee charge cost price pay gebühr kosten preis entgelt spese
customer client kunde kundin
buy purchase acquire kaufen
begin start commence beginnen anfangen
end finish conclude terminate
get receive obtain erhalten bekommen
send transmit dispatch mail schicken senden versenden
help assist support aid helfen
phone telephone call ring anrufen telefon
doctor physician arzt
medicine medication drug arznei medikament
big large huge gross grosse
small little tiny klein
show display indicate
need require necessary must benötigen brauchen erforderlich nötig
staff employee worker personnel mitarbeiter
car vehicle automobile auto fahrzeug
lock block freeze sperren
unlock unblock unfreeze entsperren
replace substitute exchange ersetzen
cancel terminate revoke kündigen stornieren
refund reimburse repay rückerstatten erstatten zurückerstatten
payment transfer remittance zahlung überweisung
branch office filiale
money cash fund geld bargeld
home house residence
child kid kinder kind
illness disease sickness krankheit
delete remove erase löschen
create make build produce
change modify alter amend ändern
choose select pick wählen
allow permit let erlauben gestatten
forbid prohibit ban verbieten
maximum limit ceiling cap höchstbetrag
error mistake fault fehler
problem issue trouble
fast quick rapid swift schnell
close shut schliessen
password passcode passwort kennwort
card karte
account konto
loan credit lend kredit darlehen
interest zins zinsen
year annual annually yearly jahr jährlich jahre
month monthly monat monatlich
day daily tag täglich
week weekly woche wöchentlich
hour stunde
complaint complain beschwerde
answer reply respond response antwort antworten
ask request enquire inquire anfragen
inform notify tell advise informieren mitteilen
check verify examine inspect prüfen kontrollieren
keep retain store save aufbewahren
use utilise utilize employ apply benutzen verwenden nutzen
live reside dwell
own possess
die pass death
kill murder
film movie
author writer
country nation
town city municipality
boss chief head leader manager
also additionally furthermore moreover
withdraw withdrawal abheben bezug
deposit einzahlen
immediate immediately instantly promptly sofort
usual usually normally typically generally
around approximately roughly circa about
free gratis complimentary kostenlos gebührenfrei unentgeltlich
online internet web digital
e-mail email mail
app application
document file paper
sign signature
abroad foreign overseas ausland
monthly month
lost lose missing misplace
steal stolen theft
available accessible
damage harm
insurance cover coverage insure
claim schaden
premium prämie
treat treatment therapy
surgery operation
heart cardiac
kidney renal
liver hepatic
lung pulmonary"""

_SUFFIXES = (
    ("ization", "ize"), ("isation", "ize"), ("ations", "ate"), ("ation", "ate"), ("ments", "ment"), ("nesses", ""), ("ness", ""),
    ("ities", "ity"), ("ingly", ""), ("edly", ""), ("ically", "ic"), ("fully", "ful"), ("ies", "y"), ("ied", "y"),
    ("sses", "ss"), ("ing", ""), ("ers", "er"), ("ed", ""), ("es", ""), ("ly", ""), ("ern", ""), ("en", ""), ("s", ""), ("e", ""),
)  # fmt: skip


class Token(msgspec.Struct, frozen=True):
    """One word of a text: its offsets there, the text itself and its stem."""

    start: int
    end: int
    text: str
    stem: str
    #: A function word as the tail of a name: "Plus" in "HomeShield Plus", "A" in "Plan A".
    is_label: bool
    #: Whether the word carries meaning of its own.
    is_content: bool


def fold(text: str) -> str:
    """Lower case without diacritics, so that "Zürich" and "ZURICH" are one."""
    lowered = text.lower().replace("ß", "ss").replace("’", "'")
    if lowered.isascii():
        return lowered
    return "".join(char for char in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(char))


def tokens(text: str) -> list[Token]:
    """Words of `text` in order, with code-point offsets."""
    return list(_tokens(text))


@lru_cache(maxsize=TEXT_CACHE_SIZE)
def _tokens(text: str) -> tuple[Token, ...]:
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        before = found[-1] if found else None
        word, label = match.group(), _is_label(match, before)
        found.append(Token(match.start(), match.end(), word, stem(word), label, label or word.lower() not in STOP_WORDS))
    return tuple(found)


def _is_label(match: re.Match[str], before: Token | None) -> bool:
    """Whether a word with a capital letter ends a name: right after another such word, one space apart."""
    word = match.group()
    return (
        before is not None
        and match.start() == before.end + 1
        and match.string[before.end] == " "
        and word[0].isupper()
        and word != "I"
        and before.text[0].isupper()
        and (before.is_label or before.text.lower() not in STOP_WORDS)
    )


@lru_cache(maxsize=WORD_CACHE_SIZE)
def stem(word: str) -> str:
    """A light stem: folded, without possessive and common endings, mapped to its synonym group where it has one."""
    folded = _bare(word)
    if folded in _GROUPS:
        return _GROUPS[folded]
    shortened = _strip_suffix(folded)
    return _GROUPS.get(shortened, shortened)


@lru_cache(maxsize=WORD_CACHE_SIZE)
def form(word: str) -> str:
    """A light stem without everyday synonyms: for lists of words that bring their own."""
    return _strip_suffix(_bare(word))


def _bare(word: str) -> str:
    folded = fold(word)
    for ending in ("'s", "'"):
        folded = folded.removesuffix(ending)
    for article in ("l'", "d'", "dell'", "all'", "nell'", "qu'", "un'", "sull'", "dall'"):
        if folded.startswith(article) and len(folded) > len(article) + 2:
            folded = folded[len(article) :]
    return folded


def _strip_suffix(word: str) -> str:
    if len(word) <= 3 or any(char.isdigit() for char in word):
        return word
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) + len(replacement) >= 3:
            base = word[: len(word) - len(suffix)] + replacement
            if suffix == "s" and word.endswith(("ss", "us", "is")):
                return word
            if len(base) > 3 and suffix in ("ing", "ed", "es", "e", "en") and base[-1] == base[-2] and base[-1] not in "aeiouls":
                base = base[:-1]
            if suffix not in ("e",) and base.endswith("e") and len(base) > 3:
                base = base[:-1]
            return base
    return word


@lru_cache(maxsize=WORD_CACHE_SIZE)
def same_word(left: str, right: str) -> bool:
    """Whether two stems are forms of one word: equal, or long with a long shared prefix."""
    if left == right:
        return True
    if left[0:1] != right[0:1]:
        return False
    shorter = min(len(left), len(right))
    if shorter < PREFIX_CHARS_MIN or left[:PREFIX_CHARS_MIN] != right[:PREFIX_CHARS_MIN]:
        return False
    shared = PREFIX_CHARS_MIN
    while shared < shorter and left[shared] == right[shared]:
        shared += 1
    return shared >= PREFIX_SHARE_MIN * max(shorter, 0.75 * max(len(left), len(right)))


def is_among(word: str, others: Collection[str]) -> bool:
    """Whether some stem of `others` is a form of `word`; a short word must stand among them as it is."""
    if word in others or len(word) < PREFIX_CHARS_MIN:
        return word in others
    beginning = word[:PREFIX_CHARS_MIN]
    if isinstance(others, frozenset):
        return any(same_word(word, other) for other in _by_beginning(others).get(beginning, ()))
    return any(other.startswith(beginning) and same_word(word, other) for other in others)


@lru_cache(maxsize=SETS_CACHE_SIZE)
def _by_beginning(words: frozenset[str]) -> dict[str, list[str]]:
    """The words that are long enough to have forms, by their first letters."""
    found: dict[str, list[str]] = {}
    for word in words:
        if len(word) >= PREFIX_CHARS_MIN:
            found.setdefault(word[:PREFIX_CHARS_MIN], []).append(word)
    return found


def _build_groups() -> dict[str, str]:
    groups: dict[str, str] = {}
    for line in _SYNONYMS.splitlines():
        words = [fold(word) for word in line.split()]
        for word in words:
            groups.setdefault(word, words[0])
            groups.setdefault(_strip_suffix(word), words[0])
    return groups


_GROUPS: dict[str, str] = _build_groups()
