"""Turns labelled answers into what the product reads of them (features, findings, evidence), and keeps it in a scratch folder by
set and by the state of the code, so that fitting and measuring take seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec
from examples import REPOSITORY, Answer, training_answers

from groundcrew.grounding.evidence import Evidence
from groundcrew.grounding.reading import AnswerReading, ClaimReading, read_answer
from groundcrew.grounding.summary import is_certain, is_vetoed, text_figures
from groundcrew.grounding.trust import VERBATIM_SUPPORT, on_rows, support_limit

GROUNDING = REPOSITORY / "src" / "groundcrew" / "grounding"
#: Modules of grounding that what is read depends on; the others may change without a new reading.
READING_MODULES = (
    "checks",
    "facts",
    "claims.py",
    "claim_patterns.py",
    "evidence.py",
    "features.py",
    "lexicon.py",
    "ranking.py",
    "reading.py",
    "references.py",
    "sentences.py",
    "statement.py",
    "structured*.py",
    "summary.py",
    "windows.py",
)


class ClaimRow(msgspec.Struct, kw_only=True):
    """One claim. `supported` is None where the label of the answer does not tell; `features` is None where it stands word for
    word in a source; `on_rows` tells rows of records from prose; `limit` is the most support it may have, `fixed` the support
    of a claim without features."""

    start: int
    end: int
    text: str
    words: int
    evidence: str
    supported: bool | None
    features: list[float] | None
    limit: float
    fixed: float
    vetoed: bool
    on_rows: bool
    certain: bool
    checks: list[str]


class AnswerRow(msgspec.Struct, kw_only=True):
    """One answer with at least one claim and one source sentence. `figures` are those of `summary.text_figures`."""

    file: str
    dataset: str
    group: str
    id: str
    length: int
    supported: bool
    spans: list[tuple[int, int]] | None
    claims: list[ClaimRow]
    figures: list[float]


def rows_of(names: Sequence[str], scratch: Path, *, jobs: int = 1) -> list[AnswerRow]:
    """The answers of the named sets; what an earlier run of the same code left in `scratch` is read from there."""
    folder = scratch / f"readings-{code_digest()}"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not (folder / f"{name}.msgpack").exists()]
    if jobs > 1 and len(missing) > 1:
        with ProcessPoolExecutor(jobs) as pool:
            list(pool.map(_keep, missing, [folder] * len(missing)))
    else:
        for name in missing:
            _keep(name, folder)
    return [
        row for name in names for row in msgspec.msgpack.decode((folder / f"{name}.msgpack").read_bytes(), type=list[AnswerRow])
    ]


def code_digest() -> str:
    """Twelve hexadecimal digits that change with any module that a reading depends on, and with our own cases."""
    content = hashlib.sha256()
    for pattern in READING_MODULES:
        for path in sorted(GROUNDING.glob(pattern)):
            for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
                content.update(file.read_bytes())
    for path in sorted((REPOSITORY / "tests" / "unit" / "grounding" / "cases").glob("*.jsonl")):
        content.update(path.read_bytes())
    return content.hexdigest()[:12]


def _keep(name: str, folder: Path) -> None:
    rows = [row for row in read_all(name, training_answers(name)) if row.claims]
    part = folder / f".{name}.part"
    part.write_bytes(msgspec.msgpack.encode(rows))
    part.replace(folder / f"{name}.msgpack")


def read_all(name: str, answers: Sequence[Answer]) -> list[AnswerRow]:
    """What the product reads of each answer; sources that repeat are read once."""
    rows: list[AnswerRow] = []
    evidence, sources = None, None
    for answer in answers:
        if answer.sources != sources:
            sources = answer.sources
            evidence = Evidence(sources) if any(source.strip() for source in sources) else None
        reading = read_answer(answer.text, answer.sources, answer.question, evidence=evidence)
        if not reading.claims or reading.evidence is None or not reading.evidence.sentences:
            continue
        rows.append(
            AnswerRow(
                file=name,
                dataset=answer.dataset,
                group=answer.group,
                id=answer.id,
                length=len(answer.text),
                supported=answer.supported,
                spans=None if answer.spans is None else list(answer.spans),
                claims=[_claim_row(answer, reading, claim) for claim in reading.claims],
                figures=text_figures(reading).tolist(),
            )
        )
    return rows


def _claim_row(answer: Answer, reading: AnswerReading, claim: ClaimReading) -> ClaimRow:
    segment = claim.segment
    supported: bool | None = True
    if not answer.supported and answer.spans:
        supported = all(segment.end <= start or segment.start >= end for start, end in answer.spans)
    elif not answer.supported:
        supported = False if len(reading.claims) == 1 else None
    return ClaimRow(
        start=segment.start,
        end=segment.end,
        text=segment.text,
        words=len(claim.statement.tokens),
        evidence=claim.evidence_text,
        supported=supported,
        features=None if claim.features is None else claim.features.tolist(),
        limit=support_limit(claim),
        fixed=VERBATIM_SUPPORT if claim.place is not None else 0.0,
        vetoed=is_vetoed(claim),
        on_rows=on_rows(claim, reading.evidence),
        certain=is_certain(claim),
        checks=[finding.check for finding in claim.findings],
    )
