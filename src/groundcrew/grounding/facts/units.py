"""Units, currencies and number words in four languages: the tables from which quantities are read. Data only."""

from __future__ import annotations

from groundcrew.grounding.lexicon import fold
from groundcrew.grounding.wordlists import word_set

#: spelling (folded, without dots) → currency code
CURRENCIES: dict[str, str] = {
    fold(spelling): code
    for code, spellings in {
        "CHF": "chf sfr fr frs franken francs franc franchi franco swiss-francs",
        "EUR": "eur euro euros €",
        "USD": "usd us$ $ dollar dollars",
        "GBP": "gbp £ pound pounds sterling",
        "JPY": "jpy ¥ yen",
        "CAD": "cad c$", "AUD": "aud a$", "SEK": "sek", "NOK": "nok", "DKK": "dkk", "PLN": "pln", "INR": "inr ₹ rupees rupee",
        "CNY": "cny rmb yuan", "BRL": "brl", "RUB": "rub ₽ rubles", "KRW": "krw won", "TRY": "try lira",
        "CHF/100": "rappen centimes centesimi rp",
        "USD/100": "cent cents ¢",
        "GBP/100": "pence penny",
    }.items()
    for spelling in spellings.split()
}  # fmt: skip

#: spelling (folded) → (dimension, factor to the dimension's base unit)
UNITS: dict[str, tuple[str, float]] = {
    fold(spelling): (dimension, factor)
    for dimension, factor, spellings in [
        ("percent", 1, "% percent percentage per-cent prozent pourcent pour-cent percento per-cento pct vh"),
        ("percent_point", 1, "percentage-points percentage-point prozentpunkte prozentpunkten prozentpunkt pp "
        "points-de-pourcentage punti-percentuali"),
        ("percent_point", 0.01, "basis-points basis-point bps bp basispunkte basispunkten"),
        ("promille", 1, "‰ promille per-mille"),
        ("duration", 1, "s sec secs second seconds sekunde sekunden seconde secondes secondo secondi"),
        ("duration", 60, "min mins minute minutes minuten minuto minuti"),
        ("duration", 3600, "h hr hrs hour hours std stunde stunden heure heures ora ore"),
        ("duration", 86400, "day days tag tage tagen tages jour jours giorno giorni calendar-day calendar-days "
        "kalendertage kalendertagen consecutive-days jours-calendaires giorni-di-calendario"),
        ("duration", 604800, "week weeks woche wochen semaine semaines settimana settimane wk wks"),
        ("duration", 1209600, "fortnight fortnights"),
        ("working_day", 1, "working-day working-days business-day business-days workday workdays bank-working-day "
        "bank-working-days banking-day banking-days bank-business-days weekday weekdays werktag "
        "werktage werktagen arbeitstag arbeitstage arbeitstagen bankwerktag bankwerktage "
        "bankwerktagen bankarbeitstag bankarbeitstage bankarbeitstagen jour-ouvrable jours-ouvrables "
        "jours-ouvres jour-ouvre giorni-lavorativi giorno-lavorativo"),
        ("working_hour", 1, "working-hours business-hours arbeitsstunden"),
        ("months", 1, "month months monat monate monaten monats mois mese mesi calendar-months mths"),
        ("months", 3, "quarter quarters quartal quartale quartalen trimestre trimestres"),
        ("months", 6, "semester semestre half-year half-years halbjahr halbjahre"),
        ("months", 12, "year years yr yrs jahr jahre jahren jahres an ans annee annees anno anni year-old years-old"),
        ("months", 120, "decade decades jahrzehnt jahrzehnte"),
        ("months", 1200, "century centuries jahrhundert jahrhunderte"),
        ("mass", 1e-6, "µg mcg ug microgram micrograms mikrogramm"),
        ("mass", 1e-3, "mg milligram milligrams milligramm milligrammes milligrammi"),
        ("mass", 1, "g gram grams gramm grammes grammi"),
        ("mass", 1e3, "kg kilo kilos kilogram kilograms kilogramm"),
        ("mass", 1e6, "t tonne tonnes tons ton tonnen"),
        ("mass", 453.59237, "lb lbs"),
        ("mass", 28.349523125, "oz ounce ounces"),
        ("volume", 1e-3, "ml milliliter milliliters millilitre millilitres"),
        ("volume", 1e-2, "cl"),
        ("volume", 0.1, "dl"),
        ("volume", 1, "l liter liters litre litres litri"),
        ("volume_cup", 1, "cup cups tasse tassen"),
        ("volume_spoon", 3, "tablespoon tablespoons tbsp el esslöffel"),
        ("volume_spoon", 1, "teaspoon teaspoons tsp tl teelöffel"),
        ("length", 1e-3, "mm millimeter millimeters millimetre millimetres"),
        ("length", 1e-2, "cm centimeter centimeters centimetre centimetres zentimeter"),
        ("length", 1, "m meter meters metre metres metern mètres metri"),
        ("length", 1e3, "km kilometer kilometers kilometre kilometres kilometern"),
        ("length", 1609.344, "mile miles mi meile meilen"),
        ("length", 0.3048, "foot feet ft"),
        ("length", 0.0254, "inch inches"),
        ("length", 0.9144, "yard yards yd"),
        ("area", 1, "m2 m² square-meters square-metres quadratmeter sqm"),
        ("area", 1e6, "km2 km² square-kilometers square-kilometres"),
        ("area_mile", 1, "square-miles sq-mi"),
        ("area_acre", 1, "acre acres"),
        ("area_hectare", 1, "hectare hectares ha hektar"),
        ("data", 1e3, "kb kilobyte kilobytes"),
        ("data", 1e6, "mb megabyte megabytes"),
        ("data", 1e9, "gb gigabyte gigabytes"),
        ("data", 1e12, "tb terabyte terabytes"),
        ("data_rate", 1e3, "kbit/s kbps"),
        ("data_rate", 1e6, "mbit/s mbps"),
        ("data_rate", 1e9, "gbit/s gbps"),
        ("celsius", 1, "°c degrees-celsius grad-celsius degree-celsius degrees-c degree-c deg-c grad-c"),
        ("fahrenheit", 1, "°f degrees-fahrenheit degree-fahrenheit degrees-f degree-f deg-f grad-fahrenheit"),
        ("degree", 1, "° degrees degree grad"),
        ("pressure", 1, "mmhg"),
        ("sound", 1, "db decibel decibels dezibel"),
        ("pulse", 1, "bpm"),
        ("power", 1, "w watt watts"),
        ("power", 1e3, "kw kilowatt kilowatts"),
        ("power", 1e6, "mw megawatt megawatts"),
        ("energy_kwh", 1, "kwh"),
        ("energy_kcal", 1, "kcal calories calorie kalorien"),
        ("frequency", 1e6, "mhz"),
        ("frequency", 1e9, "ghz"),
        ("voltage", 1, "v volt volts"),
        ("speed", 1, "km/h kmh kph"),
        ("speed", 1.609344, "mph"),
        ("concentration", 1, "mmol/l"),
        ("concentration_mg", 1, "mg/dl"),
        ("unit", 1, "iu ie"),
    ]
    for spelling in spellings.split()
}  # fmt: skip

