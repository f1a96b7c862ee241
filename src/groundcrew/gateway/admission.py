"""Admission: whether a call may go on, decided from the snapshot alone. Every doubt denies, and the refusal says why."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import msgspec

from groundcrew.domain.data_class import DATA_CLASSES, DataClass, highest, provider_may_see, rank
from groundcrew.domain.guard import Policy, policy_in
from groundcrew.domain.hypothesis import Variant
from groundcrew.domain.key import secret_sha256
from groundcrew.domain.kill_switch import Scope
from groundcrew.domain.provider import Model
from groundcrew.domain.snapshot import KeyEntry, KnowledgeEntry, Snapshot, UseCaseEntry
from groundcrew.domain.stage import limits
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import RefusedCall
from groundcrew.gateway.response_schema import wants_request_schema
from groundcrew.gateway.routing import Route
from groundcrew.gateway.settings import GatewaySettings
from groundcrew.gateway.wire import Inside

#: Longest key secret that is looked up; ours have 46 characters.
SECRET_LENGTH_MAX = 256
#: Admissions that are remembered for one snapshot.
ADMISSIONS_MAX = 4_096
#: What a pii rule must look for to find phi.
PHI_TYPES = frozenset({"MRN", "HEALTH_PLAN_ID"})
#: Sets of data classes whose least sensitive one is remembered.
FLOORS_MAX = 64


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """What an admitted call may use. All of it comes from one snapshot. `routes` are all targets, canaries and shadows too.
    `entry` is as the arm of an experiment has it, where the call is in one that answers otherwise."""

    snapshot: Snapshot
    key: KeyEntry
    entry: UseCaseEntry
    model: Model
    routes: tuple[Route, ...]
    policy: Policy | None
    knowledge: KnowledgeEntry | None
    data_class: DataClass
    #: The class that a provider sees if nothing is found in the request: the request's own, or its knowledge's.
    seen_class: DataClass
    #: Whether anything of an answer is checked before it leaves (nothing leaves then but what was checked), and whether any rule
    #: looks at answers at all.
    holds_back: bool
    looks_at_answers: bool
    #: Whether a rule of the policy finds phi in the input, and whether one holds answers to the schema that a request asks for.
    looks_for_phi: bool = False
    wants_schema: bool = False
    #: Bytes of the use case's own prompt, and the targets that may answer: all but shadows.
    prompt_bytes: int = 0
    aims: tuple[Route, ...] = ()


def authenticate(snapshot: Snapshot, secret: str | Inside | None, now_s: float) -> tuple[KeyEntry, UseCaseEntry]:
    """The key and the use case that it is scoped to. One message for every reason, so that nothing can be probed. What comes
    from within has a key without an id."""
    entry = None
    if isinstance(secret, Inside):
        inside = snapshot.use_cases.get(secret.use_case)
        if inside is None:
            raise RefusedCall("use_case_not_running", f"there is no use case {secret.use_case!r}")
        return KeyEntry(id="", use_case=secret.use_case, expires_at_s=math.inf), inside
    if secret is not None and len(secret) <= SECRET_LENGTH_MAX:
        entry = snapshot.keys.get(secret_sha256(secret))
    use_case = snapshot.use_cases.get(entry.use_case) if entry is not None else None
    if entry is None or use_case is None or now_s >= entry.expires_at_s:
        raise RefusedCall(
            "invalid_key", "no valid key: send a key of this gateway as 'Authorization: Bearer gc_...' or 'x-api-key'"
        )
    return entry, use_case


def scopes_of(key: KeyEntry, use_case: UseCase, provider: str | None = None, alias: str | None = None) -> frozenset[Scope]:
    """The kill-switch scopes that a call falls under; the provider's is known once a target is chosen. `alias` is the model where
    it is not the use case's own."""
    scopes = {
        Scope("all"),
        Scope("use-case", use_case.name),
        Scope("model", alias or use_case.model),
        Scope("unit", use_case.business_unit),
        Scope("key", key.id),
    }
    if provider is not None:
        scopes.add(Scope("provider", provider))
    return frozenset(scopes)


def check_stopped(snapshot: Snapshot, key: KeyEntry, use_case: UseCase, alias: str | None = None) -> None:
    """RefusedCall kill_switch when any scope of the call is stopped."""
    if not snapshot.stopped:
        return
    hit = sorted(scopes_of(key, use_case, alias=alias) & snapshot.stopped)
    if hit:
        raise RefusedCall("kill_switch", "stopped by the kill switch: " + ", ".join(str(scope) for scope in hit))


