"""How far two descriptions are of the same work: encodings of texts, words of what is done and to what, and a fixed rule.

The score is 1 / (1 + e^-z) with z = the sum of weighted parts (domain/overlap_rule.json; docs/concepts/overlap.md says how it was
made and what it reaches). Words are weighed by inverse document frequency: Spärck Jones 1972.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.domain.overlap import WORDS_MAX, OverlapReason
from groundcrew.grounding.encoder import SHIPPED_MODEL
from groundcrew.grounding.encoder_process import background_encoder
from groundcrew.grounding.lexicon import STOP_WORDS, fold, form, tokens

#: Texts whose encodings are kept in memory: 1.5 KB each.
TEXTS_KEPT_MAX = 16_384
#: The first thing that a purpose says is what is done; what follows counts less.
LATER_TASK_WEIGHT = 0.7
#: The weight of words that nobody shares, about half a word that occurs once: two short texts are not alike by one word.
FEW_WORDS = 10.0
#: What a form (letter, message) counts beside a word.
CHANNEL_WEIGHT = 0.4
#: Cosine of two words' encodings from which they are partly the same, and how far that must go to be shown (0 to 1).
WORDS_ALIKE_MIN, WORDS_SHOWN_MIN = 0.45, 0.3


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared: a title and what it does, for whom, and plain facts (`unit: finance`) that may be equal."""

    title: str
    purpose: str
    people: str = ""
    area: str = ""
    facts: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is encoded."""
        return f"{self.title}. {self.purpose}"


#: The parts of a score, each with a weight of the same name in the rule.
PARTS = ("similarity", "purpose", "title", "joint", "people_differ", "nearest", "crowd_less", "crowd_more")
#: How many of the nearest say how crowded it is around a description.
CROWD = 4


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """The weights of the parts, and the score from which two overlap."""

    intercept: float
    #: Title and purpose together, the purposes alone, and the titles alone: cosines of their encodings by the encoder that was
    #: tuned to bring wordings of one work together (models/overlap).
    similarity: float
    purpose: float
    title: float
    #: Task and terms alike at once: the geometric mean of both.
    joint: float
    #: Both say whom it is for, and nobody of them is the same.
    people_differ: float
    #: 1 / (1 + how many others are nearer), as the one of the two sees it that has more that are nearer. Whatever a registry is
    #: about, the same work is among the nearest of both.
    nearest: float
    #: How near the CROWD nearest are on average: of the one around which there is less, and of the other. A text that is near to
    #: everything is not the same as everything (the hubs of Radovanović et al. 2010; Conneau et al. 2018 correct for them alike).
    crowd_less: float
    crowd_more: float
    score_min: float


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The score of a pair, 0 to 1, and what it is made of."""

    score: float
    reason: OverlapReason


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """A description as words: what is done (task → weight), to what, in which form and for whom (meaning → the word for it)."""

    tasks: dict[str, float]
    words: dict[str, str]
    channels: dict[str, str]
    people: dict[str, str]