#: Units that are also plain words or letters: read as units only directly after a figure.
TERSE_UNITS = word_set("s m g t l h v w an ora el tl ie mi ha min fr try won cent won pound pounds")

MULTIPLIERS: dict[str, float] = {
    fold(spelling): factor
    for factor, spellings in {
        1e2: "hundred hundreds",
        1e3: "thousand thousands tausend mille mila k",
        1e6: "million millions mio mn millionen milion milioni mln",
        1e9: "billion billions bn mrd milliarde milliarden milliard milliards miliardo miliardi",
        1e12: "trillion trillions billionen",
    }.items()
    for spelling in spellings.split()
}

_SMALL = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn "
    "fünfzehn sechzehn siebzehn achtzehn neunzehn zwanzig",
    "fr": "- - deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize "
    "dix-sept dix-huit dix-neuf vingt",
    "it": "- - - tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici "
    "quindici sedici diciassette diciotto diciannove venti",
}
_TENS = {
    "en": "thirty forty fifty sixty seventy eighty ninety",
    "de": "dreissig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "fr": "trente quarante cinquante soixante soixante-dix quatre-vingt quatre-vingt-dix",
    "it": "trenta quaranta cinquanta sessanta settanta ottanta novanta",
}


def _number_words() -> dict[str, float]:
    words: dict[str, float] = {}
    for spellings in _SMALL.values():
        for value, word in enumerate(spellings.split()):
            if word != "-":
                words.setdefault(word, value)
    for spellings in _TENS.values():
        for position, word in enumerate(spellings.split()):
            words.setdefault(word, 30 + 10 * position)
    english_tens = {20: "twenty", **{30 + 10 * position: word for position, word in enumerate(_TENS["en"].split())}}
    german_tens = {20: "zwanzig", **{30 + 10 * position: word for position, word in enumerate(_TENS["de"].split())}}
    english_ones, german_ones = _SMALL["en"].split(), _SMALL["de"].split()
    for ten in range(20, 100, 10):
        for one in range(1, 10):
            words[f"{english_tens[ten]}-{english_ones[one]}"] = ten + one
            words[f"{'ein' if one == 1 else german_ones[one]}und{german_tens[ten]}"] = ten + one
    words.update({"hundert": 100, "tausend": 1000, "mille": 1000, "cent": 100})
    for base, tens in ((60, "soixante"), (80, "quatre-vingt")):
        for value, word in enumerate(_SMALL["fr"].split()[:20]):
            if word != "-":
                words.setdefault(f"{tens}-{word}", base + value)
    words.update({"quatre-vingts": 80, "soixante-et-onze": 71})
    for place, decade in enumerate(_TENS["it"].split()):
        for value, word in enumerate(("uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"), start=1):
            words[f"{decade[:-1] if word[0] in 'uo' else decade}{word}"] = 30 + 10 * place + value
            words[f"{'vent' if word[0] in 'uo' else 'venti'}{word}"] = 20 + value
    words.update({"dozen": 12, "dutzend": 12, "douzaine": 12, "dozzina": 12, "cento": 100, "hundred": 100, "thousand": 1000})
    words.update({"dreißig": 30, "twice": 2, "zweimal": 2, "dreimal": 3, "thrice": 3, "einmal": 1, "once": 1})
    return {fold(word): value for word, value in words.items()}


