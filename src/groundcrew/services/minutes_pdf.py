"""Minutes as a PDF, in the type of the gate reports, with the hash of the minutes on every page."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from groundcrew.domain.minutes import Minutes, MinutesDecision, MinutesPoint
from groundcrew.services.gate_report_pdf import HEADED, MARGIN, PADDING, cell, fonts, ruled, shown, styles
from groundcrew.services.minutes import MinutesNow
from groundcrew.services.minutes_text import (
    DECISION_WORDS,
    STATE_WORDS,
    about_line,
    action_line,
    quorum_line,
    vote_line,
    who,
)


def pdf_of(kept: MinutesNow) -> bytes:
    """The minutes, and what was put right since, as a PDF."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import CondPageBreak, Paragraph, SimpleDocTemplate, Spacer

    minutes, style = kept.minutes, styles()
    width = A4[0] - 2 * MARGIN - 2 * PADDING
    title = f"Minutes of the GenAI Stream, {minutes.opened_at:%Y-%m-%d}"
    story: list[Any] = [
        Paragraph(cell(title), style["title"]),
        Paragraph(
            cell(f"{minutes.opened_at:%H:%M} to {minutes.closed_at:%H:%M} UTC. Quorum: {quorum_line(minutes)}."), style["lead"]
        ),
        Paragraph(
            cell(f"Opened by {who(minutes.opened_by)}, closed by {who(minutes.closed_by)}. SHA-256 {kept.sha256}"), style["soft"]
        ),
        Spacer(1, 8),
        Paragraph("Who was there", style["heading"]),
        _people(minutes, width, style),
    ]
    for point in minutes.points:
        story += [Spacer(1, 8), CondPageBreak(HEADED), Paragraph(cell(f"{point.number}. {point.title}"), style["heading"])]
        story += [Paragraph(each, style["body"]) for each in _point(point)]
    rest = [
        ("Said besides", [f"{each.at:%H:%M} {who(each.by)}: {each.text}" for each in minutes.notes]),
        ("Actions besides", [action_line(each) for each in minutes.actions]),
        ("Settled before they were reached", list(minutes.settled)),
        *((f"Addendum of {each.at:%Y-%m-%d %H:%M} by {who(each.by)}", [each.text]) for each in kept.addenda),
    ]
    for heading, lines in rest:
        if lines:
            story += [Spacer(1, 8), CondPageBreak(HEADED), Paragraph(cell(heading), style["heading"])]
            story += [Paragraph(cell(each), style["body"]) for each in lines]
    target = BytesIO()
    document = SimpleDocTemplate(
        target,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 10,
        title=title,
        author="groundcrew",
        subject=f"sha256 {kept.sha256}",
    )

    def footer(canvas: Any, page: Any) -> None:
        canvas.setFont(fonts()[0], 7)
        canvas.setFillGray(0.4)
        canvas.drawString(MARGIN, MARGIN - 12, shown(f"Minutes {minutes.meeting}, sha256 {kept.sha256}"))
        canvas.drawRightString(A4[0] - MARGIN, MARGIN - 12, f"page {page.page}")

    document.build(story, onFirstPage=footer, onLaterPages=footer)
    return target.getvalue()


def _people(minutes: Minutes, width: float, style: dict[str, Any]) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import LongTable, Paragraph, TableStyle

    rows = [[Paragraph(each, style["head"]) for each in ("Who", "Spoke for", "From", "Until")]]
    rows += [
        [
            Paragraph(cell(each.person), style["cell"]),
            Paragraph(cell(each.function or "–"), style["cell"]),
            Paragraph(f"{each.begin:%H:%M:%S}", style["cell"]),
            Paragraph(f"{each.end:%H:%M:%S}", style["cell"]),
        ]
        for each in minutes.presences
    ]
    table = LongTable(rows, colWidths=[width * each for each in (0.5, 0.2, 0.15, 0.15)], repeatRows=1)
    table.setStyle(TableStyle(ruled(colors, heading=True)))
    return table


def _point(point: MinutesPoint) -> list[str]:
    """The paragraphs of a point, as markup."""
    state = STATE_WORDS[point.state] + (f": {point.reason}" if point.reason else "")
    lines = [f"<i>{cell(point.kind.replace('_', ' '))}, {cell(state)}</i>. {cell(point.why)}"]
    if point.summary:
        lines.append(cell(point.summary))
    lines += [cell(f"{each.at:%H:%M} {who(each.by)}: {each.text}") for each in point.notes]
    for decision in point.decisions:
        lines += _decision(decision)
    lines += [cell(f"Action: {action_line(each)}") for each in point.actions]
    lines += [cell(f"When the meeting was closed: {each}") for each in point.standing]
    return lines


def _decision(decision: MinutesDecision) -> list[str]:
    when = f", {decision.decided_at:%H:%M:%S}" if decision.decided_at is not None else ""
    lines = [f"<b>{DECISION_WORDS[decision.state]}{when}:</b> {cell(decision.text)}"]
    about = about_line(decision)
    if about:
        lines.append(cell(about))
    lines.append(cell(f"Proposed by {who(decision.proposed_by)}. Votes: {vote_line(decision)}. {decision.reason}"))
    for each in decision.citations:
        lines.append(cell(f"Cites {each.reference}: {each.title}"))
        lines += [cell(f"· {line}") for line in each.lines]
    return lines
