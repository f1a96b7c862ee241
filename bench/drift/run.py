"""False alarms, power against Evidently, and streams; writes RESULTS.md, part by part, so that a part may be run again.

python bench/drift/run.py [--parts false-alarms,power,streams] [--windows 1000] [--peer PYTHON_WITH_EVIDENTLY_AND_RIVER]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.drift import data, false_alarms, power, streams

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
PARTS = ("false-alarms", "numbers", "power", "streams")
SEED = 20_261_127
ALPHA = 0.01


def state() -> str:
    """The machine while it was measured."""
    load = os.getloadavg()
    return f"{os.cpu_count()} cores, load {load[0]:.1f}, Python {sys.version.split()[0]}, numpy {np.__version__}"


def alarms_part(options: argparse.Namespace) -> Iterator[str]:
    sets = {name: data.messages(name, options.cache) for name in ("banking77", "clinc")}
    weather = data.stream("weather")[1][:, 0]
    yield (
        "| source | kind | n a window | windows | false alarms | rate | 97.5 % bound | CPU s a window |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    rates: list[Callable[[], false_alarms.Rate]] = []
    for name, (kind, draw) in false_alarms.sources(weather, sets).items():
        for n in false_alarms.SIZES:
            heavy = kind in ("text", "embedding") and n > 200
            windows = options.windows_heavy if heavy else options.windows
            rates.append(
                lambda name=name, kind=kind, draw=draw, n=n, windows=windows: false_alarms.measure(
                    name, kind, draw, n, windows, SEED
                )
            )
    rates += [
        lambda: false_alarms.together(200, 20, options.windows // 2, SEED),
        lambda: false_alarms.blocked(options.windows // 2, SEED, blocks=True),
        lambda: false_alarms.blocked(options.windows // 2, SEED, blocks=False),
    ]
    for each in rates:
        rate = each()
        share = rate.alarms / rate.windows
        yield (
            f"| {rate.source} | {rate.kind} | {rate.n} | {rate.windows} | {rate.alarms} | {100 * share:.2f} % "
            f"| {100 * rate.upper:.2f} % | {rate.seconds:.3f} |"
        )


def numbers_part(options: argparse.Namespace) -> Iterator[str]:
    for n in (50, 200):
        names: list[str] = []
        for change, found in false_alarms.normal_power(n, options.mixed, SEED):
            if not names:
                names = list(found)
                yield f"\nn = {n}, {options.mixed} windows a row.\n\n| change | {' | '.join(names)} |\n|---{'|---' * len(names)}|"
            yield f"| {change} | {' | '.join(f'{100 * found[name]:.0f} %' for name in names)} |"


def power_part(options: argparse.Namespace) -> Iterator[str]:
    banking, clinc = data.messages("banking77", options.cache), data.messages("clinc", options.cache)
    val, medquad = data.messages("clinc_val", options.cache), data.messages("medquad", options.cache)
    foreign = data.Messages(
        *(np.concatenate(parts) for parts in zip(clinc.where(clinc.labels == "oos"), val.where(val.labels == "oos"), strict=True))
    )
    mixtures = [
        (power.Mixture("banking77 + 10 % clinc, out of scope", banking, foreign, 0.1), (200, 500)),
        (power.Mixture("banking77 + 10 % clinc, all topics", banking, clinc.where(clinc.labels != "oos"), 0.1), (200,)),
        (power.Mixture("banking77 + 10 % clinc, one topic", banking, clinc.where(clinc.labels == "translate"), 0.1), (200,)),
        (power.Mixture("medquad + 10 % clinc, all topics", medquad, clinc.where(clinc.labels != "oos"), 0.1), (200,)),
        (
            power.Mixture(
                "banking77 but card_arrival + 10 % card_arrival",
                banking.where(banking.labels != "card_arrival"),
                banking.where(banking.labels == "card_arrival"),
                0.1,
            ),
            (200,),
        ),
    ]
    yield "| mixture | n | windows, null and mixed | method | false alarms | found |\n|---|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        for mixture, sizes in mixtures[options.first : options.last]:
            for n in sizes if options.size is None else [options.size]:
                found = power.compare(mixture, n, options.nulls, options.mixed, SEED, ALPHA, options.peer, Path(folder))
                for method, (alarms, share) in sorted(found.rates.items(), key=lambda each: -each[1][1]):
                    name = f"**{method}**" if method == "groundcrew" else method
                    counts = f"{found.nulls}, {found.mixed}"
                    yield f"| {mixture.name} | {n} | {counts} | {name} | {100 * alarms:.1f} % | {100 * share:.0f} % |"


def streams_part(options: argparse.Namespace) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield (
            "SEA, a logistic model's errors; the change is 5,000 rows after the reference. Alarms before it are false.\n\n"
            "| threshold of the label | method | streams | alarms before | found within 4,000 rows | median delay |\n"
            "|---|---|---|---|---|---|"
        )
        for each in streams.sea(options.repeats, SEED, options.peer, Path(folder)):
            delay = "–" if each.delay is None else f"{each.delay:.0f}"
            yield f"| {each.change} | {each.method} | {each.repeats} | {each.early} | {each.found} | {delay} |"
    shared = streams.sea_as_shared(SEED)
    seen = "no alarm" if shared is None else f"alarm at row {shared}"
    yield f"\n`sea_stream.csv` as shared (one concept in all 40,000 rows): {seen}."
    found, rate = streams.elec(SEED, options.nulls)
    drifted = [each for each in found if each[1]]
    yield (
        f"\nELEC2, the first four weeks against each later four, permuted by day: {len(drifted)} of {len(found)} windows "
        f"drifted. Days shuffled over the years, {options.nulls} pairs of windows: {100 * rate:.1f} % false alarms.\n\n"
        "| first row | drifted columns |\n|---|---|"
    )
    for row, verdict, columns in found:
        yield f"| {row} | {', '.join(columns) if verdict else 'unknown' if verdict is None else '–'} |"


TITLES = {
    "false-alarms": f"False alarms at α = {100 * ALPHA:g} %",
    "numbers": "Numbers: each statistic alone and all three together, share found at 1 %",
    "power": "Foreign messages: share of windows in which drift is found, at equal false alarms",
    "streams": "Streams",
}
WORK = {"false-alarms": alarms_part, "numbers": numbers_part, "power": power_part, "streams": streams_part}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--windows", type=int, default=1_000, help="null windows of each kind and size")
    parser.add_argument("--windows-heavy", type=int, default=1_000, help="the same, of vectors with more than 200 rows a window")
    parser.add_argument("--nulls", type=int, default=500, help="null windows that thresholds are calibrated on")
    parser.add_argument("--mixed", type=int, default=200, help="windows with drift")
    parser.add_argument("--first", type=int, default=0, help="first of the mixtures, from 0")
    parser.add_argument("--last", type=int, help="the one after the last")
    parser.add_argument("--size", type=int, help="rows a window of the mixtures; without it those of each")
    parser.add_argument("--repeats", type=int, default=40, help="streams of each change")
    parser.add_argument("--peer", type=Path, help="Python with evidently and river; without it only ours is measured")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "drift-bench", help="where vectors are kept")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    for part in options.parts.split(","):
        start, lines = time.time(), []
        for line in WORK[part](options):
            print(line, flush=True)
            lines.append(line)
            footer = f"\nSeed {SEED}; {(time.time() - start) / 60:.0f} minutes on {state()}."
            store(options.output, part, "\n".join([*lines, footer]))  # each line at once: a part takes an hour


def store(path: Path, part: str, text: str) -> None:
    """Replace one part of the report and keep the others."""
    kept = dict.fromkeys(PARTS, "")
    if path.exists():
        for section in path.read_text(encoding="utf-8").split("\n## ")[1:]:
            title, _, body = section.partition("\n")
            kept.update({name: body.strip() for name in PARTS if TITLES[name] == title.strip()})
    kept[part] = text.strip()
    head = "# Drift: false alarms, power, streams\n\nWritten by `python bench/drift/run.py`. Sources of the data: `data.py`."
    sections = [f"## {TITLES[name]}\n\n{body}" for name, body in kept.items() if body]
    path.write_text("\n\n".join([head, *sections]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
