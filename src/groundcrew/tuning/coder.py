"""The architecture "coder": learns to suggest the codes of a code system for a text, from coded cases and what codes are called.

Phrases that people marked as evidence are learned; where nobody marked any, phrases that go with a code; where cases stand in two
languages, evidence is carried over. Trees weigh the candidates; all that is chosen is chosen by cross-validation over groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from groundcrew.code_systems.catalogue import code_system
from groundcrew.domain.canonical import digest
from groundcrew.errors import InputError
from groundcrew.stats.intervals import Interval
from groundcrew.tuned.coder import (
    ARCHITECTURE,
    CODER_FILE,
    FORESTS_FILE,
    TITLES_FILE,
    Coder,
    LoadedCoder,
    Voice,
    load_coder,
)  # fmt: skip
from groundcrew.tuned.coder_candidates import FEATURES, Candidates, candidates
from groundcrew.tuned.coder_index import Index
from groundcrew.tuned.coder_knowledge import Knowledge, Titles, Tongue
from groundcrew.tuned.coder_phrases import prepare
from groundcrew.tuned.coder_text import read
from groundcrew.tuned.model import FORMAT, Manifest, Prediction
from groundcrew.tuning import coder_lexicon as lexicon
from groundcrew.tuning import coder_names as naming
from groundcrew.tuning import coder_trust as trust
from groundcrew.tuning.architecture import Fitted, Step
from groundcrew.tuning.checkpoints import Checkpoints
from groundcrew.tuning.coder_carrying import Evidence, carry
from groundcrew.tuning.coder_counts import Case, Counted, count, evidence_places, knowledge, skipped_words
from groundcrew.tuning.coder_metrics import measure, model_card
from groundcrew.tuning.coder_parallel import Lexicon, learn
from groundcrew.tuning.coder_ranker import (
    Arrays,
    Bools,
    Floats,
    Ints,
    best_threshold,
    calibrate,
    case_figures,
    prefixed,
    rank,
)
from groundcrew.tuning.coder_settings import Settings, settings_problem
from groundcrew.tuning.examples import Example

EXAMPLES_MIN = 20
LANGUAGES_MAX = 12
#: Languages whose words are alike to the titles' count so much where nothing was learned.
_FOREIGN = 0.8
_EXAMPLES_A_TICK = 25


class CoderArchitecture:
    """Trains coders; see `tuning/architecture.py` for what every architecture promises."""

    name = ARCHITECTURE
    reads_code_system = True

    def settings_problem(self, settings: dict[str, Any]) -> str | None:
        """What is wrong with `settings`, naming the key."""
        return settings_problem(settings)

    def fit(
        self,
        train: Sequence[Example],
        validation: Sequence[Example],
        *,
        settings: dict[str, Any],
        seed: int,
        folder: Path,
        checkpoints: Path,
        progress: Callable[[Step], None],
    ) -> Fitted:
        """Writes the model's files into `folder`. InputError for settings that can not be used and for examples that nothing can
        be learned from: fewer than `EXAMPLES_MIN` in a language, no labels, ids that repeat."""
        problem = settings_problem(settings)
        if problem:
            raise InputError(problem, field="settings")
        return _Fit(train, msgspec.convert(settings, Settings), seed, folder, checkpoints, progress).run(validation)


class _Language(msgspec.Struct):
    """One language of the examples: its cases, the part of the cross-validation that each is in, and what came of them."""

    name: str
    examples: list[Example]
    cases: list[Case]
    fold: Ints
    terms: naming.Names
    tongue: Tongue | None = None
    found: list[Candidates] = []
    bilingual: list[lexicon.Table] = []
    names: list[naming.Names] = []
    foreign: list[tuple[naming.Names, frozenset[str], list[lexicon.Table]]] = []


class _Ranked(msgspec.Struct, frozen=True):
    """What weighs one language's candidates: trees, held-out scores, the truth of each row."""

    forest: Arrays
    scores: Floats
    truth: Bools


