"""The agent on the box beside the cameras: sources -> analyzers -> evidence -> outbox -> delivery.

Start reading at `edge.pipeline` (the straight path of one frame), then `edge.agent` (where the parts are joined).
"""
