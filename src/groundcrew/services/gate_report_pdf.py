"""Sets a gate's report as a PDF with reportlab, in the typeface that comes with it: no browser, no file from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from groundcrew.services.gate_report_pages import Section

#: Points.
MARGIN, PADDING, FONT, LEADING = 42, 6, 8.2, 11
#: What must be left of a page for a heading to begin on it.
HEADED = 80
#: A cell longer than this is cut: no cell may be higher than a page.
CELL_LENGTH_MAX = 2_500
_COLOURS = {"pass": "#14693a", "fail": "#a51c1c", "unknown": "#7a4a00"}
_WORDS = {"pass": "PASS", "fail": "FAIL", "unknown": "UNKNOWN"}

Row = tuple[str, str, str, str, tuple[str, ...]]


def write_pdf(
    target: BinaryIO,
    *,
    title: str,
    subject: str,
    summary: str,
    passed: bool,
    made: str,
    criteria: Sequence[Row],
    sections: Sequence[Section],
) -> None:
    """Write the report to `target`. `criteria` are (status, title, bound, interval, lines)."""
    from reportlab.platypus import Paragraph, Spacer

    style = styles()
    beginning: list[Any] = [
        Paragraph(cell(title), style["title"]),
        Paragraph(cell(subject), style["lead"]),
        Paragraph(f'<font color="{_COLOURS["pass" if passed else "fail"]}"><b>{cell(summary)}</b></font>', style["lead"]),
        Paragraph("Each criterion is pass, fail or unknown; unknown never passes. Nobody can override a gate.", style["soft"]),
        Spacer(1, 8),
        Paragraph("Criteria", style["heading"]),
        _criteria_table(criteria, _width(), style),
    ]
    _build(target, beginning, sections, title=f"{title}: {subject}", subject=summary, made=made)


def write_document(
    target: BinaryIO, *, title: str, subject: str, lines: Sequence[str], made: str, sections: Sequence[Section]
) -> None:
    """Write a document of sections alone to `target`, in the same type and on the same page."""
    from reportlab.platypus import Paragraph

    style = styles()
    beginning: list[Any] = [Paragraph(cell(title), style["title"]), Paragraph(cell(subject), style["lead"])]
    beginning += [Paragraph(cell(line), style["soft"]) for line in lines]
    _build(target, beginning, sections, title=f"{title}: {subject}", subject=subject, made=made)


def _width() -> float:
    from reportlab.lib.pagesizes import A4

    return float(A4[0]) - 2 * MARGIN - 2 * PADDING


def _build(target: BinaryIO, beginning: list[Any], sections: Sequence[Section], *, title: str, subject: str, made: str) -> None:
    """Set `beginning` and the sections on pages with a footer."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import CondPageBreak, Paragraph, SimpleDocTemplate, Spacer

    style, story = styles(), beginning
    for section in sections:
        # A heading stays with the beginning of what it heads.
        story += [Spacer(1, 8), CondPageBreak(HEADED), Paragraph(cell(section.title), style["heading"])]
        story += [Paragraph(cell(line), style["body"]) for line in section.lines]
        if section.rows:
            story += [Spacer(1, 3), _section_table(section, _width(), style)]
    document = SimpleDocTemplate(
        target,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 10,
        title=title,
        author="groundcrew",
        subject=subject,
    )

    def footer(canvas: Any, page: Any) -> None:
        canvas.setFont(fonts()[0], 7)
        canvas.setFillGray(0.4)
        canvas.drawString(MARGIN, MARGIN - 12, shown(title)[:110])
        canvas.drawRightString(A4[0] - MARGIN, MARGIN - 12, shown(f"{made} · page {page.page}"))

    document.build(story, onFirstPage=footer, onLaterPages=footer)


