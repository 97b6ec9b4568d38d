"""A residential tower seen from below, with things that fall from it and much else that moves."""

from simulator.tower.options import TowerOptions
from simulator.tower.scene import TowerScene, build_tower

__all__ = ["TowerOptions", "TowerScene", "build_tower"]
