"""Sign-off: an answer that waits for a qualified person. A timeout never approves; a key can not sign."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

SignOffState = Literal["pending", "approved", "edited", "rejected", "expired"]


class SignOff(msgspec.Struct, frozen=True, kw_only=True):
    """One held answer. Released text's sha256 = `signed_sha256`; `draft` is masked as everything that is persisted."""

    id: str
    use_case: str
    call_id: str
    qualification: str
    draft: str
    reason: str
    requested_at: datetime
    expires_at: datetime
    state: SignOffState = "pending"
    signer: str | None = None
    signed_at: datetime | None = None
    final_text: str | None = None
    signed_sha256: str | None = None
    #: Whether the sources support every claim of the draft, as the signer says; an approval says so. None = not said.
    grounded: bool | None = None
    comment: str = ""
