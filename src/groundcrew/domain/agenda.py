"""What a meeting of the GenAI Stream is about: points that put themselves on the agenda, each with what it holds up."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from groundcrew.domain.approval import Function

AgendaKind = Literal[
    "incident",
    "veto",
    "gate_request",
    "alert",
    "overdue_action",
    "resource_request",
    "authority",
    "overlap",
    "expiring_evidence",
    "champion",
    "finding",
    "experiment",
    "topic",
]


class AgendaEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One point that wants the Stream's time. `key` names it for as long as it wants it (``veto/ID``), so that it is on the
    agenda once; `subject` is what it is about, as the audit log names it.

    `blocks` is how many use cases can not go on before it is settled; `since` is from when it has waited.
    """

    key: str
    kind: AgendaKind
    title: str
    subject: str
    #: Why it is here, in one sentence that a person who knows nothing of it understands.
    why: str
    since: datetime
    link: str
    use_case: str | None = None
    due: datetime | None = None
    blocks: int = 0
    #: The functions whose word it needs; empty: whoever is there.
    functions: tuple[Function, ...] = ()
