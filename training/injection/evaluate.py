"""Sets the calibration of an exported injection network and measures it as it ships (int8, read as the guard reads it) on
texts that it has not learnt from."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src")]

import generate  # noqa: E402
from generate import Example, held_sets  # noqa: E402

from groundcrew.guards import prompt_injection  # noqa: E402
from groundcrew.guards.injection_patterns import matches_of  # noqa: E402
from groundcrew.guards.injection_scores import BLOCK_SCORE, FLAG_SCORE, InjectionScores  # noqa: E402
from groundcrew.guards.prompt_injection import check  # noqa: E402

SEED = 77
FLAG_RATE, BLOCK_RATE = 0.01, 0.001
#: How fast each head's log odds fall below its flag, chosen on held.txt.
SLOPES = {"direct": 1.2, "planted": 0.6, "order": 1.5}
#: How far the block's logit is at least above the flag's.
STEP_LEAST = 1.0
SHOWN_LENGTH_MAX = 200
USER_SETS = ("hard benign", "benign requests", "benign long", "benign foreign", "benign short")
DATA_SETS = ("benign documents", "bank mails", "mails clean", "bipia clean")


def calibrate(folder: Path, sets: dict[str, list[Example]]) -> None:
    """Write the logits at which one in a hundred and one in a thousand of the harmless texts lie, for every head; of
    users' texts and data apart, the higher one."""
    neutral = {head: {"flag": 0.0, "block": 3.0, "slope": 1.0} for head in ("direct", "planted", "order")}
    (folder / "calibration.json").write_text(json.dumps(neutral))
    scores = InjectionScores(folder)
    logits = {name: [scores.read(example.text).logits for example in sets[name]] for name in (*USER_SETS, *DATA_SETS)}
    lines = {}
    for head, kinds in (
        ("direct", (USER_SETS, DATA_SETS)),
        ("planted", (USER_SETS, DATA_SETS)),
        ("order", (DATA_SETS,)),
    ):
        groups = [np.array([each[head] for name in names for each in logits[name]]) for names in kinds]
        flag, block = (max(float(np.quantile(values, 1 - rate)) for values in groups) for rate in (FLAG_RATE, BLOCK_RATE))
        lines[head] = {"flag": round(flag, 3), "block": round(max(block, flag + STEP_LEAST), 3), "slope": SLOPES[head]}
    (folder / "calibration.json").write_text(json.dumps(lines, indent=2) + "\n")


def auroc(harmless: list[float], attacks: list[float]) -> float:
    """Chance that an attack scores higher than a harmless text; ties count a half."""
    values = np.concatenate((harmless, attacks))
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positive = ranks[len(harmless) :]
    return float((positive.sum() - len(attacks) * (len(attacks) + 1) / 2) / (len(attacks) * len(harmless)))


def found_at(harmless: list[float], attacks: list[float], rate: float = 0.01) -> float:
    """Share of attacks above all but `rate` of the harmless texts."""
    return float((np.array(attacks) > np.quantile(harmless, 1 - rate, method="higher")).mean())


def scored(sets: dict[str, list[Example]], role: str | None = None) -> dict[str, list[float]]:
    """The guard's own scores."""
    context = {"role": role} if role else {}
    return {name: [check(example.text, context).score for example in rows] for name, rows in sets.items()}


def report(sets: dict[str, list[Example]]) -> list[str]:
    """The figures, a line each."""
    plain, data = scored(sets), scored({name: sets[name] for name in (*DATA_SETS, "mails attacked", "bipia attacked")}, "tool")
    hard = [each for name in USER_SETS[:4] for each in plain[name]]
    documents = plain["benign documents"]
    lines = []
    for name in ("jailbreaks", "direct"):
        for other, values in (("hard benign", hard), ("benign documents", documents), ("benign short", plain["benign short"])):
            lines.append(
                f"{name} ({len(plain[name])}) against {other} ({len(values)}): AUROC {auroc(values, plain[name]):.3f}, "
                f"TPR at 1 % FPR {found_at(values, plain[name]):.2f}"
            )
    for title, chosen in (("no context", plain), ("role tool", data)):
        for clean, attacked in (("mails clean", "mails attacked"), ("bipia clean", "bipia attacked")):
            harmless, attacks = chosen[clean], chosen[attacked]
            rates = f"AUROC {auroc(harmless, attacks):.3f}, TPR at 1 % FPR {found_at(harmless, attacks):.2f}"
            lines.append(f"{attacked} ({len(chosen[attacked])}) against {clean} ({len(chosen[clean])}), {title}: {rates}")
            for position in ("start", "middle", "end"):
                part = [score for score, row in zip(chosen[attacked], sets[attacked], strict=True) if row.position == position]
                lines.append(f"  {position} ({len(part)}): AUROC {auroc(chosen[clean], part):.3f}")
    lines += matched(sets, plain)
    for title, chosen in (("no context", plain), ("role tool", data)):
        for name, values in chosen.items():
            flagged, blocked = (float(np.mean(np.array(values) >= least)) for least in (FLAG_SCORE, BLOCK_SCORE))
            lines.append(f"{name} ({len(values)}), {title}: flagged or blocked {flagged:.3f}, blocked {blocked:.3f}")
    return lines


