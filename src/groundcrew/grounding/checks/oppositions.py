"""Pairs of opposites (allowed/forbidden, before/after, left/right …) with the words that say each side, in English and
German with the commonest French and Italian words. Data only; `polarity` compares them."""

from __future__ import annotations

from groundcrew.grounding.wordlists import word_set

#: axis: words of one pole | words of the other. A word ending in * stands for every word that starts so.
AXES: dict[str, str] = {
    "change": "increas* rais* ris* rose grow* grew gain* climb* erhöh* steig* gestiegen zunehm* zunahme "
    "augment* aumenta* | decreas* reduc* lowers lowered lowering fall* fell drop* declin* "
    "decline* shrink* senk* gesenkt sink* gesunken abnehm* abnahme reduzier* diminu* baiss* "
    "diminui* | ",
    "surcharge": "surcharge* supplement* zuschlag* zuschläge aufpreis* | discount* rebate* rabatt* ermässig* vergünstig*",
    "factor": "double* doubling verdoppel* | halve* halving halbier*",
    "order": "before prior vor vorher avant prima earlier | after afterwards following nach nachher après dopo later",
    "vertical": "above over oberhalb | below under beneath unterhalb",
    "extreme": "maximum maximal* max höchstens largest highest biggest longest | minimum minimal* min "
    "mindestens smallest lowest shortest",
    "amount": "more mehr plus più | less fewer weniger moins meno",
    "length": "longer länger längste* | shorter kürzer* kürzeste*",
    "height": "higher höher* | lower tiefer* niedriger*",
    "age": "older älter* | younger jünger*",
    "version": "newer neuer neuere* | older älter ältere*",
    "course of size": "unchanged unverändert* | increas* grown grew enlarg* decreas* shrunk zugenommen gewachsen abgenommen",
    "size": "larger bigger greater grösser* | smaller kleiner*",
    "pace": "faster quicker schneller | slower langsamer",
    "side": "left linke* links linkskonvex* gauche sinistr* | right rechte* rechts rechtskonvex* droit* destr*",
    "depth": "medial medially mediale* innenmenisk* | lateral laterally laterale* aussenmenisk* außenmenisk*",
    "reach": "proximal* | distal*",
    "front": "anterior* ventral* vordere* | posterior* dorsal* hintere*",
    "renal": "infrarenal* | suprarenal*",
    "tissue": "intact intakt* | torn rupture* ruptured lacerat* disrupted fractured gerissen* rupturiert*",
    "vessel": "patent durchgängig* | occluded thrombosed verschlossen* thrombosiert*",
    "fragment": "displac* disloziert* | nondisplac* undisplac*",
    "lung": "expanded | collapsed",
    "severity": "severe severely hochgradig* | mild mildly geringgradig*",
    "limb": "upper obere* | lower untere*",
    "eye": "unilateral* einseitig* | bilateral* beidseitig* beide",
    "activity": "activat* enabl* aktivier* | deactivat* disabl* deaktivier*",
    "lock": "lock* block* sperr* gesperrt bloquer bloqué* | unlock* unblock* entsperr* débloqu*",
    "duty": "mandatory compulsory obligatory required obligatorisch* zwingend* pflicht obligatoire "
    "obbligatori* | optional voluntary freiwillig* facultati* facoltativ* optional*",
    "modality": "must muss müssen doit deve | may optional can darf peut può",
    "book": "debit* belast* | credit* gutgeschrieben gutschrift",
    "cash": "deposit* einzahl* | withdraw* abheb* bezieh* bezug",
    "transfer": "send sends sent sending | receive receives received receiving",
    "sender": "sender* absender* outgoing ausgehend* | recipient* empfänger* incoming eingehend*",
    "trade": "buy* bought purchas* kauf* acheter comprare | sell* sold verkauf* vendre vendere",
    "lending": "lender* kreditgeber* | borrower* kreditnehmer*",
    "result": "gain* profit* gewinn* | loss* losses verlust*",
    "place": "domestic* inland* inländisch* switzerland schweiz | foreign abroad international* ausland* "
    "ausländisch* overseas | ",
    "rate": "fixed fest* festzins* | variable variabel* floating",
    "tax": "gross brutto | net netto",
    "holder": "single individual sole einzel* | joint gemeinsam* gemeinschaft*",
    "travel": "arriv* ankunft | depart* abreise abflug",
    "half_day": "morning vormittag* morgen* | afternoon evening nachmittag* abend*",
    "daytime": "daytime tagsüber | night nachts nacht",
    "latitude": "north* nord* | south* süd* sud*",
    "longitude": "east* ost* est | west* ouest ovest",
    "pressure": "hypertens* hyperglyc* hyperthyr* hyperkal* | hypotens* hypoglyc* hypothyr* hypokal*",
    "course": "acute akut* | chronic* chronisch*",
    "tumour": "benign gutartig* | malignant bösartig*",
    "test": "positive* positiv* | negative* negativ*",
    "route": "oral* orally mouth | intravenous* iv injection injected injekt*",
    "sex": "male men man mann männer* father mother's | female women woman frau frauen mother",
    "network": "online internet | offline branch counter person schalter filiale",
    "data": "upload* hochlad* | download* herunterlad*",
    "encryption": "encrypt* verschlüssel* | decrypt* unencrypted unverschlüsselt* entschlüssel*",
    "software": "install* | uninstall* deinstall*",
    "start": "start* begin* began beginn* startet commenc* | end ends ended stop* finish* terminat* ende* endet*",
    "outcome": "win won wins winning victory gewinn* gewann | lose lost loses losing defeat* verlier* verlor*",
    "access": "public öffentlich* | private privat*",
    "share": "full fully entire whole complete* vollständig* ganze* komplettruptur* | partial* partly teilweise half halb* "
    "hälfte partialruptur* teilruptur*",
    "term": "temporar* vorübergehend* | permanent* dauerhaft*",
    "mode": "automatic* automatisch* | manual* manuell*",
    "sameness": "same identical gleich* | different verschieden* unterschiedlich*",
    "quality": "best better besser* | worst worse schlecht*",
    "speed": "fast quick* rapid* schnell* | slow* langsam*",
    "heat": "hot heiss* warm* | cold kalt* cool*",
    "tense": "current* still aktuell* | former* formerly previous* ehemalig*",
    "rank": "first erste* erster | last letzte* letzter",
    "timing": "early früh* | late spät*",
    "meal": "empty fasting nüchtern | full",
    "person": "adult* erwachsene* | child children minor minors kind kinder*",
    "party": "employer* arbeitgeber* | employee* arbeitnehmer*",
    "supply": "seller* verkäufer* landlord* vermieter* | buyer* käufer* tenant* mieter*",
    "insurer": "insurer* versicherer | policyholder* versicherungsnehmer*",
    "mail": "in-person personally | post letter mail",
}

