"""PostgreSQL only: the job queue that lets several processes share the work.

The statements are Procrastinate 3.10's own, kept as they were released, because its schema can be applied only once.
A newer Procrastinate comes with a migration of ours that holds its steps.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).parents[1] / "procrastinate_3_10.sql"


def upgrade() -> None:
    """Make the queue's tables and functions."""
    connection = op.get_bind().connection.driver_connection
    if op.get_bind().dialect.name == "postgresql" and connection is not None:
        # Past SQLAlchemy, which would take the percent signs for parameters; still in the same transaction.
        connection.execute(SCHEMA.read_text(encoding="utf-8"))


def downgrade() -> None:
    """Refused: see the first tables."""
    raise NotImplementedError("databases are not taken back to an older release")
