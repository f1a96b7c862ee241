"""Figures of what people say and do: stars, and how near drafts are to what was sent and to what they say it should have been."""

from __future__ import annotations

from groundcrew.domain.call import Call
from groundcrew.domain.feedback import Rating
from groundcrew.metrics.edit_distance import mean_kept
from groundcrew.metrics.semantic_similarity import mean_similarity
from groundcrew.metrics.stars import good_ratings, stars
from groundcrew.services.metric_figures import MetricFigure, Period, by_week, figure
from groundcrew.services.text_pairs import TextPair, kept_shares, similarities
from groundcrew.store import rating_sums, texts
from groundcrew.store.database import Connection
from groundcrew.store.rows import stamp

#: Newest ratings of a period that its figures are taken over.
RATINGS_MAX = 20_000
#: Newest texts that are compared.
PAIRS_MAX = 500
_RATE = "ratings (API, client.py, the rating queue, a call's page)"


async def of_ratings(connection: Connection, period: Period) -> list[MetricFigure]:
    """The mean of stars, and the share of good ones."""
    since, until = period.stamps
    rows = await rating_sums.of_period(
        connection,
        period.use_case,
        period.version_digest,
        since=since,
        until=until,
        sample=period.sample,
        limit=RATINGS_MAX,
    )
    note = f"the newest {RATINGS_MAX:,} of the period" if len(rows) == RATINGS_MAX else ""
    found = []
    for name, title, compute in (("stars", "Stars", stars), ("good_ratings", "Four stars or more", good_ratings)):
        found.append(
            figure(
                name,
                title,
                "people",
                compute([float(each.stars) for each in rows]),
                source="ratings that count, of one rater and call the newest",
                note=note,
                missing=_RATE,
                higher_is_better=True,
                weeks=by_week(
                    rows,
                    lambda each: each.place,
                    lambda part, compute=compute: compute([float(each.stars) for each in part]),  # type: ignore[misc]
                ),
            )
        )
    return found


async def of_texts(connection: Connection, period: Period, *, meanings: bool) -> list[MetricFigure]:
    """What was kept of drafts, and with `meanings` how near they are in meaning to what was sent and to people's corrections."""
    where = {"sample": period.sample, "limit": PAIRS_MAX}
    signed = await texts.signed(connection, period.use_case, period.version_digest, **where)  # type: ignore[arg-type]
    since, until = period.stamps
    signed = [each for each in signed if since <= stamp(each.signed_at or each.requested_at) <= until][:PAIRS_MAX]
    sent = [(each.draft, each.final_text or "") for each in signed]
    rated = await texts.rated(connection, period.use_case, period.version_digest, **where)  # type: ignore[arg-type]
    corrected = [each for each in rated if each.corrected_text and since <= stamp(each.at) <= until]
    calls = await texts.calls_of(connection, [each.call_id for each in corrected if each.call_id])
    given = [pair for each in corrected if (pair := correction(each, calls)) is not None]
    kept = await kept_shares(sent)
    weeks = [(stamp(each.signed_at or each.requested_at), share) for each, share in zip(signed, kept, strict=True)]
    found = [
        figure(
            "edit_similarity",
            "Kept of the draft",
            "people",
            mean_kept(kept),
            source=f"the newest {PAIRS_MAX} signed answers",
            missing="signed answers (sign_off: {when: always})",
            higher_is_better=True,
            weeks=by_week(weeks[::-1], lambda each: each[0], lambda rows: mean_kept([share for _, share in rows])),
        )
    ]
    if not meanings:
        return found
    for name, title, pairs, source, missing in (
        ("semantic_similarity", "Meaning kept of the draft", sent, "signed answers", "signed answers (sign_off: {when: always})"),
        (
            "reference_similarity",
            "Meaning as people corrected it",
            given,
            "corrected texts of ratings",
            "ratings with corrected_text",
        ),
    ):
        cosines = [each for each in await similarities(pairs) if each is not None]
        open_pairs = len(pairs) - len(cosines)
        found.append(
            figure(
                name,
                title,
                "people",
                mean_similarity(cosines),
                source=f"the newest {PAIRS_MAX} {source}",
                note=f"{open_pairs} more are not compared yet" if open_pairs else "",
                missing=missing,
                higher_is_better=True,
            )
        )
    return found


def correction(rating: Rating, calls: dict[str, Call]) -> TextPair | None:
    """An answer beside what a rater says it should have been; None where either text is not there."""
    call = calls.get(rating.call_id or "")
    if call is None or not call.answer or not rating.corrected_text:
        return None
    return call.answer, rating.corrected_text