#: Phrases that mean one thing whatever their words, replaced before comparison.
PHRASES: list[tuple[str, str]] = [
    (r"without (?:a |any )?(?:limit|limits|restriction|restrictions|ceiling|end)|ohne (?:limit|begrenzung|einschränkung(?:en)?|"
        r"obergrenze)|sans limite|senza limiti", " unlimited "),
    (r"and (?:nobody|no one|nothing|none) else|(?:nobody|no one|nothing|none) (?:else )?(?:but|except|other than)|"
        r"und (?:sonst )?(?:niemand|nichts)(?: sonst| anderes)?|niemand(?: anders)? ausser|nichts ausser", " only "),
    (r"in part|zum teil|en partie|in parte", " partial "),
    (r"(?:stopped|stops|stop|quit|ceased|gave up|given up|giving up) (?=\w+ing)", " not "),
    (r"läuft\b[^.;,]{0,40}\bab", " ungültig "),
    (r":\s*(?:false|no|none|nein|falsch|non)", " not "),
    (r":\s*(?:true|yes|ja|oui|sì)", " "),
    (r"unless|ausser wenn|es sei denn|sofern nicht|wenn nicht|if not", ", if not "),
    (r"(?:it is |it's |es ist )?(?:not true|untrue|false|incorrect|wrong|not the case|not correct|"
        r"nicht wahr|falsch)(?: to say)?,? (?:that|dass)", " not "),
    (r"free of charge|at no (?:extra |additional )?(?:cost|charge)|without (?:any |a )?(?:charge|"
        r"cost|fee)s?|no (?:extra |additional )?(?:charge|fee|cost)s?(?: (?:is|are|applies|apply|"
        r"charged))?|"
     r"does not (?:cost|charge)(?: \w+)? anything|cost(?:s)? nothing|not charged|(?:we |is |are "
        r")?do(?:es)? not charge|fee-free|no-cost|free for|keine (?:gebühr(?:en)?|kosten|spesen)|ohne "
        r"(?:gebühr(?:en)?|kosten)|sans frais|senza spese",
     " freefee "),
    (r"neither\b([^.;]{1,80}?)\bnor", r" not \1 or "),
    (r"outside (?:of )?switzerland|(?:ausserhalb|außerhalb) der schweiz|hors de suisse|fuori dalla svizzera", " abroad "),
    (r"(?:is |are |be )?(?:waived?|waives)|falls? away|lapses?|entfällt|entfallen|fällt weg|fallen weg|est supprimée?|"
        r"sont supprimé(?:e?s)?|non (?:è|sono) dovut[aoie]", " not "),
    (r"no longer|not any ?more|nicht mehr|ne plus|non più", " not "),
    (r"not only|nicht nur|non seulement|non solo|no matter|not just|whether or not|no doubt|"
        r"nothing but|no sooner", " "),
    (r"no more than|not more than|no later than|not later than|not exceed(?:ing)?|nicht mehr als|"
        r"nicht später als|must not exceed|cannot exceed|may not exceed|does not exceed|not exceeding", " upto "),
    (r"no less than|not less than|no fewer than|not fewer than|nicht weniger als", " atleast "),
    (r"up to now|in the end|at the end|by the end|end of|so far|day-to-day|as well as|right away|"
        r"right now|all right|right to|rights?\b(?= (?:to|of))|the right to|have the right|has the "
        r"right|copyright", " "),
    (r"(?:more|less) than|over time|as long as|no one|mehr als|weniger als|at least|at most|with "
        r"(?:the|a|an|your|our|their|his|her) (?:help|aim|regard|respect)", " "),
]  # fmt: skip

