"""What `groundcrew apply` reads: files and folders of YAML become domain structs, or one error that names every place.

Nothing here touches the database: whether a name exists already is for the caller, through `unresolved_references`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from groundcrew.domain.capability import VendorCapability
from groundcrew.domain.hypothesis import HypothesisPlan, parse_plan
from groundcrew.errors import DeclarationError, InputError
from groundcrew.guards.registry import guard_names
from groundcrew.services.declaration_alerts import read_alert_rule
from groundcrew.services.declaration_capabilities import read_capability
from groundcrew.services.declaration_channels import read_channel
from groundcrew.services.declaration_fields import Complaints, Fields, lines_by_field, nearest, shown, suggestion
from groundcrew.services.declaration_kinds import (
    hypothesis_file,
    read_knowledge_base,
    read_model,
    read_provider,
    read_use_case,
)
from groundcrew.services.declaration_policy import read_policy
from groundcrew.services.declaration_reading import Reading
from groundcrew.services.declaration_resources import read_resource
from groundcrew.services.declaration_suites import read_suite
from groundcrew.services.declaration_verifiers import read_verifier
from groundcrew.services.declaration_yaml import Node, describe, plain, read_documents
from groundcrew.services.declared import DeclarationErrors, Declarations, Declared, DeclaredPlan, KnownNames

__all__ = [
    "DeclarationErrors",
    "Declarations",
    "Declared",
    "DeclaredPlan",
    "KnownNames",
    "load",
    "load_plan",
    "unresolved_references",
]

FILES_MAX = 1_000
SUFFIXES = (".yaml", ".yml")
#: A document with all these keys and no `kind` is a recipe, which `groundcrew curate` reads: it may lie beside declarations.
RECIPE_KEYS = frozenset({"name", "source", "licence", "consent", "id", "text"})

#: kind → its reader and the field of `Declarations` that collects it.
KINDS: dict[str, tuple[Callable[[Fields, Reading], Any], str]] = {
    "Provider": (read_provider, "providers"),
    "Model": (read_model, "models"),
    "KnowledgeBase": (read_knowledge_base, "knowledge_bases"),
    "Policy": (read_policy, "policies"),
    "Verifier": (read_verifier, "verifiers"),
    "UseCase": (read_use_case, "use_cases"),
    "EvaluationSuite": (read_suite, "suites"),
    "Channel": (read_channel, "channels"),
    "AlertRule": (read_alert_rule, "alert_rules"),
    "VendorCapability": (read_capability, "capabilities"),
    "Resource": (read_resource, "resources"),
}


def load(paths: Sequence[Path], *, known_guards: frozenset[str] | None = None) -> Declarations:
    """Everything declared in `paths`: files, and folders searched for *.yaml and *.yml in sorted order.

    A file without `kind` is fine where a use case names it as its plan or a policy as its authority table, and where it is a
    recipe of a data set, which is left alone. A policy may name the guards that ship and those of installed packages, or
    `known_guards` where that is given: one that does not exist would refuse every call at runtime. Raises InputError for a path
    that does not exist or declares nothing, DeclarationErrors with all that is wrong.
    """
    loader = _Loader(known_guards if known_guards is not None else frozenset(guard_names()))
    for path, shown_as in _files(paths):
        loader.read(path, shown_as)
    loader.read_plans()
    loader.complain_of_strays()
    if loader.complaints.errors:
        raise DeclarationErrors(list({str(error): error for error in loader.complaints.errors}.values()))
    declarations = loader.declarations()
    if declarations == Declarations():
        raise InputError(f"declares nothing: expected a document with kind: {', '.join(KINDS)}", file=str(paths[0]))
    return declarations


class _Loader:
    """Gathers what the files declare and complain of; each file is read once."""

    def __init__(self, known_guards: frozenset[str]) -> None:
        self.complaints = Complaints()
        self._known_guards = known_guards
        self._found: dict[str, list[Declared[Any]]] = {collection: [] for _, collection in KINDS.values()}
        self._origins: dict[tuple[str, str], str] = {}
        self._plan_files: dict[str, tuple[Path, str]] = {}
        self._plans: dict[str, DeclaredPlan] = {}
        self._referenced: set[Path] = set()
        self._strays: list[tuple[Path, DeclarationError]] = []
        self._broken: list[tuple[Path, InputError]] = []

    def read(self, path: Path, shown_as: str) -> None:
        """Read one file's documents."""
        try:
            documents = read_documents(path, shown_as)
        except InputError as error:
            self._broken.append((path.resolve(), error))
            return
        if not documents:
            self.complaints.add(DeclarationError("is empty: it holds no YAML document", file=shown_as))
        for node in documents:
            self._read_document(node, path, shown_as)

    def _read_document(self, node: Node, path: Path, shown_as: str) -> None:
        if isinstance(node.value, dict) and "kind" not in node.value and node.value.keys() >= RECIPE_KEYS:
            return
        if not isinstance(node.value, dict) or node.value.get("kind") is None:
            what = "has no `kind`" if isinstance(node.value, dict) else f"expected a mapping with `kind`, found {describe(node)}"
            hint = f"; expected one of {', '.join(KINDS)}, or a file that a declaration names"
            self._strays.append((path.resolve(), DeclarationError(what + hint, file=shown_as, line=node.line, field="kind")))
            return
        before = len(self.complaints.errors)
        reading = Reading(path, shown_as, self.complaints, self._known_guards)
        fields = Fields(node, shown_as, self.complaints)
        kind = fields.text("kind", required=True)
        if kind not in KINDS:
            if kind:
                fields.complain("kind", f"unknown kind {shown(kind)}{suggestion(kind, KINDS)}")
            return
        read, collection = KINDS[kind]
        value = read(fields, reading)
        plan_file = hypothesis_file(fields, reading) if kind == "UseCase" else None
        fields.finish()
        self._referenced |= reading.referenced
        self._claim_name(kind, value.id if isinstance(value, VendorCapability) else value.name, fields, shown_as)
        if len(self.complaints.errors) > before:
            return
        line = node.line
        self._found[collection].append(Declared(value=value, file=shown_as, line=line, lines=lines_by_field(node)))
        if plan_file:
            self._plan_files[value.name] = plan_file

    def _claim_name(self, kind: str, name: str, fields: Fields, shown_as: str) -> None:
        if not name:
            return
        here = f"{shown_as}:{fields.line('name')}"
        first = self._origins.setdefault((kind, name), here)
        if first != here:
            fields.complain("name", f"{kind} {shown(name)} is declared twice, first at {first}")

    def read_plans(self) -> None:
        """Read the plan of every use case that names one; a plan shared by several is read once."""
        read: dict[Path, HypothesisPlan | None] = {}
        for use_case, (path, shown_as) in self._plan_files.items():
            if path not in read:
                read[path] = self._read_plan(path, shown_as)
            plan = read[path]
            if plan is not None:
                self._plans[use_case] = DeclaredPlan(plan=plan, file=shown_as)

    def _read_plan(self, path: Path, shown_as: str) -> HypothesisPlan | None:
        self._broken = [each for each in self._broken if each[0] != path]
        try:
            return load_plan(path, shown_as)
        except InputError as error:
            self._broken.append((path, error))
            return None

    def complain_of_strays(self) -> None:
        """Complain of files that could not be read, and of those without `kind` that no declaration names."""
        for _, error in self._broken:
            self.complaints.add(DeclarationError(error.message, file=error.file, line=error.line, field=error.field))
        for path, stray in self._strays:
            if path not in self._referenced:
                self.complaints.add(stray)

    def declarations(self) -> Declarations:
        """All that was found."""
        return Declarations(**{name: tuple(found) for name, found in self._found.items()}, hypotheses=self._plans)


