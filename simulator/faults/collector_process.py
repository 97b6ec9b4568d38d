"""The collector as it is. Its first argument is where it is to kill itself: `PLACE@COUNT`, or `-` for nowhere."""

from __future__ import annotations

import sys

from collector.__main__ import main as collect
from simulator.faults.crashing import arm

NOWHERE = "-"


def main() -> None:
    """Arm the crash, if any, then be the collector."""
    place = sys.argv.pop(1)
    arm(None if place == NOWHERE else place)
    collect()


if __name__ == "__main__":
    main()
