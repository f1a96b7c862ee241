"""The use case: the unit of everything. Its stage, run state and holds are three fields that are never folded into one."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.data_class import DataClass
from groundcrew.domain.guard import Policy, policy_content
from groundcrew.domain.hypothesis import Variant
from groundcrew.domain.provider import Model, Provider
from groundcrew.domain.ramp import Ramp
from groundcrew.domain.verifier import Verifier, verifier_content

Stage = Literal["discovery", "pilot", "production_readiness", "scale", "optimization", "rejected", "retired"]
RunState = Literal["off", "running", "suspended"]
Solution = Literal["vendor_feature", "product", "customized"]
Autonomy = Literal["assist", "draft_and_sign_off", "act_and_review", "autonomous"]
RiskTier = Literal["prohibited", "high", "limited", "minimal"]
#: What a person says to a question of the risk questionnaire.
Answer = Literal["yes", "no", "unknown"]
HoldKind = Literal["veto", "evidence", "incident"]
#: Where the truth of a use case stands, and what follows where an answer is not tied to it.
GroundingSource = Literal["knowledge", "request"]
Below = Literal["fallback", "hold", "refuse", "flag"]

#: The stages that a use case climbs, one at a time.
STAGES: tuple[Stage, ...] = ("discovery", "pilot", "production_readiness", "scale", "optimization")
TERMINAL_STAGES: tuple[Stage, ...] = ("rejected", "retired")


class SpotChecks(msgspec.Struct, frozen=True, kw_only=True):
    """Which scored answers people look at: `share` of all (0 excluded, 1), which estimates need, and as much as
    `informative_share` more of those whose score is near the threshold, where a label says most."""

    share: float = 0.02
    informative_share: float = 0.05


class GuaranteeRule(msgspec.Struct, frozen=True, kw_only=True):
    """What is promised of released answers: with `confidence`, at most `unsupported_max` of them hold an unsupported claim. The
    release threshold follows from people's labels; while they do not suffice, nothing is released on trust."""

    unsupported_max: float = 0.05
    confidence: float = 0.95


class Grounding(msgspec.Struct, frozen=True, kw_only=True):
    """How answers are tied to what they may rest on: approved passages of a knowledge base, or what the request itself says.

    `required` acts below the threshold, `advisory` only flags. `release` says whether a stream waits for the whole answer to be
    scored, or leaves sentence by sentence. `threshold` is None only where a guarantee is declared without one: nothing reaches
    it.
    """

    #: The knowledge base; None where the request is the source.
    knowledge: str | None = None
    mode: Literal["advisory", "required"] = "required"
    threshold: float | None = 0.7
    below: Below = "fallback"
    release: Literal["whole", "sentence"] = "whole"
    spot_checks: SpotChecks | None = None
    guarantee: GuaranteeRule | None = None
    #: Verifiers that decide the claims which the shipped stack leaves open, in turn; and what it leaves open: support between
    #: `reject` and `accept` (None: the bounds that ship), and without `veto` claims that its checks find contradicted.
    verifiers: tuple[str, ...] = ()
    accept: float | None = None
    reject: float | None = None
    veto: bool = True
    #: Where the truth stands. `request`: in what the user's messages say, of which only what stands between <source> and
    #: </source> counts where it must be `marked`.
    source: GroundingSource = "knowledge"
    marked: bool = False


class SignOffCondition(msgspec.Struct, frozen=True, kw_only=True):
    """What makes an answer wait for a person where the rule is `when: rules`: exactly one field is set. An answer waits where
    one condition of the rule holds."""

    #: The answer's trust is below this, 0 (excluded) to 1; unknown trust counts as below.
    trust_below: float | None = None
    #: This guard found something, whatever its action.
    guard: str | None = None
    #: The call is of this data class or above.
    data_class: DataClass | None = None
    #: The answer names an amount of money above this, in whatever currency.
    amount_above: float | None = None
    #: This share of calls, 0 (excluded) to 1, drawn by the call's id.
    share: float | None = None


class SignOffRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a qualified human must release an answer, what qualifies them, and by when they are to have decided.

    An answer waits always, never, or where one of `rules` holds. `readers`: 1, or 2 different people who sign the same text.
    """

    when: Literal["always", "never", "rules"] = "never"
    qualification: str
    rules: tuple[SignOffCondition, ...] = ()
    readers: int = 1
    #: The share of decided drafts that a second person judges without seeing the first decision, 0 to 1.
    second_review_share: float = 0.0
    #: By when a draft is to be decided, in seconds after it was held. None: no service level.
    respond_within_s: int | None = None
    #: After how long a draft that nobody decided expires, in seconds. None: `sign_off.EXPIRES_AFTER_S`.
    expires_after_s: int | None = None
    #: The qualification that an expired draft passes to, once, for as long again. None: it expires for good.
    escalate_to: str | None = None
    #: The channel that hears what became of each draft. None: the application asks.
    webhook: str | None = None


class SpendLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What may be spent in a UTC day or month. None: not limited by this field."""

    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    usd_per_day: float | None = None
    usd_per_month: float | None = None


class Budget(SpendLimits, frozen=True, kw_only=True):
    """What a use case may spend (the stage's own limit holds where it declares none), and each of its users and keys."""

    per_user: SpendLimits | None = None
    per_key: SpendLimits | None = None


class RateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How fast calls may come, and how many may be under way at once. None: not limited by this field."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent: int | None = None


class Limits(RateLimits, frozen=True, kw_only=True):
    """The rate limits of a use case, and of each of its users and keys."""

    per_user: RateLimits | None = None
    per_key: RateLimits | None = None


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a use case may serve from the pilot on: a share of its users in percent, the users that are named, or both."""

    ceiling_percent: float | None = None
    users: frozenset[str] = frozenset()


class Economics(msgspec.Struct, frozen=True, kw_only=True):
    """What the return on investment is computed from: people's time in USD an hour, cases a month, fixed cost a month.

    `value_per_unit_usd` is what one unit of the primary metric is worth, needed where it is no duration; `review_s` is people's
    time for a case where no outcome `review_time` measures it; `review_included` says that the primary metric's duration holds
    that time already (None: it does where the primary metric is a duration and no `review_time` is recorded).
    """

    hourly_cost_usd: float
    cases_per_month: float
    fixed_usd_per_month: float = 0.0
    value_per_unit_usd: float | None = None
    review_s: float | None = None
    review_included: bool | None = None


class BusinessMetric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that the business defines: outcomes of this name, one for each case. `kind` says what its values are: any number,
    0 or 1, or a number that is not negative."""

    name: str
    kind: Literal["mean", "proportion", "duration", "cost"] = "mean"
    unit: str = ""
    direction: Literal["increase", "decrease"] = "increase"


class CacheRule(msgspec.Struct, frozen=True, kw_only=True):
    """That answers may be given again to the same request: for how long, and at most how many are kept."""

    ttl_s: int
    entries_max: int = 10_000


