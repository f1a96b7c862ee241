"""Planted repositories: files with, at the end of a line, what a scan should find there. Keys are made up when they are written.

``=== PATH`` begins a file; ``«KIND SERVICE»`` at the end of a line is a label and is no part of the file. Alternatives that are
both right stand with ``|``.
"""

from __future__ import annotations

import random
import re
import string
from pathlib import Path

import msgspec

from groundcrew.domain.inventory import ScanFinding

FOLDER = Path(__file__).parent / "planted"
_LABEL = re.compile(r"\s*«([^»]+)»")
_MADE = re.compile(r"\{(KEY|HEX|RANDOM) ([\w-]+)\}")
_LETTERS = string.ascii_letters + string.digits
_PREFIXES = {
    "openai": ("sk-proj-", 48),
    "anthropic": ("sk-ant-api03-", 80),
    "groq": ("gsk_", 52),
    "google-gemini": ("AIza", 35),
    "huggingface": ("hf_", 34),
    "openrouter": ("sk-or-v1-", 64),
    "perplexity": ("pplx-", 48),
    "xai": ("xai-", 80),
    "replicate": ("r8_", 37),
    "nvidia-nim": ("nvapi-", 64),
    "fireworks": ("fw_", 24),
    "deepseek": ("sk-", 32),
    "elevenlabs": ("sk_", 48),
    # Of nobody's AI: no finding.
    "stripe": ("sk_" + "live_", 24),
    "github": ("ghp_", 36),
    "aws": ("AKIA", 16),
}

Label = tuple[str, int, frozenset[str]]


class Planted(msgspec.Struct, frozen=True):
    """A repository on disk, its labels, and the secrets that no report may show."""

    root: Path
    labels: tuple[Label, ...]
    files: int
    secrets: tuple[str, ...]


class Score(msgspec.Struct, frozen=True):
    """How a scan does against labels: a finding is right where path, line, kind and service are."""

    recall: float
    precision: float
    missed: tuple[str, ...]
    wrong: tuple[str, ...]


def plant(name: str, root: Path, seed: int = 7) -> Planted:
    """Write the planted repository `name` below `root`."""
    chance = random.Random(seed)
    labels: list[Label] = []
    secrets: list[str] = []
    parts = re.split(r"(?m)^=== (\S+)\n", (FOLDER / f"{name}.txt").read_text("utf-8"))[1:]
    for path, content in zip(parts[::2], parts[1::2], strict=True):
        lines = []
        for number, line in enumerate(content.split("\n"), start=1):
            for said in _LABEL.findall(line):
                labels.append((path, number, frozenset(said.split("|"))))
            lines.append(_MADE.sub(lambda match: _make(match, chance, secrets), _LABEL.sub("", line)))
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines), "utf-8")
    return Planted(root, tuple(labels), len(parts) // 2, tuple(secrets))


def _make(match: re.Match[str], chance: random.Random, secrets: list[str]) -> str:
    if match[1] == "KEY":
        prefix, length = _PREFIXES[match[2]]
    else:
        prefix, length = "", int(match[2])
    letters = "0123456789abcdef" if match[1] == "HEX" else _LETTERS
    made = prefix + "".join(chance.choice(letters) for _ in range(length))
    secrets.append(made)
    return made


def score(planted: Planted, findings: tuple[ScanFinding, ...]) -> Score:
    """Recall and precision over findings; each label counts once."""
    open_labels = list(planted.labels)
    wrong = []
    for each in findings:
        said = f"{each.kind} {each.service}"
        match = next((label for label in open_labels if label[:2] == (each.path, each.line) and said in label[2]), None)
        if match is None:
            wrong.append(f"{each.path}:{each.line} {said} – {each.fragment}")
        else:
            open_labels.remove(match)
    right = len(findings) - len(wrong)
    return Score(
        recall=right / len(planted.labels),
        precision=right / len(findings) if findings else 0.0,
        missed=tuple(f"{path}:{line} {' | '.join(sorted(said))}" for path, line, said in open_labels),
        wrong=tuple(wrong),
    )