class _Words:
    """The word lists, by stem."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._tasks = _by_form((task, words.split()) for task, words in content["tasks"].items())
        self._objects = _by_form((line.split()[0], line.split()) for line in content["objects"])
        self._people = _by_form((line.split()[0], line.split()) for line in content["people"])
        self._channels = _by_form((line.split()[0], line.split()) for line in content["channels"])
        self._fillers = _by_form([("", content["fillers"].split())])
        self.related = {frozenset(pair): float(value) for *pair, value in content["related_tasks"]}

    def task(self, word: str) -> str | None:
        """What `word` says is done, if anything."""
        return _meaning(self._tasks, word)

    def person(self, word: str) -> str | None:
        """Whom `word` names, if anybody."""
        return _meaning(self._people, word)

    def channel(self, word: str) -> str | None:
        """The form that `word` names (a letter, a message), if any: what is in it says more."""
        return _meaning(self._channels, word)

    def thing(self, word: str) -> str | None:
        """The meaning of `word` as something that work is done to; None for a word that says nothing of its own."""
        found = _meaning(self._objects, word)
        if found is not None or self.task(word) is not None or _meaning(self._fillers, word) is not None:
            return found
        return form(word)

    def alike(self, first: str, second: str) -> float:
        """How alike two tasks are, 0 to 1."""
        return 1.0 if first == second else self.related.get(frozenset((first, second)), 0.0)


def _by_form(groups: Iterable[tuple[str, list[str]]]) -> dict[str, str]:
    """Every word of the groups, as it stands and as its stem, with the name of its group; the first that claims a word has it."""
    found: dict[str, str] = {}
    for name, words in groups:
        for word in words:
            # =word stands for this form alone: a recording, but no record.
            found.setdefault(fold(word.removeprefix("=")), name)
            if not word.startswith("="):
                found.setdefault(form(word), name)
    return found


def _meaning(groups: Mapping[str, str], word: str) -> str | None:
    return groups.get(word, groups.get(form(word)))


@lru_cache(maxsize=1)
def shipped_rule() -> Rule:
    """The rule that ships with groundcrew."""
    return msgspec.json.decode(_data("overlap_rule.json"), type=Rule, strict=True)


@lru_cache(maxsize=1)
def _words() -> _Words:
    return _Words(msgspec.json.decode(_data("overlap_words.json")))


def _data(name: str) -> bytes:
    return resources.files("groundcrew.domain").joinpath(name).read_bytes()


class Comparison:
    """Descriptions that are compared with one another: their words are weighed by how rare they are among all of them."""

    def __init__(
        self,
        described: Sequence[Described],
        background: Sequence[str] = (),
        rule: Rule | None = None,
        *,
        offered: Sequence[bool] | None = None,
    ) -> None:
        """`background`: further texts that say how rare words are and what else is near, so that a small registry is weighed
        sensibly. `offered`: which of the descriptions are of what vendors sell; two of those are no pair."""
        self._read = [_read(each) for each in described]
        self._described = list(described)
        self._rule = rule or shipped_rule()
        self._part_weights = tuple(getattr(self._rule, each) for each in PARTS)
        counts: Counter[str] = Counter()
        others = [_read(Described(title="", purpose=each)) for each in background]
        for each in (*self._read, *others):
            counts.update([*each.words, *each.channels])
        self._counts, self._size = counts, len(self._read) + len(others)
        written = ([one.text for one in described], [one.purpose for one in described], [one.title for one in described])
        #: In the order of PARTS.
        self._vectors = tuple(encoded_as_work(each) for each in written)
        self._around = encoded_as_work(background) if background else np.zeros((0, self._vectors[0].shape[1]), dtype=np.float32)
        self._offered = np.array(offered if offered is not None else [False] * len(described), dtype=bool)
        self._neighbours: dict[int, npt.NDArray[np.float32]] = {}

    def rarity(self, word: str) -> float:
        """How much sharing this word says: 0 for one that everybody uses, more the rarer."""
        return math.log((1 + self._size) / (1 + self._counts[word]))

    def parts(self, first: int, second: int) -> tuple[float, ...]:
        """The parts of the score of two of them, in the order of PARTS."""
        one, other = self._read[first], self._read[second]
        return self._parts(first, second, self._terms(one, other)[0], _alike(one.tasks, other.tasks))

    def _parts(self, first: int, second: int, terms: float, task: float) -> tuple[float, ...]:
        near = (float(each[first] @ each[second]) for each in self._vectors)
        one, other = self._read[first], self._read[second]
        differ = float(bool(one.people and other.people and not one.people.keys() & other.people.keys()))
        return (*near, math.sqrt(terms * task), differ, *self._nearness(first, second))

    def _nearness(self, first: int, second: int) -> tuple[float, float, float]:
        """nearest, crowd_less, crowd_more."""
        near = float(self._vectors[0][first] @ self._vectors[0][second])
        rows = self._near(first), self._near(second)
        # A hair more than `near`: the other one itself is not nearer than it is, in whatever order products were added up.
        nearer = max(len(row) - int(np.searchsorted(row, near + 1e-6, side="right")) for row in rows)
        crowds = sorted(float(row[-CROWD:].mean()) if len(row) else 0.0 for row in rows)
        return 1.0 / (1 + nearer), crowds[0], crowds[1]

    def _near(self, number: int) -> npt.NDArray[np.float32]:
        """How near the others are that may be paired with this one, and the background, in rising order."""
        if (known := self._neighbours.get(number)) is not None:
            return known
        others = ~self._offered if self._offered[number] else np.ones(len(self._offered), dtype=bool)
        others[number] = False
        vectors = self._vectors[0]
        found = np.sort(np.concatenate([vectors[others], self._around]) @ vectors[number])
        self._neighbours[number] = found
        return found

    def compare(self, first: int, second: int) -> Compared:
        """The score of two of them, and why."""
        one, other = self._read[first], self._read[second]
        terms, shared = self._terms(one, other)
        task = _alike(one.tasks, other.tasks)
        parts = self._parts(first, second, terms, task)
        z = self._rule.intercept + sum(weight * part for weight, part in zip(self._part_weights, parts, strict=True))
        people = sorted(one.people.keys() & other.people.keys())
        reason = OverlapReason(
            similarity=round(max(0.0, parts[0]), 3),
            terms=round(terms, 3),
            task=round(task, 3),
            tasks=tuple(sorted(one.tasks.keys() & other.tasks.keys(), key=lambda each: -min(one.tasks[each], other.tasks[each]))),
            words=tuple(_shown(*each) for each in shared[:WORDS_MAX]),
            people=tuple(_shown(one.people[each], other.people[each]) for each in people[:WORDS_MAX]),
            shared=tuple(each for each in self._described[first].facts if each in self._described[second].facts),
        )
        return Compared(score=round(1.0 / (1.0 + math.exp(-z)), 3), reason=reason)

    def _terms(self, one: _Read, other: _Read) -> tuple[float, list[tuple[str, str]]]:
        """How much of the words of each the other has, 0 to 1, weighed by rarity; and the pairs of words, the rarest first.

        A word counts in full where the other says the same, else as far as its encoding is like that of the nearest word there. A
        few words are less than many: FEW_WORDS.
        """
        words = {**one.words, **one.channels}, {**other.words, **other.channels}
        if not all(words):
            return 0.0, []
        names = [list(each) for each in words]
        weights = [self._weights(one), self._weights(other)]
        alike = encoded(list(words[0].values())) @ encoded(list(words[1].values())).T
        alike = np.clip((alike - WORDS_ALIKE_MIN) / (1.0 - WORDS_ALIKE_MIN), 0.0, 1.0)
        alike[np.equal.outer(np.array(names[0]), np.array(names[1]))] = 1.0
        found = [float(weights[0] @ alike.max(axis=1)), float(weights[1] @ alike.max(axis=0))]
        share = math.sqrt(found[0] * found[1] / ((weights[0].sum() + FEW_WORDS) * (weights[1].sum() + FEW_WORDS)))
        nearest = alike.argmax(axis=1)
        order = np.argsort(-weights[0] * alike.max(axis=1), kind="stable")
        pairs = [
            (words[0][names[0][row]], words[1][names[1][nearest[row]]])
            for row in order.tolist()
            if alike[row, nearest[row]] >= WORDS_SHOWN_MIN
        ]
        return share, pairs

    def _weights(self, read: _Read) -> npt.NDArray[np.float64]:
        """What each word and then each channel of `read` counts."""
        return np.array(
            [self.rarity(each) ** 2 for each in read.words] + [CHANNEL_WEIGHT * self.rarity(each) ** 2 for each in read.channels]
        )


def _read(described: Described) -> _Read:
    lists = _words()
    tasks: dict[str, float] = {}
    words: dict[str, str] = {}
    channels: dict[str, str] = {}
    people: dict[str, str] = {}
    for word in _content(described.people):
        if (person := lists.person(word)) is not None:
            people.setdefault(person, word)
    for word in _content(f"{described.purpose} {described.title} {described.area}"):
        task, person, channel = lists.task(word), lists.person(word), lists.channel(word)
        if task is not None:
            tasks.setdefault(task, 1.0 if not tasks else LATER_TASK_WEIGHT)
        if person is not None:
            people.setdefault(person, word)
        elif channel is not None:
            channels.setdefault(channel, word)
        elif (thing := lists.thing(word)) is not None:
            words.setdefault(thing, word)
    return _Read(tasks=tasks, words=words, channels=channels, people=people)


def _content(text: str) -> list[str]:
    """The words of `text` that carry meaning, folded."""
    return [
        fold(each.text).removesuffix("'s") for each in tokens(text) if each.text.lower() not in STOP_WORDS and len(each.text) > 1
    ]


def _alike(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """The cosine of what is done, related tasks being partly the same. Unknown tasks are alike to nothing."""

    def product(left: Mapping[str, float], right: Mapping[str, float]) -> float:
        alike = _words().alike
        return sum(a * b * alike(x, y) for x, a in left.items() for y, b in right.items())

    size = math.sqrt(product(one, one) * product(other, other))
    return min(1.0, product(one, other) / size) if size else 0.0


def _shown(first: str, second: str) -> str:
    return first if first == second else f"{first}/{second}"


def encoded(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """The shipped encoder's vectors of `texts`, one a row."""
    return np.stack([_encode(each, None) for each in texts]) if texts else np.zeros((0, 1), dtype=np.float32)


def encoded_as_work(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Vectors of `texts` by the encoder that was tuned so that wordings of one work are near each other (models/overlap, made by
    training/overlap/tune.py)."""
    layers = SHIPPED_MODEL.parent / "overlap" / "layers.npz"
    return np.stack([_encode(each, layers) for each in texts]) if texts else np.zeros((0, 1), dtype=np.float32)


@lru_cache(maxsize=2 * TEXTS_KEPT_MAX)
def _encode(text: str, layers: Path | None) -> npt.NDArray[np.float32]:
    vector: npt.NDArray[np.float32] = background_encoder(layers).encode([text])[0]
    return vector


@lru_cache(maxsize=1)
def background() -> tuple[str, ...]:
    """The texts of the starter catalogue: how rare words are where a registry is too small to say."""
    import yaml

    content = resources.files("groundcrew.services").joinpath("starter_capabilities.yaml").read_text(encoding="utf-8")
    return tuple(f"{each['name']}. {each['description']} {each['area']}" for each in yaml.safe_load(content)["capabilities"])
