"""Sums of calls, ratings and outcomes, which pages and gates read instead of adding up; what of a rating and of a sign-off is
looked up, as columns; indexes for the newest calls. Earlier rows are summed once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

#: Rows that are read at a time.
PAGE_ROWS = 5_000
_SUM_MAX = 2**62
_NANOS_MAX = 10**18
_CALL_SUMS = ("calls", "unknown_cost_calls", "cost_nanos", "input_tokens", "output_tokens")
_RATING_SUMS = ("one", "two", "three", "four", "five", "asked", "harms")
_OUTCOME_KEYS = ("use_case", "version_digest", "metric", "arm", "day")


def upgrade() -> None:
    """Add columns, indexes and tables, and fill them."""
    op.add_column("ratings", sa.Column("at", sa.Text, nullable=False, server_default=""))
    op.add_column("ratings", sa.Column("stars", sa.Integer, nullable=False, server_default="0"))
    op.add_column("ratings", sa.Column("case_id", sa.Text, nullable=True))
    op.add_column("ratings", sa.Column("critical_harm", sa.Boolean, nullable=True))
    op.add_column("sign_offs", sa.Column("expires_at", sa.Text, nullable=False, server_default=""))
    rating_sums = _tables()
    connection = op.get_bind()
    _sign_offs(connection)
    op.bulk_insert(rating_sums, _ratings(connection))
    _outcomes(connection)
    _calls(connection)
    _indexes()


def _tables() -> sa.Table:
    text, number, real = sa.Text, sa.BigInteger, sa.Float
    op.create_table(
        "call_sums",
        *(
            sa.Column(name, text, primary_key=True)
            for name in ("use_case", "span", "period", "version_digest", "status", "trust_state")
        ),
        sa.Column("sample", sa.Boolean, primary_key=True),
        *(sa.Column(name, number, nullable=False) for name in _CALL_SUMS),
    )
    op.create_index("ix_call_sums_span_period", "call_sums", ["span", "period"])
    op.create_table(
        "call_spreads",
        *(sa.Column(name, text, primary_key=True) for name in ("use_case", "measure", "day", "version_digest")),
        sa.Column("sample", sa.Boolean, primary_key=True),
        sa.Column("bucket", sa.Integer, primary_key=True),
        sa.Column("calls", number, nullable=False),
        sa.Column("total", real, nullable=False),
        sa.Column("squares", real, nullable=False),
    )
    op.create_table(
        "outcome_sums",
        *(sa.Column(name, text, primary_key=True) for name in _OUTCOME_KEYS),
        sa.Column("sample", sa.Boolean, primary_key=True),
        sa.Column("outcomes", number, nullable=False),
        sa.Column("total", real, nullable=False),
        sa.Column("squares", real, nullable=False),
    )
    return op.create_table(
        "rating_sums",
        *(sa.Column(name, text, primary_key=True) for name in ("use_case", "version_digest")),
        sa.Column("sample", sa.Boolean, primary_key=True),
        *(sa.Column(name, number, nullable=False) for name in _RATING_SUMS),
        sa.Column("rewrites", number, nullable=False),
        sa.Column("newest", text, nullable=False),
    )


def _indexes() -> None:
    """What pages ask for: the newest calls that were for people, copies by version, ratings in their order and of one rater."""
    served, copies = sa.text("shadow_of IS NULL AND trial IS NULL"), sa.text("shadow_of IS NOT NULL")
    for name, columns, where in (
        ("ix_calls_served_id", ["id"], served),
        ("ix_calls_served_use_case_id", ["use_case", "id"], served),
        ("ix_calls_served_use_case_status_id", ["use_case", "status", "id"], served),
        ("ix_calls_copies_use_case_version_digest_id", ["use_case", "version_digest", "id"], copies),
    ):
        op.create_index(name, "calls", columns, sqlite_where=where, postgresql_where=where)
    for table, name in (
        ("calls", "use_case_version_digest_status"),
        ("ratings", "use_case_version_digest"),
        ("sign_offs", "state"),
        ("sign_offs", "use_case"),
    ):
        # A database of the first release that lost an index must not keep this one from being brought up to date.
        op.drop_index(f"ix_{table}_{name}", table, if_exists=True)
    for table, *columns in (
        ("ratings", "use_case", "version_digest", "sample", "at", "id"),
        ("ratings", "use_case", "version_digest", "sample", "rater", "call_id", "case_id"),
        ("label_draws", "use_case", "version_digest", "id"),
        ("label_draws", "use_case", "version_digest", "batch"),
        ("sign_offs", "state", "expires_at", "use_case"),
        ("sign_offs", "use_case", "state", "id"),
        ("sign_offs", "call_id"),
    ):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _pages(connection: sa.Connection, name: str) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """(id, document) of every row, by id, a page at a time."""
    table = sa.table(name, sa.column("id"), sa.column("document"))
    after = ""
    while True:
        query = sa.select(table.c.id, table.c.document).where(table.c.id > after).order_by(table.c.id).limit(PAGE_ROWS)
        rows = connection.execute(query).all()
        if not rows:
            return
        yield [(item_id, msgspec.json.decode(document)) for item_id, document in rows]
        after = rows[-1].id


def _stamp(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def _sign_offs(connection: sa.Connection) -> None:
    table = sa.table("sign_offs", sa.column("id"), sa.column("expires_at"))
    for page in _pages(connection, "sign_offs"):
        for item_id, read in page:
            values = {"expires_at": _stamp(read["expires_at"])}
            connection.execute(sa.update(table).where(table.c.id == item_id).values(values))


def _ratings(connection: sa.Connection) -> list[dict[str, Any]]:
    names = ("at", "stars", "rater", "call_id", "case_id", "critical_harm")
    table = sa.table("ratings", sa.column("id"), *(sa.column(name) for name in names))
    found: list[tuple[str, dict[str, Any]]] = []
    for page in _pages(connection, "ratings"):
        for item_id, read in page:
            values = {**{name: read.get(name) for name in names}, "at": _stamp(read["at"])}
            connection.execute(sa.update(table).where(table.c.id == item_id).values(values))
            version = {
                "use_case": read["use_case"],
                "version_digest": read["version_digest"],
                "sample": read.get("sample", False),
            }
            found.append((f"{values['at']} {item_id}", {**values, **version}))
    newest: dict[tuple[Any, ...], tuple[str, dict[str, Any]]] = {}
    for place, each in sorted(found, key=lambda each: each[0]):
        who = (each["rater"], each["call_id"], each["case_id"])
        newest[(each["use_case"], each["version_digest"], each["sample"], *who)] = (place, each)
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for key, (place, each) in newest.items():
        own = sums.setdefault(key[:3], {**dict.fromkeys(_RATING_SUMS, 0), "rewrites": 0, "newest": ""})
        own[_RATING_SUMS[each["stars"] - 1]] += 1
        own["asked"] += each["critical_harm"] is not None
        own["harms"] += each["critical_harm"] is True
        own["newest"] = max(own["newest"], place)
    return [dict(zip(("use_case", "version_digest", "sample"), key, strict=True)) | own for key, own in sums.items()]


def _outcomes(connection: sa.Connection) -> None:
    names = ", ".join((*_OUTCOME_KEYS, "sample", "outcomes", "total", "squares"))
    keys = "o.use_case, o.version_digest, o.metric, coalesce(o.arm, ''), substr(o.at, 1, 10), o.sample"
    connection.execute(
        sa.text(
            f"INSERT INTO outcome_sums ({names}) SELECT {keys}, count(*), sum(o.value), sum(o.value * o.value) FROM outcomes o "
            "WHERE NOT EXISTS (SELECT 1 FROM outcomes n WHERE n.use_case = o.use_case AND n.metric = o.metric "
            f"AND n.case_id = o.case_id AND n.sample = o.sample AND n.id > o.id) GROUP BY {keys}"
        )
    )


def _calls(connection: sa.Connection) -> None:
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    spreads: dict[tuple[Any, ...], list[float]] = {}
    for page in _pages(connection, "calls"):
        for _, call in page:
            if call.get("shadow_of") is None and call.get("trial") is None:
                _add_call(call, sums, spreads)
    rows = [
        {
            **dict(zip(("use_case", "span", "period", "version_digest", "status", "trust_state", "sample"), key, strict=True)),
            **{name: min(each[name], _SUM_MAX) for name in _CALL_SUMS},
        }
        for key, each in sums.items()
    ]
    _insert(connection, "call_sums", rows)
    names = ("use_case", "measure", "day", "version_digest", "sample", "bucket", "calls", "total", "squares")
    _insert(connection, "call_spreads", [dict(zip(names, (*key, *own), strict=True)) for key, own in spreads.items()])


def _add_call(
    call: dict[str, Any], sums: dict[tuple[Any, ...], Counter[str]], spreads: dict[tuple[Any, ...], list[float]]
) -> None:
    cost, trust, stamp = call.get("cost_usd"), call.get("trust") or {}, _stamp(call["received_at"])
    sample = bool(call.get("sample", False))
    for span, period in (("all", ""), ("day", stamp[:10]), ("hour", stamp[:13])):
        key = (call["use_case"], span, period, call["version_digest"], call["status"], trust.get("state") or "", sample)
        sums.setdefault(key, Counter()).update(
            calls=1,
            unknown_cost_calls=int(cost is None),
            cost_nanos=min(round(max(cost or 0.0, 0.0) * 1e9), _NANOS_MAX),
            input_tokens=min(max(call.get("input_tokens") or 0, 0), _SUM_MAX),
            output_tokens=min(max(call.get("output_tokens") or 0, 0), _SUM_MAX),
        )
    total, score = call.get("latency_ms", {}).get("total"), trust.get("trust")
    figures = []
    if total is not None:
        bucket = min(max(math.floor(8 * math.log2(total)), -80), 192) if total > 0 else -80
        figures.append(("total_ms", total, bucket))
    if score is not None:
        figures.append(("trust", score, min(max(int(score * 50), 0), 49)))
    for measure, value, bucket in figures:
        own = spreads.setdefault((call["use_case"], measure, stamp[:10], call["version_digest"], sample, bucket), [0, 0.0, 0.0])
        own[0], own[1], own[2] = own[0] + 1, own[1] + value, own[2] + value * value


def _insert(connection: sa.Connection, name: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        table = sa.table(name, *(sa.column(column) for column in rows[0]))
        for start in range(0, len(rows), PAGE_ROWS):
            connection.execute(sa.insert(table), rows[start : start + PAGE_ROWS])
