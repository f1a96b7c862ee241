"""A collection: one table of one struct type. Each put writes the document, its lookup columns and its audit entry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from groundcrew.domain.canonical import canonical_json
from groundcrew.store.database import Writer, decode
from groundcrew.store.rows import insert_rows

T = TypeVar("T")

LIST_LIMIT_MAX = 100_000
#: Ids in one statement; a power of two.
IDS_MAX = 512


class Collection(Generic[T]):
    """Rows of struct `kind` in `table`; `noun` names them in the audit log as ``noun/id``.

    `after_new` follows each row that `put` inserts, `after_batch` each batch (by its number), in the same transaction: for sums
    that no way of writing may pass by.
    """

    def __init__(
        self,
        table: sa.Table,
        kind: type[T],
        noun: str,
        *,
        identify: Callable[[T], str],
        columns: Callable[[T], Mapping[str, Any]] = lambda _item: {},
        after_new: Callable[[AsyncConnection, T], Awaitable[None]] | None = None,
        after_batch: Callable[[AsyncConnection, int], Awaitable[None]] | None = None,
    ) -> None:
        self.table, self.kind, self.noun = table, kind, noun
        self.identify, self.columns = identify, columns
        self._after_new, self._after_batch = after_new, after_batch

    def subject(self, item_id: str) -> str:
        """How the audit log names the row with this id."""
        return f"{self.noun}/{item_id}"

    async def get(self, connection: AsyncConnection, item_id: str) -> T | None:
        """The row with this id, or None."""
        document = (
            await connection.execute(sa.select(self.table.c.document).where(self.table.c.id == item_id))
        ).scalar_one_or_none()
        return None if document is None else decode(document, self.kind)

    async def find(
        self,
        connection: AsyncConnection,
        *,
        limit: int = LIST_LIMIT_MAX,
        newest_first: bool = False,
        after: str | None = None,
        **equal: Any,
    ) -> list[T]:
        """Rows whose columns equal the given values, by id; ids are names or UUIDv7, so that this is by name or by time. Those
        whose ids come `after` a given one, to read on page by page."""
        order = self.table.c.id.desc() if newest_first else self.table.c.id
        query = sa.select(self.table.c.document).order_by(order).limit(min(limit, LIST_LIMIT_MAX))
        if after is not None:
            query = query.where(self.table.c.id > after)
        for name, value in equal.items():
            query = query.where(self.table.c[name] == value)
        return [decode(document, self.kind) for document in (await connection.execute(query)).scalars()]

    async def read_each(self, connection: AsyncConnection) -> list[tuple[str, T | None]]:
        """Id and item of every row by id, LIST_LIMIT_MAX at most; None for one that can not be read."""
        query = sa.select(self.table.c.id, self.table.c.document).order_by(self.table.c.id).limit(LIST_LIMIT_MAX)
        found: list[tuple[str, T | None]] = []
        for item_id, document in await connection.execute(query):
            try:
                found.append((item_id, decode(document, self.kind)))
            except (msgspec.MsgspecError, TypeError, UnicodeError):
                found.append((item_id, None))
        return found

    async def find_ids(self, connection: AsyncConnection, ids: Sequence[str]) -> list[T]:
        """The rows with these ids that there are, IDS_MAX ids at most, in no order."""
        some = [*ids, *list(ids[-1:]) * ((1 << max(len(ids) - 1, 0).bit_length()) - len(ids))]
        query = sa.select(self.table.c.document).where(self.table.c.id.in_(some))
        return [self.decode(document) for document in (await connection.execute(query)).scalars()] if ids else []

    def decode(self, document: str) -> T:
        """A stored document as its struct."""
        return decode(document, self.kind)

    async def count(self, connection: AsyncConnection, **equal: Any) -> int:
        """How many rows have columns equal to the given values."""
        query = sa.select(sa.func.count()).select_from(self.table)
        for name, value in equal.items():
            query = query.where(self.table.c[name] == value)
        return int((await connection.execute(query)).scalar_one())

    async def put(self, writer: Writer, item: T, action: str, *, reason: str = "", details: dict[str, Any] | None = None) -> None:
        """Insert or replace the row and append the audit entry."""
        item_id, document = self.identify(item), canonical_json(item)
        values = {"document": document.decode(), **self.columns(item)}
        updated = await writer.connection.execute(self.table.update().where(self.table.c.id == item_id).values(values))
        if updated.rowcount == 0:
            await writer.connection.execute(self.table.insert().values(id=item_id, **values))
            if self._after_new is not None:
                await self._after_new(writer.connection, item)
        await writer.audit(action, self.subject(item_id), document=document, reason=reason, details=_of_use_case(item, details))

    async def insert_batch(
        self, writer: Writer, items: list[T], action: str, subject: str, *, details: dict[str, Any]
    ) -> list[T]:
        """Insert the items that are not there yet, under one audit entry over all of them; returns those inserted."""
        documents = {self.identify(item): (item, canonical_json(item)) for item in items}
        present = await self.present(writer.connection, list(documents))
        fresh = [(each, *documents[each]) for each in sorted(documents.keys() - present)]
        rows = [(item_id, document, self.columns(item)) for item_id, item, document in fresh]
        await self.insert_documents(writer, rows, action, subject, details=details)
        return [item for _, item, _ in fresh]

    async def present(self, connection: AsyncConnection, ids: list[str]) -> set[str]:
        """Which of `ids` have a row."""
        found: set[str] = set()
        for start in range(0, len(ids), IDS_MAX):
            some = ids[start : start + IDS_MAX]
            # Filled up to a power of two: drivers keep prepared statements by their text, and one for every length would be many.
            some += some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))
            query = sa.select(self.table.c.id).where(self.table.c.id.in_(some))
            found.update((await connection.execute(query)).scalars())
        return found

    async def insert_documents(
        self,
        writer: Writer,
        rows: Sequence[tuple[str, bytes, Mapping[str, Any]]],
        action: str,
        subject: str,
        *,
        details: dict[str, Any],
    ) -> None:
        """Insert `rows` (id, document, lookup columns, the same ones in the same order for all), sorted by id and all new, under
        one audit entry over all of them."""
        if not rows:
            return
        joined = b"\n".join(document for _, document, _ in rows)
        entry = await writer.audit(action, subject, document=joined, details={**details, "rows": len(rows)})
        names = ("id", "document", "batch", *rows[0][2])
        values = [(item_id, document.decode(), entry.sequence, *columns.values()) for item_id, document, columns in rows]
        await insert_rows(writer.connection, self.table, names, values)
        if self._after_batch is not None:
            await self._after_batch(writer.connection, entry.sequence)


def _of_use_case(item: Any, details: dict[str, Any] | None) -> dict[str, Any] | None:
    """`details` with the use case that the item belongs to, so that the log can be searched by it."""
    use_case = getattr(item, "use_case", None)
    return details if not isinstance(use_case, str) or not use_case else {"use_case": use_case, **(details or {})}
