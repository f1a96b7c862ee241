"""What the readers of files share: a hit, what counts as governed, and how a line is shown without its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec

from groundcrew.domain.inventory import FindingKind, FindingSeverity
from groundcrew.domain.key import KEY_PREFIX
from groundcrew.scanning.catalogue import Catalogue, Service, host_and_port

FRAGMENT_LENGTH_MAX = 160
#: Where the gateway of this machine answers unless told otherwise.
GATEWAYS_DEFAULT = frozenset(("localhost:8400", "127.0.0.1:8400"))

#: Names of variables that hold the address or key of the gateway.
_GATEWAY_NAME = re.compile(r"(?i)groundcrew|(?:llm|ai|model|genai)?_?gateway(?!_?api)")
#: A list of addresses by such a name is one of what is not called.
DENYING_NAME = re.compile(
    r"(?i)den(?:y|ied)|block|forbid|forbidden|disallow|banned|exclud|ignor|not_allowed|redact|suspicious|known_"
)
URL = re.compile(r"(?i)\A\s*(?:https?|wss?)://[^\s\"'<>]{3,2000}")

SEVERITY_OF: dict[FindingKind, FindingSeverity] = {
    "sdk_constructor": "high",
    "raw_http": "high",
    "framework": "medium",
    "cloud_sdk": "high",
    "hardcoded_key": "critical",
    "base_url_override": "high",
    "infrastructure": "medium",
    "ci_secret": "medium",
    "browser_extension": "medium",
}


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """Something found in a file. `line` counts from 1; `mask` is the secret that must not be shown."""

    line: int
    kind: FindingKind
    service: Service | None
    reason: str
    severity: FindingSeverity | None = None
    mask: str = ""
    #: Whether it is a dependency that is declared; such a one is no finding where all use of the service is governed.
    declared: bool = False


class Found(msgspec.Struct, kw_only=True):
    """What a reader says of a file: hits, and the services that it uses through the gateway."""

    hits: list[Hit] = []
    governed: list[str] = []


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader has to know: the catalogue, the gateway's addresses, which modules are the repository's own, and which
    variables are set to the gateway for the folder."""

    catalogue: Catalogue
    gateways: frozenset[str] = GATEWAYS_DEFAULT
    own_modules: frozenset[str] = frozenset()
    governed_names: frozenset[str] = frozenset()

    def is_gateway(self, url: str) -> bool:
        """Whether an address is the gateway's."""
        host, port = host_and_port(url)
        return bool(host) and (f"{host}:{port}" in self.gateways or host in self.gateways or host.split(".")[0] == "groundcrew")


def names_gateway(name: str) -> bool:
    """Whether a variable by its name holds the gateway's address or key."""
    return _GATEWAY_NAME.search(name) is not None


def is_gateway_key(value: str) -> bool:
    """Whether a literal is a key of the gateway, which no provider takes."""
    return value.startswith(KEY_PREFIX)


def is_test_path(path: PurePosixPath) -> bool:
    """Whether a file is a test or an example of data for one: findings there count one step less."""
    parts = [each.lower() for each in path.parts]
    name = parts[-1]
    return any(each in ("test", "tests", "__tests__", "spec", "fixtures", "testdata", "e2e") for each in parts[:-1]) or bool(
        re.search(r"(?:^|[._-])(?:test|tests|spec)(?:[._-]|$)", name.rpartition(".")[0]) or name == "conftest.py"
    )


def fragment_of(shown: str) -> str:
    """A line that holds no secret any more as it is shown: not too long."""
    return shown if len(shown) <= FRAGMENT_LENGTH_MAX else shown[: FRAGMENT_LENGTH_MAX - 1] + "…"


def hidden(secret: str) -> str:
    """What is shown of a secret: its last four characters."""
    return f"…{secret[-4:]}" if len(secret) >= 16 else "…"


def line_starts(text: str) -> list[int]:
    """Where each line begins."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


def first_of_each(hits: Iterator[Hit]) -> list[Hit]:
    """One hit for a line, kind and service."""
    kept: dict[tuple[int, str, str], Hit] = {}
    for each in hits:
        kept.setdefault((each.line, each.kind, each.service.id if each.service else ""), each)
    return list(kept.values())
