"""The small centre: hears the edges over MQTT, keeps what they report, makes alerts of it, and shows both.

The path of an event, in reading order: `mqtt` (the broker's side) → `messages` (what a message is, or why not) →
`ingest` (a batch becomes one transaction, then acknowledgements) with `alerts` (rules), `ranges` (sequence numbers) and
`schema` (tables) → `api` (HTTP) and `web` (the page). `service` joins the parts; `__main__` is the command line.
"""
