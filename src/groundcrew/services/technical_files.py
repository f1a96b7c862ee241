"""The technical file of a use case: made from the records when it is asked for, and kept as it was when somebody files it.

Every statement says what it stands on. What nobody has said or recorded is written down as missing: a gap that is seen is
better than a sentence that nobody stands for.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from groundcrew import __version__
from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.technical_file import TechnicalFile, TechnicalFiling, hash_of
from groundcrew.domain.use_case import UseCase
from groundcrew.errors import Conflict, InputError, NotAllowed
from groundcrew.services.control_facts import materials
from groundcrew.services.lookups import require, require_reason, require_use_case
from groundcrew.services.technical_file_parts import Declared, parts_of
from groundcrew.store import audit, catalog, deciding
from groundcrew.store.database import Connection, Database

FILINGS_MAX = 1_000
FILE_BYTES_MAX = 4 * 1024 * 1024


class FilingHead(msgspec.Struct, frozen=True, kw_only=True):
    """A filing without the file."""

    id: str
    use_case: str
    version_digest: str
    sha256: str
    filed_at: datetime
    filed_by: str
    reason: str


class TechnicalFiles:
    """Technical files of the use cases of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, use_case: str) -> TechnicalFile:
        """The file as the records stand now."""
        async with self._database.read() as connection:
            return await file_in(connection, await require_use_case(connection, use_case), self._database.clock.now())

    async def file(self, use_case: str, *, actor: str, reason: str) -> TechnicalFiling:
        """Keep the file as it is now, as what was filed, with why. A person files it, not a program; Conflict past
        FILINGS_MAX."""
        require_reason(reason)
        async with self._database.write(actor) as writer:
            item = await require_use_case(writer.connection, use_case)
            origin, _, name = actor.partition(":")
            account = await catalog.USERS.get(writer.connection, name) if origin == "user" else None
            if origin not in ("user", "cli") or (account is not None and (account.disabled or account.kind == "agent")):
                raise NotAllowed("a technical file is filed by a person")
            if await deciding.TECHNICAL_FILINGS.count(writer.connection, use_case=use_case) >= FILINGS_MAX:
                raise Conflict(f"{use_case} has {FILINGS_MAX} filings: no more are kept")
            made = await file_in(writer.connection, item, writer.clock.now())
            if len(canonical_json(made)) > FILE_BYTES_MAX:
                raise Conflict(f"the file is larger than {FILE_BYTES_MAX} bytes")
            filing = TechnicalFiling(
                id=new_id(),
                use_case=use_case,
                version_digest=made.version_digest,
                sha256=made.sha256,
                filed_at=made.made_at,
                filed_by=actor,
                reason=reason,
                file=made,
            )
            details = {"sha256": made.sha256, "version_digest": made.version_digest}
            await deciding.TECHNICAL_FILINGS.put(writer, filing, "file", reason=reason, details=details)
        return filing

    async def filings(self, use_case: str, *, limit: int = 100) -> list[FilingHead]:
        """What was filed of a use case, the newest first."""
        async with self._database.read() as connection:
            await require_use_case(connection, use_case)
            found = await deciding.TECHNICAL_FILINGS.find(connection, use_case=use_case, newest_first=True, limit=limit)
        fields = FilingHead.__struct_fields__
        return [FilingHead(**{name: getattr(each, name) for name in fields}) for each in found]

    async def filing(self, filing_id: str) -> TechnicalFiling:
        """One filing with the file as it was filed; NotFound."""
        async with self._database.read() as connection:
            return await require(connection, deciding.TECHNICAL_FILINGS, filing_id)


async def file_in(connection: Connection, use_case: UseCase, now: datetime) -> TechnicalFile:
    """The technical file of `use_case` at `now`, with its hash."""
    found = await materials(connection, use_case, now)
    applied = await audit.latest(connection, subject=catalog.USE_CASES.subject(use_case.name), limit=100)
    newest = next((each for each in applied if each.action == "apply"), None)
    said = Declared(by=newest.actor if newest else "", at=newest.at if newest else None)
    assessment = found.risk.assessment
    made = TechnicalFile(
        use_case=use_case.name,
        title=use_case.title,
        release=__version__,
        made_at=now,
        version_digest=found.facts.version_digest,
        stage=use_case.stage,
        risk_tier=assessment.tier,
        risk_reasons=assessment.reasons,
        questionnaire=found.risk.questionnaire,
        chain_sequence=found.chain.sequence if found.chain else 0,
        chain_hash=found.chain.hash if found.chain else "",
        parts=parts_of(found, said),
    )
    return msgspec.structs.replace(made, sha256=hash_of(made))


def file_problems(file: TechnicalFile) -> list[str]:
    """What in a file does not fit together; none where it is as it was made."""
    return [] if hash_of(file) == file.sha256 else ["the file was changed: its content does not have the hash that it names"]


def read_file(data: bytes, name: str) -> TechnicalFile:
    """A technical file from its JSON. Raises InputError naming the file."""
    if len(data) > FILE_BYTES_MAX:
        raise InputError(f"larger than {FILE_BYTES_MAX} bytes", file=name)
    try:
        return msgspec.json.decode(data, type=TechnicalFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"is no technical file: {error}", file=name) from None
