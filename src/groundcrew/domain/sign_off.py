"""Sign-off: an answer that waits for qualified people. A timeout never approves; a key and an agent can not sign."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.draws import is_drawn
from groundcrew.domain.sign_off_edits import Edit

SignOffState = Literal["pending", "approved", "edited", "rejected", "expired"]
Decision = Literal["approve", "edit", "reject"]
DECISIONS: tuple[Decision, ...] = ("approve", "edit", "reject")
#: States in which a text has left.
RELEASED_STATES: tuple[SignOffState, ...] = ("approved", "edited")

#: How long a draft waits where its use case does not say, in seconds.
EXPIRES_AFTER_S = 7 * 86_400
#: How long a claim lasts unless it is renewed, in seconds. A page that stays open renews it well before.
CLAIM_S = 120
#: How often one sign-off may be read before only approving and rejecting are left: two people who edit each other's text for
#: ever release nothing.
READINGS_MAX = 20


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one person decided on one text. `sha256` is that of the exact UTF-8 bytes they signed, None for a rejection."""

    reader: str
    decision: Decision
    at: datetime
    sha256: str | None = None
    comment: str = ""
    #: Whether the sources support every claim of the draft, as the reader says. None = not said.
    grounded: bool | None = None
    #: The absent person in whose place the reader decided.
    on_behalf_of: str | None = None
    #: Whether it no longer counts: somebody changed the text after it, or it passed to another qualification.
    void: bool = False


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who has a draft before them. While it lasts nobody else decides; it ends by itself. Operational: no part of the record."""

    sign_off_id: str
    holder: str
    until: datetime


class SignOff(msgspec.Struct, frozen=True, kw_only=True):
    """One held answer. Released text's sha256 = `signed_sha256`; `draft` is masked as everything that is persisted.

    `qualification` is what it takes to decide now. `signer`, `signed_at`, `grounded` and `comment` are those of the reading that
    decided, `readings` all of them. `proposed_text` is what stands to be signed by a second person, None where it is the draft.
    """

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

    #: How many different people sign the same text before it leaves: 1 or 2.
    readers: int = 1
    readings: tuple[Reading, ...] = ()
    proposed_text: str | None = None
    #: What was changed between the draft and the text that stands or was signed.
    edits: tuple[Edit, ...] = ()

    #: By when it is to be decided. None: no service level.
    due_at: datetime | None = None
    #: Seconds from being held to `due_at` and to `expires_at`: an escalation starts them again.
    respond_within_s: int | None = None
    expires_after_s: int | None = None
    #: What it passes to when its time is over, once. None: it expires.
    escalate_to: str | None = None
    escalated_at: datetime | None = None
    escalated_from: str | None = None

    #: "blind": once it is decided, a second qualified person judges the draft without seeing the first decision.
    second_review: Literal["blind"] | None = None
    second_reading: Reading | None = None

    #: The channel that hears what becomes of it.
    webhook: str | None = None
    #: When its texts were removed because they had been kept long enough. Nothing is released any more.
    redacted_at: datetime | None = None

    @property
    def text_to_sign(self) -> str:
        """The text that an approval signs now."""
        return self.draft if self.proposed_text is None else self.proposed_text

    @property
    def sha256_to_sign(self) -> str:
        """The sha256 of `text_to_sign`: what a reader names, so that they sign what they saw."""
        return text_digest(self.text_to_sign)

    @property
    def standing(self) -> tuple[Reading, ...]:
        """The signatures that count for the text that stands, in their order."""
        return tuple(each for each in self.readings if not each.void and each.decision != "reject")

    @property
    def decided_by(self) -> Decision | None:
        """What became of the draft, as a decision; None while it waits and where it expired."""
        return {"approved": "approve", "edited": "edit", "rejected": "reject"}.get(self.state)  # type: ignore[return-value]


def review_state(sign_off: SignOff) -> Literal["", "open", "done"]:
    """Whether a second person is still to judge the draft. Nothing is judged of one that nobody decided, or whose texts are
    gone."""
    if sign_off.second_reading is not None:
        return "done"
    waits = sign_off.second_review is not None and sign_off.decided_by is not None and sign_off.redacted_at is None
    return "open" if waits else ""


def sampled(call_id: str, share: float, salt: str) -> bool:
    """Whether a call is one of `share` (0..1) of all, always alike for the same call; `salt` keeps samples apart."""
    return is_drawn(share, f"{salt}/{call_id}")


def text_digest(text: str) -> str:
    """What a signature binds: sha256 over the exact UTF-8 bytes, nothing normalised."""
    return sha256_hex(text.encode())