#: Axes whose two sides tell one event from either end ("you send", "we receive"), and those that shade a sentence rather than
#: turn it: certain only where all else is the same.
CONVERSE_AXES = frozenset(("transfer", "trade", "lending", "party", "supply", "insurer", "sender", "modality", "person", "book"))

#: Words that deny by themselves; two of them cancel out.
NEGATORS = word_set(
    """not n't cannot no never none neither nor without nobody nothing nowhere hardly nicht kein keine
    keinen keinem keiner keines nie niemals ohne weder nichts niemand pas jamais aucun aucune sans rien
    non mai nessun nessuno nessuna senza niente"""
)
#: Words whose sense holds a negation ("excluded" is "not included"): each counts like a negator. * stands for any ending.
NEGATIVE_WORDS: frozenset[str] = word_set(
    """unavailable impossible unable invalid expired forbid* forbidden prohibit* ban banned disallow* refus*
    reject* deny denie* denied declined exclud* exclus* fail fails failed failure lack lacks prevent*
    avoid avoided avoiding avoids unnecessary unlikely illegal unlawful freefee free gratis complimentary closed
    disagree* unsafe uninsured unsuccessful* ineligible unauthorised unauthorized incompatible
    insufficient incomplete unaffected unmöglich ungültig* verbot* verbiet* untersag* unzulässig*
    abgelehnt* ablehn* verweiger* ausgeschlossen* geschlossen* kostenlos* gebührenfrei* unentgeltlich*
    fehlgeschlagen* rechtswidrig* unsicher* interdit* vietat* exclu exclue* escluso esclusa esclus*
    gratuit* fermé* chiuso chiusi chiusa impossibile"""
)

#: What a negative word denies: start of the negative word → the plain word that stands in its place.
DENIED: dict[str, str] = {
    "exclu": "included",
    "esclus": "included",
    "ausgeschlossen": "eingeschlossen",
    "forbid": "allowed",
    "prohibit": "allowed",
    "ban": "allowed",
    "disallow": "allowed",
    "verb": "erlaubt",
    "untersag": "erlaubt",
    "interdit": "allowed",
    "vietat": "allowed",
    "reject": "accepted",
    "refus": "accepted",
    "deni": "accepted",
    "deny": "accepted",
    "declined": "accepted",
    "abgelehnt": "angenommen",
    "closed": "open",
    "geschlossen": "geöffnet",
    "ferm": "ouvert",
    "chius": "aperto",
    "free": "fee",
    "gratis": "fee",
    "compliment": "fee",
    "gratuit": "fee",
    "kostenlos": "fee",
    "gebuhrenfrei": "fee",
    "unentgelt": "fee",
    "invalid": "valid",
    "expired": "valid",
    "ungultig": "gültig",
    "unable": "able",
    "impossible": "possible",
    "unmoglich": "möglich",
    "impossibile": "possibile",
    "fail": "succeed",
    "unavailable": "available",
    "illegal": "legal",
    "unlawful": "lawful",
    "disagree": "agree",
    "unsafe": "safe",
    "uninsured": "insured",
    "ineligible": "eligible",
    "unlikely": "likely",
    "unnecessary": "necessary",
    "incomplete": "complete",
    "insufficient": "sufficient",
}
