"""Composes encounter notes from the texts: who the patients are, what brings them, how a hurried author writes it down."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from note_texts import MARK, Diagnosis, company, diagnoses, fillers, frames

#: Chronic diagnoses that many people have; the others are a third as likely.
COMMON = frozenset(
    ("I10", "E78.5", "E11.9", "I48.91", "I25.10", "E03.9", "K21.9", "F17.210", "Z87.891", "Z79.01", "E66.9", "J44.9")
)
COMMON_WEIGHT = 3
FIRST_DAY, DAYS = date(2023, 1, 2), 1000
#: Chance that a chronic diagnosis of the patient is written down this time.
MENTIONED = 0.7


@dataclass
class Patient:
    """Somebody invented. `carried` is what the last note can be copied forward from."""

    id: str
    age: int
    sex: str
    seen: date
    chronic: list[str] = field(default_factory=list)
    carried: str = ""


@dataclass(frozen=True)
class Style:
    """How an author types: chance of an abbreviation and of a typing error per word, all in lower case, what separates lists."""

    abbreviates: float
    errs: float
    lower: bool
    comma: str


class Writer:
    """Writes notes, each by another hurried author. The same random numbers give the same notes."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.diagnoses = diagnoses()
        self.fillers = fillers()
        self._frames = frames()
        self._company = company()
        pairs = [each.split("=", 1) for each in self.fillers["abbreviations"]]
        self._abbreviations = dict(pairs)
        self._abbreviated = re.compile(r"\b(" + "|".join(sorted((re.escape(long) for long, _ in pairs), key=len)[::-1]) + r")\b")
        self._queue: list[str] = []

    def patient(self, number: int) -> Patient:
        """The next patient, with what they have had for long."""
        age = self._random.choice((self._random.randint(18, 50), self._random.randint(45, 80), self._random.randint(65, 96)))
        sex = self._random.choice("fm")
        day = FIRST_DAY + timedelta(days=self._random.randrange(DAYS))
        found = Patient(f"pt-{number:03d}", age, sex, day)
        for _ in range(self._random.choice((0, 1, 1, 2, 2, 3, 3, 4))):
            self._add_chronic(found)
        return found

    def _add_chronic(self, patient: Patient) -> None:
        able = [
            code for code, each in self.diagnoses.items() if not each.acute and self._can_have(patient, each, patient.chronic)
        ]
        weights = [COMMON_WEIGHT if code in COMMON else 1 for code in able]
        patient.chronic += self._random.choices(able, weights)

    def _can_have(self, patient: Patient, each: Diagnosis, others: list[str]) -> bool:
        excluded = {code for other in others for code in self.diagnoses[other].excludes}
        return each.code not in others and each.code not in excluded and each.fits(patient.age, patient.sex, set(others))

    def _reason(self, patient: Patient) -> Diagnosis:
        """Why the patient comes: every diagnosis has its turn, so that none is rare."""
        for _ in range(2):
            for code in self._queue:
                each = self.diagnoses[code]
                if code in patient.chronic or self._can_have(patient, each, patient.chronic):
                    self._queue.remove(code)
                    return each
            # What is acute is told once, what is chronic again at every visit.
            fresh = [code for code, each in self.diagnoses.items() for _ in range(2 if each.acute else 1)]
            self._random.shuffle(fresh)
            self._queue += fresh
        raise ValueError(f"nothing brings {patient.id}")

    def encounter(self, patient: Patient) -> tuple[str, str]:
        """Kind and marked text of the patient's next note; the patient is older and more ill afterwards."""
        reason = self._reason(patient)
        others: list[Diagnosis] = []
        for _ in range(self._random.choice((0, 1, 1, 2, 2))):
            taken = [*patient.chronic, reason.code, *(each.code for each in others)]
            company = [self.diagnoses[code] for code in self._company.get(reason.code, ())]
            able = [each for each in company if self._can_have(patient, each, taken)]
            if able:
                others.append(self._random.choice(able))
        kind, frame = self._random.choice(self._frames)
        told = [code for code in patient.chronic if code != reason.code and self._random.random() < MENTIONED]
        text = self._fill(frame, patient, reason, others, [self.diagnoses[code] for code in told])
        patient.seen += timedelta(days=self._random.randint(3, 160))
        if not reason.acute and reason.code not in patient.chronic:
            patient.chronic.append(reason.code)
        return kind, text

    def _fill(self, frame: str, patient: Patient, reason: Diagnosis, others: list[Diagnosis], chronic: list[Diagnosis]) -> str:
        random, style = self._random, self._style()
        comma = style.comma
        have = {reason.code, *patient.chronic, *(each.code for each in others)}
        known = comma.join(random.choice(each.short) for each in chronic)
        patient.carried, before = known or patient.carried, patient.carried
        medicines = [random.choice(each.medicine) for each in (*chronic, reason) if each.medicine]
        plans = [random.choice(each.plan) for each in (reason, *others) if each.plan]
        slots = {
            **{name: random.choice(self.fillers[name]) for name in ("closing", "social", "care", "living", "shift", "ward")},
            "context": random.choice(self.fillers["context"]).format(number=random.randint(2, 9)),
            "labs": comma.join(random.sample(self.fillers["labs"], random.randint(1, 3))),
            "boilerplate": " ".join(random.sample(self.fillers["boilerplate"], random.randint(0, 2))),
            "story": " ".join(random.sample(reason.story, random.randint(1, len(reason.story)))) if reason.story else "",
            "diagnosis": random.choice(reason.short + reason.sentence),
            "other": " ".join(_sentence(random.choice(each.sentence + each.short)) for each in others),
            "chronic_list": known or random.choice(self.fillers["no_chronic"]),
            "chronic_bullets": "\n".join(f"- {random.choice(each.short)}" for each in chronic),
            "chronic_prose": " ".join(_sentence(random.choice(each.sentence)) for each in chronic),
            "denied": self._denied(have),
            "family": self._family(have),
            "meds": comma.join([*medicines, random.choice(self.fillers["meds"])]),
            "plan": comma.join(plans or random.sample(self.fillers["plan"], 1)),
            "vitals": self._vitals(),
            "exam": comma.join(random.sample(self.fillers["exam"], random.randint(1, 3))),
            "age": str(patient.age),
            "sex": {"f": "woman", "m": "man"}[patient.sex],
            "sex_letter": patient.sex.upper(),
            "date": random.choice((patient.seen.isoformat(), f"{patient.seen:%d.%m.%Y}", f"{patient.seen:%m/%d/%y}")),
            "bay": str(random.randint(1, 24)),
            # The words of the last note once more: what was told there may or may not be told again today.
            "carried": f"{random.choice(self.fillers['carried'])} {before}." if before else "",
        }
        filled = frame.format_map(slots)
        return self._typed("\n".join(line.strip() for line in filled.splitlines() if line.strip(" -\n")), style)

    def _style(self) -> Style:
        random = self._random
        return Style(
            abbreviates=random.choice((0.0, 0.4, 0.9)),
            errs=random.choice((0.0, 0.0, 0.006, 0.02)),
            lower=random.random() < 0.15,
            comma=random.choice((", ", "; ", " / ", " - ", ", ")),
        )

    def _denied(self, have: set[str]) -> str:
        """What is not there: mentions that must not be coded, of diagnoses that the patient does not have."""
        away = [each for code, each in self.diagnoses.items() if each.denied and code not in have and not each.excludes & have]
        said = [self._random.choice(each.denied) for each in self._random.sample(away, self._random.randint(1, 3))]
        said += self._random.sample(self.fillers["neutral_denied"], self._random.randint(0, 2))
        self._random.shuffle(said)
        return ". ".join(said) + "."

    def _family(self, have: set[str]) -> str:
        told = [each for code, each in self.diagnoses.items() if each.family and code not in have]
        if self._random.random() < 0.4:
            return self._random.choice(self.fillers["neutral_family"])
        return ", ".join(self._random.choice(each.family) for each in self._random.sample(told, self._random.randint(1, 2)))

    def _vitals(self) -> str:
        random = self._random
        low, high = random.randint(58, 92), random.randint(104, 152)
        pulse, breaths, oxygen, heat = (
            random.randint(56, 108),
            random.randint(12, 24),
            random.randint(91, 99),
            random.uniform(36, 38.4),
        )
        return random.choice(
            (
                f"BP {high}/{low} HR {pulse} RR {breaths} SpO2 {oxygen}% T {heat:.1f}°C",
                f"RR {high}/{low}, P {pulse}, T {heat:.1f}",
                f"obs: {high}/{low}, {pulse} bpm, sat {oxygen} % on air, {heat:.1f}",
                f"afebrile, {high}/{low}, pulse {pulse} reg.",
            )
        )

    def _typed(self, marked: str, style: Style) -> str:
        """As it was typed: abbreviations, errors and case, in the words and never in the marks."""
        typed, at = [], 0
        for mark in [*MARK.finditer(marked), None]:
            typed.append(self._words(marked[at : mark.start() if mark else None], style))
            if mark:
                typed.append(mark.group())
                at = mark.end()
        return "".join(typed)

    def _words(self, text: str, style: Style) -> str:
        def short(match: re.Match[str]) -> str:
            return self._abbreviations[match[1]] if self._random.random() < style.abbreviates else match[1]

        def err(match: re.Match[str]) -> str:
            word = match[0]
            if self._random.random() >= style.errs:
                return word
            place = self._random.randrange(1, len(word) - 1)
            swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
            return self._random.choice((swapped, word[:place] + word[place + 1 :], word[:place] + word[place] + word[place:]))

        text = re.sub(r"[A-Za-z]{4,}", err, self._abbreviated.sub(short, text))
        return text.lower() if style.lower else text


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