class _Fit:
    """One fit, stage by stage."""

    def __init__(
        self,
        train: Sequence[Example],
        settings: Settings,
        seed: int,
        folder: Path,
        checkpoints: Path,
        progress: Callable[[Step], None],
    ) -> None:
        # Whatever order they come in, the same examples give the same model.
        self.train = sorted(train, key=lambda example: example.id)
        self.settings, self.seed, self.folder, self._progress = settings, seed % 2**32, folder, progress
        self._check()
        system_folder = Path(settings.code_system_folder) if settings.code_system_folder else None
        self.system = code_system(settings.code_system, folder=system_folder) if settings.code_system else None
        self.labels = Counter(label for example in self.train for label in example.labels)
        names = sorted({example.language for example in self.train})
        self._total, self._done, self._message = 4 + 2 * len(names), 0, ""
        folds = self._folds()
        self.languages = []
        for name in names:
            examples = [example for example in self.train if example.language == name]
            fold = np.array([folds[example.group or example.id] for example in examples], dtype=np.int64)
            terms = naming.terms(self.system, name) if self.system and settings.terms else {}
            self.languages.append(_Language(name, examples, [_case(example) for example in examples], fold, terms))
        code_digest = (self.system.digest, self.system.terms_digest if settings.terms else "") if self.system else ("", "")
        # No stage depends on what the bound on the trust is chosen by: a second fit that asks for another goes on with the same.
        asked = {each: getattr(Settings(), each) for each in ("trust", "wanted", "confidence", "person_below")}
        stages = msgspec.structs.replace(settings, **asked)
        key = digest({"examples": self.train, "settings": stages, "seed": seed, "system": code_digest, "coder": 4})
        self.checkpoints = Checkpoints(checkpoints, key)

    def run(self, validation: Sequence[Example]) -> Fitted:
        self._step("titles of the code system" if self.system else "no code system: learning without titles")
        titles = lexicon.titles_of(self.system, self.labels)
        self.index = Index(titles.words, titles.heavy)
        self._parallel(titles)
        ranked = []
        for language in self.languages:
            self._step(f"phrases and candidates {language.name}".rstrip())
            self._candidates(language, titles)
            ranked.append(self._ranked(language))
        self._step("calibration")
        threshold, coder, bound = self._calibrated(ranked)
        (self.folder / CODER_FILE).write_bytes(msgspec.json.encode(coder))
        (self.folder / TITLES_FILE).write_bytes(msgspec.json.encode(titles))
        arrays: Arrays = {}
        for at, each in enumerate(ranked):
            arrays |= prefixed(str(at), each.forest)
        with (self.folder / FORESTS_FILE).open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)
        languages = tuple(language.name for language in self.languages if language.name)
        fitted = Fitted(
            multi_label=True,
            labels=len(self.labels),
            threshold=threshold,
            person_below=bound.person_below,
            metrics=self._cross_validated(ranked, coder, threshold, bound),
            languages=languages,
            code_system=self.settings.code_system,
            settings=msgspec.to_builtins(self.settings),
        )
        self._step("measuring on the validation examples")
        if validation:
            fitted = msgspec.structs.replace(fitted, metrics=fitted.metrics | self._validated(fitted, validation))
        return msgspec.structs.replace(
            fitted, card=model_card(self._described(), fitted, len(titles.names), self._terms_told(), self._told(bound))
        )

    def _described(self) -> list[tuple[str, int, int, int]]:
        """Of each language: its name, cases, cases with evidence, phrases."""
        found = []
        for each in self.languages:
            marked = sum(bool(case.evidence) for case in each.cases)
            found.append((each.name, len(each.cases), marked, len(each.tongue.phrases) if each.tongue else 0))
        return found

    def _terms_told(self) -> str:
        """Which terms helped, for the card."""
        used = {each.name: len(each.terms) for each in self.languages if each.terms}
        if self.system is None or not used:
            return "No terms of codes were used."
        told = ", ".join(f"{count:,} in {name}" for name, count in used.items())
        return f"Codes with terms: {told}; digest of the terms `{self.system.terms_digest}`."

    def _check(self) -> None:
        if len({example.id for example in self.train}) != len(self.train):
            raise InputError("two examples have one id", field="train")
        languages = Counter(example.language for example in self.train)
        if not languages or min(languages.values()) < EXAMPLES_MIN:
            few = min(languages, key=lambda name: languages[name]) if languages else ""
            raise InputError(
                f"{languages[few]} examples {few and f'in {few} '}are too few to learn from; {EXAMPLES_MIN} are needed",
                field="train",
            )
        if len(languages) > LANGUAGES_MAX:
            raise InputError(f"{len(languages)} languages; at most {LANGUAGES_MAX}", field="train")
        if not any(example.labels for example in self.train):
            raise InputError("no example has a label", field="train")
        if len({example.group or example.id for example in self.train}) < self.settings.folds:
            raise InputError(f"fewer groups than the {self.settings.folds} folds", field="train")

    def _folds(self) -> dict[str, int]:
        """Group → its part of the cross-validation: all of a group's cases are in one."""
        groups = sorted({example.group or example.id for example in self.train})
        order = np.random.default_rng(self.seed).permutation(len(groups))
        return {groups[at]: place % self.settings.folds for place, at in enumerate(order.tolist())}

    def _step(self, message: str) -> None:
        self._done = min(self._done + 1, self._total)
        self._message = message
        self._tick()

    def _tick(self) -> None:
        self._progress(Step(done=self._done, total=self._total, message=self._message))

    def _stage(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """What `make` makes, or made before the fit was stopped."""
        kept = self.checkpoints.load(name)
        if kept is None:
            kept = make()
            self.checkpoints.save(name, kept)
        return kept

    def _table(self, name: str, make: Callable[[], Any], kind: Any) -> Any:
        """The same for what JSON holds."""
        made = self._stage(name, lambda: {"json": np.frombuffer(msgspec.json.encode(make()), dtype=np.uint8)})
        return msgspec.json.decode(made["json"].tobytes(), type=kind)

    def _parallel(self, titles: Titles) -> None:
        """Lexicons of translated cases, for every fold and for all; evidence carried over."""
        self._step("words of parallel cases")
        for one in self.languages:
            for other in self.languages:
                if one.name != other.name and self.settings.parallel:
                    self._pair(one, other)
        for language in self.languages:
            language.bilingual = language.bilingual or [{} for _ in range(self.settings.folds + 1)]

    def _identity(self, language: str) -> float:
        return 1.0 if self.system is None or not language or language == self.system.language else _FOREIGN

    def _pair(self, one: _Language, other: _Language) -> None:
        """Learns the words of `one` in `other` where `one` has the evidence, and carries it over."""
        marked = [sum(bool(case.evidence) for case in each.cases) for each in (one, other)]
        if marked[0] < marked[1] or (marked[0] == marked[1] and one.name > other.name):
            return
        place = {(example.group, example.labels): at for at, example in enumerate(other.examples) if example.group}
        pairs = [(at, place[key]) for at, each in enumerate(one.examples) if (key := (each.group, each.labels)) in place]
        if len(pairs) < EXAMPLES_MIN:
            return
        name = f"lexicon-{self.languages.index(one)}-{self.languages.index(other)}"

        def learned(part: int | None) -> Lexicon:
            chosen = [(a, b) for a, b in pairs if part is None or one.fold[a] != part]
            return learn([one.cases[a].words for a, _ in chosen], [other.cases[b].words for _, b in chosen], self._tick)

        def words(part: int) -> lexicon.Table:
            return learned(part).words

        tables = [self._table(f"{name}-{part}", partial(words, part), lexicon.Table) for part in range(self.settings.folds)]
        evidence = self._table(
            f"{name}-all", lambda: self._carried(one, other, pairs, learned(None)),
            tuple[lexicon.Table, list[tuple[int, Evidence]]],
        )  # fmt: skip
        tables.append(evidence[0])
        for at, carried in evidence[1]:
            case = other.cases[at]
            if not case.evidence:
                other.cases[at] = msgspec.structs.replace(case, evidence=carried)
        frequency = Counter(stem for case in one.cases for stem in case.words.stems)
        turned = [lexicon.turned(table, frequency) for table in tables]
        one.bilingual, other.bilingual = one.bilingual or tables, other.bilingual or turned
        one.foreign.append((other.terms, skipped_words(other.cases), turned))
        other.foreign.append((one.terms, skipped_words(one.cases), tables))

    def _carried(
        self, one: _Language, other: _Language, pairs: list[tuple[int, int]], found: Lexicon
    ) -> tuple[lexicon.Table, list[tuple[int, Evidence]]]:
        return found.words, carry(one.cases, other.cases, pairs, found, other.terms, self._tick)

    def _names(self, language: _Language, titles: Titles, part: int) -> list[naming.Names]:
        """What codes are called in the language, by source; by the words of one part of the cross-validation."""
        if self.system is None or not self.settings.terms:
            return []
        carried: naming.Names = {}
        for terms, skipped, tables in language.foreign:
            for code, ways in naming.translated(terms, tables[part], skipped).items():
                carried.setdefault(code, []).extend(ways)
        if not language.names:
            above = naming.headings(self.system, language.terms, self.labels)
            language.names = [language.terms, naming.titles(self.system, language.name, titles.names), above]
        return [*language.names, carried]

    def _candidates(self, language: _Language, titles: Titles) -> None:
        """Every case's candidates by counts and tables of words of the other folds, and what is known of all cases at last.

        A whole fold is left out, not a case: with one left out, a code's count tells whether the case has it, and trees find out.
        """
        language.found = [Candidates([], np.zeros((0, len(FEATURES))), [], [])] * len(language.cases)
        table = tuple[lexicon.Table, lexicon.Table]
        for at, part in enumerate([*range(self.settings.folds), None]):
            self._tick()
            inside = [case for case, fold in zip(language.cases, language.fold, strict=True) if fold != part]
            counted = count(language.name, inside, self._identity(language.name), self._names(language, titles, at), self._tick)
            plain, bilingual = knowledge(counted, titles, self.index), language.bilingual[at]

            def words(counted: Counted = counted, plain: Knowledge = plain, bilingual: lexicon.Table = bilingual) -> Any:
                concept = lexicon.concepts([pair for each in counted.pairs for pair in sorted(each)], titles)
                translated = lexicon.translations([concept, bilingual], titles)
                return translated, lexicon.synonyms(concept, bilingual, titles, plain.near.stems)

            known = plain.with_words(*self._table(f"words-{self.languages.index(language)}-{part}", words, table))
            for number, case in enumerate(language.cases):
                if language.fold[number] == part:
                    if number % _EXAMPLES_A_TICK == 0:
                        self._tick()
                    language.found[number] = candidates(known, prepare(case.words, known.skipped))
            language.tongue = known.tongue

    def _ranked(self, language: _Language) -> _Ranked:
        sizes = [len(each.codes) for each in language.found]
        fold = np.repeat(language.fold, sizes)
        truth = np.array(
            [code in case.labels for case, each in zip(language.cases, language.found, strict=True) for code in each.codes],
            dtype=np.bool_,
        )
        rows = np.vstack([each.rows for each in language.found])
        self._step(f"trees {language.name}".rstrip())

        def make() -> Arrays:
            made = rank(rows, truth, fold, trees=self.settings.trees, seed=self.seed, tick=self._tick)
            return {**made.forest, "held_out": made.held_out}

        forest = dict(self._stage(f"trees-{self.languages.index(language)}", make))
        return _Ranked(scores=forest.pop("held_out"), forest=forest, truth=truth)

    def _calibrated(self, ranked: list[_Ranked]) -> tuple[float, Coder, trust.Bound]:
        """One threshold on probabilities for all languages, the curves of each, and one bound on the trust."""
        curves = [calibrate(each.scores, each.truth) for each in ranked]
        scores = np.concatenate([curve(each.scores) for curve, each in zip(curves, ranked, strict=True)])
        truth = np.concatenate([each.truth for each in ranked])
        threshold = best_threshold(scores, truth, sum(len(case.labels) for each in self.languages for case in each.cases))
        voices, held_out, qualities, groups = [], [], [], []
        for language, each, curve in zip(self.languages, ranked, curves, strict=True):
            assert language.tongue is not None
            said, came = case_figures(_by_case(language, each, curve), threshold, self.settings.trust)
            voices.append(Voice(language.tongue, curve, trust.trust_curve(said, came)))
            held_out.append(trust.held_out_trust(said, came, language.fold))
            qualities.append(came)
            groups += [example.group or example.id for example in language.examples]
        bound = self._bound(np.concatenate(held_out), np.concatenate(qualities), groups)
        return threshold, Coder(3, self.settings.trust, tuple(voices)), bound

    def _bound(self, held_out: Floats, came: Floats, groups: list[str]) -> trust.Bound:
        """The bound that was set, else the one that keeps the wanted quality."""
        chosen = self.settings
        if chosen.person_below is not None:
            return trust.told(held_out, came, chosen.person_below, promised=False)
        exact = chosen.trust == "all_right"
        return trust.find_bound(held_out, came, groups, wanted=chosen.wanted, confidence=chosen.confidence, exact=exact)

    def _told(self, bound: trust.Bound) -> str:
        """When a person codes, for the card."""
        chosen = self.settings
        measure = "mean F1" if chosen.trust == "f1" else "share of cases all right"
        promise = f"a {measure} of {chosen.wanted:g} with {chosen.confidence:.0%} confidence"
        if chosen.person_below is not None:
            why = f"A person codes below {bound.person_below:g}, as it was set."
        elif not bound.promised:
            return f"Every case goes to a person: no trust keeps {promise}."
        else:
            why = f"A person codes below {bound.person_below:.3f}, which keeps {promise}."
        share, came = (_words(each) for each in (bound.answered, bound.quality))
        return f"{why} On held-out cases that left {share} without a person, and their {measure} was {came}."

    def _cross_validated(self, ranked: list[_Ranked], coder: Coder, threshold: float, bound: trust.Bound) -> dict[str, float]:
        """Micro F1 of held-out cases: all, and of each language; what the bound on the trust leaves to people."""
        metrics: dict[str, float] = {}
        total = np.zeros(3)
        for language, each, voice in zip(self.languages, ranked, coder.voices, strict=True):
            kept = voice.scores(each.scores) >= threshold
            there = sum(len(case.labels) for case in language.cases)
            figures = np.array([(kept & each.truth).sum(), kept.sum(), there], dtype=np.float64)
            total += figures
            metrics[f"cross_validated_micro_f1_{language.name}".rstrip("_")] = _f1(figures)
        metrics |= {f"cross_validated_{name}": value for name, value in trust.figures(bound, self.settings.trust).items()}
        return {"cross_validated_micro_f1": _f1(total), **metrics}

    def _validated(self, fitted: Fitted, validation: Sequence[Example]) -> dict[str, float]:
        manifest = Manifest(
            format=FORMAT, name="fitted", architecture=ARCHITECTURE, multi_label=True, labels=fitted.labels, data_set="",
            data_revision="", seed=self.seed, threshold=fitted.threshold, files={}, person_below=fitted.person_below,
        )  # fmt: skip
        model: LoadedCoder = load_coder(self.folder, manifest)
        predictions = []
        for number, example in enumerate(validation):
            if number % _EXAMPLES_A_TICK == 0:
                self._tick()
            predictions += model.predict([example.text])
        metrics = measure(predictions, [set(example.labels) for example in validation], set(self.labels))
        sure = np.array([each.trust or 0.0 for each in predictions])
        came = np.array(
            [_came(each, set(example.labels), self.settings.trust) for each, example in zip(predictions, validation, strict=True)]
        )
        metrics |= trust.figures(trust.told(sure, came, fitted.person_below or 0.0, promised=False), self.settings.trust)
        for name in sorted({example.language for example in validation if example.language}):
            chosen = [at for at, example in enumerate(validation) if example.language == name]
            part = measure([predictions[at] for at in chosen], [set(validation[at].labels) for at in chosen], set(self.labels))
            metrics |= {f"{key}_{name}": part[key] for key in ("micro_f1", "precision", "recall", "macro_f1", "map")}
        return metrics


def _came(prediction: Prediction, truth: set[str], kind: str) -> float:
    """What the trust foretells of one case, as it came."""
    kept = set(prediction.labels)
    if kind == "all_right":
        return float(kept == truth)
    return 2 * len(kept & truth) / max(1, len(kept) + len(truth))


def _words(interval: Interval) -> str:
    if interval.estimate is None:
        return "unknown"
    if interval.lower is None or interval.upper is None:
        return f"{interval.estimate:.3f}"
    return f"{interval.estimate:.3f} ({interval.lower:.3f}–{interval.upper:.3f})"


def _f1(figures: Floats) -> float:
    return float(2 * figures[0] / (figures[1] + figures[2])) if figures[1] + figures[2] else 0.0


def _case(example: Example) -> Case:
    words = read(example.text)
    labels = frozenset(example.labels)
    spans = [(span.label, span.start, span.end) for span in example.evidence if span.label in labels]
    return Case(words, labels, evidence_places(words, spans))


def _by_case(language: _Language, ranked: _Ranked, curve: Any) -> list[tuple[Floats, Bools, int]]:
    found, at = [], 0
    scores = curve(ranked.scores)
    for case, each in zip(language.cases, language.found, strict=True):
        end = at + len(each.codes)
        found.append((scores[at:end], ranked.truth[at:end], len(case.labels)))
        at = end
    return found
