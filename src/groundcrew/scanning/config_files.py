"""AI use in files that are no code: settings, dependencies, infrastructure, builds, browser extensions, shell lines."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import PurePosixPath

from groundcrew.scanning.catalogue import Service
from groundcrew.scanning.hits import DENYING_NAME, URL, Found, Hit, Surroundings, line_starts, names_gateway

_PAIR = re.compile(
    r"^\s*(?:export\s+|ENV\s+|ARG\s+|set\s+|-\s+(?:export\s+)?)?[\"']?(?P<key>[A-Za-z_][\w.:-]*?)[\"']?\s*(?:=>|:=|[:=]|\s(?=https?://))\s*(?P<value>\S.*?)\s*,?\s*$"
)
_VALUE = re.compile(r"^[\"']?(?P<text>[^\"']*)[\"']?")
_ADDRESS = re.compile(r"(?i)https?://[^\s\"'<>`,;)\]]{3,2000}")
_EXPORTED = re.compile(r"(?:^|[\s;&\"'])(?P<key>[A-Z][A-Z0-9_]{3,60})=(?P<value>[\"']?https?://[^\s\"']+)")
#: Keys whose value is read by people and not called.
_READ_ONLY = re.compile(
    r"(?i)doc|homepage|repository|^bugs?$|readme|schema|\$id|license|author|description|comment|help|image|icon|logo|issue|changelog"
    r"|see|ref(?:erence)?s?$|title|source$|privacy|terms|\bsite_url"
)
_SECRET_USE = (
    r"(?:secrets\.|secrets\[['\"]|\$\{\{\s*(?:vars|env)\.|\$\(|\$\{|\$|credentials\(\s*['\"]|credentialsId:\s*['\"]"
    r"|secret(?:Ref|KeyRef)?:\s*['\"]?|%|from_secret:\s*)"
)
_CALLERS = re.compile(r"(?i)\b(?:curl|wget|http|https|xh|Invoke-RestMethod|Invoke-WebRequest|iwr|irm|httpie)\b")
_VARIABLE = re.compile(r"\$\{?(\w+)")
_DEFINES = re.compile(r"(?:resource|data)\s+\"|AWS::|Microsoft\.")
_REMARK = re.compile(r"^\s*(?:#|//|;|REM\b|::)")
_TRAILING = re.compile(r"\s#\s.*$")
#: A remark in Terraform or Bicep; ``"arn:aws:s3:::reports/*"`` begins none, and neither does what never ends.
_BLOCK_REMARK = re.compile(r"(?s)(?<!\S)/\*(?:.*?\*/|.*)")
_NO_BREAK = re.compile(r"[^\n]")
_BLANKS = re.compile(r"\s{2,}")


def is_ci(path: PurePosixPath) -> bool:
    """Whether a file is one of an automated build."""
    name, whole = path.name.lower(), "/" + path.as_posix().lower()
    return (
        "/.github/workflows/" in whole
        or "/.github/actions/" in whole
        or "/.circleci/" in whole
        or "/.buildkite/" in whole
        or "/.gitlab/ci/" in whole
        or "/.woodpecker/" in whole
        or name.startswith(
            (
                "jenkinsfile",
                "azure-pipelines",
                "bitbucket-pipelines",
                ".gitlab-ci",
                ".travis",
                "buildspec",
                "cloudbuild",
                ".drone",
                "appveyor",
                "codefresh",
            )
        )
    )


def is_infrastructure(path: PurePosixPath, text: str) -> bool:
    """Whether a file sets up machines, containers or services."""
    name, ending = path.name.lower(), path.suffix.lower()
    if ending in (".tf", ".tfvars", ".hcl", ".bicep", ".nomad") or name.startswith(
        ("dockerfile", "containerfile", "docker-compose", "compose.")
    ):
        return True
    if ending in (".dockerfile", ".containerfile", ".service", ".sh", ".bash", ".zsh", ".ps1", ".tpl") or name in (
        "makefile",
        "procfile",
        "justfile",
        "chart.yaml",
    ):
        return True
    if ending in (".yaml", ".yml", ".json", ".toml", ".template"):
        return any(
            each in text
            for each in (
                "AWSTemplateFormatVersion",
                "AWS::",
                "apiVersion:",
                "image:",
                "repository:",
                '"Statement"',
                "Statement:",
                "$schema",
                "resources:",
                "services:",
                "Resources",
                "iamRoleStatements",
                "type: Microsoft",
                "gcp:",
                "aws:",
                "dependencies:",
            )
        )
    return False


def read_settings(text: str, path: PurePosixPath, around: Surroundings) -> Found:
    """Addresses of AI services, and addresses of clients that are not the gateway's, in settings of any format."""
    found = Found()
    catalogue = around.catalogue
    section, pending = "", ""
    for number, line in _own_lines(text):
        if re.match(r"^\s*[\"']?([\w.-]+)[\"']?\s*[:=]?\s*[\[{]?\s*$", line) or line.lstrip().startswith("["):
            section = line.strip(" \t\"':=[]{}")
            continue
        pair = _PAIR.match(line)
        if pair is None:
            loose = _ADDRESS.search(line)
            if loose is not None and not DENYING_NAME.search(section) and not _READ_ONLY.search(section):
                _settings_hit(found, number, section, loose[0], around)
            continue
        key, value = pair["key"], _VALUE.match(pair["value"])
        said = value["text"].strip() if value else ""
        if key.lower() == "name":
            pending = said
            continue
        if key.lower() == "value" and pending:
            key, pending = pending, ""
        name = key.upper().replace("-", "_").replace(".", "_")
        service = catalogue.url_names.get(name)
        if service is not None and URL.match(said):
            _override(found, number, service, said, around)
        elif service is not None and names_gateway(said):
            found.governed.append(service.id)
        elif not (DENYING_NAME.search(key) or DENYING_NAME.search(section) or _READ_ONLY.search(key)):
            address = _ADDRESS.search(pair["value"])
            if address is not None:
                _settings_hit(found, number, key, address[0], around)
    return found


