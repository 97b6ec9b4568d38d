"""Which building a camera watches: its falls are marked there on the map."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    said = "Place (a building) whose falls it sees: they are marked there."
    op.add_column("camera_views", sa.Column("watches", sa.Text(), nullable=True, comment=said))


def downgrade() -> None:
    op.drop_column("camera_views", "watches")
