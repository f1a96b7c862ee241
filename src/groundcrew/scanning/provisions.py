"""What builds and containers are given: packages of AI services that lines install, and keys of AI services."""

from __future__ import annotations

import re
from collections.abc import Iterator

from groundcrew.domain.inventory import FindingKind
from groundcrew.guards.secret_shapes import is_placeholder
from groundcrew.scanning.hits import Hit, Surroundings, is_gateway_key
from groundcrew.scanning.keys_in_text import is_key_value

#: Lines of a block that are looked at for what the container is, and words of one command that installs.
BLOCK_LINES_MAX, OWN_LINES_MAX, WORDS_MAX = 200, 8, 200
#: Keys that one file hands on; a file with more says so with as many.
GIVEN_MAX = 100
#: Commands that install, and the ecosystem of what they do.
_INSTALLERS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (ecosystem, re.compile(rf"(?:^|[\s;&|(%!\"'\[]){pattern}\s+(?P<rest>.*)"))
    for ecosystem, pattern in (
        ("pypi", r"(?:python[\d.]*\s+-m\s+)?(?:pip[\d.]*|uv\s+pip|pipenv|conda|mamba|micromamba)\s+install"),
        ("pypi", r"(?:uv|poetry|pdm|rye)\s+add"),
        ("npm", r"(?:npm\s+(?:install|i|add)|(?:yarn|pnpm|bun)(?:\s+global)?\s+add|pnpm\s+(?:install|i))"),
        ("go", r"go\s+(?:get|install)"),
        ("gem", r"gem\s+install"),
        ("composer", r"composer\s+require"),
        ("nuget", r"dotnet\s+add(?:\s+\S+)?\s+package"),
        ("cargo", r"cargo\s+add"),
    )
)
_SAID = re.compile(r"^\s*(?:@|RUN\s+)?(?:echo|printf|Write-Host|Write-Output)\b")
_REMARK = re.compile(r"^\s*(?:#|//|;|REM\b|::)")
#: A line that gives a variable: ``- NAME=value``, ``NAME: value``, ``- name: NAME``, ``ENV NAME=value``, ``NAME = value``.
_GIVEN = (
    r"^\s*(?:-\s+)?\{{?\s*(?:(?:ENV|ARG)\s+|(?:[\"']?(?:name|secretKey)[\"']?\s*[:=]\s*))?"
    r"[\"']?(?P<name>{names})[\"']?\s*(?P<rest>[:=,}}].*|\s\S.*)?$"
)
_GATEWAY = re.compile("(?i)groundcrew")
#: What tells that a container is the gateway itself, and not one that calls it.
_IS_GATEWAY = re.compile(
    r"(?i)^\s*(?:-\s+)?(?:FROM\s+\S*groundcrew|[\"']?(?:image|repository|name|container_name|chart|family)[\"']?\s*[:=]\s*\S*groundcrew"
    r"|[\"']?groundcrew[\w-]*[\"']?\s*:\s*$|resource\s.*groundcrew)"
)
#: ``- name: NAME`` with ``value: …`` on the line below, or behind it.
_VALUE_BELOW = re.compile(r"(?:[\n,]\s*|\{\s*)[\"']?value[\"']?\s*[:=]\s*([^\n,}]*)")
_BLANKS = re.compile(r"\s{2,}")
_EMPTY = re.compile(r"[\"']{2}|~|null|None|\Z")


def read_installs(lines: Iterator[tuple[int, str]], around: Surroundings) -> list[Hit]:
    """Packages of AI services that commands install: the first line of each service. `lines` are numbered from 1."""
    hits: dict[str, Hit] = {}
    for number, line in lines:
        if _REMARK.match(line) or _SAID.match(line):
            continue
        for ecosystem, package in _installed(line):
            name = re.sub(r"[-_.]+", "-", package).lower() if ecosystem == "pypi" else package
            service = around.catalogue.of_package(ecosystem, name)
            if service is None or service.id in hits:
                continue
            kind: FindingKind = (
                "framework" if service.role == "framework" else "cloud_sdk" if service.role == "cloud" else "sdk_constructor"
            )
            reason = f"{package}, a package of {service.name}, is installed here"
            hits[service.id] = Hit(line=number, kind=kind, service=service, severity="low", declared=True, reason=reason)
    return list(hits.values())


