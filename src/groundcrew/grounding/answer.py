"""The extractive engine: answers a message only with sentences that stand word for word in approved passages, or says
that it has no verified answer. Grounded by construction; the hard part, and the one that is learned, is when to decline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files

import msgspec
import numpy as np
import numpy.typing as npt

from groundcrew.grounding.encoder import Encoder
from groundcrew.grounding.encodings import EncodingCache
from groundcrew.grounding.evidence import Evidence, SourceSentence
from groundcrew.grounding.lexicon import tokens
from groundcrew.grounding.onnx_session import softmax
from groundcrew.grounding.questions import Ask, asks, gives
from groundcrew.grounding.retrieval import Hit, KnowledgeIndex
from groundcrew.grounding.statement import read_statement
from groundcrew.grounding.wordlists import word_set

#: What the engine says where it has no verified answer.
NO_VERIFIED_ANSWER = "I have no verified answer to this question."
#: Passages that an answer is sought in.
HITS_MAX = 12
#: Sentences of one answer.
SENTENCES_MAX = 4
#: Sentences for one question.
SENTENCES_PER_QUESTION_MAX = 2
#: A second sentence for a question must be at least this likely to answer it, as a share of the best one's chance.
FURTHER_SHARE_MIN = 0.1
#: BM25 scores are divided by this, so that they come near 0..1.
BM25_SCALE = 20.0
#: BM25 weighs a word by how few passages hold it, which says little in a small base: scores of a base smaller than this are
#: lifted to what the rarest word would weigh in one of this size, by no more than the factor.
SMALL_BASE_PASSAGES, SMALL_BASE_FACTOR_MAX = 100, 4.0
#: A question's best sentence must stand out from the others. Where there are fewer than this, sentences that have nothing to
#: do with it, at their usual cosine, stand in for the missing ones.
BACKGROUND_SENTENCES, BACKGROUND_COSINE = 24, 0.2
#: Words that refer to the sentence before: it is quoted as well.
_LEANING = word_set(
    "it its they their them he she his her this that these those such then otherwise both dies diese dieser dieses sie es er"
)
_POSSESSIVES = word_set("my mine mein meine meinem meinen meiner mon ma mes mio mia miei")
_CONTEXT_CHARS_MAX = 160

CANDIDATE_FEATURES: tuple[str, ...] = (
    "framed_ask",
    "framed_context",
    "framed_message",
    "plain_ask",
    "plain_context",
    "plain_message",
    "ask_coverage",
    "ask_coverage_framed",
    "context_coverage",
    "context_coverage_framed",
    "back_coverage",
    "hit_score",
    "hit_bm25",
    "gives_wanted",
    "lacks_wanted",
    "words_log",
    "leans_back",
    "is_question",
)
ANSWERABLE_FEATURES: tuple[str, ...] = (
    "rank_best",
    "rank_two",
    "rank_logit",
    "framed_context",
    "framed_message",
    "plain_context",
    "plain_message",
    "cosine_gap",
    "context_coverage",
    "context_coverage_framed",
    "ask_coverage_framed",
    "ask_known",
    "message_known",
    "hit_cosine",
    "hit_cosine_gap",
    "bm25_log",
    "gives_wanted",
    "lacks_wanted",
    "ask_words_log",
    "message_words_log",
    "possessives",
    "codes",
)


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a quoted sentence stands: `quote` is `passage.text[start:end]` of the passage `passage_id`, code points."""

    passage_id: str
    document: str
    title: str
    start: int
    end: int
    quote: str


class ExtractiveAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's answer. `confidence` is P(the quoted sentence answers the message), 0..1; below the threshold
    `answered` is false, `text` is `NO_VERIFIED_ANSWER` and there are no citations."""

    text: str
    citations: tuple[Citation, ...]
    confidence: float
    answered: bool


class Linear(msgspec.Struct, frozen=True, kw_only=True):
    """A logistic regression over standardised features."""

    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def logits(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(n,) log odds for (n, features) raw features."""
        standard = (rows - np.asarray(self.means)) / np.asarray(self.scales)
        return np.asarray(standard @ np.asarray(self.weights) + self.intercept)


