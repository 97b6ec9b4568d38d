"""Passages of vehicles to be searched, watch lists, and how long things are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from collector.passages import row_of
from collector.schema_vehicles import passages
from contract.envelope import MalformedEvent, UnsupportedVersion, parse_event
from contract.events import PlatePassageData

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = ("passages", "corrections", "checkpoints", "watch_entries", "watch_pushes", "retention", "holds")


def upgrade() -> None:
    _create_passages()
    _index_passages()
    _create_corrections()
    _create_checkpoints()
    _create_watch_entries()
    _create_watch_pushes()
    _create_retention()
    _create_holds()
    _fill()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _fill() -> None:
    """Passages from the events that are there: the last word of each."""
    connection = op.get_bind()
    query = sa.text("SELECT source, payload FROM events WHERE type = 'plate_passage' ORDER BY row_id")
    rows: dict[tuple[str, str, str], dict[str, object]] = {}
    for source, payload in connection.execute(query):
        try:
            envelope = parse_event(payload.encode())
            data = envelope.parse_data()
        except (MalformedEvent, UnsupportedVersion):
            continue  # what is stored was understood once; a later version that does not must not lose the store
        if isinstance(data, PlatePassageData):
            rows[(envelope.site, envelope.edge, data.passage_id)] = row_of(envelope, data, source)
    if rows:
        connection.execute(passages.insert(), list(rows.values()))


def _create_passages() -> None:
    op.create_table(
        "passages",
        sa.Column(
            "passage_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column(
            "passage_id", sa.Text(), nullable=False, comment="The edge's; shared by provisional and final event."
        ),
        sa.Column("camera", sa.Text(), nullable=False),
        sa.Column(
            "event_id",
            sa.Text(),
            nullable=False,
            comment="The event that tells it best: the final one once it is there.",
        ),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False, comment="Time of that event."),
        sa.Column(
            "plate",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=True,
            comment="As corrected, else as read; empty when unreadable or kept as a hash.",
        ),
        sa.Column(
            "folded",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=True,
            comment="The plate with look-alikes folded to one: see contract.plate_keys.",
        ),
        sa.Column(
            "tail",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=True,
            comment="The same backwards, to find a plate by its end.",
        ),
        sa.Column("read_plate", sa.Text(), nullable=True, comment="As the edge read it, whatever was corrected."),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.Column("hashed", sa.Boolean(), nullable=False, comment="Read, but only its keyed hash has left the edge."),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("colour", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=True),
        sa.Column("speed_class", sa.Text(), nullable=True),
        sa.Column("confidence_permille", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("passage_no"),
        sa.UniqueConstraint("site", "edge", "passage_id", name=op.f("uq_passages_site_edge_passage_id")),
        sqlite_autoincrement=True,
    )


def _index_passages() -> None:
    op.create_index(
        op.f("ix_passages_camera_passages_seen_us_passages_passage_no"),
        "passages",
        ["camera", "seen_us", "passage_no"],
        unique=False,
    )
    op.create_index(op.f("ix_passages_event_id"), "passages", ["event_id"], unique=False)
    op.create_index(op.f("ix_passages_folded_passages_seen_us"), "passages", ["folded", "seen_us"], unique=False)
    op.create_index(op.f("ix_passages_plate_passages_seen_us"), "passages", ["plate", "seen_us"], unique=False)
    op.create_index(
        op.f("ix_passages_seen_us_passages_passage_no"), "passages", ["seen_us", "passage_no"], unique=False
    )
    op.create_index(op.f("ix_passages_tail"), "passages", ["tail"], unique=False)


def _create_corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column(
            "correction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("passage_no", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("old_plate", sa.Text(), nullable=True),
        sa.Column("new_plate", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["passage_no"],
            ["passages.passage_no"],
        ),
        sa.PrimaryKeyConstraint("correction_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_corrections_passage_no"), "corrections", ["passage_no"], unique=False)


def _create_checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("camera", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="What people call the place."),
        sa.Column("latitude_udeg", sa.BigInteger(), nullable=False, comment="WGS 84, in millionths of a degree."),
        sa.Column("longitude_udeg", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "edge", "camera"),
        comment="Where cameras stand, to tell what no vehicle can drive in the time between two of them.",
    )


def _create_watch_entries() -> None:
    op.create_table(
        "watch_entries",
        sa.Column("entry_id", sa.Text(), nullable=False, comment="Stands in every hit."),
        sa.Column("plate", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column(
            "reason", sa.Text(), nullable=False, comment="Why it is looked for; recorded with every look at a hit."
        ),
        sa.Column(
            "sites", sa.Text(), nullable=True, comment="Whose edges look for it, separated by blanks; empty: all."
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="proposed, approved, refused or withdrawn"),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("starts_us", sa.BigInteger(), nullable=True),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="Who approved or refused it: never its author."),
        sa.Column("decided_us", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True, comment="What he said to it, or why it was withdrawn."),
        sa.Column("ended_by", sa.Text(), nullable=True, comment="Who withdrew it."),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("entry_id"),
    )
    op.create_index(
        op.f("ix_watch_entries_created_us_watch_entries_entry_id"),
        "watch_entries",
        ["created_us", "entry_id"],
        unique=False,
    )
    op.create_index(op.f("ix_watch_entries_plate"), "watch_entries", ["plate"], unique=False)
    op.create_index(
        op.f("ix_watch_entries_state_watch_entries_expires_us"), "watch_entries", ["state", "expires_us"], unique=False
    )


def _create_watch_pushes() -> None:
    op.create_table(
        "watch_pushes",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column(
            "digest", sa.Text(), nullable=False, comment="SHA-256 of key id and entries: the same is not told twice."
        ),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("pushed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "edge"),
        comment="The list that each edge was last told, through `messages`.",
    )


def _create_retention() -> None:
    op.create_table(
        "retention",
        sa.Column("kind", sa.Text(), nullable=False, comment="See collector.retention.Kind"),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind"),
        comment="What an administrator has changed; the rest is kept as long as the program says.",
    )


def _create_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("hold_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="alert or event"),
        sa.Column("subject", sa.Text(), nullable=False, comment="Its id."),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.Column("released_us", sa.BigInteger(), nullable=True, comment="Empty: it holds."),
        sa.PrimaryKeyConstraint("hold_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_holds_kind_holds_subject"), "holds", ["kind", "subject"], unique=False)
