"""What the architecture "classifier" can be asked for; every mistake names its key."""

from __future__ import annotations

import difflib
from typing import Any, Literal

import msgspec

EPOCHS_MAX = 50
BATCH_MAX = 512


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`encoder`: shipped keeps the sentence encoder as it is, tuned trains it too (needs the extra `train`). `multi_label`: None
    lets the examples tell. `wanted_accuracy`: what must be right of the answers that no person sees, and `confidence` of that
    promise. `folds`: parts of the cross-validation. `costs`: the C of the linear models to choose from, by cross-validation.

    The rest counts for a tuned encoder only: `epochs` at most, `patience` epochs without a better loss until it stops, texts a
    `batch`, `learning_rate` (the head's is ten times it), `tokens` of a text that it is trained on.
    """

    encoder: Literal["shipped", "tuned"] = "shipped"
    multi_label: bool | None = None
    wanted_accuracy: float = 0.95
    confidence: float = 0.95
    folds: int = 5
    costs: tuple[float, ...] = (0.2, 0.5)
    epochs: int = 3
    patience: int = 1
    batch: int = 32
    learning_rate: float = 5e-5
    tokens: int = 96


#: Key → the least and the largest value, both included.
BOUNDS: dict[str, tuple[float, float]] = {
    "wanted_accuracy": (0.5, 0.9999),
    "confidence": (0.5, 0.9999),
    "folds": (3, 20),
    "epochs": (1, EPOCHS_MAX),
    "patience": (1, EPOCHS_MAX),
    "batch": (1, BATCH_MAX),
    "learning_rate": (1e-7, 1e-2),
    "tokens": (8, 256),
}
COST_BOUNDS = (1e-4, 1e4)
COSTS_MAX = 8


def settings_problem(settings: dict[str, Any]) -> str | None:
    """What is wrong, naming the key; None where the settings can be used."""
    for key in settings:
        if key not in Settings.__struct_fields__:
            close = difflib.get_close_matches(str(key), Settings.__struct_fields__, n=1)
            return f"{key}: unknown setting; " + (
                f"did you mean {close[0]}?" if close else f"known: {', '.join(Settings.__struct_fields__)}"
            )
    for key, value in settings.items():
        try:
            parsed = getattr(msgspec.convert({key: value}, Settings), key)
        except msgspec.ValidationError as error:
            return f"{key}: {str(error).partition(' - at')[0]}"
        if key in BOUNDS and not BOUNDS[key][0] <= parsed <= BOUNDS[key][1]:
            return f"{key}: must lie in {BOUNDS[key][0]:g}..{BOUNDS[key][1]:g}"
        if key == "costs" and not (
            1 <= len(parsed) <= COSTS_MAX and all(COST_BOUNDS[0] <= each <= COST_BOUNDS[1] for each in parsed)
        ):
            return f"costs: 1 to {COSTS_MAX} numbers in {COST_BOUNDS[0]:g}..{COST_BOUNDS[1]:g}"
    return None


def parse_settings(settings: dict[str, Any]) -> Settings:
    """The settings; call `settings_problem` first."""
    return msgspec.convert(settings, Settings)
