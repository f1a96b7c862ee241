"""Reads what a use case declares about people's labels: how many answers are drawn to be labelled, and what labels are to
prove."""

from __future__ import annotations

from groundcrew.domain.trust_label import SHARE_MIN
from groundcrew.domain.use_case import Grounding, GuaranteeRule, SpotChecks
from groundcrew.services.declaration_fields import Fields

UNSUPPORTED_SHARE_MAX = 0.5
CONFIDENCE_MIN, CONFIDENCE_MAX = 0.5, 0.999


def read_spot_checks(fields: Fields) -> SpotChecks | None:
    """grounding.spot_checks: which scored answers people look at; None where it is not declared."""
    section = fields.section("spot_checks")
    if section is None:
        return None
    default = SpotChecks()
    share = section.number("share", low=SHARE_MIN, high=1)
    informative = section.number("informative_share", low=0, high=1)
    section.finish()
    return SpotChecks(
        share=default.share if share is None else share,
        informative_share=default.informative_share if informative is None else informative,
    )


def read_guarantee(fields: Fields) -> GuaranteeRule | None:
    """grounding.guarantee: what is promised of released answers; None where it is not declared."""
    section = fields.section("guarantee")
    if section is None:
        return None
    default = GuaranteeRule()
    most = section.number("unsupported_max", low=0, above=True, high=UNSUPPORTED_SHARE_MAX)
    confidence = section.number("confidence", low=CONFIDENCE_MIN, high=CONFIDENCE_MAX)
    section.finish()
    return GuaranteeRule(
        unsupported_max=default.unsupported_max if most is None else most,
        confidence=default.confidence if confidence is None else confidence,
    )


def check_guarantee(section: Fields, grounding: Grounding) -> None:
    """A guarantee speaks of whole answers that trust alone lets out, and needs labels."""
    if grounding.mode == "advisory":
        section.complain("guarantee", "a guarantee takes mode: required; under advisory every answer leaves")
    if grounding.below == "flag":
        section.complain("below", "a guarantee takes fallback, hold or refuse; a flag keeps nothing back")
    if grounding.release == "sentence":
        section.complain("release", "a guarantee takes release: whole; people label whole answers, not their beginnings")
    if grounding.spot_checks is None:
        section.complain("guarantee", "a guarantee rests on labels: declare spot_checks: {share: 0.02} as well")
