"""Topics as their examples show them: how alike a text is to each, and from where on that counts. Limits are found by leaving out
one example after another, so that nobody has to choose them."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from groundcrew.grounding.lexicon import STOP_WORDS
from groundcrew.grounding.wordlists import word_set
from groundcrew.guards.language_profiles import tell_language

#: Scores from which a finding blocks, and the lowest that is told at all.
BLOCK_SCORE, FLAG_SCORE = 0.8, 0.5
#: Of the nearest example and of the mean of all examples, in equal parts: the best of what was measured (docs/how-to).
NEAREST_SHARE = 0.5
#: Shares of the allowed topics' own examples that would be found out of scope: these are blocked, these at least flagged.
BLOCKED_SHARE, FLAGGED_SHARE = 0.02, 0.08
#: Shares of a denied topic's own examples that would not be blocked, and not even flagged.
DENIED_UNBLOCKED_SHARE, DENIED_UNFLAGGED_SHARE = 0.1, 0.05
#: The least likeness to a denied topic that blocks, that blocks where allowed topics are there to be nearer to, and that is
#: flagged: broad topics have examples so far apart that anything would be near them.
DENIED_BLOCKED_MIN, DENIED_BESIDE_ALLOWED_MIN, DENIED_FLAGGED_MIN = 0.40, 0.34, 0.32
#: How much nearer or farther than the limit moves a score from the limit's to its end.
LIKENESS_STEP = 0.15
#: Vectors of examples that are kept, so that a policy's next version encodes only what is new.
VECTORS_MAX = 4_096

#: Words that make a sentence; shorter texts point back at what was said before.
SENTENCE_WORDS_MIN = 4

_Vectors: TypeAlias = npt.NDArray[np.float32]
_WORD = re.compile(r"[^\W\d_]{2,}")
#: Greetings, thanks, assent and pointing back: alone they are about nothing.
_EMPTY_WORDS = word_set(
    """hello hi hey dear greetings morning afternoon evening night good bye goodbye welcome regards kind best sincerely cheers
    yes no yeah yep nope ok okay sure fine right exactly correct agreed alright great perfect super cool thanks thank thx ty much
    please sorry excuse pardon hm hmm ah oh well so then and also too again more another one ones two three first second third
    last next previous other others same this that these those it them today tomorrow yesterday now later soon still already
    really maybe perhaps probably actually again continue go ahead on do did does don't done tell know think mean meant want like
    said say asked ask question questions answer help thing things something anything nothing everything someone anyone everyone
    way lot bit kind hallo guten tag morgen abend grüezi grüessech sali salü hoi servus moin tschüss ade adieu merci danke dank
    besten vielen herzlichen freundliche freundlichen grüsse grüße gruss gruß bitte ja nein doch gut gerne genau richtig klar
    sicher schon noch mal einmal eins zwei drei erste zweite dritte letzte nächste andere anderen gleiche heute morgen gestern
    jetzt später bald vielleicht eigentlich wirklich weiter weitere mehr etwas alles nichts frage fragen antwort hilfe helfen
    sagen wissen möchte will können könnten würde bonjour bonsoir salut coucou merci beaucoup oui non d'accord bien sûr parfait
    super voilà pardon désolé désolée cordialement meilleures salutations aujourd'hui demain hier maintenant encore peut-être
    autre autres premier première deuxième dernier suivant question réponse aide chose quelque rien tout savoir dire veux voudrais
    pouvez buongiorno buonasera ciao salve grazie mille prego sì va bene perfetto certo scusi scusa cordiali saluti oggi domani
    ieri adesso ancora forse altro altra altri prima seconda ultimo prossimo domanda risposta aiuto cosa qualcosa niente tutto
    sapere dire vorrei può potete"""
)

_vectors: dict[str, npt.NDArray[np.float32]] = {}
_vectors_lock = threading.Lock()


def content_words(text: str) -> int:
    """How many words of `text` have a meaning of their own, up to 2: more is never asked for."""
    count = 0
    for match in _WORD.finditer(text):
        word = match.group().lower()
        if word not in STOP_WORDS and word not in _EMPTY_WORDS:
            count += 1
            if count == 2:
                break
    return count


def is_about_something(text: str) -> bool:
    """Whether `text` says enough to be out of scope: two words with a meaning of their own, or one in a sentence."""
    count = content_words(text)
    return count >= 2 or (count == 1 and len(_WORD.findall(text)) >= SENTENCE_WORDS_MIN)


class Topics:
    """A list of topics, ready to compare texts with."""

    def __init__(self, names: Sequence[str], examples: _Vectors, topic_of: npt.NDArray[np.intp]) -> None:
        """`examples` (n, 384) are unit vectors, `topic_of` (n,) the index of each one's topic."""
        self.names = tuple(names)
        self._examples, self._topic_of = examples, topic_of
        self._sums = np.stack([examples[topic_of == index].sum(axis=0) for index in range(len(names))])
        self._centres = _unit(self._sums)
        self._languages: frozenset[str | None] = frozenset()
        self._block_at = self._flag_at = 0.0
        self._hit_at = self._near_at = np.zeros(len(names))

    @classmethod
    def of(
        cls, topics: Sequence[Any], *, denied: bool = False, beside_allowed: bool = False, threshold: float | None = None
    ) -> Topics:
        """From `{"topic", "examples"}` of each. `threshold` is the likeness below which a text is out of scope; without one it is
        found from the examples."""
        texts = [(str(text), index) for index, each in enumerate(topics) for text in each["examples"]]
        names = [str(each["topic"]) for each in topics]
        languages = {tell_language(" ".join(map(str, each["examples"]))).language for each in topics}
        made = cls(names, _encoded([text for text, _ in texts]), np.array([index for _, index in texts], dtype=np.intp))
        made._languages = frozenset(languages)
        own = made._left_out()
        if denied:
            each_own = [own[made._topic_of == each, each] for each in range(len(names))]
            least = DENIED_BESIDE_ALLOWED_MIN if beside_allowed else DENIED_BLOCKED_MIN
            made._hit_at = np.maximum([np.quantile(each, DENIED_UNBLOCKED_SHARE) for each in each_own], least)
            made._near_at = np.maximum([np.quantile(each, DENIED_UNFLAGGED_SHARE) for each in each_own], DENIED_FLAGGED_MIN)
        else:
            best = own.max(axis=1)
            made._block_at = float(np.quantile(best, BLOCKED_SHARE)) if threshold is None else threshold
            made._flag_at = max(made._block_at, float(np.quantile(best, FLAGGED_SHARE)) if threshold is None else threshold)
        return made

    def speaks(self, text: str) -> str:
        """The language of `text` where no example is in it, "" otherwise: then unlikeness says little."""
        told = tell_language(text).language
        return told if told is not None and told not in self._languages else ""

    def likeness(self, vectors: _Vectors) -> npt.NDArray[np.float64]:
        """(texts, topics), each -1..1: half the nearest example's cosine, half that of the mean of the topic's examples."""
        return self._mixed(vectors @ self._examples.T, vectors @ self._centres.T)

    def nearest(self, vectors: _Vectors) -> tuple[str, float]:
        """The topic that any of `vectors` is most alike to, and how alike."""
        likeness = self.likeness(vectors).max(axis=0)
        best = int(likeness.argmax())
        return self.names[best], float(likeness[best])

    def doubt(self, likeness: float) -> float:
        """How surely a text that is so alike to its nearest topic is about none of them: 0, or from FLAG_SCORE to 1."""
        if likeness >= self._flag_at:
            return 0.0
        if likeness >= self._block_at:
            return _between(self._flag_at - likeness, self._flag_at - self._block_at)
        return _beyond(self._block_at - likeness)

    def hit(self, topic: int, likeness: float) -> float:
        """How surely a text that is so alike to the denied topic is about it: 0, or from FLAG_SCORE to 1."""
        hit_at, near_at = float(self._hit_at[topic]), float(self._near_at[topic])
        if likeness >= hit_at:
            return _beyond(likeness - hit_at)
        return _between(likeness - near_at, hit_at - near_at) if likeness >= near_at else 0.0

    def _mixed(self, to_examples: npt.NDArray[Any], to_centres: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        highest = np.full((len(to_examples), len(self.names)), -1.0)
        for index in range(len(self.names)):
            highest[:, index] = to_examples[:, self._topic_of == index].max(axis=1)
        return NEAREST_SHARE * highest + (1 - NEAREST_SHARE) * to_centres

    def _left_out(self) -> npt.NDArray[np.float64]:
        """(examples, topics): how alike each example would be to each topic if it were not one itself."""
        to_examples = self._examples @ self._examples.T
        np.fill_diagonal(to_examples, -1.0)
        to_centres = self._examples @ self._centres.T
        rows = np.arange(len(self._examples))
        without = _unit(self._sums[self._topic_of] - self._examples)
        to_centres[rows, self._topic_of] = (self._examples * without).sum(axis=1)
        return self._mixed(to_examples, to_centres)


def _between(distance: float, whole: float) -> float:
    """The score of what is flagged, `distance` of the `whole` way from the first flagged to the first blocked."""
    return FLAG_SCORE + (BLOCK_SCORE - 0.01 - FLAG_SCORE) * distance / max(whole, 1e-9)


def _beyond(distance: float) -> float:
    return min(1.0, BLOCK_SCORE + (1 - BLOCK_SCORE) * float(distance) / LIKENESS_STEP)


def _unit(rows: _Vectors) -> _Vectors:
    unit: _Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return unit


def _encoded(texts: Sequence[str]) -> _Vectors:
    """(n, 384) unit vectors, those that are known from memory."""
    from groundcrew.grounding.encoder import shipped_encoder

    with _vectors_lock:
        found = {text: _vectors[text] for text in texts if text in _vectors}
    new = [text for text in dict.fromkeys(texts) if text not in found]
    found.update(zip(new, shipped_encoder().encode_each(new), strict=True))
    rows = np.stack([found[text] for text in texts])
    with _vectors_lock:
        _vectors.update(found)
        while len(_vectors) > VECTORS_MAX:
            del _vectors[next(iter(_vectors))]
    return rows
