"""Which sentences with a question mark only ask, in English, German, French and Italian: how questions open, and what gives
away that one asserts or presupposes something."""

from __future__ import annotations

import re

#: Asserts in the form of a question.
RHETORICAL = re.compile(
    r"(?i)\b(?:did you know|were you aware|are you aware|do you know that|wussten sie|wissen sie, dass|isn't it|"
    r"aren't|don't you|"
    r"doesn't it|isn't|wasn't|weren't|hasn't|haven't|didn't|won't|can't|couldn't|saviez-vous|n'est-ce pas|lo "
    r"sapeva|non è|nicht wahr|oder nicht|"
    r"right$|correct$|stimmt's$|ja$|non$|vero$|giusto$)"
)
#: Asks for what it takes as given ("why were all fees dropped?"), or brings a clause of its own.
PRESUPPOSES = re.compile(
    r"(?i)^\W*(?:and |but |so |und |et |e )?(?:why|how come|since when|warum|weshalb|wieso|pourquoi|perché|come mai)\b|"
    r"\b(?:the fact|given that|now that|knowing that|considering|dank|thanks to|nachdem|jetzt wo|maintenant que|ora che|"
    r"interested to (?:hear|know) that|happy that|glad that|aware that)\b|"
    r"\b(?:when|where|how|who|which \w+|what) (?:did|was|were|has|have) (?!you\b|we\b|i\b|your\b|it\b)|"
    r"\b(?:wann|wo|wie|wer|welche\w* \w+) (?:wurde\w*|war|waren|hat|haben) (?!sie\b|ihre?\w*\b|es\b|wir\b)|"
    r"\b(?:quand|où|qui) (?:a|ont|avait) (?!-?t?-?vous)|\b(?:quando|dove|chi) (?:ha|hanno|è stato|è stata) (?!lei\b)"
)
_ASKED = (
    r"(?:what|which|where|when|who|whom|whose|how|is|are|was|were|do|does|did|have|has|had|can|could|may|might|"
    r"shall|should|will|would|"
    r"what's|where's|who's|how's|anything|any|"
    r"was|welche[rsmn]?|wo|woher|wohin|wann|wer|wem|wen|wie|wofür|womit|worum|ist|sind|war|haben|hat|kann|können|"
    r"könnten|darf|dürfen|"
    r"soll|sollen|möchten|wollen|würden|benötigen|brauchen|nutzen|verwenden|suchen|meinen|gibt|"
    r"est-ce|qu'est-ce|que|quel(?:le)?s?|où|quand|qui|comment|combien|avez-vous|pouvez-vous|pourriez-vous|"
    r"voulez-vous|souhaitez-vous|"
    r"êtes-vous|puis-je|pouvons-nous|y a-t-il|désirez-vous|"
    r"che|cosa|quale|quali|dove|quando|chi|come|quanto|quanti|quante|ha|avete|può|potrebbe|vuole|desidera|posso|"
    r"possiamo|c'è|ci sono|è)"
)
#: How a sentence opens that asks.
QUESTION_OPENS = re.compile(
    rf"(?i)^\W*(?:(?:and|or|so|also|but|by the way|und|oder|also|aber|übrigens|et|ou|mais|e|o|ma),? )?"
    rf"(?:(?:in|for|to|from|at|on|with|für|mit|in|auf|bei|pour|à|avec|per|con) )?{_ASKED}\b"
)
