"""What is trained: the network's size, how much is made up, how often real texts come, and how fast it learns."""

from __future__ import annotations

SEED = 20_260
LAYERS, PIECES = 2, 15_000
#: Texts from the generator.
GENERATED = 8_500
#: How often the real sentences, and the notes, are gone through: once as they are, then with other values.
SENTENCE_ROUNDS, NOTE_ROUNDS = 4, 2
#: Unlabelled clinical pieces, messages of bank customers and everyday requests, and how many of them get values scattered in.
PIECES_CLINICAL, MESSAGES, EVERYDAY = 800, 2_500, 3_500
SCATTERED = 0.45
RATE, RATE_HEAD, WARM_UP = 4e-4, 1e-3, 0.06
BATCH_TOKENS = 900
