"""Breaks the whole system on purpose and counts what came of it: `python -m simulator faults`.

`world` starts the real parts (broker, collector, edges that a load generator feeds) with a `proxy` on every
connection; `catalogue` is the list of faults; `ledger` is what was promised, fsynced before the outbox hears of it;
`count` compares the ledger with what the collector holds. The outbox is never asked what it has sent.
"""
