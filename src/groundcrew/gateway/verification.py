"""The cascade of each use case: which verifiers its snapshot declares, and what they say of the claims that the shipped stack
leaves open. Models compute in threads of their own; servers and judges are asked in the event loop."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import msgspec

from groundcrew.domain.data_class import DataClass, highest, provider_may_see
from groundcrew.domain.snapshot import Snapshot
from groundcrew.domain.trust import TrustReport
from groundcrew.domain.use_case import Grounding as GroundingRule
from groundcrew.domain.verifier import ACCEPT_DEFAULT, REJECT_DEFAULT
from groundcrew.domain.verifier import Verifier as Declared
from groundcrew.gateway.classify import CLASS_OF_TYPE, class_of
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.judges import Judges
from groundcrew.gateway.metrics import Metrics
from groundcrew.grounding.cascade import Asked, Bounds, Cascade, Stage
from groundcrew.grounding.verifiers.http import HttpVerifier, Poster
from groundcrew.grounding.verifiers.judge import JudgeVerifier
from groundcrew.grounding.verifiers.local import load_local
from groundcrew.grounding.verifiers.protocol import ClaimToVerify, ClaimVerdict, Verifier, VerifierFailure
from groundcrew.grounding.verifiers.threaded import ThreadedVerifier
from groundcrew.guards import pii, prompt_injection

log = logging.getLogger("groundcrew.gateway")

#: Local models kept loaded; the one that was used least recently is dropped first.
MODELS_MAX = 4
#: Failed tries of one verifier in one call, after which the call asks it no more.
FAILURES_MAX = 2
#: Code points of an answer that claims are taken from; what comes after is unsupported anyway.
ANSWER_LENGTH_MAX = 20_000
#: Reasons why verifiers failed that one record keeps.
PROBLEMS_MAX = 10


class Verification:
    """Verifiers beyond the shipped stack, for the calls of one gateway process."""

    def __init__(self, judges: Judges, poster: Poster, metrics: Metrics, *, threads: int = 1) -> None:
        self._judges, self._poster, self._metrics, self._threads = judges, poster, metrics, threads
        self._models: OrderedDict[bytes, ThreadedVerifier] = OrderedDict()

    def verifiers_of(self, flight: Flight) -> tuple[str, ...]:
        """The names that the call's use case declares; none where only the shipped stack judges."""
        rule = flight.entry.use_case.grounding if flight.entry is not None else None
        return rule.verifiers if rule is not None else ()

    async def decide(
        self, flight: Flight, text: str, sources: Sequence[str], report: TrustReport, *, first_ms: float, ends_s: float
    ) -> TrustReport:
        """`report` with the claims that the shipped stack left open decided, until `ends_s` on the loop's clock."""
        assert flight.entry is not None
        assert flight.snapshot is not None
        rule = flight.entry.use_case.grounding
        assert rule is not None
        data_class = _class_of(flight, text)
        stages = [self._stage(flight, name, flight.snapshot, data_class) for name in rule.verifiers]
        asked = Asked(answer=text, sources=sources, question=flight.question)

        def failed(stage: str, why: str) -> None:
            flight.verifying.failures[stage] = flight.verifying.failures.get(stage, 0) + 1
            if flight.shadow_of is None and flight.trial is None:  # they count in no figure
                self._metrics.verifier_failures.labels(stage).inc()
            problems = flight.details.setdefault("verifier_problems", [])
            if len(problems) < PROBLEMS_MAX and (line := f"{stage}: {why}") not in problems:
                problems.append(line)

        return await Cascade(_first_bounds(rule), stages).decide(
            report, asked, first_ms=first_ms, ends_s=ends_s, memory=flight.verifying.verdicts, failed=failed
        )

    def _stage(self, flight: Flight, name: str, snapshot: Snapshot, data_class: DataClass) -> Stage:
        declared = snapshot.verifiers.get(name)
        if declared is None:
            return Stage(verifier=_Unavailable(name, "the verifier is not declared"))
        if flight.verifying.failures.get(name, 0) >= FAILURES_MAX:
            verifier: Verifier = _Unavailable(name, "it failed before in this call")
        elif declared.api == "http" and not provider_may_see(data_class, declared.data_classes, baa=declared.baa):
            verifier = _Unavailable(name, f"it may not see {data_class} data")
        else:
            verifier = self._verifier(flight, declared, data_class)
        judges = flight.verifying.judges
        spent = partial(judges.spent_usd, name) if declared.leaves else None
        return Stage(verifier=verifier, bounds=_bounds(declared), timeout_s=declared.timeout_ms / 1000, spent=spent)

    def _verifier(self, flight: Flight, declared: Declared, data_class: DataClass) -> Verifier:
        if declared.api == "judge":
            return JudgeVerifier(declared, self._judges.asker(flight, declared, data_class), is_steering)
        if declared.api == "http":
            return _Priced(HttpVerifier(declared, self._poster), flight, declared.usd_per_claim or 0.0)
        return self._model(declared)

    def _model(self, declared: Declared) -> ThreadedVerifier:
        key = msgspec.json.encode(declared)
        model = self._models.get(key)
        if model is None:
            model = self._models[key] = ThreadedVerifier(declared.name, lambda: load_local(declared, threads=self._threads))
            while len(self._models) > MODELS_MAX:
                self._models.popitem(last=False)[1].close()
        self._models.move_to_end(key)
        return model

    async def warm(self, snapshot: Snapshot) -> None:
        """Load the local models that use cases name; one that fails is left to the calls that need it."""
        rules = [each.use_case.grounding for each in snapshot.use_cases.values() if each.use_case.grounding]
        names = {name for rule in rules for name in rule.verifiers}
        for name in sorted(names)[:MODELS_MAX]:
            declared = snapshot.verifiers.get(name)
            if declared is None or declared.leaves:
                continue
            try:
                await self._model(declared).warm()
            except Exception as error:
                log.warning("verifier %s: %s", name, error)

    def close(self) -> None:
        """Stop the models' threads."""
        for model in self._models.values():
            model.close()
        self._models.clear()


