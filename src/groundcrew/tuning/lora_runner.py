"""The runner for adapters of causal models (LoRA): learns in a process of its own, like the local one, on a base model that lies
in DATA/bases. What it makes is served by an inference server that somebody else runs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from groundcrew.domain.tuning import RunnerName
from groundcrew.errors import InputError
from groundcrew.tuning.local import THREADS_MAX, learn, split_threads
from groundcrew.tuning.lora import Lora
from groundcrew.tuning.runner import Made, Order, Reports


class LoraRunner:
    """Tunes an adapter. Settings: see `Lora`; `base` names a folder in DATA/bases."""

    name: RunnerName = "lora"

    def problem(self, architecture: str, settings: dict[str, Any]) -> str | None:
        """What is wrong with the settings, naming the key."""
        if architecture:
            return "architecture: is that of the base model; name it with the setting base"
        threads, rest = split_threads(settings)
        if threads is None:
            return f"threads: expected a whole number from 1 to {THREADS_MAX}"
        return Lora().settings_problem(rest)

    async def run(self, order: Order, reports: Reports) -> Made:
        """Learn until the end, or go on learning."""
        missing = [each for each in ("torch", "transformers", "peft", "safetensors") if find_spec(each) is None]
        if missing:
            raise InputError(f"{missing[0]} is not installed here: pip install 'groundcrew[train]'", field="runner")
        bases = order.bases.resolve()
        folder = bases / order.run.settings["base"]
        if folder.parent != bases or not (folder / "config.json").is_file():
            why = f"DATA/bases/{folder.name} holds no model: put one there, with config.json and safetensors"
            raise InputError(why, field="base")
        return await learn(order, reports, Lora, architecture="lora", more={"base_folder": str(folder)})

    async def abandon(self, order: Order) -> None:
        """Nothing goes on elsewhere."""
