"""The record of who looked at a plate, and who did what. Append-only: nothing changes or deletes a row."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from collector.access import Principal
from collector.schema import audit


async def record(
    connection: AsyncConnection,
    who: Principal,
    action: str,
    subject: str,
    *,
    now_us: int,
    plates: int = 0,
    reason: str | None = None,
) -> None:
    """Write down one act, in the transaction of the act. `plates`: how many were shown in clear."""
    row = {"at_us": now_us, "who": who.name, "role": who.role.value, "action": action, "subject": subject}
    await connection.execute(audit.insert(), [{**row, "plates": plates, "reason": reason}])
