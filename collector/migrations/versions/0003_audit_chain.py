"""The audit log as a chain that can only grow."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from collector.audit import START, chained, digest_of

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MESSAGE = "the audit log only grows; content is erased by retention alone"
_ONLY_ERASED = (
    "NEW.erased_us IS NULL OR OLD.erased_us IS NOT NULL OR NEW.audit_id <> OLD.audit_id OR NEW.digest <> OLD.digest "
    "OR NEW.chain <> OLD.chain OR NEW.who <> '' OR NEW.subject <> '' OR NEW.salt <> ''"
)


def upgrade() -> None:
    for column in _new_columns(nullable=True):
        op.add_column("audit", column)
    _chain_old_rows()
    with op.batch_alter_table("audit") as batch_op:
        for name in ("salt", "digest", "chain"):
            batch_op.alter_column(name, nullable=False, existing_type=sa.Text())
        batch_op.alter_column("audit_id", comment="Without gaps: 1, 2, 3 and so on.", existing_type=_row_id())
        actions = "view, list, search, export, evidence, sign-in, ..."
        batch_op.alter_column("action", comment=actions, existing_type=sa.Text())
    _create_checkpoints()
    _create_triggers()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_only_grows ON audit")
        op.execute("DROP FUNCTION audit_only_grows()")
    else:
        op.execute("DROP TRIGGER audit_keeps")
        op.execute("DROP TRIGGER audit_only_erased")
    op.drop_table("audit_checkpoints")
    with op.batch_alter_table("audit") as batch_op:
        for column in _new_columns(nullable=True):
            batch_op.drop_column(column.name)


def _row_id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _new_columns(*, nullable: bool) -> list[sa.Column[object]]:
    salt = "Random, so that the digest of an erased row tells nothing."
    digest = "SHA-256 of all columns before it; see `audit.digest_of`."
    chain = "SHA-256 of the chain before this row and its digest."
    erased = "When the content was erased; digest and chain stay."
    return [
        sa.Column("shown", sa.Text(), nullable=True, comment="These plates, JSON."),
        sa.Column("salt", sa.Text(), nullable=nullable, comment=salt),
        sa.Column("digest", sa.Text(), nullable=nullable, comment=digest),
        sa.Column("chain", sa.Text(), nullable=nullable, comment=chain),
        sa.Column("erased_us", sa.BigInteger(), nullable=True, comment=erased),
    ]


def _chain_old_rows() -> None:
    """Rows of before are numbered anew without gaps and become the chain's beginning."""
    connection = op.get_bind()
    before = START
    rows = connection.execute(sa.text("SELECT * FROM audit ORDER BY audit_id")).mappings().all()
    change = sa.text(
        "UPDATE audit SET audit_id = :new, salt = :salt, digest = :digest, chain = :chain WHERE audit_id = :old"
    )
    for number, row in enumerate(rows, start=1):
        filled = {**row, "audit_id": number, "salt": secrets.token_hex(16)}
        digest = digest_of(filled)
        before = chained(before, digest)
        values = {"new": number, "old": row["audit_id"], "salt": filled["salt"], "digest": digest, "chain": before}
        connection.execute(change, values)


def _create_checkpoints() -> None:
    signature = "Of the three values before it, by the key of the data folder."
    op.create_table(
        "audit_checkpoints",
        sa.Column(
            "audit_id", sa.BigInteger(), autoincrement=False, nullable=False, comment="Of the last row that it covers."
        ),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False, comment=signature),
        sa.PrimaryKeyConstraint("audit_id"),
    )


def _create_triggers() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP = 'UPDATE' AND NOT ({_ONLY_ERASED}) THEN RETURN NEW; END IF; "
            f"RAISE EXCEPTION '{_MESSAGE}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON audit "
            "FOR EACH ROW EXECUTE FUNCTION audit_only_grows()"
        )
        return
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
    op.execute(f"CREATE TRIGGER audit_keeps BEFORE DELETE ON audit {refuse}")
    op.execute(f"CREATE TRIGGER audit_only_erased BEFORE UPDATE ON audit WHEN {_ONLY_ERASED} {refuse}")
