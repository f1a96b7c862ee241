"""What a repository itself says about findings: `.groundcrew-scan.yaml` at its root, and remarks on a line.

Both are reported as accepted, with their reason, and settle nothing in the inventory: that is for people. Whoever can write to a
repository writes these, so that nothing in them makes a finding disappear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from fnmatch import fnmatch
from pathlib import Path

import msgspec
import yaml

from groundcrew.errors import InputError
from groundcrew.scanning.hits import Hit

FILE_NAME = ".groundcrew-scan.yaml"
FILE_BYTES_MAX, RULES_MAX, REASON_LENGTH_MAX = 262_144, 1_000, 500
#: How many gateways of a file are told, and how much of a name is.
NAMED_MAX, NAMED_LENGTH_MAX = 10, 200

_REMARK = re.compile(r"groundcrew:\s*ignore\b[\s:,–-]*(?P<reason>[^\n]*)", re.I)
_OPENING = re.compile(r"^\s*(?:#|//|/\*|\*|--|<!--|;)")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Findings that the repository accepts: all that are given must fit. `path` is a pattern such as ``tools/*``."""

    reason: str
    path: str = "*"
    kind: str | None = None
    service: str | None = None
    until: date | None = None


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: `skip` are patterns of paths not read. `root`, the repository's name, and `gateways`, addresses of gateways, are
    what it would have who scans say: by themselves they do nothing."""

    root: str | None = None
    gateways: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    accept: tuple[Rule, ...] = ()

    def skips(self, path: str) -> bool:
        """Whether a path is not to be read."""
        return any(fnmatch(path, each) or path.startswith(each.rstrip("/") + "/") for each in self.skip)

    def asked(self, name: str, is_gateway: Callable[[str], bool]) -> Iterator[str]:
        """What the file asks for and who scans has not said: to be called by another name, and further gateways."""
        if self.root is not None and self.root != name:
            asked = self.root[:NAMED_LENGTH_MAX]
            yield f"{FILE_NAME} asks for the name {asked!r}: give it with --name where it is this repository's"
        for each in self.gateways[:NAMED_MAX]:
            if not is_gateway(each):
                yield (
                    f"{FILE_NAME} calls {each[:NAMED_LENGTH_MAX]!r} a gateway: give it with --gateway where it is yours, "
                    "so that what goes there counts as governed"
                )

    def reason_for(self, path: str, hit: Hit, today: date) -> str | None:
        """Why a finding is accepted, or None."""
        for each in self.accept:
            service = hit.service.id if hit.service else "unknown"
            fits = fnmatch(path, each.path) and each.kind in (None, hit.kind) and each.service in (None, service)
            if fits and (each.until is None or today <= each.until):
                return each.reason
        return None


def read_rules(root: Path) -> Rules:
    """The rules of a repository; none where it has no such file. InputError where it can not be read."""
    path = root / FILE_NAME
    try:
        with path.open("rb") as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return Rules()
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror}", file=str(path)) from error
    if len(data) > FILE_BYTES_MAX:
        raise InputError(f"larger than {FILE_BYTES_MAX} bytes, the most that is read", file=str(path))
    try:
        rules = msgspec.convert(yaml.safe_load(data) or {}, Rules, strict=False)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError("not valid YAML", file=str(path), line=line) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("not valid YAML", file=str(path)) from error
    except msgspec.ValidationError as error:
        raise InputError(str(error), file=str(path)) from error
    if len(rules.accept) > RULES_MAX:
        raise InputError(f"more than {RULES_MAX} rules", file=str(path), field="accept")
    if any(not each.reason.strip() for each in rules.accept):
        raise InputError("say why: each accepted finding has a reason", file=str(path), field="accept")
    return rules


def remarked(here: str, before: str) -> str | None:
    """The reason that a remark on a line, or alone on the one before, gives for accepting it; without one nothing is accepted.
    The lines hold no secrets any more, and a remark ends where the comment does."""
    match = _REMARK.search(here) or (_REMARK.search(before) if _OPENING.match(before) else None)
    if match is None:
        return None
    reason = re.split(r"\*/|-->", match["reason"])[0].strip()[:REASON_LENGTH_MAX]
    return re.sub(r"(?:[\"',]|\\n)+$", "", reason).strip() or None