def check_still_allowed(snapshot: Snapshot, secret: str | Inside | None, scopes: frozenset[Scope]) -> None:
    """RefusedCall unless a call in flight may go on under a newer snapshot: not stopped, its key live, its use case running.

    A key that only expires meanwhile lets its call end.
    """
    hit = sorted(scopes & snapshot.stopped)
    if hit:
        raise RefusedCall("kill_switch", "stopped by the kill switch while the call was in flight")
    check_running(authenticate(snapshot, secret, 0.0)[1].use_case)


def check_running(use_case: UseCase) -> None:
    """RefusedCall use_case_not_running unless stage, run state and holds let the use case serve."""
    if not limits(use_case).serves:
        raise RefusedCall("use_case_not_running", f"use case {use_case.name} is {use_case.stage}: it serves no calls")
    if use_case.run_state != "running":
        because = f": {use_case.run_reason}" if use_case.run_reason else ""
        raise RefusedCall("use_case_not_running", f"use case {use_case.name} is {use_case.run_state}{because}")
    for hold in use_case.holds:
        if hold.stops_calls:
            raise RefusedCall("use_case_not_running", f"use case {use_case.name} is on hold ({hold.kind}): {hold.reason}")


def check_model(use_case: UseCase, asked: str | None, alias: str) -> None:
    """RefusedCall model_not_allowed unless the request names the use case's own `alias`, the use case, or leaves it open."""
    if asked not in (None, "", "default", alias, use_case.name):
        raise RefusedCall("model_not_allowed", f"use case {use_case.name} may use the model {alias!r} only, not {asked[:100]!r}")


def check_data_class(use_case: UseCase, data_class: DataClass) -> None:
    """RefusedCall data_class_not_allowed when the use case is not declared for `data_class`."""
    if data_class in use_case.data_classes:
        return
    ceiling = highest(use_case.data_classes)
    if rank(data_class) > rank(ceiling):
        raise RefusedCall(
            "data_class_not_allowed",
            f"this request holds {data_class} data; use case {use_case.name} is declared for {ceiling} at most",
        )


def floor_class(use_case: UseCase) -> DataClass:
    """The least sensitive class that the use case declares: what its traffic is taken for when nothing else is known."""
    return _lowest(use_case.data_classes)


@lru_cache(maxsize=FLOORS_MAX)
def _lowest(classes: tuple[DataClass, ...]) -> DataClass:
    return min(classes, key=rank, default=DATA_CLASSES[0])


def routes_for(
    snapshot: Snapshot, key: KeyEntry, use_case: UseCase, data_class: DataClass, alias: str
) -> tuple[Model, tuple[Route, ...]]:
    """The targets that may see `data_class` and are not stopped, in declared order, canaries and shadows included.

    Refuses when no primary is left: a canary answers its share only, and a shadow nobody.
    """
    model = snapshot.models.get(alias)
    if model is None:
        raise RefusedCall("model_not_allowed", f"the model {alias!r} of use case {use_case.name} is not declared")
    known: list[Route] = []
    for target in model.targets:
        provider = snapshot.providers.get(target.provider)
        if provider is not None and target.weight != 0:
            known.append(Route(provider=provider, target=target, scopes=scopes_of(key, use_case, provider.name, alias)))
    allowed = [each for each in known if provider_may_see(data_class, each.provider.data_classes, baa=each.provider.baa)]
    if not any(each.target.role == "primary" for each in allowed):
        names = ", ".join(sorted({each.provider.name for each in known if each.target.role == "primary"})) or "none"
        raise RefusedCall("data_class_not_allowed", f"no provider of model {model.name!r} may see {data_class} data ({names})")
    live = [each for each in allowed if Scope("provider", each.provider.name) not in snapshot.stopped]
    if not any(each.target.role == "primary" for each in live):
        names = ", ".join(sorted({f"provider:{each.provider.name}" for each in allowed if each.target.role == "primary"}))
        raise RefusedCall("kill_switch", f"stopped by the kill switch: {names}")
    return model, tuple(live)


def _holds_back(use_case: UseCase, policy: Policy | None) -> bool:
    required = use_case.grounding is not None and use_case.grounding.mode == "required"
    signed = use_case.sign_off is not None and use_case.sign_off.when != "never"
    rules = policy.guards if policy is not None else ()
    return required or signed or any("output" in rule.on and rule.mode == "enforce" for rule in rules)


def looks_for_phi(policy: Policy | None) -> bool:
    """Whether a rule of `policy` finds phi in what is asked."""
    for rule in policy.guards if policy is not None else ():
        types = rule.settings.get("types")
        if rule.guard == "pii" and "input" in rule.on and (not types or set(types) >= PHI_TYPES):
            return True
    return False


