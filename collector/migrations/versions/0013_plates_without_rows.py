"""PostgreSQL's indexes of plates have the passages' numbers, too, as SQLite's always do: candidates cost no row."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_COLUMNS = ("plate", "folded", "tail")


def upgrade() -> None:
    _make_anew(["passage_no"])


def downgrade() -> None:
    _make_anew(None)


def _make_anew(include: list[str] | None) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for column in _COLUMNS:
        name = f"ix_passages_{column}_passages_seen_us"
        op.drop_index(name, "passages")
        op.create_index(name, "passages", [column, "seen_us"], postgresql_include=include)
