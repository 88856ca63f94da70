"""The Home tab, notices that people fold away, what a poll sees besides updates, requests that replace others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, add the columns; rows of the earlier release begin without a value."""
    op.create_table(
        "homes",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("user_name", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shown", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_homes")),
    )
    op.create_index(op.f("ix_homes_opened_at"), "homes", ["opened_at"], unique=False)
    op.add_column("pools", sa.Column("ha_enabled", sa.Boolean(), nullable=True))
    op.add_column("pools", sa.Column("pending_hosts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("pools", sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("pools", sa.Column("version", sa.String(), nullable=False, server_default=sa.text("''")))
    op.add_column("pools", sa.Column("outlook", sa.JSON(), nullable=True))
    op.add_column("notices", sa.Column("folded_by", sa.String(), nullable=False, server_default=sa.text("''")))
    op.add_column("notices", sa.Column("folded_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("rollouts", sa.Column("replaces", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Refused: see the first tables."""
    raise NotImplementedError("databases are not taken back to an older release")
