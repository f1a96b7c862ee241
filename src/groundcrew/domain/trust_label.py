"""People's labels of scored answers, and which answers are drawn to be labelled: what a trust score is calibrated on and what a
guarantee rests on. Drawn with known probabilities, so that a few labels speak for all answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.call import Call
from groundcrew.domain.draws import fraction_of
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.use_case import SpotChecks

#: Where a label comes from. Only those of a sign-off and of a spot check were drawn with a known probability.
LabelOrigin = Literal["sign_off", "rating", "spot_check"]
ORIGINS: tuple[LabelOrigin, ...] = ("spot_check", "sign_off", "rating")
#: How an answer came to be drawn: by chance, or since every such answer waits for a signature.
Design = Literal["spot_check", "sign_off"]
#: What a draw is for: an estimate that speaks for all answers, or to learn where the threshold belongs. Both count, by
#: probability.
Purpose = Literal["estimate", "information"]
#: Which text of a call was judged: the one that left, or the generated one that was withheld.
Part = Literal["sent", "withheld"]

REASON_LENGTH_MAX = 4_000
CLAIM_MARKS_MAX = 400
#: The least share that spot checks may declare: one drawn answer stands for at most a thousand.
SHARE_MIN = 0.001
#: How far from the threshold a score may be for its label to say something about where the threshold belongs.
INFORMATIVE_WIDTH = 0.2
#: Replacements by a guard: what trust would have made of such an answer nobody knows.
_TAKEN = ("replace", "fallback", "hold", "refuse")


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The generated answer of a call that the release rule looks at, and what the verifier said of it."""

    part: Part
    text: str
    report: TrustReport

    @property
    def raw(self) -> float:
        """The score before calibration, 0..1."""
        return self.report.raw or 0.0


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that is to be labelled, drawn when its call was recorded; never changed. `id` is the call's.

    `probability` is how likely the draw was, `place` in 0..1 what decided it (see `place_of_call`), and `rank` = place /
    probability, which is uniform over all drawn answers: worked through in its order, those labelled so far are a random part.
    `releasable` is False where no threshold would release it, since a source contradicts it or no verifier could tell.
    """

    id: str
    use_case: str
    version_digest: str
    verifier: str
    design: Design
    purpose: Purpose
    part: Part
    raw: float
    releasable: bool
    probability: float
    place: float
    rank: float
    drawn_at: datetime
    #: The least probability with which any answer of the use case could be drawn at that time.
    probability_min: float = SHARE_MIN
    sign_off_id: str | None = None
    #: The business case, which several answers may share.
    case_id: str | None = None
    #: Who asked, as far as the application says: nobody judges their own answer.
    user_id: str | None = None
    sample: bool = False


class ClaimMark(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word on one claim, by its span in the judged text."""

    start: int
    end: int
    supported: bool


class TrustLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What one person says of one answer: whether the given sources support every claim of it. `supported` is None where they
    could not tell (skipped, with the reason). Saying it again is a new row, and the newest of a labeller and call counts.

    `probability` is that of the answer's draw, None for volunteered labels. `raw` is the score at the time, uncalibrated.
    """

    id: str
    use_case: str
    call_id: str
    labeller: str
    at: datetime
    origin: LabelOrigin
    part: Part
    supported: bool | None
    version_digest: str
    verifier: str
    raw: float
    releasable: bool
    probability: float | None = None
    claims: tuple[ClaimMark, ...] = ()
    reason: str = ""
    sample: bool = False

    @property
    def volunteered(self) -> bool:
        """Whether nobody drew the answer: such labels help to calibrate, and prove nothing."""
        return self.probability is None

    @property
    def counted(self) -> bool:
        """Whether it says something about an answer that was drawn; sample data never count."""
        return self.probability is not None and not self.sample


def judged(call: Call) -> Judged | None:
    """The generated answer of `call` that trust decides about, or None: no answer of its own, nothing scored, nothing to check it
    against, or a guard that took it away whatever its trust.

    Answers that were withheld for want of trust belong in: a lower threshold would have released them. Quotes that were put in
    the place of an answer do not: they stand for no score.
    """
    if call.shadow_of is not None or call.trial is not None or ("replaced_because" in call.details and call.status == "held"):
        return None
    if any(each.place == "output" and each.mode == "enforce" and each.action in _TAKEN for each in call.guards):
        return None
    found: Judged | None = None
    if call.withheld_trust is not None:
        found = Judged(part="withheld", text=call.withheld_answer, report=call.withheld_trust)
    elif call.trust is not None and call.status == "answered":
        found = Judged(part="sent", text=call.answer, report=call.trust)
    if found is None or found.report.state not in ("supported", "unsupported") or found.report.raw is None:
        return None
    return found


def releasable(report: TrustReport) -> bool:
    """Whether some threshold would release an answer of this report."""
    return not report.contradicted and not report.left_open


def inclusion_probability(rule: SpotChecks, trust: float, threshold: float | None) -> float:
    """How likely an answer of this `trust` is drawn: `share`, and up to `informative_share` more the nearer it is to the
    threshold.

    Linear in the distance up to INFORMATIVE_WIDTH; where there is no threshold, every score is as informative. In (0, 1].
    """
    nearness = 1.0 if threshold is None else max(0.0, 1.0 - abs(trust - threshold) / INFORMATIVE_WIDTH)
    return min(1.0, rule.share + rule.informative_share * nearness)


def place_of_call(use_case: str, call_id: str) -> float:
    """Where chance puts a call, in [0, 1): the first 53 bits of SHA-256 over "spot-check", the use case and the call's id,
    which the gateway makes up. It is drawn where this is below its probability: anyone can check it, and nobody can choose it
    later."""
    return fraction_of("spot-check", use_case, call_id)


def draw(
    call: Call,
    *,
    rule: SpotChecks | None,
    threshold: float | None,
    signs: bool,
    at: datetime,
    all_sign: bool = False,
    guaranteed: bool = False,
) -> Draw | None:
    """The draw of `call`, or None where chance leaves it out. `rule` None draws by sign-off alone; `signs` says that a person
    decides about the call anyway, so that its label comes for nothing and its probability is 1; `all_sign`, that this holds for
    every answer of the use case. A guarantee is `guaranteed` of answers for which no verifier failed, and drawn from those."""
    answer = judged(call)
    if answer is None or (not signs and rule is None) or (guaranteed and answer.report.degraded):
        return None
    place = place_of_call(call.use_case, call.id)
    probability = 1.0
    if not signs:
        assert rule is not None
        probability = inclusion_probability(rule, answer.raw, threshold)
        if place >= probability:
            return None
    return Draw(
        id=call.id,
        use_case=call.use_case,
        version_digest=call.version_digest,
        verifier=answer.report.verifier or "",
        design="sign_off" if signs else "spot_check",
        purpose="information" if rule is not None and not signs and place >= rule.share else "estimate",
        part=answer.part,
        raw=answer.raw,
        releasable=releasable(answer.report),
        probability=probability,
        place=place,
        rank=place / probability,
        drawn_at=at,
        probability_min=1.0 if rule is None or (signs and all_sign) else rule.share,
        sign_off_id=call.sign_off_id,
        case_id=call.case_id,
        user_id=call.user_id,
        sample=call.sample,
    )


def current_labels(labels: list[TrustLabel]) -> list[TrustLabel]:
    """The newest label of each labeller and call, oldest first; what they volunteer counts apart from what they were asked.
    `labels` are ordered by id, and so by time."""
    newest = {(each.call_id, each.labeller, each.volunteered, each.sample): each for each in labels}
    return sorted(newest.values(), key=lambda each: each.id)


def verdict(labels: list[TrustLabel]) -> bool | None:
    """What people say of one answer: unsupported as soon as one of them does, supported where all who could tell say so, else
    None."""
    said = [each.supported for each in labels if each.supported is not None]
    return all(said) if said else None
