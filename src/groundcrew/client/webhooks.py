"""What a receiver of webhooks does first: find out that a message came from its groundcrew and is not an old one sent again.
Standard Webhooks, version 1 (https://www.standardwebhooks.com): any of its libraries does the same. Only the standard library."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from groundcrew.errors import InputError

#: A message that is older, or newer, than this is not taken: what somebody recorded is worth nothing later.
TOLERANCE_S = 300.0
WEBHOOK_BYTES_MAX = 1024 * 1024
SIGNATURES_MAX = 16
_PREFIX = "whsec_"


class WebhookRefused(InputError):
    """A message that is not to be trusted: answer it with HTTP 400 and do nothing."""


class Webhook(NamedTuple):
    """A message that was signed by who has the secret. Act on each `id` once: a message may come again under the same one."""

    id: str
    #: What happened, e.g. ``sign_off.released``.
    type: str
    data: dict[str, Any]


def verify_webhook(
    headers: Mapping[str, str],
    body: bytes,
    secret: str | Sequence[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now_s: float | None = None,
) -> Webhook:
    """The message in `body`, the bytes as they came, where one of its signatures is by `secret` (``whsec_…``; several while you
    change it). WebhookRefused, which names the header, for everything else: not signed, signed by others, older or newer than
    `tolerance_s`. `now_s` is the Unix time to compare with, the clock's where it is left out."""
    found = {name.lower(): value for name, value in headers.items()}
    if len(body) > WEBHOOK_BYTES_MAX:
        raise WebhookRefused(f"larger than {WEBHOOK_BYTES_MAX} bytes", field="body")
    name, stamp = _header(found, "webhook-id"), _header(found, "webhook-timestamp")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise WebhookRefused("is no Unix time in seconds", field="webhook-timestamp")
    age_s = (time.time() if now_s is None else now_s) - int(stamp)
    if abs(age_s) > tolerance_s:
        raise WebhookRefused(f"is {abs(age_s):.0f} s {'old' if age_s > 0 else 'ahead'}", field="webhook-timestamp")
    secrets = [secret] if isinstance(secret, str) else list(secret)
    if not secrets:
        raise InputError("give the secret that the channel signs with", field="secret")
    signed = f"{name}.{stamp}.".encode() + body
    expected = [base64.b64encode(hmac.digest(_bytes(each), signed, hashlib.sha256)) for each in secrets]
    given = [each[3:].encode() for each in _header(found, "webhook-signature").split()[:SIGNATURES_MAX] if each[:3] == "v1,"]
    # Every pair is compared, and each in constant time: how long it takes says nothing of a signature.
    if not sum([hmac.compare_digest(one, other) for one in expected for other in given]):
        raise WebhookRefused("is not by this secret", field="webhook-signature")
    return _read(name, body)


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "").strip()
    if not value:
        raise WebhookRefused("is missing", field=name)
    return value


def _bytes(secret: str) -> bytes:
    """The bytes of ``whsec_BASE64``; InputError, without it, where it is none: a receiver must not accept everything then."""
    try:
        found = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        raise InputError(f"a webhook's secret is {_PREFIX} and Base64", field="secret")
    return found


def _read(name: str, body: bytes) -> Webhook:
    try:
        told = json.loads(body)
        kind, data = told["type"], told["data"]
    except (ValueError, KeyError, TypeError):
        kind, data = None, None
    if not isinstance(kind, str) or not isinstance(data, dict):
        raise WebhookRefused("is no JSON object with type and data", field="body")
    return Webhook(name, kind, data)
