"""What words of money matters are about, in four languages: the keys by which an answer's words are found again in approved
knowledge that is worded differently, or written in another language."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from groundcrew.guards.commitments.language import STOP_WORDS
from groundcrew.guards.commitments.words import german, plain

KEY_CACHE_SIZE = 20_000
#: Letters of a word that no concept knows, by which its forms are one.
KEY_LETTERS = 5
KEY_LETTERS_MIN = 3

#: Concept → how its words begin (`-x`: also inside a compound). The first group says nothing about the thing itself.
_EMPTY = """
    annuel annuels annuelle annuelles paie paient paye payez payer pagano pagate
    hour stunde stunden heure heures ora fee -fee charge charg cost kost -kosten price preis -preis prix prezzo cout tarif
    tariff gebuhr -gebuhr frais spese    spesa tassa commission commissione rate amount betrag montant importo pay paid zahl
    bezahl pai paga billed verlang    verrechn factur fatturat addebit get receiv erhalt bekomm kriegt recev recoi ricev
    give geben gewahr grant accord conced    offer offr biete take make send schick envo arriv eintreff eintrifft trifft
    ankomm reach deliver come komm gelang today    heute oggi aujourd only bloss lediglich seulement soltanto solo good news
    gut bonne buon sure certainly naturlich    selbstverstandlich currently zurzeit actuellement attualmente regular
    standard always customer kund client dear lieb    cher gentile please bitte veuillez thank dank merci grazie happy glad
    gern note beacht noter notare amounts comes belauf    belauft betragt eleve monte ammont revient viene each jede chaque
    ogni need brauch besoin bisogno simply within innert    innerhalb binnen sous entro help hilf aide aiut total insgesamt
    again wieder nouveau nuov neu new back zuruck sie will    settl ask fall fallen liegt bei stell bought month monat mois
    mese mensil mensuel year jahr annee annual annu anno per    service valid valable valgono gultig gilt gelten least less
    minim mindest minimum another addition additional zusatzlich    ausserdem zudem weiter andere autre altro altra arrang
    fully right directly direkt also auch wish wunsch would process    bearbeit trait regle regler dur dauer prend richied
"""
_CONCEPTS = """account|konto|-konto|compte|conto
card|karte|-karte|carte|carta
maintenance|maintain|fuhrung|-fuhrung|gestion|gestione|tenue|verwaltung|manag
replac|ersatz|remplac|sostit|ersetz
shipping|ship|versand|-versand|livraison|spedizion|consegn|deliver|liefer|-liefer|livr|recapit
mortgag|hypothek|ipotec|ipotek|mutu|hypothec
loan|kredit|-kredit|darlehen|pret|prestit|credito
interest|zins|-zins|interet|interess|taux|tass
subscription|plan|abo|abonnement|forfait|piano|membership|mitgliedschaft
activat|aktivier|attivazion|activation
technician|techniker|technicien|tecnic
visit|besuch|visita|visite
contract|vertrag|-vertrag|contrat|contratt|mindestlaufzeit|-laufzeit|engagement
claim|schaden|-schaden|sinistre|sinistr|degat
complaint|beschwerd|reclam|reklamation
ticket|billet|bigliet|fahrkart|fahrausweis
room|zimmer|-zimmer|chambre|camera
breakfast|fruhstuck|dejeuner|colazion
baggage|luggage|bag|gepack|-gepack|bagage|bagagl|suitcase|koffer
seat|sitzplatz|siege|place|posto
transfer|uberweis|virement|bonific
withdraw|bezug|abheb|retrait|preliev
insurance|versicher|assuran|assicur
invoice|rechnung|fattur|bill
remind|mahn|rappel|sollecit
clos|saldier|aufheb|clotur|chiusur
flight|flug|vol|volo
return|ruckgab|zuruckgeb|retour|retourn|reso|restitu
exchang|umtausch|echang|cambi
item|articl|artikel|ware|articol|product|produkt|produit|prodott
shoe|schuh|chaussur|scarp
order|bestell|-bestell|command|ordin|achat
student|studier|etudiant|studenti
member|mitglied|membre|soci
number|nummer|numero
activity|aufwand|travaux|lavor|work
answer|antwort|beantwort|repond|repons|rispo|reply|respon
trip|fahrt|trajet|tratt|simple
refund|ruckerstatt|erstatt|rembours|rimbors|reimburs|vergut
discount|rabatt|-rabatt|remise|rabais|reduction|sconto|sconti|nachlass
free|gratis|kostenlos|kostenfrei|gratuit|versandkostenfrei|offert|gebuhrenfrei|omaggio
change|ander|modif|cambiament
cancel|stornier|annul|annull
deductibl|selbstbehalt|franchis
decid|decis|entscheid|beschluss
rent|miet|lou|locat|affit|noleg
copy|kopie|copie|copia
record|akte|dossier|cartella
doctor|arzt|medecin|medico
damag|schad|dommag|danni
water|wasser|eau|acqua
power|strom|electric|elettric
basic|grund|base
provider|anbiet|fournisseur|fornitor
switch|wechsel|-wechsel
bonus|pramie|prime
appointment|sprechstund|termin|rendez|appuntament
car|auto|voiture|wagen|vehicle
cash|bargeld|especes|contanti
machin|automat|bancomat|distributeur
branch|filial|agenc|succursal
saving|spar|epargn|risparm
safe|schliessfach|tresor|coffre|cassett
resident|einheim|wohnhaft
express|eil
credit|gutschrift|avoir|accredit
test|probe|essai|prova
drive|fahren|conduit|guid
warrant|garanti|garanzi"""


def _beginnings(lines: Iterable[str]) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Beginning → concept, and parts of compounds with their concepts."""
    begins: dict[str, str] = {}
    inside: list[tuple[str, str]] = []
    for line in lines:
        names = [german(plain(each.strip())) for each in line.split("|") if each.strip()]
        concept = "@" + names[0].lstrip("-")
        for name in names:
            begins.setdefault(name.lstrip("-"), concept)
            if len(name.lstrip("-")) >= 5 or name.startswith("-"):
                inside.append((name.lstrip("-"), concept))
    return begins, tuple(inside)


