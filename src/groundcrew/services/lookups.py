"""Finding a named thing or saying plainly that it is not there, with the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TypeVar

from groundcrew.domain.canonical import digest
from groundcrew.domain.hypothesis import Hypothesis, Variant
from groundcrew.domain.provider import Model
from groundcrew.domain.tuning import TunedModel
from groundcrew.domain.use_case import UseCase, version_parts
from groundcrew.domain.verifier import Verifier
from groundcrew.errors import InputError, NotFound
from groundcrew.store import catalog, tuning
from groundcrew.store.collection import Collection
from groundcrew.store.database import Connection

T = TypeVar("T")
#: Hex digits by which the parts of two versions are told apart.
PART_DIGITS = 16
#: Digits of a tuned model's version.
VERSION_DIGITS_MAX = 6


def nearest(name: str, names: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of `names`, or nothing."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def person_of(actor: str) -> str:
    """Who acts, however they came in: ``anna`` for ``user:Anna`` and ``cli:anna``, so that nobody is two persons."""
    return actor.rpartition(":")[2].casefold()


async def require(connection: Connection, collection: Collection[T], item_id: str) -> T:
    """The row with this id; NotFound names the nearest id."""
    item = await collection.get(connection, item_id)
    if item is None:
        names = [collection.identify(each) for each in await collection.find(connection, limit=1_000)]
        raise NotFound(f"no {collection.noun} {item_id!r}{nearest(item_id, names)}")
    return item


async def require_use_case(connection: Connection, name: str) -> UseCase:
    """The use case of this name; NotFound names the nearest."""
    return await require(connection, catalog.USE_CASES, name)


async def serving_revision(connection: Connection, knowledge_base: str) -> str | None:
    """Id of the approved revision of a knowledge base, expired or not; None where none was approved."""
    approved = await catalog.REVISIONS.find(connection, knowledge_base=knowledge_base, state="approved")
    return max(approved, key=lambda each: each.approved_at or each.added_at).id if approved else None


async def current_digest(connection: Connection, use_case: UseCase) -> str:
    """The version digest of a use case as the registry stands now."""
    return digest(await _parts(connection, use_case))


async def current_parts(connection: Connection, use_case: UseCase) -> dict[str, str]:
    """What the current version consists of, each part by the beginning of its digest: for telling what has changed."""
    return {name: digest(value)[:PART_DIGITS] for name, value in (await _parts(connection, use_case)).items()}


async def _parts(connection: Connection, use_case: UseCase) -> dict[str, object]:
    model = await catalog.MODELS.get(connection, use_case.model)
    embedding_model = await catalog.MODELS.get(connection, use_case.embedding_model) if use_case.embedding_model else None
    variants = await _variants(connection, use_case.name)
    answering = [each for each in (model, embedding_model, *(each for _, _, each in variants)) if each is not None]
    providers = []
    for name in sorted({target.provider for each in answering for target in each.targets}):
        provider = await catalog.PROVIDERS.get(connection, name)
        if provider is not None:
            providers.append(provider)
    base = use_case.grounding.knowledge if use_case.grounding else None
    revision = await serving_revision(connection, base) if base is not None else None
    policy = await catalog.POLICIES.get(connection, use_case.policy) if use_case.policy else None
    verifiers, judges = await _verifiers(connection, use_case)
    embedded = {each.name for each in providers if each.api == "tuned"}
    tuned = await _tuned(connection, {aim.model for each in answering for aim in each.targets if aim.provider in embedded})
    return version_parts(
        use_case,
        model=model,
        providers=tuple(providers),
        policy=policy,
        knowledge_revision=revision,
        embedding_model=embedding_model,
        verifiers=verifiers,
        judges=judges,
        variants=variants,
        tuned=tuned,
    )


async def tuned_model(connection: Connection, name: str) -> TunedModel | None:
    """The tuned model NAME@VERSION, retired or not; None where there is none, or `name` is no such name."""
    model, _, version = name.rpartition("@")
    if not model or not version.isascii() or not version.isdecimal() or len(version) > VERSION_DIGITS_MAX:
        return None
    return await tuning.TUNED_MODELS.get(connection, tuning.model_key(model, int(version)))


async def _tuned(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """The digests of tuned models by NAME@VERSION; "" for one that is not there (yet)."""
    found = {}
    for name in sorted(names):
        model = await tuned_model(connection, name)
        found[name] = model.digest if model is not None else ""
    return found


async def newest_hypothesis(connection: Connection, use_case: str) -> Hypothesis | None:
    """The newest version of a use case's hypothesis, whatever its state."""
    found = await catalog.HYPOTHESES.find(connection, use_case=use_case, newest_first=True, limit=1)
    return found[0] if found else None


async def _variants(connection: Connection, use_case: str) -> tuple[tuple[str, Variant, Model | None], ...]:
    """What the arms of the newest registered hypothesis answer with, also once it is concluded: what it showed stays bound to
    what was shown. A draft's answer nobody."""
    newest = await newest_hypothesis(connection, use_case)
    if newest is None or newest.state == "draft" or newest.plan.arms is None:
        return ()
    found = []
    for arm, variant in sorted(newest.plan.arms.variants.items()):
        model = await catalog.MODELS.get(connection, variant.model) if variant.model else None
        found.append((arm, variant, model))
    return tuple(found)


async def answering_aliases(connection: Connection, use_case: UseCase) -> tuple[Model, ...]:
    """The aliases that may answer for a use case: its own, and those of its experiment's arms."""
    own = await catalog.MODELS.get(connection, use_case.model)
    arms = [each for _, _, each in await _variants(connection, use_case.name)]
    return tuple(each for each in (own, *arms) if each is not None)


async def _verifiers(connection: Connection, use_case: UseCase) -> tuple[tuple[Verifier, ...], tuple[Model, ...]]:
    """The verifiers of the use case's grounding, in turn, and the models that they ask."""
    names = use_case.grounding.verifiers if use_case.grounding else ()
    found = [each for name in names if (each := await catalog.VERIFIERS.get(connection, name)) is not None]
    aliases = dict.fromkeys(each.model for each in found if each.api == "judge" and each.model)
    models = [model for alias in aliases if (model := await catalog.MODELS.get(connection, alias)) is not None]
    return tuple(found), tuple(models)


def require_reason(reason: str) -> None:
    """Raise InputError unless a reason is given."""
    if not reason.strip():
        raise InputError("say why: a reason is kept in the audit log", field="reason")
