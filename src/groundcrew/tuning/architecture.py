"""What an architecture must offer to be trained by the local runner."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from groundcrew.errors import InputError
from groundcrew.tuning.examples import Example


def checked_loss(loss: float) -> float:
    """`loss` on held-out examples, where it is a number. InputError where the learning ran away: no further step, and no further
    attempt, would bring it back."""
    if not math.isfinite(loss):
        raise InputError("the learning ran away: the loss is not a number; learn more slowly", field="learning_rate")
    return loss


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a fit: `done` of `total` steps, the figures on the validation examples where they were taken."""

    done: int
    total: int
    metrics: dict[str, float] = {}
    message: str = ""


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """What a fit made: its files lie in the folder that it was given, without manifest and card, which the runner writes.

    `metrics` are on the validation examples; `card` holds Markdown lines on method, data and limits for the model card.
    """

    multi_label: bool
    labels: int
    threshold: float
    person_below: float | None
    metrics: dict[str, float]
    best_step: int | None = None
    languages: tuple[str, ...] = ()
    code_system: str = ""
    settings: dict[str, Any] = {}
    card: str = ""


class Architecture(Protocol):
    """One way to learn. `fit` is synchronous and may take long: it calls `progress` at least every few seconds, which raises
    where the run was cancelled; what it keeps in `checkpoints` lets a second call with the same arguments go on there and end
    with the same bytes. The same examples, settings and seed give the same files. One that reads the titles of a code system has
    the setting `code_system` and says so by `reads_code_system = True`: the data set's is filled in where nobody named one."""

    name: str

    def settings_problem(self, settings: dict[str, Any]) -> str | None:
        """What is wrong with `settings`, naming the key; None where they can be used."""
        ...

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
    ) -> Fitted: ...


#: Name → architecture. An architecture adds its line here.
ARCHITECTURES: dict[str, Callable[[], Architecture]] = {}


def _classifier() -> Architecture:
    from groundcrew.tuning.classifier import ClassifierArchitecture

    return ClassifierArchitecture()


ARCHITECTURES["classifier"] = _classifier


def _coder() -> Architecture:
    from groundcrew.tuning.coder import CoderArchitecture

    return CoderArchitecture()


ARCHITECTURES["coder"] = _coder
