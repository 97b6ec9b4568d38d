"""Scenes with known truth: rendered to camera video, played as cameras, scored against what reached the collector.

The truth never enters the agent: it plays ordinary video. Start reading at `simulator.scenario`, then
`simulator.score`.
"""
