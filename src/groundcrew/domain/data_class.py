"""Data classes and who may see them: default deny; a request's class is the maximum of its inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

DataClass = Literal["public", "internal", "confidential", "pii", "phi"]

#: From least to most sensitive.
DATA_CLASSES: tuple[DataClass, ...] = ("public", "internal", "confidential", "pii", "phi")
_RANKS = {name: position for position, name in enumerate(DATA_CLASSES)}


def rank(data_class: DataClass) -> int:
    """Position of `data_class` in `DATA_CLASSES`, 0..4."""
    return _RANKS[data_class]


def highest(classes: Iterable[DataClass]) -> DataClass:
    """The most sensitive of `classes`; `public` for none."""
    found = 0
    for each in classes:
        if _RANKS[each] > found:
            found = _RANKS[each]
    return DATA_CLASSES[found]


def provider_may_see(data_class: DataClass, allowed: Iterable[DataClass], *, baa: bool) -> bool:
    """Whether a provider declared for `allowed` may see `data_class`. A class covers those below it; phi needs a BAA as well."""
    if data_class == "phi" and not baa:
        return False
    return rank(data_class) <= max((rank(each) for each in allowed), default=-1)
