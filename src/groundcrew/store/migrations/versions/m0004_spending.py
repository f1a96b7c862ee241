"""Spending: who a call was for as columns, sums by day, what gateways hold, and warnings. Earlier calls are summed once."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEYS = ("day", "use_case", "business_unit", "model", "provider", "key_id", "user_id")
_SUMS = ("calls", "unknown_calls", "input_tokens", "output_tokens", "unknown_tokens", "nanos", "charged_nanos")
_PAGE_ROWS = 1_000
_TOKENS_MAX = 2**62
_NANOS_MAX = 10**18


def upgrade() -> None:
    """Create everything and carry earlier calls over."""
    op.add_column("calls", sa.Column("key_id", sa.Text, nullable=False, server_default=""))
    op.add_column("calls", sa.Column("user_id", sa.Text, nullable=True))
    op.add_column("calls", sa.Column("charged_nanos", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "budget_warnings",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("use_case", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "budget_holds",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("gateway", "kind", "use_case", "account")),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("nanos", sa.BigInteger, nullable=False),
    )
    spending = op.create_table(
        "spending",
        *(sa.Column(name, sa.Text, primary_key=True) for name in _KEYS),
        sa.Column("sample", sa.Boolean, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _SUMS),
    )
    rows = _carry_over(op.get_bind())
    for start in range(0, len(rows), _PAGE_ROWS):
        op.bulk_insert(spending, rows[start : start + _PAGE_ROWS])


def _carry_over(connection: sa.Connection) -> list[dict[str, Any]]:
    calls = sa.table("calls", sa.column("id"), sa.column("document"), sa.column("key_id"), sa.column("charged_nanos"))
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    last = ""
    while True:
        query = sa.select(calls.c.id, calls.c.document).where(calls.c.id > last).order_by(calls.c.id).limit(_PAGE_ROWS)
        page = connection.execute(query).all()
        if not page:
            break
        last = page[-1].id
        for row in page:
            call = json.loads(row.document)
            cost = call.get("cost_usd")
            nanos = min(round((cost or 0.0) * 1e9), _NANOS_MAX)
            values = {"key_id": call["key_id"], "charged_nanos": nanos}
            connection.execute(calls.update().where(calls.c.id == row.id).values(values))
            key = (
                call["received_at"][:10],
                call["use_case"],
                call["business_unit"],
                call.get("target_model") or "",
                call.get("provider") or "",
                call["key_id"],
                "",
                bool(call.get("sample", False)),
            )
            tokens_in, tokens_out = (
                min(max(call.get(name) or 0, 0), _TOKENS_MAX // 2) for name in ("input_tokens", "output_tokens")
            )
            sums.setdefault(key, Counter()).update(
                calls=1,
                unknown_calls=int(cost is None),
                input_tokens=tokens_in,
                output_tokens=tokens_out,
                unknown_tokens=tokens_in + tokens_out if cost is None else 0,
                nanos=nanos,
                charged_nanos=nanos,
            )
    return [
        {**dict(zip((*_KEYS, "sample"), key, strict=True)), **{name: min(each[name], _TOKENS_MAX) for name in _SUMS}}
        for key, each in sums.items()
    ]
