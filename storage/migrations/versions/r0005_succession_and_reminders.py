"""What must outlive the process that noticed it: a changed coordinator, reminders, how fast was posted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; rows of the earlier release begin without a value."""
    for name in ("pool_synced_at", "stale_sync", "waiting_since", "reminded_at"):
        op.add_column("rollouts", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("channel", sa.String(), nullable=False, server_default=sa.text("''")))
    op.add_column("outbox", sa.Column("edits", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Refused: see the first tables."""
    raise NotImplementedError("databases are not taken back to an older release")
