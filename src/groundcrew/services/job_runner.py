"""Runs one claimed job to its end: its kind's work, a heartbeat beside it, and the outcome noted whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from groundcrew.domain.job import Job
from groundcrew.errors import GroundcrewError, InputError
from groundcrew.services.jobs import ATTEMPTS_MAX, LEASE_S, Cancelled, LeaseLost, Task

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

#: Heartbeats in the time of a lease.
BEATS_A_LEASE = 3

logger = logging.getLogger(__name__)

Work = Callable[["Services", Task], Awaitable[dict[str, Any]]]


class Kind(msgspec.Struct, frozen=True):
    """What jobs of one kind do, in a line, and the work itself, which returns the job's result."""

    title: str
    work: Work


def kinds() -> dict[str, Kind]:
    """Every kind of job by name. A new kind is a line here and a module with its work."""
    from groundcrew.services import (
        evaluation_pairs,
        evaluation_work,
        file_scoring,
        knowledge_quality,
        outcome_import,
        rehearsals,
        rescoring,
        tuning_work,
    )

    return {
        file_scoring.KIND: Kind("Score a file of answers", file_scoring.work),
        rescoring.KIND: Kind("Score recorded calls again", rescoring.work),
        outcome_import.KIND: Kind("Import outcomes", outcome_import.work),
        evaluation_work.KIND: Kind("Run an evaluation", evaluation_work.work),
        evaluation_pairs.KIND: Kind("Judge two runs pair by pair", evaluation_pairs.work),
        rehearsals.KIND: Kind("Rehearse an alternate model", rehearsals.work),
        knowledge_quality.KIND: Kind("Look through a knowledge base", knowledge_quality.work),
        tuning_work.KIND: Kind("Tune a model", tuning_work.work),
    }


async def run(services: Services, task: Task, *, lease_s: float = LEASE_S, registry: dict[str, Kind] | None = None) -> Job | None:
    """Do a claimed job. Returns it with its outcome, or None where it goes on elsewhere: another worker took it over, this one
    is stopping, or something broke that the next attempt may get past."""
    kind = (kinds() if registry is None else registry)[task.job.kind]
    beat = asyncio.create_task(_beat(task, lease_s / BEATS_A_LEASE))
    try:
        result = await kind.work(services, task)
        return await task.finish(result=result)
    except Cancelled:
        return await task.finish(error="cancelled", cancelled=True)
    except LeaseLost as error:
        logger.warning("%s", error)
        return None
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            await asyncio.shield(task.release())
        raise
    except GroundcrewError as error:
        return await task.finish(error=_told(error))
    except Exception as error:
        logger.warning("job %s (%s), attempt %d: %s", task.job.id, task.job.kind, task.attempts, type(error).__name__)
        if task.attempts >= ATTEMPTS_MAX:
            return await task.finish(error=f"internal error: {type(error).__name__}")
        return None  # the lease runs out, and that is the pause before the next attempt
    finally:
        beat.cancel()
        await asyncio.gather(beat, return_exceptions=True)


def _told(error: GroundcrewError) -> str:
    return str(error) if str(error) or not isinstance(error, InputError) else error.message


async def _beat(task: Task, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await task.hold()
        except GroundcrewError:
            return  # the work hears it at its next step
        except Exception as error:
            logger.warning("job %s: its lease could not be extended: %s", task.job.id, type(error).__name__)
