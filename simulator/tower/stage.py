"""Where and when it all happens: what everything that moves before a tower is made from."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.scenes import CameraSpec
from simulator.tower.falls import Shot, Wind
from simulator.tower.geometry import FacadeCamera, FacadeLayout
from simulator.tower.options import TowerOptions


@dataclass(frozen=True)
class Stage:
    """`training`: the seed is one of training's, so shapes are training's too."""

    spec: CameraSpec
    options: TowerOptions
    camera: FacadeCamera
    layout: FacadeLayout
    shot: Shot
    wind: Wind
    training: bool

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.spec.width, self.spec.height

    @property
    def night(self) -> bool:
        """Whether it is dark."""
        return "night" in self.spec.conditions
