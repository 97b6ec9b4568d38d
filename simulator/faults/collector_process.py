"""The collector as it is, started so that it kills itself at one place: `... collector_process PLACE@COUNT run ...`."""

from __future__ import annotations

import sys

from collector.__main__ import main
from simulator.faults.crashing import arm

if __name__ == "__main__":
    arm(sys.argv.pop(1))
    main()