def load_plan(path: Path, shown_as: str | None = None) -> HypothesisPlan:
    """The experiment plan in a file, `shown_as` naming it in errors. Raises InputError naming file, line and field."""
    shown_as = shown_as or str(path)
    documents = read_documents(path, shown_as)
    if len(documents) != 1:
        raise DeclarationError(f"holds {len(documents)} documents; expected one experiment plan", file=shown_as)
    return _convert_plan(documents[0], shown_as)


def _convert_plan(node: Node, shown_as: str) -> HypothesisPlan:
    if not isinstance(node.value, dict):
        raise DeclarationError(f"expected an experiment plan, found {describe(node)}", file=shown_as, line=node.line)
    try:
        return parse_plan(plain(node))  # type: ignore[arg-type]
    except DeclarationError as error:
        field, message = error.field or "", error.message
        if unknown := re.search(r"unknown field `(.*)`", message):
            message = f"unknown key {shown(unknown[1])}{suggestion(unknown[1], _plan_keys(field))}"
            field = f"{field}.{unknown[1]}" if field else unknown[1]
        line = lines_by_field(node).get(field, node.line)
        raise DeclarationError(message, file=shown_as, line=line, field=field or None) from error


def _plan_keys(field: str) -> list[str]:
    """The keys that a plan allows at the dotted path `field`."""
    info = msgspec.inspect.type_info(HypothesisPlan)
    for part in re.sub(r"\[[^\]]*\]", ".[]", field).split("."):
        info = _inner(info, part) if part else info
    return [each.name for each in info.fields] if isinstance(info, msgspec.inspect.StructType) else []


