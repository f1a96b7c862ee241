"""The wordings that tell a commitment from a description: who speaks, what is promised, and what takes it back again."""

from __future__ import annotations

import re


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(r"(?i)\b(?:" + "|".join(alternatives) + r")\b")


SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s|$)[^.!?\n]*)*[.!?]*")
WORD = re.compile(r"[^\W\d_]{3,}")
STOP_WORDS = frozenset(
    (
        *("the", "and", "for", "you", "your", "our", "will", "with", "that", "this", "are", "was", "have", "has", "can", "may"),
        *("from", "not", "but", "any", "all", "per", "yes", "hello", "dear", "please", "thank", "thanks", "would", "also"),
        *("been", "being", "its", "his", "her", "their", "they", "them", "then", "than", "there", "here", "just", "only"),
        *("very", "within", "under", "into", "onto", "over", "out", "off", "about", "which", "what", "when", "where", "who"),
        *("chf", "usd", "eur", "gbp", "franc", "francs", "dollar", "dollars", "euro", "euros", "pound", "pounds", "percent"),
        *("whom", "how", "why", "shall", "should", "could", "might", "must"),
    )
)

_FIRM_SUBJECT = r"(?:we|i|our (?:bank|team|company|firm)|the (?:bank|company|firm))"
_FIRM_VERB = (
    r"(?:will|shall|'ll|can offer|offer|agree|promise|guarantee|commit|confirm|grant|accept|are (?:happy|pleased|glad) to"
    r"|are going to|hereby|have (?:approved|agreed|decided|waived))"
)
_CUSTOMER_GETS = r"(?:get|receive|be (?:refunded|credited|reimbursed|compensated)|pay|have)"
#: The firm speaks, or something is promised to the customer.
FIRM = _words(
    rf"{_FIRM_SUBJECT}\b[^.!?]{{0,20}}?\b{_FIRM_VERB}",
    r"(?:we|i)'ll",
    rf"you(?:'ll| will| shall| are going to)\b[^.!?]{{0,30}}?\b{_CUSTOMER_GETS}",
    r"is yours",
    r"it'?s a deal",
    r"you have (?:my|our) word",
    r"consider it done",
)
OFFER = _words(
    r"offer|sell|price|costs?|pay|for (?:only|just)|deal|yours|buy|purchase|rate|fee|charge|free",
    r"for (?=[$€£]|chf|usd|eur|gbp|one|a\b)",
)

_COUNT = r"(?:\d{1,3}|an?|one|two|three|four|five|six|seven|ten|twelve|twenty[- ]four|forty[- ]eight)"
_UNIT = r"(?:minutes?|hours?|(?:business |working |calendar )?days?|weeks?|months?)"
_DAY = r"(?:tomorrow|tonight|today|noon|(?:end of|this|next) \w+|monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
#: Kind of commitment, its score where the firm clearly speaks, and how it reads.
KINDS: tuple[tuple[str, float, re.Pattern[str]], ...] = (
    (
        "contract",
        0.95,
        _words(
            r"legally binding",
            r"binding (?:offer|agreement|contract|commitment)",
            r"no takes(?:ies|y)[ -]?backs(?:ies|y)?",
            r"this is a contract",
            r"it'?s a deal",
            r"we have a deal",
            r"you have (?:a|my|our) (?:deal|word)",
            r"consider (?:it|this) (?:done|agreed)",
        ),
    ),
    ("refund", 0.85, _words(r"refund\w*", r"reimburs\w*", r"money back", r"pay (?:you )?back", r"compensat\w*")),
    (
        "credit",
        0.85,
        _words(
            r"waiv\w*",
            r"credit(?:ed|ing)? (?:you|your|the amount|to your)",
            r"goodwill",
            r"voucher",
            r"cashback",
            r"write[ -]?off",
        ),
    ),
    (
        "discount",
        0.85,
        _words(
            r"discount\w*",
            r"\d{1,3}\s?(?:%|percent|per cent) off",
            r"half[ -]price",
            r"reduced (?:price|rate|fee)",
            r"free of charge",
        ),
    ),
    (
        "guarantee",
        0.85,
        _words(
            r"guarante\w*",
            r"promise[sd]?",
            r"warrant(?:y|ies|s)?",
            r"without (?:any )?risk",
            r"risk[ -]free",
            r"100\s?% (?:safe|secure|certain)",
        ),
    ),
    ("deadline", 0.8, _words(rf"within (?:the next )?{_COUNT} {_UNIT}", rf"by {_DAY}", r"no later than")),
)
#: Who denies does not commit.
NEGATED = _words(
    r"can ?not|can't|do(?:es)? not|don't|doesn't|unable|will not|won't|never",
    r"no (?:refund|discount|guarantee)s?",
    r"not (?:able|possible|entitled|authori[sz]ed|guaranteed?|offer)",
)
#: Who asks, or says what would happen if, does not commit either.
CONDITIONAL = re.compile(r"(?i)^\s*(?:if|should|in case|whether|unless|once)\b|\?\s*$")