def _installed(line: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"&&|\|\||;", line):
        for ecosystem, pattern in _INSTALLERS:
            match = pattern.search(part)
            if match is None:
                continue
            for word in match["rest"].split("|")[0].replace("\\", " ").split()[:WORDS_MAX]:
                plain = word.strip("\"'`,[]()")
                if not plain or plain.startswith(("-", "$", ".", "/")):
                    continue
                package = re.split(r"(?<=.)@" if ecosystem in ("npm", "go", "composer", "cargo") else r"[\[=<>!~;@]", plain)[0]
                yield ecosystem, package.partition(":")[0] if ecosystem == "composer" else package
            break


def read_given_keys(text: str, around: Surroundings, governed: list[str]) -> list[Hit]:
    """Keys of AI services that a container, a machine or a function is given; not where it is the gateway, or goes through it."""
    names = [name for name in around.catalogue.key_names if name in text]
    if not names:
        return []
    given = re.compile(_GIVEN.format(names="|".join(map(re.escape, sorted(names, key=len, reverse=True)))))
    lines = text.split("\n")
    hits: list[Hit] = []
    for number, line in enumerate(lines):
        if len(hits) >= GIVEN_MAX:
            break
        match = given.match(_BLANKS.sub(" ", line))
        if match is None or _REMARK.match(line):
            continue
        service = around.catalogue.key_names[match["name"]]
        pointed = service.id in governed or set(service.url_names) & around.governed_names
        own = _own(lines, number)
        below = _VALUE_BELOW.search(own)
        rest = f":{below[1]}" if below is not None else (match["rest"] or "").strip()
        value = rest.lstrip(" \t:=,").strip("\"'")
        written = rest[:1] in (":", "=")
        if pointed or (written and _EMPTY.fullmatch(value)) or is_key_value(value) or is_gateway_key(value):
            continue
        # A reference such as ${NAME} is no placeholder here: something stands behind it.
        if "$" not in value and "{" not in value and "." not in value and is_placeholder(value):
            continue
        if _GATEWAY.search(own) or any(map(_IS_GATEWAY.search, _block(lines, number))):
            continue
        reason = f"what runs here is given the key {match['name']}"
        hits.append(Hit(line=number + 1, kind="infrastructure", service=service, reason=reason))
    return hits


def _own(lines: list[str], number: int) -> str:
    """A line and those that belong to it."""
    end, indent = number + 1, _indent(lines[number])
    while end < min(len(lines), number + OWN_LINES_MAX) and lines[end].strip() and _indent(lines[end]) > indent:
        end += 1
    return "\n".join(lines[number:end])


def _block(lines: list[str], number: int) -> list[str]:
    """The block around the block of a line, by indentation: a container, with its image and its variables."""
    start, indent = number, _indent(lines[number])
    for _ in range(2):
        listed = lines[start].lstrip().startswith("-")
        above = start - 1
        while above >= max(0, number - BLOCK_LINES_MAX):
            line = lines[above]
            inner = _indent(line)
            if line.strip() and (inner < indent or (listed and inner == indent and not line.lstrip().startswith("-"))):
                break
            above -= 1
        if above < max(0, number - BLOCK_LINES_MAX):
            return lines[: number + BLOCK_LINES_MAX]
        start, indent = above, _indent(lines[above])
    end = number + 1
    while end < min(len(lines), number + BLOCK_LINES_MAX) and (not lines[end].strip() or _indent(lines[end]) > indent):
        end += 1
    return lines[start:end]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