class RatingRule(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls people rate in the rating queue: `share` of them (0 excluded, 1), by `raters` people each, who do not see each
    other's ratings before all are in where it is `blind`."""

    share: float = 0.1
    raters: int = 2
    blind: bool = True


class DriftRule(msgspec.Struct, frozen=True, kw_only=True):
    """How the monitors look at a use case's calls: windows of `window_calls`, or of `window_s` where that is given, are held
    against the first `reference_calls` of the version, at a rate of false alarms of `alpha` a window over all `features` (all
    that are recorded where none is named). `owner` is whom alarms concern."""

    window_calls: int = 200
    window_s: int | None = None
    reference_calls: int = 1_000
    alpha: float = 0.01
    features: tuple[str, ...] = ()
    owner: str | None = None
    enabled: bool = True


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Something that keeps a use case from advancing: an active veto, expired or stale evidence, an open incident."""

    kind: HoldKind
    reason: str
    since: datetime
    #: Whether calls stop as well; a hold always stops promotion.
    stops_calls: bool = False


class RiskStanding(msgspec.Struct, frozen=True, kw_only=True):
    """The tier that a use case has, which only legal and ethics together lower, the version of the questionnaire that it was last
    set by, and what people answered (see `domain.risk`). `excepted` are areas of Annex III that both agreed to except."""

    tier: RiskTier
    questionnaire: int
    answers: dict[str, Answer] = {}
    excepted: tuple[str, ...] = ()


class EvaluationRule(msgspec.Struct, frozen=True, kw_only=True):
    """What a tuned model has to reach before production: the lower bounds of figures (by name, 0 to 1) on the test split of a
    data set, from which it has not learned."""

    data_set: str
    at_least: dict[str, float]


class UseCase(msgspec.Struct, frozen=True, kw_only=True):
    """A registered use case."""

    name: str
    title: str
    owner: str
    business_unit: str
    purpose: str
    affected_persons: str
    solution: Solution
    autonomy: Autonomy
    data_classes: tuple[DataClass, ...]
    model: str
    #: The alias for embeddings, where it is not `model`.
    embedding_model: str | None = None
    policy: str | None = None
    champion: str | None = None
    prompt: str = ""
    grounding: Grounding | None = None
    sign_off: SignOffRule | None = None
    budget: Budget | None = None
    limits: Limits | None = None
    exposure: Exposure | None = None
    economics: Economics | None = None
    #: What becomes of a call that can not be recorded: it fails (closed) or goes on and is counted (shed). None: by risk tier.
    recording: Literal["closed", "shed"] | None = None
    #: What looks for the personal data that is masked in what is recorded: all that the guard finds, or patterns alone. None:
    #: all where personal data is declared or the policy looks for all.
    mask: Literal["full", "patterns"] | None = None
    #: After how many days the texts of recorded calls are removed. None: as the deployment says.
    retention_days: int | None = None
    cache: CacheRule | None = None
    ratings: RatingRule | None = None
    #: How drift monitors look at it. None: with the defaults. No part of the version: looking changes no answer.
    drift: DriftRule | None = None
    #: What the business measures by outcomes of these names. No part of the version: measuring changes no answer.
    metrics: tuple[BusinessMetric, ...] = ()
    #: What its tuned model has to reach on held-out cases. No part of the version: asking for more changes no answer.
    evaluation: EvaluationRule | None = None
    #: The declared answers to questions of risk.
    risk_answers: dict[str, bool] = {}
    #: How its risk stands. No part of the version: a higher tier demotes by itself. None: nothing was decided or answered yet.
    risk: RiskStanding | None = None
    #: The share of cases that is to be resolved without a human. None: none is claimed.
    automation_target: float | None = None
    stage: Stage = "discovery"
    run_state: RunState = "off"
    holds: tuple[Hold, ...] = ()
    #: Why the run state is what it is, for whoever reads a refusal.
    run_reason: str = ""
    #: The share of users that scale has opened so far. None before scale.
    ramp: Ramp | None = None

    @property
    def calls_held(self) -> bool:
        """Whether a hold stops its calls, whatever its run state says."""
        return any(each.stops_calls for each in self.holds)

    @property
    def run_words(self) -> str:
        """What it does now, for people: a hold may stop the calls of a use case whose run state is that of its stage."""
        return "calls stopped" if self.run_state == "running" and self.calls_held else self.run_state


def version_digest(
    use_case: UseCase,
    *,
    model: Model | None,
    providers: tuple[Provider, ...],
    policy: Policy | None,
    knowledge_revision: str | None,
    embedding_model: Model | None = None,
    verifiers: tuple[Verifier, ...] = (),
    judges: tuple[Model, ...] = (),
    variants: tuple[tuple[str, Variant, Model | None], ...] = (),
) -> str:
    """SHA-256 over model and version, prompt, knowledge-base revision, tools, policy, purpose and data classes.

    Evidence and approvals are bound to it: whatever changes it makes them stale. Of the model it covers which provider's models
    may answer and in which role, not how they are reached (weights, timeouts, retries, prices, order) and no shadows: what
    those answer reaches nobody. `verifiers` are those of the use case's grounding, in turn, `judges` the models that they ask.
    `variants` are what an experiment's arms answer with instead: (arm, variant, its model).
    """
    return digest(
        version_parts(
            use_case,
            model=model,
            providers=providers,
            policy=policy,
            knowledge_revision=knowledge_revision,
            embedding_model=embedding_model,
            verifiers=verifiers,
            judges=judges,
            variants=variants,
        )
    )


def version_parts(
    use_case: UseCase,
    *,
    model: Model | None,
    providers: tuple[Provider, ...],
    policy: Policy | None,
    knowledge_revision: str | None,
    embedding_model: Model | None = None,
    verifiers: tuple[Verifier, ...] = (),
    judges: tuple[Model, ...] = (),
    variants: tuple[tuple[str, Variant, Model | None], ...] = (),
    tuned: dict[str, str] | None = None,
) -> dict[str, object]:
    """What `version_digest` is over, part by part. A part that came later is left out where it is not declared. `tuned` gives
    the digests of the tuned models that answer, by NAME@VERSION: other weights are another version."""
    answering = (model, embedding_model, *(each for _, _, each in variants))
    targets = [target for each in answering if each is not None for target in each.targets]
    shadows = {each.provider for each in targets} - {each.provider for each in targets if each.role != "shadow"}
    return {
        "model": _who_answers(model),
        **({"embedding_model": _who_answers(embedding_model)} if use_case.embedding_model else {}),
        "providers": sorted(
            ({"name": p.name, "api": p.api, "base_url": p.base_url} for p in providers if p.name not in shadows),
            key=lambda each: str(each["name"]),
        ),
        "prompt": use_case.prompt,
        "knowledge_revision": knowledge_revision,
        **({"verifiers": [verifier_content(each) for each in verifiers]} if verifiers else {}),
        **({"judges": [_who_answers(each) for each in judges]} if judges else {}),
        **({"tuned": dict(tuned)} if tuned else {}),
        **({"variants": {arm: _variant_content(variant, answers) for arm, variant, answers in variants}} if variants else {}),
        "grounding": _grounding_content(use_case.grounding),
        "sign_off": _sign_off_content(use_case.sign_off),
        "autonomy": use_case.autonomy,
        "tools": [],
        "policy": policy_content(policy) if policy is not None else None,
        "purpose": use_case.purpose,
        "data_classes": sorted(use_case.data_classes),
    }


def _grounding_content(grounding: Grounding | None) -> dict[str, object] | None:
    """`grounding` as it is hashed: without what came later where it is not declared, so that evidence stays bound to what it
    was, and without the spot checks, which change no answer."""
    if grounding is None:
        return None
    content: dict[str, object] = msgspec.to_builtins(grounding)
    plain: dict[str, object] = msgspec.to_builtins(Grounding(knowledge=grounding.knowledge))
    later = ("release", "guarantee", "verifiers", "accept", "reject", "veto", "source", "marked")
    kept = (name for name, value in content.items() if name not in later or value != plain[name])
    return {name: content[name] for name in kept if name != "spot_checks"}


def _sign_off_content(rule: SignOffRule | None) -> dict[str, object] | None:
    """`rule` as it is hashed: which answers wait and whose word lets them out. Not by when, who is told and what is read again;
    and without what came later where it is not declared."""
    if rule is None:
        return None
    content: dict[str, object] = {"when": rule.when, "qualification": rule.qualification}
    if rule.rules:
        content["rules"] = [_declared_part(each) for each in rule.rules]
    if rule.readers != 1:
        content["readers"] = rule.readers
    if rule.escalate_to is not None:
        content["escalate_to"] = rule.escalate_to
    return content


def _declared_part(condition: SignOffCondition) -> dict[str, object]:
    return {name: value for name, value in msgspec.to_builtins(condition).items() if value is not None}


def _variant_content(variant: Variant, model: Model | None) -> dict[str, object]:
    answers = {"model": _who_answers(model), "prompt": variant.prompt, "human_only": variant.human_only}
    return {name: value for name, value in answers.items() if value}


def _who_answers(model: Model | None) -> dict[str, object] | None:
    if model is None:
        return None
    aims = sorted({(each.provider, each.model, each.role) for each in model.targets if each.role != "shadow"})
    return {"name": model.name, "targets": aims}
