"""`groundcrew apply` over HTTP: YAML files in the request become declared things. Nothing on this server's disk can be named."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec
from litestar import post
from litestar.params import JSONBody

from groundcrew.errors import DeclarationError, InputError
from groundcrew.services import declarations
from groundcrew.services.changes import Change
from groundcrew.services.declaration_yaml import parse_documents, plain
from groundcrew.services.declared import DeclarationErrors, Declarations
from groundcrew.web.api.common import ApiRequest, principal_of, services_of
from groundcrew.web.authorization import require

FILES_MAX = 100
FILE_LENGTH_MAX = 1_000_000
#: Rows that a declaration names, such as a suite's cases.
ROWS_SUFFIX = ".jsonl"
_FILE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,3}$")
#: Keys whose text names a file beside the declaration.
_PATH_KEYS = frozenset({"plan", "authority", "file", "cases"})
#: What stands under these may be a reference to a secret.
_SECRET_KEYS = frozenset({"api_key", "headers", "url", "secret", "old_secrets"})
_FILE_REFERENCE = re.compile(r"\s*(?:\S{1,64} )?file:")

FileText = Annotated[str, msgspec.Meta(max_length=FILE_LENGTH_MAX)]


class Application(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files by relative name, such as ``{"use_case.yaml": "kind: UseCase\\n…"}``; `dry_run` shows the diff and writes nothing."""

    files: Annotated[dict[str, FileText], msgspec.Meta(min_length=1, max_length=FILES_MAX)]
    dry_run: bool = False


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """The diff, and whether it was written."""

    changes: list[Change]
    written: bool


@post("/apply", action="apply", status_code=200, tags=["apply"], summary="Declare providers, knowledge bases and use cases")
async def apply(request: ApiRequest, data: JSONBody[Application]) -> Applied:
    """Write what differs and return the diff; 400 lists all that is wrong. Providers, models, channels and policies with guards
    that are asked over HTTP take the roles admin or it: they say where data and secrets go."""
    principal = principal_of(request)
    declared = await asyncio.to_thread(_read, data.files)
    sends = any(rule.remote is not None for each in declared.policies for rule in each.value.guards)
    sends = sends or any(each.value.leaves for each in declared.verifiers)
    if declared.providers or declared.models or declared.channels or sends:
        require(principal, "apply_routes")
    if declared.capabilities:
        require(principal, "manage_capabilities")
    changes = await services_of(request).registry.apply(declared, actor=principal.actor, dry_run=data.dry_run)
    return Applied(changes=changes, written=not data.dry_run)


def _read(files: dict[str, str]) -> Declarations:
    """The declarations in `files`, read from a folder of their own; places in errors name the files as they were sent."""
    with tempfile.TemporaryDirectory(prefix="groundcrew-apply-") as name:
        folder = Path(name)
        for file, text in files.items():
            if not _FILE_NAME.match(file) or not file.endswith((*declarations.SUFFIXES, ROWS_SUFFIX)):
                raise InputError(f"{file[:80]!r} is not a file name such as use_case.yaml", field="files")
            if not file.endswith(ROWS_SUFFIX):  # rows hold cases, which name no files
                _check_references(file, text)
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        try:
            return declarations.load([folder])
        except DeclarationErrors as error:
            raise DeclarationErrors([_as_sent(each, f"{name}/") for each in error.errors]) from None
        except InputError as error:
            raise InputError(error.message.replace(f"{name}/", ""), field="files") from None


def _as_sent(error: DeclarationError, prefix: str) -> DeclarationError:
    file = error.file.removeprefix(prefix) if error.file else None
    return DeclarationError(error.message.replace(prefix, ""), file=file, line=error.line, field=error.field)


def _check_references(file: str, text: str) -> None:
    """Refuse what would read this server's own files: paths that leave the request, documents, secrets in files."""
    for document in parse_documents(text, file):
        for key, value in _texts(plain(document)):
            if key in _SECRET_KEYS and _FILE_REFERENCE.match(value):
                raise InputError("a secret in a file is declared on the server: use env:NAME", file=file, field=key)
            if key == "paths":
                raise InputError("documents are added on the server: leave `paths` out", file=file, field=key)
            path = PurePosixPath(value)
            if key in _PATH_KEYS and (path.is_absolute() or ".." in path.parts or "\\" in value or value.startswith("~")):
                raise InputError("a path must lead to a file of this request", file=file, field=key)


def _texts(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text with the key that it stands under; of headers, whatever their names, with `headers`."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, key if key == "headers" else str(name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each, key)
    elif isinstance(value, str):
        yield key, value


HANDLERS = [apply]
