"""Site plans, what cameras see, where units are, places and hazards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_plans()
    _create_camera_views()
    _create_unit_positions()
    _create_unit_tracks()
    _create_places()
    _create_hazards()
    _create_hazard_steps()


def downgrade() -> None:
    for table in ("hazard_steps", "hazards", "places", "unit_tracks", "unit_positions", "camera_views", "plans"):
        op.drop_table(table)


def _create_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column(
            "latitude_udeg",
            sa.BigInteger(),
            nullable=False,
            comment="Of the picture's middle, in millionths of a degree.",
        ),
        sa.Column("longitude_udeg", sa.BigInteger(), nullable=False),
        sa.Column("width_mm", sa.BigInteger(), nullable=False, comment="What the picture's width is on the ground."),
        sa.Column(
            "bearing_mdeg", sa.Integer(), nullable=False, comment="Where up is in the picture: thousandths, from north."
        ),
        sa.Column("picture", sa.LargeBinary(), nullable=False, comment="As we have encoded it, never as it came."),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site"),
        comment="The picture under a site's map.",
    )


def _create_camera_views() -> None:
    op.create_table(
        "camera_views",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column(
            "camera",
            sa.Text(),
            nullable=False,
            comment="Camera, or sensor without a view; its place is in checkpoints.",
        ),
        sa.Column("bearing_deg", sa.Integer(), nullable=False, comment="Where it looks, clockwise from north."),
        sa.Column("angle_deg", sa.Integer(), nullable=False, comment="How wide; 0: it sees nothing."),
        sa.Column("range_m", sa.Integer(), nullable=False, comment="How far."),
        sa.PrimaryKeyConstraint("site", "edge", "camera"),
    )


def _create_unit_positions() -> None:
    op.create_table(
        "unit_positions",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("latitude_udeg", sa.BigInteger(), nullable=False),
        sa.Column("longitude_udeg", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False, comment="As the unit says, but never in the future."),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("accuracy_m", sa.Integer(), nullable=True),
        sa.Column("heading_deg", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("unit"),
        comment="The newest position of each unit.",
    )
    op.create_index(op.f("ix_unit_positions_received_us"), "unit_positions", ["received_us"], unique=False)


def _create_unit_tracks() -> None:
    op.create_table(
        "unit_tracks",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False, comment="at_us by ten seconds: one point each is enough."),
        sa.Column("latitude_udeg", sa.BigInteger(), nullable=False),
        sa.Column("longitude_udeg", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "slot"),
        comment="Where units were in the last day.",
    )
    op.create_index(op.f("ix_unit_tracks_at_us"), "unit_tracks", ["at_us"], unique=False)


def _create_places() -> None:
    op.create_table(
        "places",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False, comment="contract.base.Identifier"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("latitude_udeg", sa.BigInteger(), nullable=False),
        sa.Column("longitude_udeg", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site", "place"),
        comment="What people look for on a map: entrances, hydrants, schools.",
    )


def _create_hazards() -> None:
    op.create_table(
        "hazards",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("hazard", sa.Text(), nullable=False, comment="contract.base.Identifier"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False, comment="general or major"),
        sa.Column("latitude_udeg", sa.BigInteger(), nullable=False),
        sa.Column("longitude_udeg", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="collector.hazards.HazardState"),
        sa.Column("state_us", sa.BigInteger(), nullable=False, comment="Since when it is in this state."),
        sa.Column("due_us", sa.BigInteger(), nullable=True, comment="Until when it is to be closed."),
        sa.Column("found_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "hazard"),
        comment="Dangers that somebody has found and somebody must remove.",
    )
    op.create_index(op.f("ix_hazards_state_hazards_due_us"), "hazards", ["state", "due_us"], unique=False)


def _create_hazard_steps() -> None:
    op.create_table(
        "hazard_steps",
        sa.Column("step_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("hazard", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site", "hazard"], ["hazards.site", "hazards.hazard"]),
        sa.PrimaryKeyConstraint("step_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_hazard_steps_site_hazard_steps_hazard"), "hazard_steps", ["site", "hazard"], unique=False)
