"""What travels between Watchpost's programs: the event envelope, topics, acknowledgements, configuration messages.

Pydantic models only; no program's code. The JSON Schemas and the AsyncAPI document under docs/ref/ are generated
from here (`python -m contract`), and a test fails when they drift.
"""
