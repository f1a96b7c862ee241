"""Who met which experiment, and what every look at one said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables. Nothing was assigned before."""
    op.create_table(
        "exposures",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("use_case", "experiment", "unit_id", "arm")),
        sa.Column("cluster", sa.Text, nullable=True),
        sa.Column("exposed_at", sa.Text, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_exposures_experiment", "exposures", ["experiment"])
    op.create_index("ix_exposures_use_case_unit_id", "exposures", ["use_case", "unit_id"])
    op.create_index("ix_exposures_batch", "exposures", ["batch"])
    op.create_table(
        "experiment_looks",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("use_case", "experiment", "version_digest", "mark")),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("ix_experiment_looks_experiment_version_digest", "experiment_looks", ["experiment", "version_digest"])
    op.create_index("ix_experiment_looks_use_case", "experiment_looks", ["use_case"])
