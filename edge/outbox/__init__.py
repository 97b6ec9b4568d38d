"""The outbox: every event is here, on disk, before anything else hears of it, and stays until the collector has it.

States of an event: pending -> acked (the collector committed it) or refused (it keeps it aside). Settled events stay
for replays while age and quota allow. A sequence number is given once, by AUTOINCREMENT, in the transaction that
stores the event, so there is no number without an event: every number from 1 to the last is a row here or is written
down in `gone` with the reason. `check` verifies that.
"""

from edge.outbox.changes import ACKED, PENDING, REFUSED, Replay
from edge.outbox.check import check, events_of
from edge.outbox.event import NewEvent, StoredEvent
from edge.outbox.file import SCHEMA
from edge.outbox.store import Outbox

__all__ = [
    "ACKED",
    "PENDING",
    "REFUSED",
    "SCHEMA",
    "NewEvent",
    "Outbox",
    "Replay",
    "StoredEvent",
    "check",
    "events_of",
]
