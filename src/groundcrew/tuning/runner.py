"""The protocol of runners: what one is asked for, how it tells how far it has come, and what it hands back.

A runner works in the process that holds the run's job. It never blocks that process's event loop: a lease is kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from groundcrew.domain.provider import Provider
from groundcrew.domain.tuning import DataSet, RunnerName, TuningRun
from groundcrew.errors import GroundcrewError
from groundcrew.tuning.architecture import Step

#: Settings of a run, as canonical JSON.
SETTINGS_BYTES_MAX = 64 * 1024
#: How long one run may take, all attempts of one worker together, in seconds.
RUN_S_MAX = 7 * 86_400.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a runner is asked for. `examples` is the data set's folder, `work` the run's own, kept from one attempt to the next;
    `checkpoint` is what an earlier attempt kept last. `bases` is where base models lie. `provider` is set for remote runs."""

    run: TuningRun
    data_set: DataSet
    examples: Path
    work: Path
    bases: Path
    checkpoint: dict[str, Any] = {}
    provider: Provider | None = None


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run. `folder` holds a whole model (manifest and card included) whose digest is `digest`, or a remote
    provider keeps it as `reference`."""

    digest: str
    architecture: str
    metrics: dict[str, float]
    folder: Path | None = None
    reference: str = ""
    best_step: int | None = None


class Reports(Protocol):
    """How a runner tells of itself. Every method raises where the run is to stop: cancelled, taken over, or its provider
    stopped."""

    async def step(self, step: Step) -> None:
        """Tell of one step; figures are kept."""
        ...

    async def keep(self, checkpoint: dict[str, Any]) -> None:
        """Keep `checkpoint` durably: on return, an attempt after this one begins with it."""
        ...

    async def alive(self) -> None:
        """Say that work goes on, though there is nothing to tell."""
        ...


class Runner(Protocol):
    """One way to do a run."""

    name: RunnerName

    def problem(self, architecture: str, settings: dict[str, Any]) -> str | None:
        """Why a run can not be asked for like this, naming the setting; None where it can."""
        ...

    async def run(self, order: Order, reports: Reports) -> Made:
        """Do the run, or go on with it. What `reports` raises ends it."""
        ...

    async def abandon(self, order: Order) -> None:
        """The run was cancelled: end what goes on elsewhere. `order.checkpoint` is the last one kept."""
        ...


class RunFailed(GroundcrewError):
    """The run came to nothing, and another attempt would not help."""


def runners() -> dict[RunnerName, Callable[[], Runner]]:
    """Every runner by name. A new one is a line here and a module."""
    from groundcrew.tuning.local import LocalRunner
    from groundcrew.tuning.lora_runner import LoraRunner
    from groundcrew.tuning.remote import RemoteRunner

    return {"local": LocalRunner, "openai": RemoteRunner, "lora": LoraRunner}


def settings_problem(settings: dict[str, Any]) -> str | None:
    """What is wrong with settings of any runner: their size or shape."""
    try:
        size = len(msgspec.json.encode(settings))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return "settings: must be JSON"
    return f"settings: more than {SETTINGS_BYTES_MAX:,} bytes" if size > SETTINGS_BYTES_MAX else None
