"""The catalogue of AI services: dated data that says by what hosts, packages, calls and names each service is told."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import yaml

from groundcrew.errors import InputError

SHIPPED = Path(__file__).parent / "data" / "services.yaml"
#: A catalogue larger than this, or with more services, is none.
CATALOGUE_BYTES_MAX, SERVICES_MAX, PATTERN_LENGTH_MAX = 1_048_576, 2_000, 500
#: Names shorter than this are looked for in quotes only: shorter ones stand in many words.
STEM_LENGTH_MIN = 4

#: (service of a package, maker of clients in it) → the service that such a client calls.
_SOLD_BY = {("openai", "AzureOpenAI"): "azure-openai"}

Role = Literal["sdk", "cloud", "framework", "assistant"]
#: Where packages are named: languages by what is imported, and ecosystems by what is declared as a dependency.
Packages = dict[str, tuple[str, ...]]


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One AI service. `api` are hosts that programs call, `web` those that people use, `local` ports of this machine."""

    id: str
    name: str
    role: Role
    source: str
    as_of: str
    api: tuple[str, ...] = ()
    web: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    key_names: tuple[str, ...] = ()
    url_names: tuple[str, ...] = ()
    expenses: tuple[str, ...] = ()
    packages: Packages = {}
    #: Names of Python packages that are of this service although the rest of the package is not.
    python_names: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


class Infrastructure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pattern that tells models in the files of infrastructure."""

    service: str
    pattern: str
    reason: str


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    services: tuple[Service, ...]
    infrastructure: tuple[Infrastructure, ...] = ()


class Catalogue:
    """All services, looked up by host, package or name. `version` names what it was made of."""

    def __init__(self, services: tuple[Service, ...], infrastructure: tuple[Infrastructure, ...], version: str) -> None:
        self.version = version
        self.services = {each.id: each for each in services}
        self._hosts: dict[str, tuple[Service, bool]] = {}
        self._host_globs: list[tuple[re.Pattern[str], int, Service]] = []
        self._packages: dict[str, dict[str, Service]] = {}
        self._package_globs: dict[str, list[tuple[str, Service]]] = {}
        self.key_names: dict[str, Service] = {}
        self.url_names: dict[str, Service] = {}
        self.local_ports: dict[str, Service] = {}
        for each in services:
            self._add(each)
        self.infrastructure = tuple(
            (self.services[each.service], re.compile(each.pattern, re.M), each.reason) for each in infrastructure
        )
        #: Names of keys as they are written in lower case, with underscores, dashes or without.
        self.written_key_names = {
            written: service
            for name, service in self.key_names.items()
            for written in (name.lower().replace("_", ""), name.lower().replace("_", "-"), name.lower())
        }
        self.stems = self._stems()

    def _add(self, service: Service) -> None:
        for host, is_api in (*((each, True) for each in service.api), *((each, False) for each in service.web)):
            if "*" in host:
                pattern = r"\.".join(re.escape(label).replace(r"\*", r"[a-z0-9-]+") for label in host.split("."))
                self._host_globs.append((re.compile(rf"(?:[a-z0-9_-]+\.)*{pattern}"), int(is_api), service))
            else:
                self._hosts.setdefault(host, (service, is_api))
        for where, names in service.packages.items():
            for name in names:
                if name.endswith("*"):
                    self._package_globs.setdefault(where, []).append((name[:-1], service))
                else:
                    self._packages.setdefault(where, {}).setdefault(name, service)
        self.key_names.update(dict.fromkeys(service.key_names, service))
        self.url_names.update(dict.fromkeys(service.url_names, service))
        self.local_ports.update(dict.fromkeys(service.local, service))
        for name in service.python_names:
            self._packages.setdefault("python", {})[name] = service

    def _stems(self) -> tuple[str, ...]:
        """Plain lower-case pieces of which every file with a finding holds one: whoever holds none is not read further."""
        names = {"bedrock", "ai-sdk", "ollama", "vllm", "llama", "cognitiveservices", "aiplatform", "text-generation-inference"}
        for service in self.services.values():
            names.update(host.replace("*", "").strip(".-").lower() for host in (*service.api, *service.web))
            names.update(each.lower() for each in (*service.key_names, *service.url_names, *service.python_names))
            names.update(each.lower().replace("_", mark) for each in service.key_names for mark in ("", "-"))
            names.update(each.replace("_", "") for each in service.packages.get("ruby", ()))
            for listed in service.packages.values():
                for package in listed:
                    name = package.rstrip("*").lower()
                    quoted = (f"'{name}'", f'"{name}"', f"`{name}`") if len(name) < STEM_LENGTH_MIN else (name,)
                    names.update(quoted if len(name) >= 2 else ())
        names.update((":11434", ":1234/", "import llm", "ai21", "phi.", "ag2", '"nim', "nvcr.io", "open-webui", "flowise"))
        names.update(("langflow", "dify", "djl-inference", "inferenceservice", "huggingface", "manifest_version", "localai"))
        kept: list[str] = []
        for name in sorted(names, key=len):
            if not any(each in name for each in kept):
                kept.append(name)
        return tuple(kept)

    def of_host(self, host: str) -> tuple[Service, bool] | None:
        """The service whose host this is, or lies below, and whether programs call it. Whole labels count, never pieces."""
        name = host.lower().rstrip(".")
        labels = name.split(".")
        for start in range(len(labels) - 1):
            found = self._hosts.get(".".join(labels[start:]))
            if found is not None:
                return found
        for pattern, is_api, service in self._host_globs:
            if pattern.fullmatch(name):
                return service, bool(is_api)
        return None

    def of_url(self, url: str) -> tuple[Service, bool] | None:
        """The service that an address belongs to, and whether programs call it there; models on this machine by their port.

        A scope that a token of Azure is asked for has the form of an address, and is none.
        """
        if url.strip().endswith("/.default"):
            return None
        host, port = host_and_port(url)
        if host in LOCAL_HOSTS or host in ("ollama", "host.docker.internal"):
            service = self.local_ports.get(port)
            return (service, True) if service is not None else None
        return self.of_host(host) if host else None

    def sold_by(self, service: Service, maker: str) -> Service:
        """Whose models a client of a package calls: some hold makers of clients for a cloud that sells the models."""
        return self.services.get(_SOLD_BY.get((service.id, maker.removeprefix("Async")), ""), service)

    def of_package(self, where: str, name: str) -> Service | None:
        """The service of a package: `where` is a language (dotted names; the longest prefix counts) or an ecosystem."""
        known = self._packages.get(where, {})
        if where in ("python", "java", "csharp", "php"):
            separator = "\\" if where == "php" else "."
            parts = name.split(separator)
            for end in range(len(parts), 0, -1):
                if (found := known.get(separator.join(parts[:end]))) is not None:
                    return found
            name = parts[0] if where == "python" else name
        elif where in ("npm", "go"):
            parts = name.split("/")
            for end in range(len(parts), 0, -1):
                if (found := known.get("/".join(parts[:end]))) is not None:
                    return found
        elif name in known:
            return known[name]
        for prefix, service in self._package_globs.get(where, ()):
            if name.startswith(prefix):
                return service
        return None


LOCAL_HOSTS = frozenset(("localhost", "127.0.0.1", "0.0.0.0", "::1"))


def host_and_port(url: str) -> tuple[str, str]:
    """The host in lower case and the port of an address, "" for what it has none of; also of ``host:port/path``."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        return (parts.hostname or "").lower(), str(parts.port or "")
    except ValueError:
        return "", ""


