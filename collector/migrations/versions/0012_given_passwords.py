"""Whose password an administrator has set anew: he chooses one of his own before he does anything else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    said = "Since when he has a password of an administrator's, to be changed first."
    op.add_column("users", sa.Column("given_us", sa.BigInteger(), nullable=True, comment=said))


def downgrade() -> None:
    op.drop_column("users", "given_us")
