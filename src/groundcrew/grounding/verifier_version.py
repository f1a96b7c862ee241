"""Which verifier scored an answer: people's labels of one say nothing about another, so each report names its own."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files

from groundcrew import __version__

#: Folders of weights that a score depends on; those that do not ship are left out.
WEIGHTS = ("trust", "minilm", "entailment")
LENGTH = 12


@lru_cache(maxsize=1)
def verifier_version() -> str:
    """The first LENGTH hexadecimal digits of SHA-256 over the release and every file of the weights, by name.

    The checks are part of the release, so that another release is another verifier.
    """
    hashed = hashlib.sha256(__version__.encode())
    for name in WEIGHTS:
        folder = files("groundcrew") / "models" / name
        if not folder.is_dir():
            continue
        for each in sorted(folder.iterdir(), key=lambda each: each.name):
            if each.is_file() and not each.name.endswith(".md"):
                hashed.update(f"\0{name}/{each.name}\0".encode() + hashlib.sha256(each.read_bytes()).digest())
    return hashed.hexdigest()[:LENGTH]
