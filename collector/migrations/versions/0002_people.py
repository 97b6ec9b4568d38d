"""People with passwords; tokens, links and sessions that see some sites only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SCOPED = {"tokens": "Sites it may see, separated by blanks; empty: all.", "sign_in_links": "As of tokens."}
_SCOPED["sessions"] = "As of tokens."


def upgrade() -> None:
    for table, comment in _SCOPED.items():
        op.add_column(table, sa.Column("sites", sa.Text(), nullable=True, comment=comment))
    expires = "Worth nothing from then on; empty: for ever."
    op.add_column("tokens", sa.Column("expires_us", sa.BigInteger(), nullable=True, comment=expires))
    made = "Administrator who made it; empty: the command line."
    op.add_column("tokens", sa.Column("created_by", sa.Text(), nullable=True, comment=made))
    _create_users()
    _create_sign_in_failures()


def downgrade() -> None:
    op.drop_table("sign_in_failures")
    op.drop_table("users")
    for column in ("created_by", "expires_us"):
        op.drop_column("tokens", column)
    for table in _SCOPED:
        op.drop_column(table, "sites")


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.Text(), nullable=False, comment="What a person signs in with, and what records call him."),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False, comment="Argon2id hash with its parameters and salt."),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("sites", sa.Text(), nullable=True, comment="As of tokens."),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("password_us", sa.BigInteger(), nullable=False, comment="Since when this password holds."),
        sa.Column(
            "disabled_us",
            sa.BigInteger(),
            nullable=True,
            comment="Since when he may no longer sign in; a name is never given twice.",
        ),
        sa.PrimaryKeyConstraint("name"),
    )


def _create_sign_in_failures() -> None:
    op.create_table(
        "sign_in_failures",
        sa.Column(
            "key", sa.Text(), nullable=False, comment="Name, address, or both, whose wrong passwords are counted."
        ),
        sa.Column("since_us", sa.BigInteger(), nullable=False, comment="When the window began."),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        comment="Wrong passwords in the running window; too many stop further tries.",
    )
