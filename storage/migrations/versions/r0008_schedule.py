"""When a rollout is to start or to go on, what people were told about it, and freezes of pools."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table; rollouts of the earlier release begin without a value."""
    for name in ("starts_at", "due_at", "announced_at", "working_since", "approvers_reminded_at", "warned_at"):
        op.add_column("rollouts", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("rollouts", sa.Column("emergency", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "freezes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pool_alias", sa.String(), nullable=False),
        sa.Column("begins", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("by_kind", sa.String(), nullable=False),
        sa.Column("by_id", sa.String(), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_freezes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_freezes_pool_alias", "freezes", ["pool_alias"])


def downgrade() -> None:
    """Refused: see the first tables."""
    raise NotImplementedError("databases are not taken back to an older release")
