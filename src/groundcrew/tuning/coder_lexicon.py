"""Tables of words: which words of titles a word of a text may stand for, and which words of known phrases mean the same.

Learned from evidence beside the title of its code, and from parallel cases where there are some (`coder_parallel`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import sparse

from groundcrew.code_systems.system import CodeSystem
from groundcrew.tuned.coder_knowledge import TITLE_WORDS_MAX, Titles
from groundcrew.tuned.coder_phrases import Key
from groundcrew.tuned.coder_text import Words, read
from groundcrew.tuning.coder_parallel import learn

Table = dict[str, list[tuple[str, float]]]

#: Translations of one word that are kept, the least of them, and from which probability on one counts whole.
_KEPT, _LEAST, _WHOLE = 6, 0.1, 0.2
#: Words of titles that are in more than one in e^3 of them tell nothing of likeness.
_TELLING = 3.0
#: Cosine from which on two words are synonyms, the most that a synonym counts, and how many are kept of one word.
_SYNONYM, _SYNONYM_MOST, _SYNONYMS_KEPT = 0.5, 0.75, 12
#: A stem in more than this share of all titles is no word to find one by.
_TITLE_SHARE_MAX, _TITLE_LETTERS = 0.05, 3
#: A code form (letters and digits) that at least this share of the labels has is one that people assign.
_FORM_SHARE = 0.002


def form(code: str) -> str:
    """The pattern of a code: a letter is A, a digit is 9, what else there is stays."""
    return "".join("9" if each.isdigit() else "A" if each.isalpha() else each for each in code)


def titles_of(system: CodeSystem | None, labels: Counter[str]) -> Titles:
    """The names of the codes that people assign: those whose form the labels of the examples have."""
    if system is None:
        return Titles([], [], {}, {})
    least = _FORM_SHARE * sum(labels.values())
    lengths = Counter[int]()
    for label, count in labels.items():
        lengths[len(label)] += count
    wanted = {length for length, count in lengths.items() if count >= least}
    named = [
        (entry.code, name)
        for entry in system.codes.values()
        if entry.kind == "code" and len(entry.code) in wanted
        for name in (entry.title, *entry.inclusions)
    ]
    stems = [(code, sorted(set(read(name).stems))) for code, name in named]
    held = Counter(stem for _, words in stems for stem in words)
    small = {stem for stem, n in held.items() if n > _TITLE_SHARE_MAX * len(stems) and len(stem) <= _TITLE_LETTERS}
    kept = [(code, tuple(stem for stem in words if stem not in small)) for code, words in stems]
    kept = [(code, words) for code, words in dict.fromkeys(kept) if 0 < len(words) <= TITLE_WORDS_MAX]
    heavy = {stem: math.log(len(stems) / n) + 1e-6 for stem, n in held.items() if stem not in small}
    used = {stem for _, words in kept for stem in words}
    names = {entry.code: entry.title for entry in system.codes.values() if entry.kind == "code" and len(entry.code) in wanted}
    for label in labels:
        entry = system.find(label)
        if entry is not None:
            names.setdefault(label, entry.title)
    return Titles(
        codes=[code for code, _ in kept],
        words=[words for _, words in kept],
        heavy={stem: round(heavy[stem], 6) for stem in sorted(used)},
        names=names,
    )


def concepts(pairs: Sequence[tuple[Key, str]], titles: Titles) -> Table:
    """Stem of evidence → stems of the title of its code."""
    names = {code: read(titles.names[code]).stems for code in {code for _, code in pairs} if code in titles.names}
    known = sorted({(key, code) for key, code in pairs if code in names})
    if not known:
        return {}
    source = [Words(list(key), [], [], []) for key, _ in known]
    target = [Words([stem for stem in names[code] if stem in titles.heavy], [], [], []) for _, code in known]
    return learn(source, target).words


def turned(table: Table, frequency: Mapping[str, int]) -> Table:
    """The table read from the other side, by Bayes' rule with the `frequency` of the words that it was read from."""
    found: dict[str, list[tuple[str, float]]] = {}
    for word, translations in table.items():
        for other, chance in translations:
            found.setdefault(other, []).append((word, chance * frequency.get(word, 1)))
    for other, weighed in found.items():
        total = sum(weight for _, weight in weighed)
        found[other] = sorted(((word, weight / total) for word, weight in weighed), key=lambda pair: (-pair[1], pair[0]))
    return found


def translations(tables: Sequence[Table], titles: Titles) -> Table:
    """The tables as one, of words that titles use; each translation with its weight beside the best of its table."""
    found: dict[str, dict[str, float]] = {}
    for table in tables:
        for word, chances in table.items():
            if not chances:
                continue
            whole = max(_WHOLE, chances[0][1])
            for other, chance in chances[:_KEPT]:
                if chance >= _LEAST and other in titles.heavy:
                    weights = found.setdefault(word, {})
                    weights[other] = max(weights.get(other, 0.0), round(chance / whole, 4))
    return {word: sorted(found[word].items(), key=lambda pair: (-pair[1], pair[0])) for word in sorted(found)}


def synonyms(concept: Table, bilingual: Table, titles: Titles, wanted: Sequence[str]) -> Table:
    """Words that stand for the same words of titles or of the other language as one that is `wanted`, with their likeness."""
    vectors: dict[str, dict[str, float]] = {}
    for word, chances in concept.items():
        for other, chance in chances:
            if titles.heavy.get(other, 0.0) > _TELLING:
                vectors.setdefault(word, {})["c" + other] = chance
    for word, chances in bilingual.items():
        for other, chance in chances:
            vectors.setdefault(word, {})["b" + other] = chance
    names = sorted(vectors)
    asked = set(wanted)
    targets = [at for at, name in enumerate(names) if name in asked]
    if not targets:
        return {}
    columns = {name: at for at, name in enumerate(sorted({each for vector in vectors.values() for each in vector}))}
    rows, places, data = [], [], []
    for at, name in enumerate(names):
        norm = math.sqrt(sum(chance * chance for chance in vectors[name].values()))
        for each, chance in sorted(vectors[name].items()):
            rows.append(at)
            places.append(columns[each])
            data.append(chance / norm)
    matrix = sparse.csr_matrix((data, (rows, places)), shape=(len(names), len(columns)))
    alike = (matrix @ matrix[targets].T).tocoo()
    found: Table = {}
    for row, column, value in sorted(zip(alike.row.tolist(), alike.col.tolist(), np.round(alike.data, 4).tolist(), strict=True)):
        one, two = names[row], names[targets[column]]
        if value >= _SYNONYM and one != two:
            found.setdefault(one, []).append((two, round(min(_SYNONYM_MOST, _SYNONYM_MOST * value), 4)))
    return {one: sorted(each, key=lambda pair: (-pair[1], pair[0]))[:_SYNONYMS_KEPT] for one, each in found.items()}
