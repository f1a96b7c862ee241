"""What the architecture "coder" can be asked for; every mistake names its key."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal

import msgspec

from groundcrew.code_systems.catalogue import code_system
from groundcrew.errors import GroundcrewError


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`code_system`: whose titles help (the data set's where it is left out, "" for none), `code_system_folder`: where imported
    ones are. `terms`: whether what the system has as terms in the cases' own languages helps too. `parallel`: whether cases of
    one group with the same labels in two languages are translations. `folds`: parts of the cross-validation; `trees` of
    each language. `trust`: all_right, the chance that the kept labels are all
    right and none is missing; f1, the expected F1 of the case. With less trust than `person_below` a person codes; left out, it
    is chosen so that the other cases are as good as `wanted` (their mean F1, or share all right), with `confidence`."""

    code_system: str = ""
    code_system_folder: str = ""
    terms: bool = True
    parallel: bool = True
    folds: int = 5
    trees: int = 200
    trust: Literal["all_right", "f1"] = "f1"
    wanted: float = 0.7
    confidence: float = 0.95
    person_below: float | None = None


BOUNDS: dict[str, tuple[float, float]] = {
    "folds": (2, 20), "trees": (10, 2_000), "person_below": (0.0, 1.0),
    "wanted": (0.01, 0.999), "confidence": (0.5, 0.999),
}  # fmt: skip


def settings_problem(settings: dict[str, Any]) -> str | None:
    """What is wrong, naming the key; None where the settings can be used."""
    for key, value in settings.items():
        if key not in Settings.__struct_fields__:
            close = difflib.get_close_matches(str(key), Settings.__struct_fields__, n=1)
            known = ", ".join(Settings.__struct_fields__)
            return f"{key}: unknown setting; " + (f"did you mean {close[0]}?" if close else f"known: {known}")
        try:
            msgspec.convert({key: value}, Settings)
        except msgspec.ValidationError as error:
            return f"{key}: {str(error).partition(' - at')[0]}"
        if key in BOUNDS and value is not None and not BOUNDS[key][0] <= value <= BOUNDS[key][1]:
            return f"{key}: must lie in {BOUNDS[key][0]:g}..{BOUNDS[key][1]:g}"
    name = settings.get("code_system", "")
    if name:
        folder = settings.get("code_system_folder")
        try:
            code_system(name, folder=Path(folder) if folder else None)
        except GroundcrewError as error:
            return f"code_system: {error}"
    return None
