"""Recognises pointers to numbered sources ("Passage 2", "[3]"), which say where something stands and assert nothing."""

from __future__ import annotations

import re

#: "(Passage 2)", "source 1", "[3]": says where something stands, asserts no figure; "documents 30 days before" does.
_REFERENCE = re.compile(
    r"\(?\b(?:according to |see |in |from |based on )?(?:the )?(?:passages?|sources?|documents?|"
    r"references?|quelle|quellen|passagen?|fonte)\s*"
    r"\[?#?\d{1,2}\]?(?:\s*(?:,\s*(?:and|or|und)?|and|or|&|und|to|-)\s*(?:passage )?"
    r"\d{1,2})*(?![\d.,:]*\d|\s*(?:%|(?:days?|weeks?|months?|years?|"
    r"hours?|minutes?|working|business|per|times|chf|eur|usd|gbp|francs?|percent|tag\w*|woche\w*|monat\w*|jahr\w*|stunden?|minuten?|"
    r"arbeitstag\w*|mal|franken|prozent|jours?|semaines?|mois|ans?|heures?|giorn[oi]|settiman[ae]|mes[ei]|ann[io]|or[ae])\b))\s*\)?|"
    r"\[\^?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\]",
    re.IGNORECASE,
)


def without_references(text: str) -> str:
    """`text` with every pointer to a numbered source blanked out, so that all offsets stay."""
    return _REFERENCE.sub(lambda match: " " * len(match.group()), text)
