"""Secrets in a text: API keys, tokens and private keys, known by their shape. A high bar: only shapes that are nothing else."""

from __future__ import annotations

import math
import re
from collections import Counter

from groundcrew.domain.guard import Finding, Verdict
from groundcrew.guards.registry import Context, guard, verdict_of

BLOCK_SCORE = 0.8
#: Bits of entropy per character from which a value after `password=` and the like counts as a real secret.
ENTROPY_BITS_MIN = 3.0

#: What it is, the plain pieces of which each one has one (looked for first, which is many times quicker), and its shape.
_SHAPES: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    ("OpenAI or Anthropic key", ("sk-",), re.compile(r"\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_\-]{20,200}")),
    ("groundcrew key", ("gc_",), re.compile(r"\bgc_[A-Za-z0-9_\-]{40,60}")),
    ("AWS access key", ("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,255}")),
    ("GitHub token", ("github_pat_",), re.compile(r"\bgithub_pat_[A-Za-z0-9_]{60,255}")),
    ("GitLab token", ("glpat-",), re.compile(r"\bglpat-[A-Za-z0-9_\-]{20,64}")),
    ("Slack token", ("xox",), re.compile(r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,200}")),
    ("Google API key", ("AIza",), re.compile(r"\bAIza[A-Za-z0-9_\-]{35}")),
    ("Stripe key", ("k_live_", "k_test_"), re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,200}")),
    ("Hugging Face token", ("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{30,64}")),
    (
        "JSON Web Token",
        ("eyJ",),
        re.compile(r"\beyJ[A-Za-z0-9_\-]{10,2000}\.eyJ[A-Za-z0-9_\-]{10,4000}\.[A-Za-z0-9_\-]{10,2000}"),
    ),
    ("private key", ("-----BEGIN",), re.compile(r"-----BEGIN (?:[A-Z]{2,12} ){0,2}PRIVATE KEY-----")),
)
#: The shapes that a text can hold, by whether a dash and an underscore stand in it.
_SHAPES_BY_MARKS = {
    (dash, underscore): tuple(
        (name, hints, pattern)
        for name, hints, pattern in _SHAPES
        if (dash or not all("-" in hint for hint in hints)) and (underscore or not all("_" in hint for hint in hints))
    )
    for dash in (False, True)
    for underscore in (False, True)
}
_ASSIGNED_HINTS = ("key", "secret", "token", "passw", "pwd")
_ASSIGNED = re.compile(
    r"(?i)\b(?:api[_-]?key|secret(?:[_-]?key)?|access[_-]?token|auth[_-]?token|password|passwd|pwd)\b[\"']?\s{0,3}[:=]\s{0,3}"
    r"[\"']?([^\s\"'<>]{8,200})"
)
_PLACEHOLDER = re.compile(r"(?i)x{4,}|\*{3,}|\.{3,}|your|example|changeme|placeholder|env:|file:|\$\{|\{\{")


@guard("secrets", inline=True, by=frozenset())
def check(text: str, context: Context) -> Verdict:
    """Findings of the type SECRET."""
    findings: list[Finding] = []
    for name, hints, pattern in _SHAPES_BY_MARKS["-" in text, "_" in text]:
        for hint in hints:
            if hint in text:
                findings += (
                    Finding(start=match.start(), end=match.end(), type="SECRET", score=0.95, reason=f"looks like a {name}")
                    for match in pattern.finditer(text)
                    if not _PLACEHOLDER.search(match.group())
                )
                break
    lowered = text.lower()
    assigned = (
        _ASSIGNED.finditer(text) if ("=" in text or ":" in text) and any(map(lowered.__contains__, _ASSIGNED_HINTS)) else ()
    )
    for match in assigned:
        value = match.group(1)
        if _PLACEHOLDER.search(value) or _entropy_bits(value) < ENTROPY_BITS_MIN or not any(each.isdigit() for each in value):
            continue
        findings.append(
            Finding(start=match.start(1), end=match.end(1), type="SECRET", score=0.85, reason="a secret assigned by name")
        )
    return verdict_of(findings, block_at=BLOCK_SCORE)


def _entropy_bits(value: str) -> float:
    """Shannon entropy per character, in bits (Shannon 1948)."""
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
