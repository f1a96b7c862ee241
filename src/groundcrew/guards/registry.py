"""How guards are written and found: one per file, a function from text and context to a verdict, registered by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Protocol

import msgspec

from groundcrew.domain.guard import Finding, Verdict, VerdictKind
from groundcrew.errors import InputError, NotFound

Context = Mapping[str, Any]
Settled = Callable[[str], int]
Quick = Callable[[str, Context], Verdict | None]

#: Guards that ship with groundcrew and the modules that hold them; imported when first asked for.
BUILT_IN: dict[str, str] = {
    "commitment": "groundcrew.guards.commitment",
    "http": "groundcrew.guards.remote",
    "language": "groundcrew.guards.language",
    "pii": "groundcrew.guards.pii",
    "prompt_injection": "groundcrew.guards.prompt_injection",
    "schema": "groundcrew.guards.schema",
    "secrets": "groundcrew.guards.secrets",
    "topic": "groundcrew.guards.topic",
}
#: Of these settings a guard has to be told one at least: without any it would pass everything.
NEEDS: dict[str, tuple[str, ...]] = {
    "language": ("allowed", "same_as_request"),
    "schema": ("schema", "tools"),
    "topic": ("allowed", "denied"),
}
#: Findings that one verdict carries at most; beyond it the text is blocked or flagged all the same, and the scan is not complete.
FINDINGS_MAX = 1_000
_PASS = Verdict(verdict="pass")


class Check(Protocol):
    """A guard. `context` may hold `place`, `role`, `request`, `knowledge` (passages), `today` and the rule's settings."""

    def __call__(self, text: str, context: Context) -> Verdict:
        """Judge `text`. Pure and free of I/O; an exception counts as a failed scan, never as a pass."""
        ...


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """A registered guard. `inline` guards need well under a millisecond for short texts and run without a thread;
    `warm` loads what the first check would otherwise wait for. `by` names what of the context an inline guard looks at besides
    the text, and settings are nothing to it: its verdicts may then be remembered. None where that is not known.

    `settled` is for answers that stream: how many code points from a text's start are judged for good. However the text goes on,
    the findings that begin before it stay as they are, and no other begins there. None where all of the text has to be there.

    `quick` is for guards that need a thread: the verdict where it is known without any work, None where it is not.

    `schema` is for guards of other packages: what a rule's `settings` must be, a msgspec.Struct. Without one they are free.

    `prepare` makes of a rule's settings what its first check would otherwise wait for.
    """

    name: str
    check: Check
    inline: bool = False
    warm: Callable[[], None] | None = None
    by: frozenset[str] | None = None
    settled: Settled | None = None
    quick: Quick | None = None
    schema: type[msgspec.Struct] | None = None
    prepare: Callable[[Context], None] | None = None


_GUARDS: dict[str, Guard] = {}


def guard(
    name: str,
    *,
    inline: bool = False,
    warm: Callable[[], None] | None = None,
    by: frozenset[str] | None = None,
    settled: Settled | None = None,
    quick: Quick | None = None,
    schema: type[msgspec.Struct] | None = None,
    prepare: Callable[[Context], None] | None = None,
) -> Callable[[Check], Check]:
    """Register the decorated function as the guard `name`. InputError for a name that ships, outside of groundcrew."""

    def register(check: Check) -> Check:
        module = str(getattr(check, "__module__", ""))
        if name in BUILT_IN and not module.startswith("groundcrew.guards."):
            raise InputError(f"{module} may not register the guard {name!r}: a guard of this name ships")
        _GUARDS[name] = Guard(
            name=name,
            check=check,
            inline=inline,
            warm=warm,
            by=by,
            settled=settled,
            quick=quick,
            schema=schema,
            prepare=prepare,
        )
        return check

    return register


def find_guard(name: str) -> Guard:
    """The guard `name`; NotFound with the known names, InputError where an installed package's guard does not load."""
    found = _GUARDS.get(name)
    if found is None:
        if name in BUILT_IN:
            importlib.import_module(BUILT_IN[name])
        elif (plugged := _plug_ins().load_plug_in(name)) is not None:
            _GUARDS[name] = plugged
        found = _GUARDS.get(name)
    if found is None:
        raise NotFound(f"there is no guard {name!r}; known are {', '.join(guard_names())}")
    return found


def guard_names() -> list[str]:
    """Names of all guards, those of installed packages too, sorted."""
    return sorted({*BUILT_IN, *_GUARDS, *_plug_ins().plug_in_names()})


def _plug_ins() -> ModuleType:
    """Imported when asked for: looking through installed packages takes time that most commands do not need to spend."""
    return importlib.import_module("groundcrew.guards.plug_ins")


def verdict_of(findings: list[Finding], *, block_at: float) -> Verdict:
    """The verdict that `findings` add up to: block from the score `block_at` on, flag below it, pass without any."""
    if not findings:
        return _PASS
    kept = tuple(sorted(findings, key=lambda each: (each.start, each.end))[:FINDINGS_MAX])
    score = max(each.score for each in findings)
    kind: VerdictKind = "block" if score >= block_at else "flag"
    return Verdict(verdict=kind, score=score, findings=kept, complete=len(kept) == len(findings))
