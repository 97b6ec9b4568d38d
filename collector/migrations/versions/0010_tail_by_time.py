"""The index of plates' ends has the times, too: the newest of many candidates are told without reading them."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_passages_tail", "passages")
    op.create_index("ix_passages_tail_passages_seen_us", "passages", ["tail", "seen_us"])


def downgrade() -> None:
    op.drop_index("ix_passages_tail_passages_seen_us", "passages")
    op.create_index("ix_passages_tail", "passages", ["tail"])
