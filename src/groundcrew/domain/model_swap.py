"""A swap: an alternate takes over an alias and what answered steps back. Each one is recorded with what was before, so that it
can be undone, and so that a declaration written before it is recognised."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.provider import Model, Target
from groundcrew.errors import Conflict, NotFound

#: Roles of a person who may swap to an alternate that no rehearsal has cleared, with a reason.
OVERRIDE_ROLES = ("it", "on_call")


class LineUp(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers an alias and who stands by."""

    targets: tuple[Target, ...]
    alternates: tuple[Target, ...] = ()

    def on(self, model: Model) -> Model:
        """`model` with this line-up."""
        return msgspec.structs.replace(model, targets=self.targets, alternates=self.alternates)


class ModelSwap(msgspec.Struct, frozen=True, kw_only=True):
    """One swap or revert of an alias. `reverts` names the swap that a revert undoes. `rehearsals` are the evidence that a swap
    rests on; without any, `without_rehearsal` says that a person took it upon themselves. `declared` turns true once a
    declaration came that knows of it."""

    id: str
    model: str
    action: Literal["swap", "revert"]
    at: datetime
    by: str
    reason: str
    before: LineUp
    after: LineUp
    reverts: str | None = None
    rehearsals: tuple[str, ...] = ()
    without_rehearsal: bool = False
    declared: bool = False

    @property
    def stepped_in(self) -> tuple[tuple[str, str], ...]:
        """(provider, model) of who answers since, and did not before."""
        return tuple(sorted(_answering(self.after) - _answering(self.before)))

    @property
    def stepped_back(self) -> tuple[tuple[str, str], ...]:
        """(provider, model) of who answered before, and does not since."""
        return tuple(sorted(_answering(self.before) - _answering(self.after)))


def line_up(model: Model) -> LineUp:
    """The line-up of a model now."""
    return LineUp(targets=model.targets, alternates=model.alternates)


def named(pair: tuple[str, str]) -> str:
    """``provider/model``, as commands take it; a model's name may hold further slashes."""
    return "/".join(pair)


def parse_target(text: str) -> tuple[str, str] | None:
    """(provider, model) of ``provider/model``; None where it is no such thing."""
    provider, _, model = text.partition("/")
    return (provider, model) if provider and model else None


def stand_in(model: Model, wanted: tuple[str, str]) -> Target:
    """The alternate of that name. Conflict where it answers already, NotFound where the alias has no such alternate."""
    found = next((each for each in model.stand_ins if (each.provider, each.model) == wanted), None)
    if found is not None:
        return found
    if wanted in model.answering:
        raise Conflict(f"{named(wanted)} answers {model.name} already")
    names = ", ".join(named((each.provider, each.model)) for each in model.stand_ins)
    hint = f"it has {names}" if names else f"declare alternates: [{{provider: {wanted[0]}, model: {wanted[1]}}}]"
    raise NotFound(f"{model.name} has no alternate {named(wanted)}; {hint}")


def swapped(model: Model, wanted: tuple[str, str], *, replace: tuple[str, str] | None = None) -> LineUp:
    """The line-up with the alternate `wanted` answering. Everything that answered becomes an alternate, first in line; with
    `replace` only that primary does, and the alternate takes its place and weight. Errors as `stand_in`."""
    arriving = msgspec.structs.replace(stand_in(model, wanted), role="primary", weight=None, share_percent=None)
    leaving = [each for each in model.targets if each.role != "shadow"]
    if replace is not None:
        leaving = [each for each in model.primaries if (each.provider, each.model) == replace]
        if not leaving:
            raise NotFound(f"{named(replace)} is no primary of {model.name}")
        arriving = msgspec.structs.replace(arriving, weight=leaving[0].weight)
    targets: list[Target] = []
    for each in model.targets:
        if each is leaving[0]:
            targets.append(arriving)
        if each not in leaving and (each.provider, each.model) != wanted:
            targets.append(each)
    stepped_back = [msgspec.structs.replace(each, role="primary", weight=None, share_percent=None) for each in leaving]
    rest = [each for each in model.alternates if (each.provider, each.model) != wanted]
    return LineUp(targets=tuple(targets), alternates=(*stepped_back, *rest))


def in_force(records: list[ModelSwap]) -> ModelSwap | None:
    """The newest swap of an alias that was not undone, of all its records; None where there is none."""
    undone = {each.reverts for each in records}
    swaps = [each for each in records if each.action == "swap" and each.id not in undone]
    return max(swaps, key=lambda each: each.id, default=None)


def out_of_date(records: list[ModelSwap], declared: Model) -> str:
    """Why a declaration would undo what was swapped (or reverted) without saying so, "" where it would not. `records` are all of
    its alias.

    That is so where it names exactly who answered before one of them; and, until a declaration has come that knows of the newest
    one, where who stepped in does not answer.
    """
    ordered = sorted(records, key=lambda each: each.id)
    if not ordered:
        return ""
    newest = ordered[-1]
    undone = {each.reverts for each in ordered}
    standing = [each for each in ordered if each.action == "swap" and each.id not in undone]
    undoes = declared.answering != _answering(newest.after) and any(
        declared.answering == _answering(each.before) for each in (*standing, newest)
    )
    knows = set(newest.stepped_in) <= declared.answering
    if not undoes and (knows or newest.declared):
        return ""
    now = ", ".join(named(each) for each in sorted(_answering(newest.after)))
    what, other = ("swapped", "revert") if newest.action == "swap" else ("reverted", "swap")
    return (
        f"out of date: {newest.model} was {what} to {now} by {newest.by} on {newest.at:%Y-%m-%d %H:%M} UTC ({newest.reason}); "
        f"declare that, or undo it with `groundcrew model {other} {newest.model}`"
    )


def _answering(line: LineUp) -> frozenset[tuple[str, str]]:
    return Model(name="", targets=line.targets).answering
