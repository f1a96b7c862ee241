"""Sentences of our own writing on which the exported encoder is compared with the original: short and long, plain and odd."""

from __future__ import annotations

_SHORT = (
    "How do I block a lost card?",
    "My debit card was stolen this morning.",
    "What does an account cost per month?",
    "The monthly fee for a current account is five francs.",
    "Can I raise my transfer limit for one day?",
    "Daily transfers are limited to ten thousand francs.",
    "Where is the nearest branch?",
    "The branch on Station Street opens at nine.",
    "I did not authorise this payment.",
    "Report a suspicious payment within thirty days.",
    "What are the symptoms of an iron deficiency?",
    "Tiredness and pale skin can be signs of too little iron.",
    "How is a sprained ankle treated?",
    "Rest, ice and a firm bandage help a sprain to heal.",
    "The printer on the second floor jams on every double-sided page.",
    "Reset your password under Settings, Security.",
    "refund",
    "?",
    "42",
    "IBAN CH00 0000 0000 0000 0000 0 is rejected",
    "Größe, Straße, façade, naïve, 東京, Ελλάδα",
    "WHY IS NOBODY ANSWERING ME!!!",
    "The contract ends on 31 March 2027 unless either side renews it.",
    "The contract does not end on 31 March 2027.",
)

_LONG = (
    "A customer who has lost a card can block it in the app under Cards, Block, or by telephone at any hour. The block takes "
    "effect at once. A replacement is posted within three working days and costs twenty francs; it is free when the card was "
    "stolen and the customer sends a copy of the police report. Standing orders are not affected, but shops that have stored "
    "the old number will have to be told the new one.",
    "Complaints are answered in writing within ten working days. Where that is not possible, the customer gets an interim "
    "notice that says why, who is dealing with the matter and when an answer can be expected. If the customer is not content "
    "with the answer, the ombudsman can be called on free of charge. The desk keeps a list of every complaint with its cause, "
    "and the head of service reads it once a month to see which causes return.",
    "Iron is needed to make the pigment that carries oxygen in the blood. When the body has too little of it, people often feel "
    "weak, cannot keep their minds on anything and are short of breath on the stairs. A blood test shows the shortage. Tablets "
    "refill the stores over several months; they are best taken with water an hour before a meal, because tea, coffee and milk "
    "hinder the uptake.",
    "The backup runs every night at two. It copies the databases first and the documents after them, and checks each copy by "
    "restoring one random file. A failed check raises an alarm on the operator's telephone. Copies are kept for thirty-five days "
    "on site and for one year in the second data centre, after which they are erased and the erasure is logged.",
)

PROBES: tuple[str, ...] = (*_SHORT, *_LONG, " ".join(_LONG), " ".join(_SHORT))
