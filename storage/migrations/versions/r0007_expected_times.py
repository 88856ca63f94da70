"""When a running rollout, and each of its hosts, should be done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; rollouts of the earlier release begin without one."""
    op.add_column("rollouts", sa.Column("expected", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    """Refused: see the first tables."""
    raise NotImplementedError("databases are not taken back to an older release")