def _criteria_table(criteria: Sequence[Row], width: float, style: dict[str, Any]) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import LongTable, Paragraph, TableStyle

    rows: list[list[Any]] = [
        [Paragraph(each, style["head"]) for each in ("Status", "Criterion", "Asks for", "Estimate [interval]")]
    ]
    for status, title, bound, interval, lines in criteria:
        said = "".join(f'<br/><font color="#44505c">{cell(line)}</font>' for line in lines)
        mark = f'<font color="{_COLOURS[status]}"><b>{_WORDS[status]}</b></font>'
        rows.append(
            [
                Paragraph(mark, style["cell"]),
                Paragraph(f"<b>{cell(title)}</b>{said}", style["cell"]),
                Paragraph(cell(bound), style["cell"]),
                Paragraph(cell(interval), style["cell"]),
            ]
        )
    if not criteria:
        rows.append([Paragraph("–", style["cell"]), Paragraph("No criteria are published.", style["cell"]), "", ""])
    table = LongTable(rows, colWidths=[width * each for each in (0.12, 0.48, 0.2, 0.2)], repeatRows=1)
    table.setStyle(TableStyle(ruled(colors, heading=True)))
    return table


def _section_table(section: Section, width: float, style: dict[str, Any]) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import LongTable, Paragraph, TableStyle

    heading = len(section.rows[0]) > 2
    rows = []
    for number, row in enumerate(section.rows):
        first = style["head"] if heading and number == 0 else style["cell"]
        rows.append(
            [Paragraph(cell(value), style["label"] if not heading and place == 0 else first) for place, value in enumerate(row)]
        )
    table = LongTable(rows, colWidths=[width * each for each in section.widths], repeatRows=1 if heading else 0)
    table.setStyle(TableStyle(ruled(colors, heading=heading)))
    return table


def ruled(colors: Any, *, heading: bool) -> list[Any]:
    rules = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.HexColor("#dbe1e7")),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
    ]
    return [("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#eef2f5")), *rules] if heading else rules


@lru_cache(maxsize=1)
def fonts() -> tuple[str, str, frozenset[int]]:
    """The names of the plain and the bold typeface, registered, and the characters that both have."""
    from reportlab.lib.fonts import addMapping
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    plain, bold = TTFont("report", "Vera.ttf"), TTFont("report-bold", "VeraBd.ttf")
    pdfmetrics.registerFont(plain)
    pdfmetrics.registerFont(bold)
    for is_bold, name in ((0, "report"), (1, "report-bold")):
        addMapping("report", is_bold, 0, name)
        addMapping("report", is_bold, 1, name)
    return "report", "report-bold", frozenset(plain.face.charToGlyph) & frozenset(bold.face.charToGlyph)


@lru_cache(maxsize=1)
def styles() -> dict[str, Any]:
    from reportlab.lib.styles import ParagraphStyle

    plain, bold, _ = fonts()
    body = ParagraphStyle("body", fontName=plain, fontSize=FONT, leading=LEADING, spaceAfter=2, splitLongWords=1)
    return {
        "body": body,
        "cell": ParagraphStyle("cell", parent=body, fontSize=7.4, leading=9.6, spaceAfter=0),
        "label": ParagraphStyle("label", parent=body, fontSize=7.4, leading=9.6, fontName=bold, spaceAfter=0),
        "head": ParagraphStyle("head", parent=body, fontSize=7.2, leading=9, fontName=bold, textColor="#44505c"),
        "title": ParagraphStyle("title", parent=body, fontName=bold, fontSize=17, leading=21, spaceAfter=2),
        "lead": ParagraphStyle("lead", parent=body, fontSize=10.5, leading=14),
        "soft": ParagraphStyle("soft", parent=body, textColor="#52606d"),
        "heading": ParagraphStyle("heading", parent=body, fontName=bold, fontSize=11, leading=15, spaceBefore=4, spaceAfter=3),
    }


def shown(text: str) -> str:
    from groundcrew.services.gate_report_pages import written

    return written(text, fonts()[2])


def cell(text: str) -> str:
    """Text as reportlab's markup: nothing that somebody wrote is read as markup."""
    cut = text if len(text) <= CELL_LENGTH_MAX else text[:CELL_LENGTH_MAX] + "… (cut; the JSON has it all)"
    return escape(shown(cut.replace("`", "'"))).replace("\n", "<br/>")