@lru_cache(maxsize=4)
def load(extra: Path | None = None) -> Catalogue:
    """The shipped catalogue, with the services of `extra` added, or in the place of those with the same id. InputError."""
    shipped = _read(SHIPPED)
    if extra is None:
        return Catalogue(shipped.services, shipped.infrastructure, f"{shipped.version}")
    added = _read(extra)
    services = {each.id: each for each in (*shipped.services, *added.services)}
    infrastructure = (*shipped.infrastructure, *added.infrastructure)
    unknown = next((each.service for each in infrastructure if each.service not in services), None)
    if unknown is not None:
        raise InputError(f"no service {unknown!r}", file=str(extra), field="infrastructure")
    return Catalogue(tuple(services.values()), infrastructure, f"{shipped.version}+{extra.name}@{added.version}")


def _read(path: Path) -> _File:
    try:
        with path.open("rb") as stream:
            data = stream.read(CATALOGUE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror}", file=str(path)) from error
    if len(data) > CATALOGUE_BYTES_MAX:
        raise InputError(f"larger than {CATALOGUE_BYTES_MAX} bytes, the most that is read", file=str(path))
    try:
        plain: Any = yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        read = msgspec.convert(plain, _File, strict=False)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError("not valid YAML", file=str(path), line=line) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("not valid YAML", file=str(path)) from error
    except msgspec.ValidationError as error:
        raise InputError(str(error), file=str(path)) from error
    if len(read.services) > SERVICES_MAX:
        raise InputError(f"more than {SERVICES_MAX} services", file=str(path), field="services")
    for each in read.infrastructure:
        _check_pattern(each.pattern, path)
    return read


def _check_pattern(pattern: str, path: Path) -> None:
    try:
        if len(pattern) > PATTERN_LENGTH_MAX:
            raise InputError(f"longer than {PATTERN_LENGTH_MAX} characters", file=str(path), field="pattern")
        re.compile(pattern)
    except re.error as error:
        raise InputError(f"no regular expression: {error}", file=str(path), field="pattern") from error
