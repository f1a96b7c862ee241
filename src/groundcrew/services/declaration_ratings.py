"""Reads what a use case declares about ratings: how many of its calls people rate in the queue, and how many people each."""

from __future__ import annotations

from groundcrew.domain.rating_queue import RATERS_MAX
from groundcrew.domain.use_case import RatingRule
from groundcrew.services.declaration_fields import Fields


def read_ratings(fields: Fields) -> RatingRule | None:
    """ratings: which calls are put up for rating; None where it is not declared."""
    section = fields.section("ratings")
    if section is None:
        return None
    default = RatingRule()
    share = section.number("share", low=0, above=True, high=1)
    raters = section.integer("raters", low=1, high=RATERS_MAX)
    blind = section.boolean("blind", default=default.blind)
    section.finish()
    return RatingRule(
        share=default.share if share is None else share,
        raters=default.raters if raters is None else raters,
        blind=blind,
    )
