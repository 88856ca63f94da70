"""Skipped hosts, the coordinator a rollout last saw, and when people were asked about a debt.

Revision ID: 0003
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; rows that are there get what they would have had."""
    op.add_column("rollouts", sa.Column("skipped", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
    op.add_column("rollouts", sa.Column("coordinator", sa.String(), nullable=False, server_default=sa.text("''")))
    op.add_column("debts", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