def _override(found: Found, number: int, service: Service, url: str, around: Surroundings) -> None:
    if around.is_gateway(url):
        found.governed.append(service.id)
        return
    target = around.catalogue.of_url(url)
    name = target[0].name if target else "an address that is not the gateway's"
    found.hits.append(
        Hit(
            line=number,
            kind="base_url_override",
            service=target[0] if target else service,
            reason=f"clients of {service.name} are sent to {name}",
        )
    )


def _settings_hit(found: Found, number: int, key: str, url: str, around: Surroundings) -> None:
    service = around.catalogue.of_url(url)
    if service is not None and service[1]:
        reason = f"{key or 'a setting'} sends calls to {service[0].name}"
        found.hits.append(Hit(line=number, kind="base_url_override", service=service[0], reason=reason))


def read_shell(text: str, around: Surroundings) -> Found:
    """Calls of AI services from shell lines, and addresses that they set for clients. A line that goes on is one line."""
    found = Found()
    joined = list(shell_lines(text))
    variables: dict[str, tuple[int, str]] = {}
    for number, line in joined:
        if re.match(r"^\s*(?:echo|printf|@?echo|Write-Host|Write-Output)\b", line) and "|" not in line:
            continue
        exported = False
        for match in _EXPORTED.finditer(line):
            service = around.catalogue.url_names.get(match["key"])
            if service is not None:
                _override(found, number, service, match["value"].strip("\"'"), around)
                exported = True
        assigned = re.match(r"^\s*(?:export\s+|local\s+|readonly\s+|\$)?(\w+)\s*=\s*[\"']?(https?://[^\s\"']+)", line)
        if assigned and not exported:
            variables[assigned[1]] = (number, assigned[2])
            continue
        caller = _CALLERS.search(line)
        for address in _ADDRESS.finditer(line):
            if caller is None or caller.end() > address.start():
                continue
            found_service = around.catalogue.of_url(re.sub(r"\$\{?\w+\}?", "x", address[0]))
            if found_service is not None and found_service[1] and not exported:
                found.hits.append(_called(number, found_service[0]))
    called = _called_with(joined)
    for name, (_, url) in variables.items():
        kept = around.catalogue.of_url(url)
        if kept is not None and kept[1] and name in called and not DENYING_NAME.search(name):
            found.hits.append(_called(called[name], kept[0]))
    return found