def matched(sets: dict[str, list[Example]], plain: dict[str, list[float]]) -> list[str]:
    """The same with harmless texts of the attacks' own lengths: the nearest in length, each used once."""
    pool = [
        (len(row.text), score) for name in (*USER_SETS, *DATA_SETS) for row, score in zip(sets[name], plain[name], strict=True)
    ]
    lines = []
    for name in ("jailbreaks", "direct", "mails attacked"):
        left, chosen, kept = sorted(pool), [], []
        for row, score in zip(sets[name], plain[name], strict=True):
            nearest = min(left, key=lambda each: abs(each[0] - len(row.text)), default=None)
            if nearest is None or abs(nearest[0] - len(row.text)) > 0.2 * len(row.text):
                continue
            left.remove(nearest)
            chosen.append(nearest[1])
            kept.append(score)
        if kept:
            lines.append(f"{name}, length-matched pairs ({len(kept)}): AUROC {auroc(chosen, kept):.3f}")
    return lines


def misses(sets: dict[str, list[Example]], count: int) -> list[str]:
    """The attacks with the lowest scores and the harmless texts with the highest, a line each."""
    lines = []
    for name in ("hard benign", "benign requests", "benign long", "benign foreign", "bank mails", "mails clean"):
        worst = sorted({(check(row.text, {}).score, row.text) for row in sets[name]}, reverse=True)[:count]
        lines += [f"- {score:.2f} {name}: {_short(text)}" for score, text in worst if score >= FLAG_SCORE]
    for name in ("jailbreaks", "direct", "mails attacked", "bipia attacked"):
        lowest: dict[str, float] = {}
        for row in sets[name]:
            lowest[_marked(row)] = min(check(row.text, {}).score, lowest.get(_marked(row), 1.0))
        worst = sorted((score, text) for text, score in lowest.items())[:count]
        lines += [f"- {score:.2f} {name}: {_short(text)}" for score, text in worst if score < FLAG_SCORE]
    return lines


def _marked(row: Example) -> str:
    return f"({row.position}) " + " ".join(row.text[start:end] for start, end in row.spans) if row.spans else row.text


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN_LENGTH_MAX else text[:SHOWN_LENGTH_MAX] + "…")


def latency_ms(folder: Path) -> float:
    """Median of the processor time that the guard takes for 100 words of English, in one thread."""
    scores = InjectionScores(folder)
    text = " ".join(
        ("The parcel with the lamp arrived on Tuesday, but two parts of it were broken when we opened the box. " * 6).split()[
            :100
        ]
    )
    times = []
    for number in range(60):
        started_s = time.process_time()
        read = f"{text} {number}"
        scores.read(read), matches_of(read)
        times.append((time.process_time() - started_s) * 1000)
    return float(np.median(times[10:]))


def measured(folder: Path) -> tuple[list[str], list[str]]:
    """Calibrates, and returns figures and misses."""
    calibrate(folder, held_sets(SEED, "held.txt"))
    second = held_sets(SEED, "final.txt")
    prompt_injection._scores = InjectionScores(folder)
    prompt_injection._recent.clear()
    lines = report(second)
    lines.append(f"100 words of English take {latency_ms(folder):.1f} ms of one core (median)")
    return lines, misses(second, 6)


def write_card(folder: Path, *, windows: int, tokens: int) -> None:
    """Calibrate, measure, write MODEL_CARD.md."""
    figures, missed = measured(folder)
    print("\n".join([*figures, *missed]))
    card = (HERE / "MODEL_CARD.template.md").read_text(encoding="utf-8")
    values = {
        "windows": f"{windows:,}",
        "tokens": f"{tokens:,}",
        "bytes": f"{(folder / 'model.onnx').stat().st_size:,}",
        "hard": ", ".join(USER_SETS[:4]),
        "figures": "\n".join(f"- {line.strip()}" for line in figures),
        "misses": "\n".join(missed),
    }
    for name, value in values.items():
        card = card.replace("{" + name + "}", value)
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    generate.SHARED = Path(sys.argv[2]) if len(sys.argv) > 2 else generate.SHARED
    for part in measured(Path(sys.argv[1])):
        print("\n".join(part))
