"""What a set of declaration files amounts to: domain structs with the place they come from, and all that is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from groundcrew.domain.alert import AlertRule
from groundcrew.domain.delivery import Channel
from groundcrew.domain.evaluation import SuiteContent
from groundcrew.domain.guard import Policy
from groundcrew.domain.hypothesis import HypothesisPlan
from groundcrew.domain.knowledge import KnowledgeBase
from groundcrew.domain.provider import Model, Provider
from groundcrew.domain.resource import Resource
from groundcrew.domain.use_case import UseCase
from groundcrew.domain.verifier import Verifier
from groundcrew.errors import DeclarationError

Thing = TypeVar("Thing", Provider, Model, KnowledgeBase, Policy, UseCase, Verifier, SuiteContent, Channel, AlertRule, Resource)


class Declared(msgspec.Struct, Generic[Thing], frozen=True, kw_only=True):
    """A thing and its origin. `lines` gives the line of each declared field by its dotted path (`targets[0].provider`)."""

    value: Thing
    file: str
    line: int
    lines: dict[str, int] = {}

    def error(self, message: str, field: str) -> DeclarationError:
        """A complaint about `field` that names its place."""
        return DeclarationError(message, file=self.file, line=self.lines.get(field, self.line), field=field)


class DeclaredPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A use case's hypothesis and the file that holds it."""

    plan: HypothesisPlan
    file: str


class Declarations(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was declared, in the order read. `hypotheses` is by use case name."""

    providers: tuple[Declared[Provider], ...] = ()
    models: tuple[Declared[Model], ...] = ()
    knowledge_bases: tuple[Declared[KnowledgeBase], ...] = ()
    policies: tuple[Declared[Policy], ...] = ()
    verifiers: tuple[Declared[Verifier], ...] = ()
    use_cases: tuple[Declared[UseCase], ...] = ()
    suites: tuple[Declared[SuiteContent], ...] = ()
    channels: tuple[Declared[Channel], ...] = ()
    alert_rules: tuple[Declared[AlertRule], ...] = ()
    resources: tuple[Declared[Resource], ...] = ()
    hypotheses: dict[str, DeclaredPlan] = {}


class KnownNames(msgspec.Struct, frozen=True, kw_only=True):
    """Names that already stand in the registry, so that a declaration may refer to them."""

    providers: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    knowledge_bases: frozenset[str] = frozenset()
    policies: frozenset[str] = frozenset()
    verifiers: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()


class DeclarationErrors(DeclarationError):
    """All that is wrong with a set of declarations. `errors` has at least one; `str()` is the first and how many follow."""

    def __init__(self, errors: Sequence[DeclarationError]) -> None:
        self.errors = tuple(errors)
        first, more = self.errors[0], len(self.errors) - 1
        rest = f" … and {more} more error{'s' if more > 1 else ''}" if more else ""
        super().__init__(first.message + rest, file=first.file, line=first.line, field=first.field)
