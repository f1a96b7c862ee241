"""Cutting answers at claims and sources at quotes loses nothing and marks what it should."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.call import SourceReference
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.web.console.highlight import answer_segments, claims_of, marked_sources

SPANS = st.tuples(st.integers(-3, 70), st.integers(-3, 70))


@st.composite
def reports(draw: st.DrawFn) -> TrustReport:
    claims = tuple(
        ClaimScore(
            start=start,
            end=end,
            support=draw(st.floats(0, 1)),
            source=draw(st.none() | st.integers(-1, 2)),
            quote=draw(st.none() | SPANS),
            contradicted=draw(st.booleans()),
        )
        for start, end in draw(st.lists(SPANS, max_size=6))
    )
    return TrustReport(
        trust=0.5,
        state=draw(st.sampled_from(["supported", "unsupported", "no_sources"])),
        claims=claims,
        unsupported=tuple(draw(st.lists(SPANS, max_size=3))),
    )


def reference(text: str) -> SourceReference:
    return SourceReference(passage_id="p", document="d.md", title="D", text=text)


@given(text=st.text(max_size=60), passage=st.text(max_size=60), report=reports())
def test_nothing_of_any_text_is_lost_or_doubled(text: str, passage: str, report: TrustReport) -> None:
    assert "".join(segment.text for segment in answer_segments(text, report)) == text
    for source in marked_sources(text, report, [reference(passage), reference("")]):
        assert "".join(segment.text for segment in source.segments) == source.reference.text
        numbers = {claim.number for claim in claims_of(text, report)}
        assert {number for segment in source.segments for number in segment.claims} <= numbers


def test_states_of_claims() -> None:
    text = "A card costs CHF 35. We charge a fee. Blocking is free."
    report = TrustReport(
        trust=0.1,
        state="unsupported",
        claims=(
            ClaimScore(start=0, end=20, support=0.05, source=0, quote=(0, 6), contradicted=True),
            ClaimScore(start=21, end=37, support=0.1),
            ClaimScore(start=38, end=55, support=0.98, source=0, quote=(7, 12)),
        ),
        unsupported=((0, 20), (21, 37)),
    )
    assert [(claim.number, claim.state, claim.source) for claim in claims_of(text, report)] == [
        (1, "contradicted", 1),
        (2, "unsupported", None),
        (3, "supported", 1),
    ]
    (source,) = marked_sources(text, report, [reference("CHF 20 and free")])
    marks = [(segment.text, segment.claims, segment.against) for segment in source.segments if segment.claims]
    assert marks == [("CHF 20", (1,), True), ("and f", (3,), False)]


def test_an_unsupported_answer_without_spans_shows_no_supported_claim() -> None:
    claims = (ClaimScore(start=0, end=4, support=0.9),)
    for state in ("unsupported", "no_sources"):
        report = TrustReport(trust=0.0, state=state, claims=claims)  # type: ignore[arg-type]
        assert [claim.state for claim in claims_of("four", report)] == ["unsupported"]


def test_offsets_count_code_points() -> None:
    text = "🏦 fee is CHF 5"
    report = TrustReport(trust=1.0, state="supported", claims=(ClaimScore(start=2, end=14, support=1.0),))
    assert claims_of(text, report)[0].text == "fee is CHF 5"


def test_without_a_report_the_text_stays_whole() -> None:
    assert [segment.text for segment in answer_segments("as it is", None)] == ["as it is"]
    assert answer_segments("", None) == ()
