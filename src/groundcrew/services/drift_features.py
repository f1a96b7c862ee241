"""The features of one recorded call that drift monitors watch, taken from its record, whose texts are masked already."""

from __future__ import annotations

import base64
import re

import numpy as np
from numpy.typing import NDArray

from groundcrew.domain.call import Call
from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.drift import CallFeatures
from groundcrew.domain.rehearsal import generated, messages_of
from groundcrew.grounding.encoder_process import Encodes

#: Tags of personal data in masked texts, such as [EMAIL_2]; kinds that are told apart in one call.
_TAG = re.compile(r"\[([A-Z][A-Z_]{1,30})(?:_\d{1,6})?\]")
ENTITY_KINDS = frozenset(
    {
        *("PERSON", "DATE", "AGE", "ADDRESS", "LOCATION", "PHONE", "EMAIL", "SSN", "MRN", "HEALTH_PLAN_ID"),
        *("FACILITY", "ORG", "CREDIT_CARD", "IBAN", "IP", "URL", "ID", "SECRET"),
    }
)
ENTITY_KINDS_TOLD_MAX = 2
#: Characters of a text that features are taken from; its length is that of the whole.
TEXT_LENGTH_MAX = 20_000
#: Characters of a text that its vector is made of: what it is about stands at its beginning, and vectors are what watching costs.
MEANING_LENGTH_MAX = 600
#: Fewer words say nothing about tone.
TONE_WORDS_MIN = 5
USER_LENGTH = 12
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
#: Words of courtesy in English, German, French and Italian. A count of them, no judgement of tone: it sees an assistant
#: that turns curt or gushing, not irony.
COURTESY = frozenset(
    {
        *("please", "thank", "thanks", "sorry", "apologise", "apologize", "apologies", "welcome", "kindly", "happy", "glad"),
        *("dear", "regards", "sincerely", "unfortunately", "appreciate", "pleased", "grateful", "regret"),
        *("bitte", "danke", "dank", "gerne", "gern", "entschuldigung", "entschuldigen", "leider", "bedauern", "liebe", "lieber"),
        *("freundliche", "freundlichen", "grüsse", "grüssen", "grüße", "grüßen", "geehrte", "geehrter", "verzeihung", "freut"),
        *(
            "merci",
            "plaît",
            "désolé",
            "désolée",
            "désolés",
            "excuses",
            "excusez",
            "cordialement",
            "malheureusement",
            "volontiers",
        ),
        *("salutations", "remercions", "remercie", "regrettons", "cher", "chère", "bienvenue"),
        *("grazie", "prego", "scusi", "scusate", "scuse", "spiace", "dispiace", "purtroppo", "cordiali", "saluti", "gentile"),
        *("volentieri", "ringraziamo", "ringrazio", "gentili", "cortesia"),
    }
)


def encoding_of(encoder: Encodes) -> str:
    """What vectors are comparable under, as a sha256: who made them, and of how much of a text."""
    return sha256_hex(f"{encoder.sha256}/{MEANING_LENGTH_MAX}".encode())


def features_of(call: Call, encoder: Encodes | None) -> CallFeatures:
    """The features of `call`, without vectors where there is no `encoder`. One whose texts were removed keeps its figures."""
    from groundcrew.guards.language_profiles import tell_language

    numbers, labels, vectors = dict[str, float](), dict[str, str](outcome=call.status), dict[str, str]()
    said = messages_of(call)
    question = str(said[-1]["content"]) if said else ""
    answer = generated(call)
    if question.strip():
        numbers["request_length"] = float(len(question))
        labels["request_language"] = tell_language(question[:TEXT_LENGTH_MAX]).language or "not told"
        labels["request_entities"] = _entities(question[:TEXT_LENGTH_MAX])
    if answer.strip():
        numbers["answer_length"] = float(len(answer))
        if (courtesy := courtesy_of(answer[:TEXT_LENGTH_MAX])) is not None:
            numbers["answer_courtesy"] = courtesy
    if encoder is not None:
        texts = {"request_meaning": question, "answer_meaning": answer}
        for name, text in texts.items():
            if text.strip():
                vectors[name] = pack_vector(encoder.encode([text[:MEANING_LENGTH_MAX]])[0])
    if (trust := call.withheld_trust or call.trust) is not None and trust.trust is not None:
        numbers["trust"] = trust.trust
    if scores := [each for each in call.details.get("hit_scores", ()) if isinstance(each, int | float)]:
        numbers["hit_score"] = float(max(scores))
    if call.cost_usd is not None:
        numbers["cost"] = call.cost_usd
    if (total := call.latency_ms.get("total")) is not None:
        numbers["latency"] = total
    user = sha256_hex(call.user_id.encode())[:USER_LENGTH] if call.user_id else ""
    return CallFeatures(id=call.id, at=call.received_at.timestamp(), user=user, numbers=numbers, labels=labels, vectors=vectors)


def courtesy_of(text: str) -> float | None:
    """Words of courtesy in 100 words, 0..100; None where there are too few words to say."""
    words = _WORD.findall(text.lower())
    if len(words) < TONE_WORDS_MIN:
        return None
    return 100 * sum(word in COURTESY for word in words) / len(words)


def pack_vector(vector: NDArray[np.floating]) -> str:
    """A vector as base64 of float16."""
    return base64.b64encode(vector.astype("<f2").tobytes()).decode()


def _entities(text: str) -> str:
    """Which kinds of personal data stand in a masked text: one or two of them, or that there are several."""
    kinds = sorted({kind for kind in _TAG.findall(text) if kind in ENTITY_KINDS})
    if not kinds:
        return "none"
    return " + ".join(kinds) if len(kinds) <= ENTITY_KINDS_TOLD_MAX else "several kinds"
