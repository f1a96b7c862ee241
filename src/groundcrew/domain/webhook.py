"""How webhooks are signed: the Standard Webhooks scheme, version 1 (https://www.standardwebhooks.com, specification 1.0.0), so
that receivers check them with any of its libraries, or with `groundcrew.client.verify_webhook`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets as randomness
from collections.abc import Sequence
from urllib.parse import quote

from groundcrew.errors import InputError

SECRET_PREFIX = "whsec_"
#: Bytes of a secret, as the specification has them.
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64
SECRET_BYTES_NEW = 32


def new_secret() -> str:
    """A fresh secret, as it is kept and handed to the receiver."""
    return SECRET_PREFIX + base64.b64encode(randomness.token_bytes(SECRET_BYTES_NEW)).decode()


def secret_bytes(secret: str) -> bytes:
    """The bytes of a secret ``whsec_BASE64``. InputError, which does not hold it, where it is none."""
    problem = f"a webhook's secret is {SECRET_PREFIX} and the Base64 of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes"
    if not secret.startswith(SECRET_PREFIX):
        raise InputError(problem, field="secret")
    try:
        found = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(problem, field="secret") from None
    if not SECRET_BYTES_MIN <= len(found) <= SECRET_BYTES_MAX:
        raise InputError(problem, field="secret")
    return found


def message_id(key: str) -> str:
    """A delivery's key as webhook-id: what it may not hold (a full stop ends it in what is signed) is percent-encoded."""
    return quote(key, safe="/:@").replace(".", "%2E")


def signed_headers(key: str, body: bytes, secrets: Sequence[str], *, now_s: int) -> dict[str, str]:
    """The three headers of one attempt at `now_s` (Unix time); one signature for each of `secrets`, which receivers accept any
    of. InputError for a secret that is none."""
    name = message_id(key)
    signed = f"{name}.{now_s}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(secret_bytes(each), signed, hashlib.sha256)).decode() for each in secrets]
    return {
        "webhook-id": name,
        "webhook-timestamp": str(now_s),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
