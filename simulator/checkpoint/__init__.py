"""A road checkpoint seen by its camera: lanes, vehicles with Chinese plates, day, night and rain."""

from simulator.checkpoint.build import CheckpointOptions, build_checkpoint

__all__ = ["CheckpointOptions", "build_checkpoint"]
