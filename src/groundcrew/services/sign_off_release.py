"""The one way in which a signed text leaves: looked up, compared with what was signed and with the audit log, and refused loudly
where one byte differs."""

from __future__ import annotations

import logging

import msgspec

from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.sign_off import RELEASED_STATES, SignOff
from groundcrew.domain.sign_off_steps import as_of, release_problem
from groundcrew.errors import NotFound, ReleaseRefused
from groundcrew.services.stops import stop_reason
from groundcrew.store import audit, catalog, sign_offs
from groundcrew.store.database import Connection, Database

#: Who notes in the audit log that a release was refused.
RELEASER = "system:release"

logger = logging.getLogger(__name__)


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What an application may learn of a sign-off now. `text` is there only where people released it; `withheld` says why the
    text of a decided one is kept back for the time being."""

    sign_off: SignOff
    text: str | None = None
    withheld: str = ""


async def checked_release(database: Database, sign_off_id: str) -> Release:
    """What may leave of a sign-off at this moment. NotFound if there is none; ReleaseRefused, noted once in the audit log, where
    the text is not the very bytes that people signed, or the record of their signing was changed."""
    async with database.read() as connection:
        document = await sign_offs.document_of(connection, sign_off_id)
        if document is None:
            raise NotFound(f"no sign-off {sign_off_id!r}")
        found = as_of(catalog.SIGN_OFFS.decode(document), database.clock.now())
        if found.state not in RELEASED_STATES or found.redacted_at is not None:
            return Release(sign_off=found)
        problem = release_problem(found) or await _record_problem(connection, found, document)
        withheld = "" if problem else await stop_reason(connection, found.use_case, found.call_id)
    if problem:
        await _refuse(database, sign_off_id, problem)
    return Release(sign_off=found, withheld=withheld, text=None if withheld else found.final_text)


async def _record_problem(connection: Connection, sign_off: SignOff, document: str) -> str:
    recorded = await sign_offs.recorded_digest(connection, catalog.SIGN_OFFS.subject(sign_off.id))
    return "" if recorded == sha256_hex(document.encode()) else "its record is not the one that the audit log knows"


async def _refuse(database: Database, sign_off_id: str, problem: str) -> None:
    """Note it and raise. The entry has a subject of its own, so that the log goes on saying what the record should be."""
    subject, reason = f"sign-off-release/{sign_off_id}", f"sign-off {sign_off_id} is not released: {problem}"
    logger.error("%s", reason)
    async with database.write(RELEASER) as writer:
        noted = await audit.latest(writer.connection, subject=subject, limit=1)
        if not noted or noted[0].reason != reason:
            await writer.audit("refuse_release", subject, document=None, reason=reason)
    raise ReleaseRefused(reason)
