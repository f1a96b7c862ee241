"""What peeking costs and what it cannot do: pilots without and with an effect, looked at after every case, and the coverage of
every interval; writes RESULTS.md. One command: python bench/evidence/sequential.py"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.evidence import coverage, pilots

from groundcrew.metrics.plan import rare_harm_prior
from groundcrew.stats.e_values import SPLIT_PRIOR_UNITS
from groundcrew.stats.intervals import clopper_pearson
from groundcrew.stats.sample_size import sequential_inflation

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
SEED = 20_261_127
#: Pilots without an effect, and cases of each; a look after every case.
PILOTS, CASES = 4_000, 1_000
#: Pilots drawn at a time, which bounds the memory.
BATCH = 250
POWER, POWER_PILOTS = 0.8, 4_000
#: Planned sizes, as shares of the fixed test's, at which the sequential test's power is simulated.
SIZES = (1.0, 1.05, 1.10, 1.15, 1.20)


class Peeking(NamedTuple):
    """Shares of pilots without any effect that were ever called better or worse."""

    supported: float
    worse: float


class Price(NamedTuple):
    """Cases over both arms that find the planned effect with power .8, at one look and at every look, and how many the
    latter takes on average until it stops, with its size planned for that power."""

    fixed_n: float
    sequential_n: float
    mean_n: float


def rng_of(name: str, purpose: str) -> np.random.Generator:
    """One stream per simulation, whatever else is run."""
    return np.random.default_rng([SEED, *(name + purpose).encode()])


def peeking(kind: pilots.Kind, runs: int = PILOTS, cases: int = CASES, planned_n: int = CASES) -> Peeking:
    """A/A pilots: the share ever called better, and worse."""
    rng, supported, worse = rng_of(kind.name, f"peeking {planned_n}"), 0, 0
    for start in range(0, runs, BATCH):
        looks = kind.judge(kind.draw(rng, min(BATCH, runs - start), cases, 0.0), pilots.sequential_rule(cases, planned_n))
        supported += int(pilots.superior(looks)[:, -1].sum())
        worse += int(pilots.worse(looks)[:, -1].sum())
    return Peeking(supported / runs, worse / runs)


def price(kind: pilots.Kind, runs: int = POWER_PILOTS) -> Price:
    """Where the power curves of both tests cross .8, by simulation."""
    fixed = _fixed_n(kind, runs)
    powers, means = [], []
    for size in SIZES:
        n = round(size * fixed)
        rng, found, taken = rng_of(kind.name, f"power {size}"), 0, 0
        for start in range(0, runs, BATCH):
            called = pilots.superior(
                kind.judge(kind.draw(rng, min(BATCH, runs - start), n, kind.effect), pilots.sequential_rule(n, n))
            )
            found += int(called[:, -1].sum())
            taken += int(np.where(called[:, -1], called.argmax(axis=1) + 1, n).sum())
        powers.append(found / runs)
        means.append(taken / runs)
    slope, level = np.polyfit(SIZES, scipy.special.ndtri(powers), 1)
    needed = (float(scipy.special.ndtri(POWER)) - level) / slope
    return Price(fixed, needed * fixed, float(np.interp(needed, SIZES, means)))


def _fixed_n(kind: pilots.Kind, runs: int) -> float:
    """Cases at which one look has power .8: a probit line through the looks around it."""
    most = round(kind.fixed_n * 1.25)
    rng, better, count = rng_of(kind.name, "fixed"), np.zeros(most), 0
    while count < runs:
        size = min(BATCH, runs - count)
        looks = kind.judge(kind.draw(rng, size, most, kind.effect), pilots.fixed_rule(most))
        better += (np.nan_to_num(looks.lower, nan=-1.0) > 0).sum(axis=0)
        count += size
    around = np.arange(round(kind.fixed_n * 0.75), most)
    slope, level = np.polyfit(np.sqrt(around), scipy.special.ndtri(np.clip(better[around] / runs, 0.01, 0.99)), 1)
    return float(((scipy.special.ndtri(POWER) - level) / slope) ** 2) + 1


def guardrail_passed(kind: pilots.Kind, margin: float, runs: int = PILOTS, cases: int = CASES) -> float:
    """Share of pilots, worse by exactly the margin, whose guardrail was ever called non-inferior (one-sided α)."""
    rng, passed = rng_of(kind.name, "guardrail"), 0
    rule = pilots.sequential_rule(cases, cases, sides=1)._replace(bets=None)
    for start in range(0, runs, BATCH):
        looks = kind.judge(kind.draw(rng, min(BATCH, runs - start), cases, margin), rule)
        passed += int((np.nan_to_num(looks.upper, nan=np.inf) < margin).any(axis=1).sum())
    return passed / runs


def rare_harm_passed(rate: float, limit: float = 0.01, runs: int = PILOTS, cases: int = CASES) -> tuple[float, float]:
    """Share of pilots whose rate of harm was ever shown to be at most the limit, and the mean of the cases that took."""
    harms = np.cumsum(rng_of("rare harm", f"{rate}").random((runs, cases)) < rate, axis=1)
    n, (a, b) = np.arange(1.0, cases + 1), rare_harm_prior(limit)
    mixture = scipy.special.betaln(a + harms, b + n - harms) - scipy.special.betaln(a, b)
    likelihood = harms * math.log(limit) + (n - harms) * math.log1p(-limit)
    # The bound lies below the limit where the e-value against the limit is reached and the rate is below it.
    shown = (mixture - likelihood >= -math.log(pilots.ALPHA)) & (harms / n < limit)
    first = np.where(shown.any(axis=1), shown.argmax(axis=1) + 1, cases)
    return float(shown.any(axis=1).mean()), float(first.mean())


def split_refused(share: float, runs: int = PILOTS, cases: int = 10_000) -> float:
    """Share of pilots whose sequential split test ever reached 1,000, with the treatment's true share."""
    refused, a = 0, SPLIT_PRIOR_UNITS * pilots.SPLIT
    rng, n = rng_of("split", f"{share}"), np.arange(1.0, cases + 1)
    for start in range(0, runs, BATCH):
        treated = np.cumsum(rng.random((min(BATCH, runs - start), cases)) < share, axis=1)
        e = scipy.special.betaln(a + treated, a + n - treated) - scipy.special.betaln(a, a) + n * math.log(2)
        refused += int((e.max(axis=1) >= math.log(1000)).sum())
    return refused / runs


