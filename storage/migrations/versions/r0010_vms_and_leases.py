"""How far single VMs are, what an earlier try ended with, when an amendment expires, and leases of pools."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table; rows of the earlier release begin without a value, and its amendments do not
    expire."""
    op.add_column("turns", sa.Column("vms", sa.JSON(), nullable=True))
    op.add_column("intents", sa.Column("earlier", sa.JSON(), nullable=True))
    op.add_column("amendments", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "leases",
        sa.Column("pool_uuid", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("by_kind", sa.String(), nullable=False),
        sa.Column("by_id", sa.String(), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("pool_uuid", name="pk_leases"),
    )


def downgrade() -> None:
    """Refused: see the first tables."""
    raise NotImplementedError("databases are not taken back to an older release")