#: number word (folded, German ü and ö kept out by folding at look-up) → value
NUMBER_WORDS: dict[str, float] = _number_words()

ORDINAL_WORDS: dict[str, int] = {
    fold(spelling): position
    for position, spellings in {
        1: "first erste ersten erster erstes premier première primo prima",
        2: "second zweite zweiten zweiter zweites deuxième secondo",
        3: "third dritte dritten dritter drittes troisième terzo terza",
        4: "fourth vierte vierten vierter quatrième quarto",
        5: "fifth fünfte fünften fünfter cinquième quinto",
        6: "sixth sechste sechsten sixième sesto",
        7: "seventh siebte siebten septième settimo",
        8: "eighth achte achten huitième ottavo",
        9: "ninth neunte neunten neuvième nono",
        10: "tenth zehnte zehnten dixième decimo",
        11: "eleventh elfte elften", 12: "twelfth zwölfte zwölften", 13: "thirteenth", 14: "fourteenth", 15: "fifteenth",
        20: "twentieth", 30: "thirtieth", 100: "hundredth",
    }.items()
    for spelling in spellings.split()
}  # fmt: skip

#: A part that stands for itself or counts after a number ("two thirds", "zwei Drittel") → its value
FRACTION_WORDS: dict[str, float] = {
    fold(spelling): value
    for value, spellings in {
        1 / 2: "half halves halbe halber halbes halben halb hälfte moitié demi demie metà mezzo mezza mezz",
        1 / 3: "third thirds drittel tiers terzo terzi",
        1 / 4: "quarter quarters viertel quart quarts quarto quarti",
        3 / 4: "dreiviertel",
        1 / 5: "fifth fifths fünftel cinquième cinquièmes quinto quinti",
        1 / 6: "sixth sixths sechstel",
        1 / 8: "eighth eighths achtel",
        1 / 10: "tenth tenths zehntel dixième dixièmes decimo decimi",
        1 / 100: "hundredth hundredths hundertstel",
    }.items()
    for spelling in spellings.split()
}
#: Part words that are ordinals or periods as often ("third", "quarto"): parts only after a number, or before "of".
AMBIGUOUS_PARTS = word_set(
    "third fifth sixth eighth tenth hundredth quarter quarters terzo quarto quinto decimo cinquieme dixieme quart"
)
FRACTIONS: dict[str, float] = {"½": 1 / 2, "¼": 1 / 4, "¾": 3 / 4, "⅓": 1 / 3, "⅔": 2 / 3, "⅛": 1 / 8, "⅕": 1 / 5}

#: How often a day, as prescriptions write it.
DOSE_TIMES: dict[str, int] = {"qd": 1, "bid": 2, "bd": 2, "tid": 3, "tds": 3, "qid": 4, "qds": 4}
#: Ending of a German adjective of duration ("dreimonatig", "14-tägig") → unit
DURATION_ENDINGS: dict[str, str] = {
    "jahrig": "year",
    "monatig": "month",
    "wochig": "week",
    "tagig": "day",
    "stundig": "hour",
    "minutig": "minute",
}