class _Unavailable:
    """Stands for a verifier that is not asked."""

    def __init__(self, name: str, why: str) -> None:
        self.name, self._why = name, why

    async def verify(self, claims: Sequence[ClaimToVerify]) -> list[ClaimVerdict]:
        raise VerifierFailure(self._why)


class _Priced:
    """A server whose price counts to the call that asks it, from the moment when it is asked."""

    def __init__(self, verifier: HttpVerifier, flight: Flight, usd_per_claim: float) -> None:
        self.name, self._verifier, self._flight, self._usd = verifier.name, verifier, flight, usd_per_claim

    async def verify(self, claims: Sequence[ClaimToVerify]) -> list[ClaimVerdict]:
        if self._usd:
            usd = self._usd * len(claims)
            self._flight.verifying.judges.book(self.name, input_tokens=0, output_tokens=0, cost_usd=usd, charged_usd=usd)
        return await self._verifier.verify(claims)


def _first_bounds(rule: GroundingRule) -> Bounds:
    return Bounds(
        accept=ACCEPT_DEFAULT if rule.accept is None else rule.accept,
        reject=REJECT_DEFAULT if rule.reject is None else rule.reject,
        veto=rule.veto,
    )


def _bounds(declared: Declared) -> Bounds:
    return Bounds(
        accept=ACCEPT_DEFAULT if declared.accept is None else declared.accept,
        reject=REJECT_DEFAULT if declared.reject is None else declared.reject,
    )


def _class_of(flight: Flight, text: str) -> DataClass:
    """Of what class the claims, passages and the question are: what a provider saw of the request, and what was found in the
    answer, masked or not, since claims are judged as they were generated."""
    outgoing = [each for each in flight.guards if each.place == "output"]
    found = [CLASS_OF_TYPE[each.type] for each in pii.find(text[:ANSWER_LENGTH_MAX]) if each.type in CLASS_OF_TYPE]
    seen = flight.seen_class if flight.seen_class is not None else flight.data_class
    return class_of(highest((seen, *found)), outgoing, with_masked=True)


def is_steering(text: str) -> bool:
    """Whether `text` tries to give a model orders. By patterns alone: they are chosen for precision, and cost no thread."""
    return prompt_injection.check(text, {"detect": "patterns"}).verdict != "pass"
