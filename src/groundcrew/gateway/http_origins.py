"""Where a URL leads: what to connect to, what to ask for there, and who has to be there. Read once for each URL."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

URLS_MAX = 1_024


class Origin(NamedTuple):
    """Where connections go. `address`, where it is given, is what is connected to; `host` is who has to be there (TLS)."""

    host: str
    port: int
    tls: bool
    address: str = ""


@lru_cache(maxsize=URLS_MAX)
def split_url(url: str) -> tuple[Origin, str, str]:
    """The origin, the request target and the Host header of an http or https URL; ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("not an http or https address")
    tls = parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    if not (target.isascii() and target.isprintable() and " " not in target and parts.hostname.isprintable()):
        raise ValueError("an address with characters that must be quoted")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Origin(parts.hostname, port, tls), target, host if port == (443 if tls else 80) else f"{host}:{port}"
