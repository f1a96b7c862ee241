"""Finds what a message asks: its questions and requests, each with the kind of answer that it wants (an amount, a time, a
place …). A message without a recognisable question is taken whole as one."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from groundcrew.grounding.claims import segments
from groundcrew.grounding.statement import Statement

Wanted = Literal["amount", "duration", "moment", "place", "person", "contact", "percentage", "count", "open"]

#: Questions of one message that are answered one by one.
ASKS_MAX = 4
#: Characters of a message that are read.
MESSAGE_CHARS_MAX = 8_000
#: Characters of what a message tells that go before each question.
CONTEXT_CHARS_MAX = 1_000
_NO_QUESTION = ("greeting", "closing", "courtesy", "heading", "contact", "signature", "header")

_REQUEST = re.compile(
    r"(?i)^\W*(?:please |pls |bitte |kindly |hi,? |hello,? |also,? |and |so |then |now "
    r")*(?:(?:can|could|would|will|may|do|does|did|is|are|am|has|have|should|shall|must) "
    r"(?:i|you|we|it|the|my|this|there|one|a|an|your|he|she|they)\b|(?:what|when|where|who|whom|"
    r"which|how|why|whose|what's|how's|where's|who's)\b|"
    r"(?:tell|explain|send|let me know|give|show|help|need to know|want to know)\b|"
    r"(?:kann|können|darf|muss|gibt|ist|sind|haben|hat|wann|wo|wer|was|welche[rsnm]?|wie|wieso|"
    r"warum|woher|wohin|erklären|senden|sagen)\b|"
    r"(?:puis-je|pouvez|peut-on|est-ce|quand|où|qui|quel(?:le)?s?|comment|combien|pourquoi|quanto|"
    r"quando|dove|chi|come|posso|potete|qual[ei]?)\b)"
)
_WISH = re.compile(
    r"(?i)\b(?:i(?:'d| would) like to (?:know|ask|find out)|i (?:want|need|wish) to (?:know|ask|"
    r"find out|understand)|i(?:'m| am) (?:wondering|asking|curious)|i wonder|"
    r"(?:not sure|unsure|don't know|do not know|no idea) (?:if|whether|how|what|when|where|which)|"
    r"please (?:tell|explain|advise|confirm|inform|send)|"
    r"ich (?:möchte|würde gern\w*) (?:wissen|fragen|erfahren)|my question)\b"
)

_WANTED_PATTERNS: tuple[tuple[Wanted, str], ...] = (
    (
        "percentage",
        r"\b(?:what|which|how high)\b.{0,20}\b(?:interest|rate|percentage|percent)\b|\binterest rate|"
        r"\bzinssatz|\bprozent\b|\btaux\b|\btasso\b",
    ),
    (
        "duration",
        r"\bhow (?:long|fast|quickly|soon|many (?:days|weeks|months|years|hours|minutes))\b|\bhow "
        r"much time\b|\bwie lange\b|\bcombien de temps\b|\bper quanto tempo\b|\bnotice period\b",
    ),
    (
        "contact",
        r"\b(?:phone|telephone|number to call|call whom|which number|hotline|e-?mail address|"
        r"address)\b|\bwhere (?:do|can|should|must) i (?:send|write|call|report)\b|\btelefonnummer\b",
    ),
    (
        "moment",
        r"\b(?:when|what time|what hour|until when|by when|which day|what day|what date|opening hours|"
        r"how late|how early|still open|deadline)\b|\bwann\b|\bum welche zeit\b|\bquand\b|\bquando\b",
    ),
    (
        "amount",
        r"\b(?:how much|cost|costs|price|fee|fees|charge|charged|charges|expensive|pay for|what do "
        r"you charge|how high|limit|maximum amount|minimum amount)\b|\bwie viel\b|\bkostet\b|\bgebühr|"
        r"\bcombien\b|\bquanto\b",
    ),
    ("count", r"\bhow (?:many|often|old)\b|\bwhat age\b|\bwhich age\b|\bfrom what age\b|\bwie viele\b|\bwie oft\b"),
    ("person", r"\b(?:who|whom|whose)\b|\bwer\b|\bwem\b|\bqui\b|\bchi\b"),
    ("place", r"\b(?:where|which (?:branch|city|country|place|town))\b|\bwo\b|\boù\b|\bdove\b"),
)
_WANTED = [(wanted, re.compile(pattern, re.IGNORECASE)) for wanted, pattern in _WANTED_PATTERNS]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One question or request, `message[start:end]`, and the kind of answer that it wants. `context` is the question after
    all that the message tells, without its other questions: what "it" and "this" in the question stand for."""

    start: int
    end: int
    text: str
    context: str
    wanted: Wanted


def asks(message: str) -> list[Ask]:
    """The questions and requests of a message in order; the whole message where none is recognised. Empty in, empty out."""
    message = message[:MESSAGE_CHARS_MAX]
    found = [segment for segment in segments(message, clauses=False) if segment.kind not in _NO_QUESTION]
    asked = [segment for segment in found if _is_asked(segment.text)]
    if asked:
        told = " ".join(segment.text for segment in found if segment not in asked)[:CONTEXT_CHARS_MAX]
        return [
            Ask(
                start=segment.start,
                end=segment.end,
                text=segment.text,
                context=f"{told} {segment.text}".strip(),
                wanted=wanted_kind(segment.text),
            )
            for segment in asked[:ASKS_MAX]
        ]
    text = message.strip()
    if not any(char.isalnum() for char in text):
        return []
    start = found[0].start if found else message.index(text)
    end = found[-1].end if found else start + len(text)
    whole = message[start:end]
    return [Ask(start=start, end=end, text=whole, context=whole, wanted=wanted_kind(whole))]


def _is_asked(text: str) -> bool:
    return text.rstrip("\"'”’»)").endswith("?") or bool(_REQUEST.match(text) or _WISH.search(text))


def wanted_kind(question: str) -> Wanted:
    """The kind of answer that a question wants; "open" where nothing tells."""
    return next((wanted for wanted, pattern in _WANTED if pattern.search(question)), "open")


def gives(statement: Statement, wanted: Wanted) -> bool:
    """Whether a sentence holds something of the kind that is wanted; always true for an open question."""
    dimensions = {quantity.dimension for quantity in statement.quantities}
    kinds = {moment.kind for moment in statement.moments}
    lowered = statement.text.lower()
    if wanted == "amount":
        return any(dimension.startswith("currency") or dimension == "percent" for dimension in dimensions) or any(
            word in lowered for word in ("free", "no fee", "no charge", "kostenlos", "gratis")
        )
    if wanted == "percentage":
        return "percent" in dimensions
    if wanted == "duration":
        return bool(dimensions & {"duration", "months", "working_day", "working_hour"}) or any(
            word in lowered for word in ("immediately", "at once", "same day", "next working day", "sofort")
        )
    if wanted == "moment":
        return bool(kinds) or bool(dimensions & {"duration", "months", "working_day"})
    if wanted == "count":
        return bool(dimensions)
    if wanted == "person":
        return bool(statement.names)
    if wanted == "place":
        return bool(statement.names) or " in " in lowered or " at " in lowered
    if wanted == "contact":
        return "code" in dimensions or "app" in lowered or "branch" in lowered
    return True
