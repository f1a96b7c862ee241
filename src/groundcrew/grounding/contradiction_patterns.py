"""Words by which two sentences are held against each other, in four languages: prices, conditions, validities, prepositions."""

from __future__ import annotations

import re

FREE = re.compile(
    r"\b(?:free of charge|free|without charge|at no cost|no (?:fee|charge)|kostenlos|kostenfrei|gratis|gebührenfrei|"
    r"unentgeltlich|ohne (?:Kosten|Gebühr)|gratuite?s?|sans frais|gratuit[oaie]|senza spese)\b",
    re.IGNORECASE,
)
COSTS = re.compile(
    r"\b(?:costs?|fees?|charges?|charged|price|kostet|kosten|gebühr(?:en)?|verrechnen|preis|coûtent?|frais|prix|costa|costano|spese|"
    r"prezzo)\b",
    re.IGNORECASE,
)
#: Verbs that tie a figure to its subject and say nothing themselves, and words that say how a figure is meant.
LIGHT = re.compile(
    r"\b(?:lasts?|takes?|taken|amounts? to|applies|apply|gets?|receives?|needs?|required?|requires?|ends?|total(?:s|led)?|"
    r"maximum|minimum|maximal|minimal|currently|always|automatically|pays?|paid|in total|cannot|beträgt|betragen|dauert|dauern|"
    r"liegt|liegen|gilt|gelten|beläuft|braucht|benötigt|endet|automatisch|derzeit|zahlen|zahlt|insgesamt|s'élève|dure|vaut|paie|"
    r"paient|ammonta|dura|vale|pagano?)\b",
    re.IGNORECASE,
)
#: Words that make a sentence hold in some cases only: where the two differ in them, both may be right.
CONDITIONS = re.compile(
    r"\b(?:without|unless|except|if|when|only|first|before|instead|ohne|wenn|falls|sofern|nur|ausser|außer|vor|statt|sans|sauf|"
    r"seulement|avant|senza|se|solo|salvo|prima)\b",
    re.IGNORECASE,
)
FROM = re.compile(r"\b(?:from|ab|dès|à partir de|da|a partire da)\s*$", re.IGNORECASE)
AND = re.compile(r",?\s+(?:and|und|et|e)\s+(?=[a-zäöüàéè])")
NARROWS = re.compile(
    r"\b(?:for|with|without|at|by|via|under|in|on|from|through|when|if|unless|except|für|mit|ohne|bei|per|über|unter|in|im|am|an|auf|"
    r"durch|wenn|falls|ausser|außer|pour|avec|sans|chez|par|dans|en|si|sauf|con|senza|presso|nel|nella|se|salvo)\W+(?:\w+\W+){0,1}$",
    re.IGNORECASE,
)
PERIODS = re.compile(
    r"\b(?:per|a|an|each|every|pro|im|par|al?)\s+(day|week|month|year|tag|woche|monat|jahr|jour|semaine|mois|an|giorno|settimana|"
    r"mese|anno)\b|\b(daily|weekly|monthly|yearly|annual(?:ly)?|täglich|wöchentlich|monatlich|jährlich)",
    re.IGNORECASE,
)
VALIDITY = re.compile(
    r"\b(?:until|till|through|from|since|as of|starting|bis|ab|seit|vom|jusqu'au|dès le|à partir du|fino al|"
    r"dal)\W+(?:\w+\W+){0,2}$",
    re.IGNORECASE,
)