def report(runs: int, share: float) -> str:
    """RESULTS.md, with `runs` pilots and `share` of the coverage runs."""
    lines = [
        "# What peeking costs, and what it cannot do",
        "",
        f"Written by `python bench/evidence/sequential.py` (seed {SEED}). α = {pilots.ALPHA:g}, two-sided unless said otherwise;"
        " arms drawn case by case at one half.",
        "",
        f"## {runs:,} pilots without an effect, a look after each of {CASES:,} cases",
        "",
        "The share that was *ever* called better (`supported` needs that and more), and ever called worse. The second pair of"
        " columns plans for 500 cases and goes on looking to 1,000.",
        "",
        "| metric | ever better | ever worse | planned 500: better | worse |",
        "|---|---|---|---|---|",
    ]
    for kind in pilots.KINDS:
        at, past = peeking(kind, runs), peeking(kind, runs, planned_n=500)
        lines.append(f"| {kind.name} | {at.supported:.2%} | {at.worse:.2%} | {past.supported:.2%} | {past.worse:.2%} |")
        print(lines[-1], flush=True)
    passed, _ = rare_harm_passed(0.01, runs=runs)
    lines += [
        f"| rare harm, true rate = limit (1 %): ever shown to hold | {passed:.2%} | | | |",
        "",
        "Guardrails (one-sided α): worse by exactly the margin, ever called non-inferior.",
        "",
        "| guardrail | ever passed |",
        "|---|---|",
    ]
    for kind, margin in ((pilots.KINDS[0], 3.0), (pilots.KINDS[1], 3.0), (pilots.KINDS[3], 0.05), (pilots.KINDS[4], 0.02)):
        lines.append(f"| {kind.name}, margin {margin:g} | {guardrail_passed(kind, margin, runs):.2%} |")
    lines += [
        "",
        f"The sequential split test, looked at after each of 10,000 units, ever refuses {split_refused(0.5, runs):.2%} of sound"
        f" splits (at most 0.1 % is promised), and {split_refused(0.53, runs):.1%} of splits at 53 %.",
        "",
        "## The price of peeking",
        "",
        "Cases over both arms that find the planned effect with power .8: at one look, and with a look after every case. The"
        " last column is how many the sequential test takes on average, because it stops as soon as it knows.",
        "",
        "| metric | one look | every look | factor | on average until it stops | factor |",
        "|---|---|---|---|---|---|",
    ]
    for kind in pilots.KINDS:
        found = price(kind, runs)
        lines.append(
            f"| {kind.name} | {found.fixed_n:.0f} | {found.sequential_n:.0f} | {found.sequential_n / found.fixed_n:.2f}"
            f" | {found.mean_n:.0f} | {found.mean_n / found.fixed_n:.2f} |"
        )
        print(lines[-1], flush=True)
    _, cases = rare_harm_passed(0.0, runs=10)
    lines += [
        f"| rare harm, limit 1 %, no harm at all | {_clean_fixed()} | {cases:.0f} | {cases / _clean_fixed():.2f} | {cases:.0f} |"
        f" {cases / _clean_fixed():.2f} |",
        "",
        f"`experiment plan` reckons with a factor of {sequential_inflation():.3f} at power .8 and"
        f" {sequential_inflation(power=0.9):.3f} at power .9.",
        "",
        "## Coverage of the intervals",
        "",
        "| interval | situation | promised | covered | runs |",
        "|---|---|---|---|---|",
    ]
    for number, case in enumerate(coverage.CASES):
        count = max(100, round(case.runs * share))
        hits = case.hits(rng_of(case.name, f"{number}"), count)
        lines.append(f"| {case.name} | {case.situation} | {case.nominal:.0%} | {hits / count:.2%} | {count:,} |")
        print(lines[-1], flush=True)
    return "\n".join([*lines, ""])


def _clean_fixed() -> int:
    """Harmless cases that put the exact upper bound at 1 %."""
    return next(n for n in range(1, 1000) if (clopper_pearson(0, n, 0.9).upper or 1.0) <= 0.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pilots", type=int, default=PILOTS, help="pilots per simulation")
    parser.add_argument("--coverage", type=float, default=1.0, help="share of the coverage runs")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    os.nice(10)
    started = time.perf_counter()
    text = report(options.pilots, options.coverage)
    options.output.write_text(f"{text}\nTook {time.perf_counter() - started:.0f} s.\n", encoding="utf-8")


if __name__ == "__main__":
    main()