def check_age(entry: UseCaseEntry, age_s: float, settings: GatewaySettings) -> None:
    """RefusedCall stale_policy when the snapshot is too old for a use case that fails closed, or for any where all do."""
    if age_s > settings.snapshot_age_s_max and (entry.fails_closed or settings.stale_refuses_all):
        raise RefusedCall(
            "stale_policy",
            f"the gateway has not heard from the control plane for {age_s:.0f} s and use case {entry.use_case.name} fails closed",
        )


def admit(
    snapshot: Snapshot,
    key: KeyEntry,
    entry: UseCaseEntry,
    *,
    asked_model: str | None,
    data_class: DataClass,
    now_s: float,
    embeddings: bool = False,
    variant: Variant | None = None,
    policy_of: Callable[[Policy, str], Policy] = policy_in,
) -> Admitted:
    """Everything but the budget: stops, stage, run state, holds, model, data class and the targets that remain. `variant` is what
    answers in the arm of an experiment, whatever alias the client names; `policy_of` gives a policy as it is in a stage."""
    named = (entry.use_case.embedding_model if embeddings else None) or entry.use_case.model
    if variant is not None:
        entry = _in_arm(entry, variant)
    use_case = entry.use_case
    alias = named if variant is None else use_case.model
    check_stopped(snapshot, key, use_case, alias)
    check_running(use_case)
    check_model(use_case, asked_model, named)
    base = use_case.grounding.knowledge if use_case.grounding and not embeddings else None
    knowledge = snapshot.knowledge.get(base) if base is not None else None
    if knowledge is not None and now_s >= knowledge.expires_at_s:
        knowledge = None
    check_data_class(use_case, data_class)
    seen = highest((data_class, knowledge.data_class)) if knowledge is not None else data_class
    model, routes = routes_for(snapshot, key, use_case, seen, alias)
    policy = None
    if use_case.policy is not None:
        policy = snapshot.policies.get(use_case.policy)
        if policy is None:
            raise RefusedCall("guard_blocked", f"the policy {use_case.policy!r} of use case {use_case.name} is not declared")
        policy = policy_of(policy, use_case.stage)
    return Admitted(
        snapshot=snapshot,
        key=key,
        entry=entry,
        model=model,
        routes=routes,
        policy=policy,
        knowledge=knowledge,
        data_class=data_class,
        seen_class=seen,
        holds_back=_holds_back(use_case, policy),
        looks_at_answers=policy is not None and any("output" in rule.on for rule in policy.guards),
        looks_for_phi=looks_for_phi(policy),
        wants_schema=wants_request_schema(policy),
        prompt_bytes=len(use_case.prompt.encode()),
        aims=tuple(each for each in routes if each.target.role != "shadow"),
    )


def _in_arm(entry: UseCaseEntry, variant: Variant) -> UseCaseEntry:
    """The use case as it answers in an arm: with the arm's model and prompt, where it has its own."""
    use_case = entry.use_case
    model = variant.model or use_case.model
    prompt = use_case.prompt if variant.prompt is None else variant.prompt
    return msgspec.structs.replace(entry, use_case=msgspec.structs.replace(use_case, model=model, prompt=prompt))


class Admissions:
    """`admit` for one gateway: what it says for a key does not change while the snapshot stays the same."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        #: Policies as they are in a stage, which the runner knows again by their identity.
        self._policies: dict[tuple[str, str], Policy] = {}
        self._known: dict[tuple[str, str | None, DataClass, bool, Variant | None], Admitted] = {}

    def admit(
        self,
        snapshot: Snapshot,
        key: KeyEntry,
        entry: UseCaseEntry,
        *,
        asked_model: str | None,
        data_class: DataClass,
        now_s: float,
        embeddings: bool = False,
        variant: Variant | None = None,
    ) -> Admitted:
        """As `admit` says."""
        if snapshot is not self._snapshot or len(self._known) >= ADMISSIONS_MAX:
            if snapshot is not self._snapshot:
                self._policies.clear()
            self._snapshot = snapshot
            self._known.clear()
        place = (key.id, asked_model, data_class, embeddings, variant)
        known = self._known.get(place)
        if known is not None and (known.knowledge is None or now_s < known.knowledge.expires_at_s):
            return known
        admitted = admit(
            snapshot,
            key,
            entry,
            asked_model=asked_model,
            data_class=data_class,
            now_s=now_s,
            embeddings=embeddings,
            variant=variant,
            policy_of=self._policy,
        )
        self._known[place] = admitted
        return admitted

    def _policy(self, policy: Policy, stage: str) -> Policy:
        known = self._policies.get((policy.name, stage))
        if known is None:
            known = self._policies[policy.name, stage] = policy_in(policy, stage)
        return known
