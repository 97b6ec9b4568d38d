"""Tables of the map: site plans, what cameras see, where units are, places, hazards. Degrees are WGS 84."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, LargeBinary, Table, Text

from collector.columns import RowId, metadata

plans = Table(
    "plans",
    metadata,
    Column("site", Text, primary_key=True),
    Column("latitude_udeg", BigInteger, nullable=False, comment="Of the picture's middle, in millionths of a degree."),
    Column("longitude_udeg", BigInteger, nullable=False),
    Column("width_mm", BigInteger, nullable=False, comment="What the picture's width is on the ground."),
    Column("bearing_mdeg", Integer, nullable=False, comment="Where up is in the picture: thousandths, from north."),
    Column("picture", LargeBinary, nullable=False, comment="As we have encoded it, never as it came."),
    Column("media_type", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    comment="The picture under a site's map.",
)

camera_views = Table(
    "camera_views",
    metadata,
    Column("site", Text, primary_key=True),
    Column("edge", Text, primary_key=True),
    Column("camera", Text, primary_key=True, comment="Camera, or sensor without a view; its place is in checkpoints."),
    Column("bearing_deg", Integer, nullable=False, comment="Where it looks, clockwise from north."),
    Column("angle_deg", Integer, nullable=False, comment="How wide; 0: it sees nothing."),
    Column("range_m", Integer, nullable=False, comment="How far."),
    Column("watches", Text, comment="Place (a building) whose falls it sees: they are marked there."),
)

unit_positions = Table(
    "unit_positions",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("latitude_udeg", BigInteger, nullable=False),
    Column("longitude_udeg", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False, comment="As the unit says, but never in the future."),
    Column("received_us", BigInteger, nullable=False),
    Column("accuracy_m", Integer),
    Column("heading_deg", Integer),
    Index(None, "received_us"),
    comment="The newest position of each unit.",
)

unit_tracks = Table(
    "unit_tracks",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("slot", BigInteger, primary_key=True, comment="at_us by ten seconds: one point each is enough."),
    Column("latitude_udeg", BigInteger, nullable=False),
    Column("longitude_udeg", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index(None, "at_us"),
    comment="Where units were in the last day.",
)

places = Table(
    "places",
    metadata,
    Column("site", Text, primary_key=True),
    Column("place", Text, primary_key=True, comment="contract.base.Identifier"),
    Column("title", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("latitude_udeg", BigInteger, nullable=False),
    Column("longitude_udeg", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    comment="What people look for on a map: entrances, hydrants, schools.",
)

hazards = Table(
    "hazards",
    metadata,
    Column("site", Text, primary_key=True),
    Column("hazard", Text, primary_key=True, comment="contract.base.Identifier"),
    Column("title", Text, nullable=False),
    Column("level", Text, nullable=False, comment="general or major"),
    Column("latitude_udeg", BigInteger, nullable=False),
    Column("longitude_udeg", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("state", Text, nullable=False, comment="collector.hazards.HazardState"),
    Column("state_us", BigInteger, nullable=False, comment="Since when it is in this state."),
    Column("due_us", BigInteger, comment="Until when it is to be closed."),
    Column("found_us", BigInteger, nullable=False),
    Index(None, "state", "due_us"),
    comment="Dangers that somebody has found and somebody must remove.",
)

hazard_steps = Table(
    "hazard_steps",
    metadata,
    Column("step_id", RowId, primary_key=True, autoincrement=True),
    Column("site", Text, nullable=False),
    Column("hazard", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("note", Text, nullable=False),
    ForeignKeyConstraint(["site", "hazard"], ["hazards.site", "hazards.hazard"]),
    Index(None, "site", "hazard"),
    sqlite_autoincrement=True,
)