def shell_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text that are no remarks, by the number of their first; a line that goes on is one line."""
    begun = 0
    parts: list[str] = []
    for number, line in _own_lines(text):
        begun = begun if parts else number
        parts.append(line.strip() if parts else line)
        if line.endswith("\\"):
            parts[-1] = parts[-1][:-1]
        else:
            yield begun, " ".join(parts)
            parts = []
    if parts:
        yield begun, " ".join(parts)


def _called_with(lines: list[tuple[int, str]]) -> dict[str, int]:
    """The variables that stand in lines which call something, with the first such line."""
    called: dict[str, int] = {}
    for number, line in lines:
        if "$" in line and _CALLERS.search(line):
            for match in _VARIABLE.finditer(line):
                called.setdefault(match[1], number)
    return called


def _called(number: int, service: Service) -> Hit:
    return Hit(line=number, kind="raw_http", service=service, reason=f"calls {service.name} over HTTP without the gateway")


def read_infrastructure(text: str, path: PurePosixPath, around: Surroundings) -> list[Hit]:
    """Models, and what serves them, that are set up: one hit for each line."""
    hits: dict[int, Hit] = {}
    kept = "\n".join("" if _REMARK.match(line) else _TRAILING.sub("", line) for line in text.split("\n"))
    if path.suffix.lower() in (".tf", ".bicep", ".hcl"):
        kept = _BLOCK_REMARK.sub(lambda match: _NO_BREAK.sub(" ", match[0]) if match[0].endswith("*/") else match[0], kept)
    code, starts = kept, line_starts(kept)
    for service, pattern, reason in around.catalogue.infrastructure:
        for match in pattern.finditer(code):
            line = bisect_right(starts, match.start())
            if "azurerm_cognitive_account" in match[0] and not _makes_models(code, match.end()):
                continue
            if line not in hits and not _said(code, match.start()):
                hits[line] = Hit(line=line, kind="infrastructure", service=service, reason=reason)
    return list(hits.values())


def _said(code: str, place: int) -> bool:
    """Whether what stands here is only said: by echo, in a description, or denied by a policy."""
    line = code[code.rfind("\n", 0, place) + 1 : place]
    before = code[max(0, place - 300) : place]
    # What sets something up is no action of a policy, whatever the policy before it denies.
    before = "" if _DEFINES.match(code, place) else before
    denied = max(before.rfind("Deny"), before.rfind("deny"))
    allowed = max(before.rfind("Allow"), before.rfind("allow"), before.rfind("resource "))
    return bool(re.search(r"(?i)\becho\b|description\s*[:=]|\blabel\w*\s*[:=]|message\s*[:=]", line)) or denied > allowed


def _makes_models(code: str, place: int) -> bool:
    body = code[place : place + 600].split("\n}")[0]
    kind = re.search(r"\bkind\s*=\s*\"(\w+)\"", body)
    return kind is None or kind[1] in ("OpenAI", "AIServices", "CognitiveServices")


def read_ci(text: str, around: Surroundings) -> list[Hit]:
    """Keys of AI services that a build is given: the first line of each."""
    hits: dict[str, Hit] = {}
    names = sorted(around.catalogue.key_names, key=len, reverse=True)
    dashed = {each.lower().replace("_", "-"): each for each in names}
    every = "|".join(re.escape(each) for each in (*names, *dashed))
    pattern = re.compile(
        rf"{_SECRET_USE}[\w:.-]{{0,40}}?({every})(?![A-Za-z0-9])|(?:^|[\s\"'-])({every})\s*[:=]\s*\S", re.I | re.M
    )
    for number, line in _own_lines(text):
        for match in pattern.finditer(line):
            said = match[1] or match[2]
            name = said.upper().replace("-", "_")
            service = around.catalogue.key_names.get(name)
            if service is None or (match[2] and "groundcrew" in line.lower()):
                continue
            if "groundcrew" in line.lower() or names_gateway(line.split(":")[-1]):
                continue
            hits.setdefault(name, Hit(line=number, kind="ci_secret", service=service, reason=f"a build is given the key {name}"))
    return list(hits.values())


def read_extension(text: str, around: Surroundings) -> list[Hit]:
    """A browser extension's manifest: pages and services of AI that it may read, write or call."""
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(manifest, dict) or "manifest_version" not in manifest:
        return []
    names = ("permissions", "host_permissions", "optional_host_permissions", "optional_permissions")
    patterns = [_strings(manifest.get(name)) for name in names]
    scripts = manifest.get("content_scripts")
    for each in scripts if isinstance(scripts, list) else ():
        patterns.append(_strings(each.get("matches") if isinstance(each, dict) else None))
    outward = manifest.get("externally_connectable")
    patterns.append(_strings(outward.get("matches") if isinstance(outward, dict) else None))
    hits: dict[str, Hit] = {}
    for pattern in (each for group in patterns for each in group):
        host = re.sub(r"^[*a-z]+://", "", pattern).partition("/")[0].removeprefix("*.")
        found = around.catalogue.of_host(host) if host else None
        if found is not None and found[0].id not in hits:
            line = text.count("\n", 0, max(text.find(json.dumps(pattern)), 0)) + 1
            reason = f"a browser extension may use {found[0].name} ({host})"
            hits[found[0].id] = Hit(line=line, kind="browser_extension", service=found[0], reason=reason)
    return list(hits.values())


def _strings(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def is_own_declaration(text: str) -> bool:
    """Whether a YAML file declares things to groundcrew itself, what is governed or a catalogue: what it names is not used."""
    if re.search(r"(?m)^services:", text) and re.search(r"(?m)[ {,]role:\s*(?:sdk|cloud|framework|assistant)\b", text):
        return True
    return bool(
        re.search(r"(?m)^kind:\s*[\"']?(?:Provider|Model|UseCase|KnowledgeBase|Policy)[\"']?\s*$", text)
    ) and not re.search(r"(?m)^apiVersion:", text)


def _own_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text that are no remarks, numbered from 1, without remarks at their end. Blanks in a row are one, so that no
    pattern tries each way to share many of them."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not _REMARK.match(line):
            yield number, _TRAILING.sub("", _BLANKS.sub(" ", line)).rstrip()
