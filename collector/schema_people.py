"""Tables of who may sign in."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from collector.columns import metadata

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True, comment="What a person signs in with, and what records call him."),
    Column("full_name", Text, nullable=False),
    Column("password", Text, nullable=False, comment="Argon2id hash with its parameters and salt."),
    Column("role", Text, nullable=False),
    Column("sites", Text, comment="As of tokens."),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("password_us", BigInteger, nullable=False, comment="Since when this password holds."),
    Column("given_us", BigInteger, comment="Since when he has a password of an administrator's, to be changed first."),
    Column("disabled_us", BigInteger, comment="Since when he may no longer sign in; a name is never given twice."),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("key", Text, primary_key=True, comment="Name, address, or both, whose wrong passwords are counted."),
    Column("since_us", BigInteger, nullable=False, comment="When the window began."),
    Column("failures", Integer, nullable=False),
    comment="Wrong passwords in the running window; too many stop further tries.",
)