_EMPTY_WORDS = frozenset(german(plain(each.lstrip("-"))) for each in _EMPTY.split())
_BEGINS, _INSIDE = _beginnings(_CONCEPTS.splitlines())
_EMPTY_LONGEST = max(map(len, _EMPTY_WORDS))


#: Prefixes that German verbs leave before "zu".
_SEPARABLE = ("ein", "aus", "ab", "an", "auf", "um", "mit", "vor", "zuruck")


@lru_cache(maxsize=KEY_CACHE_SIZE)
def keys_of_word(word: str) -> tuple[str, ...]:
    """What one word in the spelling of `plain` is about: concepts (`@card`) or its first letters; nothing for empty words."""
    if len(word) < KEY_LETTERS_MIN or not word[0].isalpha() or word in STOP_WORDS:
        return ()
    spelled = german(word)
    for prefix in _SEPARABLE:
        if spelled.startswith(prefix + "zu") and len(spelled) > len(prefix) + 5:
            spelled = prefix + spelled[len(prefix) + 2 :]  # "einzulagern" is "einlagern"
            break
    if spelled in _EMPTY_WORDS:
        return ()
    concept = next(
        (
            _BEGINS[spelled[:size]]
            for size in range(min(len(spelled), 16), 2, -1)
            if spelled[:size] in _BEGINS and (size > 3 or len(spelled) <= size + 1)
        ),
        None,
    )
    found = {concept} if concept else set()
    if len(spelled) >= 9:
        for part, name in _INSIDE:
            if (at := spelled.find(part, 2)) > 0:
                found.add(name)
                if at >= KEY_LETTERS_MIN and spelled.endswith(part):
                    found.add(spelled[:at].removesuffix("s")[:KEY_LETTERS])  # "velo" of "velokarte"
    if found:
        return tuple(sorted(found))
    if any(spelled[:size] in _EMPTY_WORDS for size in range(min(len(spelled), _EMPTY_LONGEST), 3, -1)) or spelled in _EMPTY_WORDS:
        return ()
    return (_shortened(spelled)[:KEY_LETTERS],)


def _shortened(word: str) -> str:
    """A word without a plural's s and without "ing" and "ed": wrapping, wrapped and wrap are one."""
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + 3:
            base = word.removesuffix(ending)
            return base[:-1] if base[-1] == base[-2] else base
    return word.removesuffix("s")


def keys_of(words: Iterable[str]) -> frozenset[str]:
    """What these words are about."""
    return frozenset(key for word in words for key in keys_of_word(word))


def concepts_only(keys: Iterable[str]) -> frozenset[str]:
    """The keys that mean the same in every language."""
    return frozenset(key for key in keys if key[0] == "@")