def _inner(info: msgspec.inspect.Type, part: str) -> msgspec.inspect.Type:
    """The type one step below `info`: a struct's field or a list's entry, `| None` looked through."""
    found: msgspec.inspect.Type | None = None
    if isinstance(info, msgspec.inspect.StructType):
        found = next((each.type for each in info.fields if each.name == part), None)
    elif isinstance(info, msgspec.inspect.VarTupleType):
        found = info.item_type
    if isinstance(found, msgspec.inspect.UnionType):
        found = next((each for each in found.types if not isinstance(each, msgspec.inspect.NoneType)), None)
    return found if found is not None else info


def _files(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """The files to read with the name each is shown by, each once."""
    if not paths:
        raise InputError("no path given: name at least one YAML file or folder")
    found: dict[Path, tuple[Path, str]] = {}
    for path in paths:
        for file in _below(path) if _is_folder(path) else [path]:
            found.setdefault(file.resolve(), (file, str(file)))
            if len(found) > FILES_MAX:
                raise InputError(f"more than {FILES_MAX} YAML files", file=str(path))
    return list(found.values())


def _is_folder(path: Path) -> bool:
    """Whether `path` is a folder. Raises InputError where it does not exist or can not be looked at."""
    try:
        if not path.exists():
            raise InputError("no such file or folder", file=str(path))
        return path.is_dir()
    except (OSError, ValueError) as error:
        raise InputError("is not a usable path", file=str(path)) from error


def _below(folder: Path) -> list[Path]:
    """The YAML files below `folder`, sorted, hidden folders left out. Raises InputError for none or an unreadable folder."""

    def refuse(error: OSError) -> None:
        raise InputError(f"can not be read: {error.strerror}", file=str(error.filename or folder)) from error

    found: list[Path] = []
    for root, names, files in os.walk(folder, onerror=refuse):
        names[:] = sorted(name for name in names if not name.startswith("."))
        found.extend(Path(root) / name for name in files if name.endswith(SUFFIXES) and not name.startswith("."))
        if len(found) > FILES_MAX:
            raise InputError(f"more than {FILES_MAX} YAML files", file=str(folder))
    if not found:
        raise InputError("holds no *.yaml or *.yml file", file=str(folder))
    return sorted(found)


def unresolved_references(declarations: Declarations, known: KnownNames) -> list[DeclarationError]:
    """A complaint for every name that is neither declared here nor already `known`, with the nearest one that is."""
    providers = known.providers | {each.value.name for each in declarations.providers}
    models = known.models | {each.value.name for each in declarations.models}
    bases = known.knowledge_bases | {each.value.name for each in declarations.knowledge_bases}
    policies = known.policies | {each.value.name for each in declarations.policies}
    verifiers = known.verifiers | {each.value.name for each in declarations.verifiers}
    channels = known.channels | {each.value.name for each in declarations.channels}
    found: list[DeclarationError] = []

    def check(declared: Declared[Any], noun: str, name: str | None, choices: Iterable[str], field: str) -> None:
        if name is None or name in (names := frozenset(choices)):
            return
        match = nearest(name, names)
        hint = (
            f"; did you mean {match!r}?"
            if match
            else (f"; known: {', '.join(sorted(names)[:10])}" if names else "; none is declared")
        )
        found.append(declared.error(f"no {noun} named {shown(name)}{hint}", field))

    for model in declarations.models:
        for index, target in enumerate(model.value.targets):
            check(model, "provider", target.provider, providers, f"targets[{index}].provider")
    for verifier in declarations.verifiers:
        if verifier.value.api == "judge":
            check(verifier, "model", verifier.value.model, models, "model")
    for rule in declarations.alert_rules:
        for index, name in enumerate(rule.value.channels):
            check(rule, "channel", name, channels, f"channels[{index}]")
    for use_case in declarations.use_cases:
        value = use_case.value
        check(use_case, "model", value.model, models, "model")
        check(use_case, "model", value.embedding_model, models, "embedding_model")
        check(use_case, "policy", value.policy, policies, "policy")
        check(use_case, "channel", value.sign_off.webhook if value.sign_off else None, channels, "sign_off.webhook")
        if value.grounding:
            check(use_case, "knowledge base", value.grounding.knowledge, bases, "grounding.knowledge")
            for index, name in enumerate(value.grounding.verifiers):
                check(use_case, "verifier", name, verifiers, f"grounding.verifiers[{index}]")
    return found
