"""What administrators change of due times and channels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "due_times",
        sa.Column("severity", sa.Text(), nullable=False, comment="critical or warning"),
        sa.Column("acknowledge_s", sa.Integer(), nullable=False, comment="After an alert was raised or opened again."),
        sa.Column("arrive_s", sa.Integer(), nullable=False),
        sa.Column("close_s", sa.Integer(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("severity"),
        comment="In place of what the configuration file says.",
    )
    op.create_table(
        "channel_rules",
        sa.Column(
            "channel", sa.Text(), nullable=False, comment="Name in the configuration file, which has its address."
        ),
        sa.Column("severities", sa.Text(), nullable=False, comment="Of which alerts it is told, with spaces between."),
        sa.Column(
            "after_s",
            sa.Integer(),
            nullable=False,
            comment="0: at once; else only if nobody has acknowledged by then.",
        ),
        sa.Column("overdue", sa.Boolean(), nullable=False, comment="Also told when an alert has passed its time."),
        sa.Column("paused", sa.Boolean(), nullable=False, comment="It is told nothing."),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("channel"),
        comment="In place of what the configuration file says.",
    )


def downgrade() -> None:
    op.drop_table("channel_rules")
    op.drop_table("due_times")
