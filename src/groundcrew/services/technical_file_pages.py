"""A technical file as a document: HTML without scripts, Markdown, PDF and JSON. All tell the same in the same order."""

from __future__ import annotations

import base64
import io
from datetime import datetime
from importlib import resources

import msgspec

from groundcrew.domain.technical_file import Basis, Statement, TechnicalFile
from groundcrew.errors import InputError
from groundcrew.services.gate_report_pages import Section
from groundcrew.services.gate_reports import DATA_PREFIX

FORMATS = ("html", "md", "pdf", "json")
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "pdf": "application/pdf",
    "json": "application/json",
}
#: How each basis is written: a word that is read without colour.
BASIS_WORDS: dict[Basis, str] = {"computed": "COMPUTED", "declared": "DECLARED", "attested": "ATTESTED", "missing": "MISSING"}
BASIS_MEANS: dict[Basis, str] = {
    "computed": "read from recorded rows, at the time that is named",
    "declared": "said by those who run the use case; nobody independent stands for it",
    "attested": "the word of a person who did not build it, until the day that is named",
    "missing": "nobody has said or recorded it",
}
DISCLAIMER = "This file is evidence for whoever judges. It states no conformity with any rule and is no legal advice."


def render(file: TechnicalFile, form: str) -> bytes:
    """The file as `html`, `md`, `pdf` or `json`; InputError for another form."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(file), indent=2)
    if form == "html":
        return _html(file)
    if form == "md":
        return _markdown(file).encode()
    if form == "pdf":
        return _pdf(file)
    raise InputError(f"expected a name that ends in one of {', '.join(FORMATS)}, found {form!r}", field="output")


def summary_of(file: TechnicalFile) -> str:
    """How many statements stand on what."""
    bases: tuple[Basis, ...] = ("computed", "attested", "declared", "missing")
    return f"{len(file.statements)} statements: " + ", ".join(f"{file.number(each)} {each}" for each in bases)


def stands_on(statement: Statement) -> str:
    """What a statement stands on, in a line: whose word or which rows, when, and the hash."""
    said = [BASIS_WORDS[statement.basis]]
    if statement.by:
        said.append(f"by {statement.by}")
    if statement.at is not None:
        said.append(_moment(statement.at))
    if statement.until is not None:
        said.append(f"until {statement.until:%Y-%m-%d}")
    if statement.source:
        said.append(f"from {statement.source}")
    if statement.sha256:
        said.append(f"sha256 {statement.sha256[:16]}")
    return ", ".join(said)


def sections(file: TechnicalFile) -> tuple[Section, ...]:
    """The documents in order, and how to check them."""
    head = ("What", "Statement", "Stands on")
    found = [
        Section(
            title=part.title,
            lines=tuple(each for each in (f"After {part.after}." if part.after != "groundcrew" else "", part.intro) if each),
            rows=(head, *((each.label, each.text, stands_on(each)) for each in part.statements)),
            widths=(0.22, 0.46, 0.32),
        )
        for part in file.parts
    ]
    return (*found, _verification(file))


def _beginning(file: TechnicalFile) -> tuple[str, ...]:
    means = "; ".join(f"{BASIS_WORDS[basis]}: {text}" for basis, text in BASIS_MEANS.items())
    return (
        f"Risk tier {file.risk_tier}: {'; '.join(file.risk_reasons)} (questionnaire version {file.questionnaire})",
        f"Stage when made: {file.stage.replace('_', ' ')}. Version digest {file.version_digest}.",
        f"{summary_of(file)}. {means}.",
        DISCLAIMER,
    )


def _verification(file: TechnicalFile) -> Section:
    return Section(
        title="How to check this file",
        lines=(
            f"sha256 of the file: {file.sha256}",
            f"Audit chain when it was made: entry {file.chain_sequence}, hash {file.chain_hash or 'none'}",
            "The file as JSON is complete: 'groundcrew technical-file --verify FILE.json' computes its hash again, offline."
            " Where it was filed, the audit log has an entry technical-filing/… that carries this hash.",
        ),
    )


def _html(file: TechnicalFile) -> bytes:
    from jinja2 import Environment, StrictUndefined

    source = resources.files("groundcrew.services").joinpath("technical_file.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    data = DATA_PREFIX + base64.b64encode(msgspec.json.encode(file)).decode()
    return (
        environment.from_string(source)
        .render(
            file=file,
            beginning=_beginning(file),
            parts=file.parts,
            stands_on=stands_on,
            words=BASIS_WORDS,
            verification=_verification(file),
            made=_moment(file.made_at),
            data=data,
        )
        .encode()
    )


def _markdown(file: TechnicalFile) -> str:
    lines = [f"# Technical file: {_inline(file.title)} ({file.use_case})", ""]
    lines += [f"{_inline(each)}\n" for each in _beginning(file)]
    for section in sections(file):
        lines += ["", f"## {_inline(section.title)}", ""]
        lines += [f"{_inline(each)}\n" for each in section.lines]
        if section.rows:
            head, *rows = section.rows
            lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
            lines += ["| " + " | ".join(_inline(cell) for cell in row) + " |" for row in rows]
    lines += ["", f"groundcrew {file.release}, made {_moment(file.made_at)}"]
    return "\n".join(lines) + "\n"


def _pdf(file: TechnicalFile) -> bytes:
    from groundcrew.services.gate_report_pdf import write_document

    buffer = io.BytesIO()
    write_document(
        buffer,
        title="Technical file",
        subject=f"{file.title} ({file.use_case})",
        lines=_beginning(file),
        made=f"groundcrew {file.release}, {_moment(file.made_at)}",
        sections=sections(file),
    )
    return buffer.getvalue()


def _inline(text: str) -> str:
    """Text as one line of Markdown: what somebody wrote makes no table, no link and no HTML."""
    escaped = "".join(f"\\{each}" if each in "\\`*_[]<>|#" else each for each in text)
    return " ".join(escaped.split())


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
