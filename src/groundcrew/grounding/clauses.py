"""Cuts a sentence that coordinates independent facts ("The card costs CHF 48 and can be blocked in the app") into clauses, in
English, German, French and Italian. Cautious: never inside an enumeration, a figure, a quotation, or a condition and its
consequence."""

from __future__ import annotations

import re
from itertools import pairwise

import msgspec

from groundcrew.grounding.statement import read_statement
from groundcrew.grounding.wordlists import word_set

#: Clauses of one sentence; the last holds what is left.
CLAUSES_MAX = 8
#: Words between a coordinator and the verb of a clause that has its own subject, and words of a subject that is carried over.
OWN_SUBJECT_WORDS_MAX, SUBJECT_WORDS_MAX = 7, 14
#: Of a clause, so many characters are looked at for a word of its own.
CLAUSE_CHARS_MAX = 400
#: Sentences longer than this, in characters, are not searched for clauses.
SENTENCE_CHARS_MAX = 2_000

_COORDINATOR = re.compile(
    r"(?<=[\s,])(?:and|but|und|aber|jedoch|et|mais|e|ed|ma)(?=\s)|"
    r"(?<=,\s)(?:while|whereas|während|wohingegen|tandis que|alors que|mentre|yet|doch)(?=\s)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['’.,-][^\W_]+)*['’]?")
