"""What administrators change of distances and of times within which a repetition is one case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limits",
        sa.Column("name", sa.Text(), nullable=False, comment="As collector/limits.py names them."),
        sa.Column("value", sa.Integer(), nullable=False, comment="Metres or seconds, as the name ends."),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        comment="In place of what the configuration file says.",
    )


def downgrade() -> None:
    op.drop_table("limits")
