"""Packages of AI services that a project declares as dependencies, format by format."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath

from groundcrew.domain.inventory import FindingKind
from groundcrew.scanning.hits import Hit, Surroundings

#: Characters of a line that are read; lists of dependencies have short ones.
LINE_LENGTH_MAX = 4_000

_BLANKS = re.compile(r"\s{2,}")
_PYTHON_NAME = r"[A-Za-z][\w.-]*"
_REQUIREMENT = re.compile(rf"^\s*[-]?\s*[\"']?({_PYTHON_NAME})(?:\[[^\]]*\])?\s*(?:[=<>!~;@\"',]|$)")
#: What a TOML file of Python dependencies has, and a list of requirements has not.
_SECTIONED = re.compile(r"(?m)^\[[\w.\"-]+\]\s*$")
#: What names a package in the files of each ecosystem; group 1 is the package.
_PATTERNS: dict[str, re.Pattern[str]] = {
    "go": re.compile(r"^\s*(?:require\s+)?([a-z0-9.-]+\.[a-z]+/\S+)\s+v\d"),
    "maven": re.compile(r"<groupId>\s*([^<\s]+)\s*</groupId>|[\"']([\w.-]+:[\w.-]+)(?::[^\"']*)?[\"']"),
    "nuget": re.compile(r"(?i)<(?:PackageReference|PackageVersion|package)\s[^>]*?(?:Include|id)\s*=\s*\"([^\"]+)\""),
    "gem": re.compile(r"^\s*(?:gem|\w+\.add_(?:runtime_|development_)?dependency)\s*\(?\s*[\"']([^\"']+)[\"']"),
    "cargo": re.compile(r"^\s*\"?([A-Za-z][\w-]*)\"?\s*=|^\s*\[(?:[\w.'\"()-]+\.)?dependencies\.([\w-]+)\]"),
}


def ecosystem_of(path: PurePosixPath) -> str | None:
    """The ecosystem whose dependencies a file declares, or None."""
    name = path.name.lower()
    if re.fullmatch(r"(?:[\w.-]*requirements[\w.-]*|constraints[\w.-]*)\.(?:txt|in)", name) or (
        path.suffix == ".txt" and path.parent.name == "requirements"
    ):
        return "pypi"
    if name in (
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "pipfile",
        "environment.yml",
        "environment.yaml",
        "conda.yaml",
        "meta.yaml",
    ):
        return "pypi"
    if name.endswith((".csproj", ".fsproj", ".vbproj")) or name in ("packages.config", "directory.packages.props"):
        return "nuget"
    return {
        "package.json": "npm",
        "go.mod": "go",
        "pom.xml": "maven",
        "build.gradle": "maven",
        "build.gradle.kts": "maven",
        "libs.versions.toml": "maven",
        "gemfile": "gem",
        "composer.json": "composer",
        "cargo.toml": "cargo",
        "deno.json": "npm",
    }.get(name) or ("gem" if name.endswith(".gemspec") else None)


def read_dependencies(text: str, ecosystem: str, around: Surroundings) -> list[Hit]:
    """The declared packages of AI services: the first line of each service."""
    hits: dict[str, Hit] = {}
    for number, package in _packages(text, ecosystem):
        name = re.sub(r"[-_.]+", "-", package).lower() if ecosystem == "pypi" else package
        service = around.catalogue.of_package(ecosystem, name)
        if service is None and ecosystem == "maven" and ":" in name:
            service = around.catalogue.of_package(ecosystem, name.partition(":")[0])
        if service is not None and service.id not in hits:
            kind: FindingKind = (
                "framework" if service.role == "framework" else "cloud_sdk" if service.role == "cloud" else "sdk_constructor"
            )
            hits[service.id] = Hit(
                line=number,
                kind=kind,
                service=service,
                severity="low",
                declared=True,
                reason=f"the project depends on {package}, a package of {service.name}",
            )
    return list(hits.values())


def _packages(text: str, ecosystem: str) -> Iterator[tuple[int, str]]:
    if ecosystem in ("npm", "composer"):
        yield from _json_packages(text)
        return
    declared = _toml_requirements(text) if ecosystem == "pypi" and _SECTIONED.search(text) else None
    for number, line in enumerate(text.split("\n"), start=1):
        said = re.sub(r"(?:^|\s)#.*$|<!--.*?-->|(?:^|\s)//.*$", "", _BLANKS.sub(" ", line[:LINE_LENGTH_MAX]))
        if ecosystem == "pypi":
            quoted = re.findall(rf"[\"']({_PYTHON_NAME})(?:\[[^\]]*\])?\s*(?:[=<>!~;@][^\"']*)?[\"']", said)
            plain = _REQUIREMENT.match(said)
            names = dict.fromkeys((*quoted, *((plain[1],) if plain else ())))
            yield from ((number, each) for each in names if declared is None or each in declared)
        else:
            for match in _PATTERNS[ecosystem].finditer(said):
                yield number, next(each for each in match.groups() if each)


def _toml_requirements(text: str) -> set[str] | None:
    """The packages that a TOML file declares, wherever dependencies stand in it; None where it is no TOML."""
    try:
        read = tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
    found: set[str] = set()

    def collect(value: object, inside: bool) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                if inside and not isinstance(each, list):
                    found.add(key)
                collect(each, inside or re.search(r"dependenc|packages$|^requires$", key) is not None)
        elif isinstance(value, list):
            for each in value:
                collect(each, inside)
        elif isinstance(value, str) and inside and (name := re.match(_PYTHON_NAME, value)):
            found.add(name[0])

    collect(read, False)
    return found


def _json_packages(text: str) -> Iterator[tuple[int, str]]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(read, dict):
        return
    for section in (
        "dependencies",
        "devDependencies",
        "peerDependencies",
        "optionalDependencies",
        "require",
        "require-dev",
        "imports",
    ):
        listed = read.get(section)
        for name in listed if isinstance(listed, dict) else ():
            place = text.find(json.dumps(name, ensure_ascii=False))
            yield text.count("\n", 0, max(place, 0)) + 1, name