_CONDITION = re.compile(
    r"(?i)\b(?:if|unless|when|whenever|once (?:you|we|the|it|your)|provided|providing|as long as|as soon as|in "
    r"case|except|subject to|until|depending|whether|"
    r"wenn|falls|sofern|sobald|solange|vorausgesetzt|ausser|außer|soweit|bevor|bis zu dem|ob|je nach|"
    r"si|s'il|s'ils|lorsque|lorsqu|quand|dès que|tant que|à condition|sauf|pourvu|selon que|"
    r"se|qualora|quando|appena|purché|salvo|a condizione|tranne|finché)\b"
)
_OPENS_WITH_CONDITION = re.compile(rf"\W*(?:{_CONDITION.pattern[4:]})", re.IGNORECASE)
#: Clauses whose second half belongs to the first: what is said, thought or meant, why, and which one.
_BOUND = re.compile(
    r"(?i)\b(?:that|which|who|whom|whose|because|since|although|though|so that|how|why|what|where|"
    r"dass|weil|obwohl|damit|welche[rsmn]?|wie|warum|wo|indem|"
    r"que|qu|qui|dont|où|parce|puisque|afin|comment|pourquoi|ce que|"
    r"che|cui|perché|poiché|affinché|dove|"
    r"says?|said|thinks?|knows?|believes?|claims?|means?|assumes?|sagt|meint|glaubt|weiss|dit|pense|croit|dice|pensa|crede|"
    r"both|either|neither|entweder|weder|sowohl|soit|sia|né)\b"
)
#: "between 9 and 17": the next coordinator joins two ends.
_RANGE = re.compile(r"(?i)\b(?:between|zwischen|entre|tra|fra)\b(?!.*\b(?:and|und|et|e|ed)\b)")
_RELATIVE_GERMAN = re.compile(
    r",\s+(?:(?:mit|für|bei|an|auf|in|von|zu|aus|durch|über)\s+)?(?:der|die|das|den|dem|deren|dessen|denen)\s"
)
#: A frame that only announces what follows: the halves of what it announces stand on their own.
_FRAME = re.compile(
    r"(?i)^\W*(?:please (?:note|be aware)|(?:we|i) (?:can |hereby )?(?:confirm|inform you)|note|bitte beachten sie,?|"
    r"wir (?:bestätigen|informieren sie(?: darüber)?|teilen ihnen mit)(?: ihnen)?,?|es gilt,|veuillez noter|nous "
    r"vous (?:confirmons|informons)|"
    r"la informiamo|le confermiamo|si noti|tenga presente)\s+(?:that|dass|que|che)\s+"
)
_VERBS = word_set(
    """is are was were isn't aren't wasn't weren't has have had hasn't haven't can cannot can't could may might must will
    won't would shall should does do did doesn't don't didn't applies apply expires arrives remains remain stays
    becomes begins depends requires contains exceeds includes include excludes exclude covers reaches arrive amounts
    belongs allows lasts receives gets pays starts ends opens closes runs gives sends works holds restarts reboots
    returns comes goes takes reduces rises falls
    ist sind war waren wird werden wurde wurden hat haben hatte hatten kann können konnte muss müssen darf dürfen soll sollen
    gilt gelten kostet kosten beträgt betragen kommt kommen folgt folgen wechselt zahlt zahlen bezahlen sendet senden
    schickt wirkt läuft übernimmt bleibt bleiben erhält erhalten bekommt bekommen bietet dauert dauern endet beginnt
    läuft verfällt liegt liegen steht stehen gibt geht gehen umfasst enthält braucht benötigt trifft schliesst öffnet
    erfolgt entfällt
    est sont était étaient sera seront ont avait peut peuvent doit doivent coûte coûtent reste restent dure expire comprend
    reçoit reçoivent commence vaut valent arrive contient permet couvre
    è sono era erano sarà saranno ha hanno aveva può possono deve devono costa costano resta restano dura scade comprende
    riceve ricevono inizia vale valgono arriva contiene permette copre"""
)
#: What a statement's first verb may be, by which its subject ends.
FINITE_VERBS = _VERBS | word_set(
    """pay paid get gets cost costs receive apply stay stays need needs may enjoy enjoys take takes expire leave leaves
    bezahlen braucht brauchen ersetzt ersetzen erhalten zahlt deckt decken profitieren profitiert paient payent bénéficient
    pagano beneficiano ricevono"""
)
#: Verbs that are nouns as well: a verb only before a figure, an article or the like.
_MAYBE_VERBS = word_set("costs cost charges charge pay offer offers limits needs covers")
_AFTER_VERB = re.compile(r"(?i)\s+(?:[\d$€£]|(?:chf|eur|usd|gbp|fr|the|a|an|no|nothing|you|us|it|all|every|each|its|your)\b)")
_ADVERBS = word_set(
    """also then always usually normally only often never therefore thus however now still automatically
    auch dann immer normalerweise nur oft nie daher deshalb jedoch jetzt noch automatisch jederzeit
    aussi toujours normalement seulement souvent jamais donc automatiquement ne n'
    anche sempre normalmente solo spesso mai quindi automaticamente non"""
)
_PRONOUNS = word_set(
    """it you we they he she there
    es sie wir er man ich
    elle ils elles nous vous cela c'est
    lei essi noi voi"""
)
_LEADING_ADVERBIALS = word_set(
    "am im in an ab bei nach seit für pro heute dann so hier vor mit ohne on at from for per after before dès en à pour dal per"
)


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One clause at `text[start:end]`, its coordinator included; `reading` is what it says on its own, with the subject
    carried over."""

    start: int
    end: int
    reading: str


def split_clauses(text: str) -> list[Clause]:
    """The clauses of one sentence in order, covering it but for white space; one where it should not be cut."""
    cuts: list[tuple[int, str]] = [(0, "")]
    if len(text) <= SENTENCE_CHARS_MAX and not text.rstrip().endswith("?"):
        frame = _FRAME.match(text)
        first = frame.end() if frame else 0
        subject, begin = "", first
        for match in _COORDINATOR.finditer(text, first):
            if len(cuts) >= CLAUSES_MAX:
                break
            left, right = text[begin : match.start()], text[match.end() :]
            if not _may_cut(text, left, right, match, bool(frame)):
                continue
            subject = _subject(left) or subject
            carried = _carried(match.group(), right, subject, verb_final=bool(frame))
            if carried is not None and _says_something(left) and _says_something(f"{carried} {right}"):
                cuts.append((match.start(), carried))
                begin = match.end()
    return _clauses(text, cuts)


def _clauses(text: str, cuts: list[tuple[int, str]]) -> list[Clause]:
    found = []
    for (start, subject), (following, _) in pairwise([*cuts, (len(text), "")]):
        piece = text[start:following].rstrip()
        bare = _COORDINATOR.sub("", f" {piece}", count=1).strip() if start else piece
        found.append(Clause(start=start, end=start + len(piece), reading=f"{subject} {bare}".strip() if start else piece))
    return found


def _says_something(part: str) -> bool:
    """Whether a half has a word of its own that can be looked for: neither figure nor function word ("you have it in 5 days")."""
    return bool(read_statement(part[:CLAUSE_CHARS_MAX]).content())


def _may_cut(text: str, left: str, right: str, match: re.Match[str], framed: bool) -> bool:
    """Whether nothing ties what stands right of the coordinator to what stands left of it."""
    if _inside_marks(text, match.start()) or len(_WORD.findall(left)) < 3:
        return False
    if _CONDITION.search(left) or _BOUND.search(left) or _RANGE.search(left) or (not framed and _RELATIVE_GERMAN.search(left)):
        return False
    if _BOUND.match(right.lstrip()) and not framed:
        return False
    if _CONDITION.search(right) and not _OPENS_WITH_CONDITION.match(right):
        return False
    before, after = left.rstrip(" ,")[-1:], right.lstrip()[:1]
    return not (before.isdigit() and after.isdigit()) and _has_verb(left)


def _inside_marks(text: str, position: int) -> bool:
    """Whether brackets or quotation marks are open at `position`."""
    before = text[:position]
    if before.count("(") > before.count(")") or before.count("[") > before.count("]") or before.count('"') % 2:
        return True
    return any(before.count(a) > before.count(b) for a, b in (("«", "»"), ("„", "“")))


def _has_verb(part: str) -> bool:
    words = list(_WORD.finditer(part))
    for number, word in enumerate(words):
        lowered = word.group().lower().replace("’", "'")
        if lowered in _VERBS or (lowered in _MAYBE_VERBS and _AFTER_VERB.match(part, word.end())):
            return True
        if lowered in _PRONOUNS and number + 1 < len(words) and number < 2:
            return True
    return False


def _carried(coordinator: str, right: str, subject: str, *, verb_final: bool) -> str | None:
    """The subject that the clause `right` needs from before ("" for none), or None where it is no clause of its own."""
    words = list(_WORD.finditer(right))
    if len(words) < 2:
        return None
    lowered = [word.group().lower().replace("’", "'") for word in words]
    at = next((number for number, word in enumerate(lowered[:3]) if word not in _ADVERBS), 0)
    if _is_verb(lowered[at], right, words[at]):
        return subject if subject and len(words) > at + 1 else None
    if _OPENS_WITH_CONDITION.match(right):
        return "" if len(words) >= 5 and "," in right else None
    if lowered[0] in _PRONOUNS:
        return "" if len(words) >= 3 else None
    if coordinator.lower() in ("während", "wohingegen") or verb_final:
        ends = lowered[-1]
        return ("" if coordinator.lower() != "und" else _verb_final_subject(lowered, subject)) if ends in _VERBS else None
    head = right[: words[min(OWN_SUBJECT_WORDS_MAX, len(words) - 1)].end()]
    for number, word in enumerate(words[1 : OWN_SUBJECT_WORDS_MAX + 1], start=1):
        before = head[: word.start()]
        if any(mark in before for mark in ",;:(") or _COORDINATOR.search(before) or _BOUND.search(before):
            return None
        if _is_verb(lowered[number], right, word):
            return ""
    return None


def _verb_final_subject(lowered: list[str], subject: str) -> str:
    """A verb-final clause that opens with an article or pronoun has its own subject."""
    opens = lowered[0] in _PRONOUNS or lowered[0] in (
        "der",
        "die",
        "das",
        "ein",
        "eine",
        "kein",
        "keine",
        "ihre",
        "unsere",
        "dass",
    )
    return "" if opens else subject


def _is_verb(word: str, part: str, match: re.Match[str]) -> bool:
    return word in _VERBS or (word in _MAYBE_VERBS and _AFTER_VERB.match(part, match.end()) is not None)


def _subject(left: str) -> str:
    """What stands before the first verb, or after it where an adverbial opens the sentence; "" where it is too long."""
    words = list(_WORD.finditer(left))
    for number, word in enumerate(words):
        if number and _is_verb(word.group().lower().replace("’", "'"), left, word):
            if words[0].group().lower() in _LEADING_ADVERBIALS and number + 1 < len(words):
                return left[words[number + 1].start() : words[min(number + 2, len(words) - 1)].end()]
            if number > 2 and number == len(words) - 1:  # the verb comes last: article and noun are the subject
                return left[words[0].start() : words[1].end()]
            return left[words[0].start() : words[number - 1].end()] if number <= SUBJECT_WORDS_MAX else ""
        if number and words[number - 1].group().lower() in _PRONOUNS and number < 3:
            return words[number - 1].group()
    return ""