class AnswerWeights(msgspec.Struct, frozen=True, kw_only=True):
    """What training/trust/fit_answerability.py wrote: which sentence answers best, whether it answers at all, and from
    which probability on the engine answers."""

    version: str
    candidate: Linear
    answerable: Linear
    threshold: float


class Candidate(msgspec.Struct, frozen=True):
    """One sentence that may answer: the passage's hit, the sentence and its features in the order of `CANDIDATE_FEATURES`."""

    hit: Hit
    sentence: SourceSentence
    features: npt.NDArray[np.float64]


def load_answer_weights() -> AnswerWeights:
    """The weights that ship with the package (models/trust/answerability.json)."""
    weights = msgspec.json.decode(
        (files("groundcrew") / "models" / "trust" / "answerability.json").read_bytes(), type=AnswerWeights
    )
    if weights.candidate.features != CANDIDATE_FEATURES or weights.answerable.features != ANSWERABLE_FEATURES:
        raise RuntimeError(
            "models/trust/answerability.json was fitted for other features: run training/trust/fit_answerability.py"
        )
    return weights


def search_message(index: KnowledgeIndex, message: str, limit: int = HITS_MAX) -> list[Hit]:
    """Hits for the message as a whole and for each of its questions, each passage once with its best score, best first.

    `bm25` is lifted in a small base (see `SMALL_BASE_PASSAGES`), so that it can be compared between bases.
    """
    best: dict[str, Hit] = {}
    factor = _size_factor(len(index))
    queries = [message, *(ask.text for ask in asks(message))]
    for query in dict.fromkeys(queries):
        for hit in index.search(query, limit):
            kept = best.get(hit.passage.id)
            if kept is None or hit.score > kept.score:
                best[hit.passage.id] = msgspec.structs.replace(hit, bm25=hit.bm25 * factor)
    return sorted(best.values(), key=lambda hit: -hit.score)[: limit + limit // 2]


def _size_factor(passages: int) -> float:
    """How much BM25 scores of a base of so many passages are lifted; 1 from `SMALL_BASE_PASSAGES` on."""
    rarest = math.log(1 + (max(1, min(passages, SMALL_BASE_PASSAGES)) - 0.5) / 1.5)
    return min(SMALL_BASE_FACTOR_MAX, math.log(1 + (SMALL_BASE_PASSAGES - 0.5) / 1.5) / rarest)


class ExtractiveEngine:
    """Composes answers from hits. Keeps encodings of approved sentences between calls; not safe across threads."""

    def __init__(self, encoder: Encoder, *, threshold: float | None = None, weights: AnswerWeights | None = None) -> None:
        self.weights = weights or load_answer_weights()
        self.threshold = self.weights.threshold if threshold is None else threshold
        self._cache = EncodingCache(encoder)

    def compose(self, question: str, hits: Sequence[Hit]) -> ExtractiveAnswer:
        """Answers `question` (a message of any length) from `hits`. Each of its questions gets its best sentences."""
        found = asks(question)
        hits = list(hits)[: HITS_MAX + HITS_MAX // 2]
        if not found or not hits:
            return _declined(0.0)
        evidence = Evidence([hit.passage.text for hit in hits])
        if not evidence.sentences:
            return _declined(0.0)
        chosen: list[Candidate] = []
        confidence = 0.0
        for ask in found:
            candidates = self.candidates(ask, question, hits, evidence)
            if not candidates:
                continue
            logits = self.weights.candidate.logits(np.stack([candidate.features for candidate in candidates]))
            certainty = self.certainty(ask, question, hits, evidence, candidates, logits)
            confidence = max(confidence, certainty)
            if certainty >= self.threshold:
                chosen.extend(best_sentences(candidates, logits, SENTENCES_MAX - len(found) + 1))
        if not chosen:
            return _declined(confidence)
        return _composed(chosen, evidence, hits, confidence)

    def candidates(self, ask: Ask, message: str, hits: Sequence[Hit], evidence: Evidence) -> list[Candidate]:
        """Every sentence of the hits that could answer `ask`, with its features."""
        usable = [sentence for sentence in evidence.sentences if _is_usable(sentence, hits)]
        if not usable:
            return []
        plain = [sentence.statement.text for sentence in usable]
        framed = [_framed(hits[sentence.source], text) for sentence, text in zip(usable, plain, strict=True)]
        queries = self._cache.encode([ask.text, ask.context, message])
        cosines = np.hstack([self._cache.encode(texts) @ queries.T for texts in (framed, plain)])
        ask_words, context_words = _content(ask.text), _content(ask.context)
        frames = [_content(hit.passage.heading) | _content(hit.passage.title) for hit in hits]
        rows = []
        for number, sentence in enumerate(usable):
            hit, statement = hits[sentence.source], sentence.statement
            framed_stems = sentence.stems | frames[sentence.source]
            gives_it = gives(statement, ask.wanted)
            features = (
                *cosines[number],
                _coverage(ask_words, sentence.stems, evidence),
                _coverage(ask_words, framed_stems, evidence),
                _coverage(context_words, sentence.stems, evidence),
                _coverage(context_words, framed_stems, evidence),
                _coverage(sentence.stems, context_words, evidence),
                hit.score,
                hit.bm25 / BM25_SCALE,
                float(gives_it and ask.wanted != "open"),
                float(not gives_it),
                math.log1p(len(statement.tokens)),
                float(_leans_back(sentence)),
                float(statement.text.rstrip().endswith("?")),
            )
            rows.append(Candidate(hit, sentence, np.array(features, dtype=np.float64)))
        return rows

    def certainty(
        self,
        ask: Ask,
        message: str,
        hits: Sequence[Hit],
        evidence: Evidence,
        candidates: Sequence[Candidate],
        logits: npt.NDArray[np.float64],
    ) -> float:
        """P(the best candidate answers the question), 0..1."""
        features = answerable_features(ask, message, hits, evidence, candidates, logits)
        return _sigmoid(float(self.weights.answerable.logits(features[None, :])[0]))


def answerable_features(
    ask: Ask,
    message: str,
    hits: Sequence[Hit],
    evidence: Evidence,
    candidates: Sequence[Candidate],
    logits: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Features of the decision whether to answer, in the order of `ANSWERABLE_FEATURES`."""
    best = candidates[int(np.argmax(logits))]
    features = dict(zip(CANDIDATE_FEATURES, best.features.tolist(), strict=True))
    shares = np.sort(softmax(logits))[::-1]
    cosines = np.array([candidate.features[CANDIDATE_FEATURES.index("framed_context")] for candidate in candidates])
    hit_cosines = sorted((hit.cosine for hit in hits), reverse=True)
    ask_words, message_words = _content(ask.text), _content(message)
    known = evidence.stems | _frames(hits)
    words = [token.text.lower() for token in tokens(message)]
    return np.array(
        (
            float(shares[0]),
            float(shares[:2].sum()),
            float(logits.max()),
            features["framed_context"],
            features["framed_message"],
            features["plain_context"],
            features["plain_message"],
            float(cosines.max() - _background(cosines)),
            features["context_coverage"],
            features["context_coverage_framed"],
            features["ask_coverage_framed"],
            _coverage(ask_words, known, evidence),
            _coverage(message_words, known, evidence),
            hit_cosines[0],
            hit_cosines[0] - hit_cosines[min(4, len(hit_cosines) - 1)],
            math.log1p(max(hit.bm25 for hit in hits)),
            features["gives_wanted"],
            features["lacks_wanted"],
            math.log1p(len(ask_words)),
            math.log1p(len(message_words)),
            sum(word in _POSSESSIVES for word in words) / max(1, len(words)),
            float(any(quantity.dimension == "code" for quantity in read_statement(message[:1000]).quantities)),
        ),
        dtype=np.float64,
    )


def _background(cosines: npt.NDArray[np.float64]) -> float:
    """Mean cosine of the question with the sentences found, filled up with unrelated ones where there are few."""
    absent = max(0, BACKGROUND_SENTENCES - len(cosines))
    return float((cosines.sum() + absent * BACKGROUND_COSINE) / (len(cosines) + absent))


def _is_usable(sentence: SourceSentence, hits: Sequence[Hit]) -> bool:
    """Headings and scraps answer nothing."""
    text = sentence.statement.text
    return (
        len(sentence.statement.tokens) >= 3
        and not text.rstrip().endswith(":")
        and hits[sentence.source].passage.text[max(0, sentence.start - 2) : sentence.start] != "# "
    )


def _framed(hit: Hit, text: str) -> str:
    """The sentence with title and heading, which say what "it" is about."""
    frame = " ".join(part for part in (hit.passage.title, hit.passage.heading) if part)[:_CONTEXT_CHARS_MAX]
    return f"{frame}: {text}" if frame else text


def _content(text: str) -> frozenset[str]:
    return frozenset(token.stem for token in tokens(text) if token.is_content)


def _frames(hits: Sequence[Hit]) -> frozenset[str]:
    return frozenset().union(*(_content(hit.passage.heading) | _content(hit.passage.title) for hit in hits))


def _coverage(words: frozenset[str], stems: frozenset[str], evidence: Evidence) -> float:
    """Share of `words`, weighted by how telling they are, that `stems` hold in some form; 0 for no words."""
    total = held = 0.0
    for word in words:
        forms = evidence.forms(word)
        weight = evidence.weight(forms[0] if forms else word)
        total += weight
        if word in stems or any(form in stems for form in forms):
            held += weight
    return held / total if total else 0.0


def _leans_back(sentence: SourceSentence) -> bool:
    first = sentence.statement.tokens[0].text.lower() if sentence.statement.tokens else ""
    return first in _LEANING


def best_sentences(candidates: Sequence[Candidate], logits: npt.NDArray[np.float64], room: int) -> list[Candidate]:
    """The sentence most likely to answer and, where there is room, a second one that is nearly as likely."""
    shares = softmax(logits)
    order = [int(number) for number in np.argsort(-logits, kind="stable")][: max(1, min(SENTENCES_PER_QUESTION_MAX, room))]
    return [candidates[number] for number in order if shares[number] >= FURTHER_SHARE_MIN * shares[order[0]]]


def _composed(chosen: Sequence[Candidate], evidence: Evidence, hits: Sequence[Hit], confidence: float) -> ExtractiveAnswer:
    """Puts the sentences together, each with the one before where it leans on it, in the order of the questions."""
    picked: dict[int, SourceSentence] = {}
    for candidate in chosen:
        sentence = candidate.sentence
        if _leans_back(sentence) and sentence.number > 0:
            before = evidence.sentences[sentence.number - 1]
            if before.source == sentence.source and _is_usable(before, hits):
                picked.setdefault(before.number, before)
        picked.setdefault(sentence.number, sentence)
    quoted = list(picked.values())[:SENTENCES_MAX]
    citations = tuple(
        Citation(
            passage_id=hits[sentence.source].passage.id,
            document=hits[sentence.source].passage.document,
            title=hits[sentence.source].passage.title,
            start=sentence.start,
            end=sentence.end,
            quote=hits[sentence.source].passage.text[sentence.start : sentence.end],
        )
        for sentence in quoted
    )
    return ExtractiveAnswer(
        text=" ".join(citation.quote for citation in citations),
        citations=citations,
        confidence=round(confidence, 4),
        answered=True,
    )


def _declined(confidence: float) -> ExtractiveAnswer:
    return ExtractiveAnswer(text=NO_VERIFIED_ANSWER, citations=(), confidence=round(confidence, 4), answered=False)


def _sigmoid(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, value))))
