"""Indexes only over rows that have a value: most events are no passage, most alerts have no group, time or unit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SPARSE = (
    ("ix_events_passage_id", "events", ["passage_id"]),
    ("ix_alerts_alert_group_alerts_last_event_us", "alerts", ["alert_group", "last_event_us"]),
    ("ix_alerts_due_us", "alerts", ["due_us"]),
    ("ix_alerts_unit_alerts_raised_us", "alerts", ["unit", "raised_us"]),
)


def upgrade() -> None:
    for name, table, columns in _SPARSE:
        op.drop_index(name, table)
        some = sa.text(f"{columns[0]} IS NOT NULL")
        op.create_index(name, table, columns, sqlite_where=some, postgresql_where=some)
    yes, true = sa.text("hashed = 1"), sa.text("hashed")
    op.create_index("ix_passages_hashed", "passages", ["seen_us"], sqlite_where=yes, postgresql_where=true)


def downgrade() -> None:
    op.drop_index("ix_passages_hashed", "passages")
    for name, table, columns in _SPARSE:
        op.drop_index(name, table)
        op.create_index(name, table, columns)
