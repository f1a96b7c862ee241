"""A model swapped under load, an alternate rehearsed over HTTP, and how many replayed calls it takes to find a planted loss.

    python bench/evidence/swap.py [--answers 300] [--calls 300] [--simulations 500] [--only load|replay|power]

load: 32 callers, half of the calls streams, while the model is swapped and reverted from another process: failed calls, broken
and incomplete streams (all must be 0). replay: the paired report over real HTTP, with and without a planted loss of 5 %. power:
of simulated rehearsals by number of calls, the share that is cleared and the share that is found worse.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from tests.load.swapping import rehearse_over_http, swap_under_load

from groundcrew.metrics.paired_comparison import paired_comparison

SIZES = (100, 150, 200, 300, 500)
MARGIN = 0.05
#: Share of the present model's answers that no passage supports, and what the alternate adds to it.
UNSUPPORTED, LOSSES = 0.02, (0.0, 0.05, 0.1)


def power(simulations: int) -> list[dict[str, Any]]:
    """By number of calls and true loss: the share of rehearsals that are cleared, and whose support is found worse."""
    random, found = np.random.default_rng(7), []
    for loss in LOSSES:
        for calls in SIZES:
            decided = [_rehearsal(random, calls, loss) for _ in range(simulations)]
            found.append(
                {
                    "loss": loss,
                    "calls": calls,
                    "cleared": sum(holds for holds, _ in decided) / simulations,
                    "found_worse": sum(worse for _, worse in decided) / simulations,
                }
            )
    return found


def _rehearsal(random: np.random.Generator, calls: int, loss: float) -> tuple[bool, bool]:
    """One rehearsal's support, whether it clears and is found worse; guardrails without any event clear from 139 calls on."""
    first = (random.random(calls) >= UNSUPPORTED).astype(float).tolist()
    second = (random.random(calls) >= UNSUPPORTED + loss).astype(float).tolist()
    found = paired_comparison("supported", first, second, kind="proportion", direction="increase", margin=MARGIN).finding
    return found in ("non_inferior", "better"), found == "worse"


async def _load(answers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, Any] = msgspec.to_builtins(await swap_under_load(Path(folder), answers=answers, turns=4))
    return found


async def _replay(calls: int) -> dict[str, Any]:
    found = {}
    for name, bad_every in (("no_loss", 0), ("loss_of_a_twentieth", 20)):
        with tempfile.TemporaryDirectory() as folder:
            report = await rehearse_over_http(Path(folder), calls=calls, bad_every=bad_every)
        supported = next(each for each in report.compared if each.name == "supported")
        found[name] = {
            "holds": report.holds,
            "why": report.why,
            "pairs": report.pairs,
            "supported": [supported.result.estimate, supported.result.lower, supported.result.upper],
            "finding": supported.result.finding,
            "pairs_needed": supported.pairs_needed,
        }
    return found


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--answers", type=int, default=300, help="answers of each upstream between two swaps")
    parser.add_argument("--calls", type=int, default=300, help="recorded calls of a rehearsal")
    parser.add_argument("--simulations", type=int, default=500, help="simulated rehearsals of each size and loss")
    parser.add_argument("--only", choices=("load", "replay", "power"), help="measure this alone")
    given = parser.parse_args()
    found: dict[str, Any] = {}
    if given.only in (None, "load"):
        found["load"] = asyncio.run(_load(given.answers))
    if given.only in (None, "replay"):
        found["replay"] = asyncio.run(_replay(given.calls))
    if given.only in (None, "power"):
        found["power"] = power(given.simulations)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
