"""How near a draft is to what people made of it: by meaning and by what was kept. Each pair is compared once in the life of a
process, since its meaning costs milliseconds."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from groundcrew.domain.canonical import sha256_hex
from groundcrew.metrics.edit_distance import TEXT_LENGTH_MAX, pair_similarity
from groundcrew.metrics.semantic_similarity import pair_similarities

#: Pairs whose similarity is kept in memory, those asked for last; 200 bytes each.
PAIRS_KEPT_MAX = 50_000
#: New pairs whose meaning one request compares, about 10 ms each; the others stay unknown until it is asked again.
NEW_PAIRS_MAX = 200

TextPair = tuple[str, str]
_COSINES: OrderedDict[str, float] = OrderedDict()


async def similarities(pairs: Sequence[TextPair]) -> list[float | None]:
    """The cosine of each pair's meanings, −1..1; 1 for equal texts. None for new pairs past NEW_PAIRS_MAX."""
    keys = [sha256_hex(f"{len(first)} {first} {second}".encode("utf-8", "surrogatepass")) for first, second in pairs]
    new = {key: pair for key, pair in zip(keys, pairs, strict=True) if pair[0] != pair[1] and key not in _COSINES}
    chosen = dict(list(new.items())[:NEW_PAIRS_MAX])
    if chosen:
        _COSINES.update(zip(chosen, await asyncio.to_thread(_compare, list(chosen.values())), strict=True))
    found = []
    for key, (first, second) in zip(keys, pairs, strict=True):
        if key in _COSINES:
            _COSINES.move_to_end(key)
        found.append(1.0 if first == second else _COSINES.get(key))
    while len(_COSINES) > PAIRS_KEPT_MAX:
        _COSINES.popitem(last=False)
    return found


async def kept_shares(pairs: Sequence[TextPair]) -> list[float]:
    """The share of each draft that was kept, 0..1 (1 − edit distance / longer length)."""
    cut = [(first[:TEXT_LENGTH_MAX], second[:TEXT_LENGTH_MAX]) for first, second in pairs]
    return await asyncio.to_thread(lambda: [pair_similarity(*each) for each in cut])


def _compare(pairs: Sequence[TextPair]) -> list[float]:
    from groundcrew.grounding.encoder import shipped_encoder

    return pair_similarities([first for first, _ in pairs], [second for _, second in pairs], shipped_encoder().encode)
