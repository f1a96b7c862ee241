"""The registry as a trial sees it: its use case with another model, target or prompt, without what is meant for people served.

The trial's own version digest keeps what it says from ever being taken for what the use case's version says.
"""

from __future__ import annotations

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.guard import GuardRule, Policy
from groundcrew.domain.provider import Model, Target
from groundcrew.domain.snapshot import Snapshot, UseCaseEntry
from groundcrew.domain.trial import TrialRequest
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import RefusedCall
from groundcrew.gateway.protocols import SnapshotSource

#: Built-in guards that look at what is said and not at whose data it is; a plain question goes without them.
_ABOUT_WORDS = frozenset({"commitment", "language", "prompt_injection", "schema", "topic"})


class TrialSnapshots:
    """A snapshot source for trials that ask alike. Everything but the asked use case, its model and, for plain questions, its
    policy is as in `snapshots`."""

    def __init__(self, snapshots: SnapshotSource, request: TrialRequest) -> None:
        self._snapshots, self._request = snapshots, request
        self._base: Snapshot | None = None
        self._seen = snapshots.current

    @property
    def current(self) -> Snapshot:
        """The newest snapshot, as the trial sees it."""
        base = self._snapshots.current
        if base is not self._base:
            self._seen, self._base = _seen_by(base, self._request), base
        return self._seen

    @property
    def confirmed_version(self) -> int:
        """As the protocol says."""
        return self._snapshots.confirmed_version

    def age_s(self) -> float:
        """As the protocol says."""
        return self._snapshots.age_s()

    def check(self) -> None:
        """RefusedCall model_not_allowed where what the trial asks for is not declared."""
        base, request = self._snapshots.current, self._request
        if request.target is not None and request.target[0] not in base.providers:
            raise RefusedCall("model_not_allowed", f"the provider {request.target[0]!r} is not declared")
        entry = base.use_cases.get(request.use_case)
        alias = request.model or (entry.use_case.model if entry is not None else "")
        if alias not in base.models:
            raise RefusedCall("model_not_allowed", f"the model {alias!r} is not declared")


def _seen_by(base: Snapshot, request: TrialRequest) -> Snapshot:
    entry = base.use_cases.get(request.use_case)
    if entry is None:
        return base
    use_case = _use_case(entry.use_case, request)
    policies = base.policies
    if request.plain and use_case.policy is not None and (policy := policies.get(use_case.policy)) is not None:
        policies = {**policies, policy.name: _keeping_data_in(policy)}
    models = base.models
    model = models.get(use_case.model)
    if model is not None:
        models = {**models, model.name: msgspec.structs.replace(model, targets=_targets(model, request))}
    # A trial is in no arm of an experiment: it asks what it names.
    changed = msgspec.structs.replace(entry, use_case=use_case, version_digest=_digest(entry, request), experiment=None)
    return msgspec.structs.replace(base, use_cases={**base.use_cases, use_case.name: changed}, policies=policies, models=models)


def _use_case(use_case: UseCase, request: TrialRequest) -> UseCase:
    """The use case to ask under. Limits of each user and each key are for people and applications; a trial is neither."""
    budget, rates = use_case.budget, use_case.limits
    changed = msgspec.structs.replace(
        use_case,
        model=request.model or use_case.model,
        exposure=None,
        cache=None,
        budget=msgspec.structs.replace(budget, per_user=None, per_key=None) if budget is not None else None,
        limits=msgspec.structs.replace(rates, per_user=None, per_key=None) if rates is not None else None,
    )
    if request.plain:
        changed = msgspec.structs.replace(changed, grounding=None, sign_off=None, prompt="")
    if request.prompt is not None:
        changed = msgspec.structs.replace(changed, prompt=request.prompt)
    return changed


def _targets(model: Model, request: TrialRequest) -> tuple[Target, ...]:
    """Without shadows; a pinned target alone, as the alias declares it (alternates too), else with the defaults."""
    if request.target is None:
        return tuple(each for each in model.targets if each.role != "shadow")
    provider, name = request.target
    known = next((each for each in (*model.targets, *model.alternates) if (each.provider, each.model) == request.target), None)
    pinned = known or Target(provider=provider, model=name)
    return (msgspec.structs.replace(pinned, role="primary", weight=None, share_percent=None),)


def _keeping_data_in(policy: Policy) -> Policy:
    rules = [_on_input(rule) for rule in policy.guards if "input" in rule.on and rule.guard not in _ABOUT_WORDS]
    return msgspec.structs.replace(policy, guards=tuple(rules))


def _on_input(rule: GuardRule) -> GuardRule:
    return msgspec.structs.replace(rule, on=("input",))


def _digest(entry: UseCaseEntry, request: TrialRequest) -> str:
    """The version's own digest where the version itself is asked, else one that no version has."""
    others = (request.model, request.target, request.prompt)
    if others == (None, None, None) and not request.plain:
        return entry.version_digest
    return digest({"version": entry.version_digest, "trial": others, "plain": request.plain})
