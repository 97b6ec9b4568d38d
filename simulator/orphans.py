"""No process of ours outlives the one that started it, even when that is killed without a word (Linux).

As a program, `orphans.py PARENT PROGRAM ARGUMENT...` becomes PROGRAM, which the kernel asks to end when PARENT is gone.
It is a program because what runs between fork and exec of a process with threads must not be Python.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int, how: signal.Signals = signal.SIGKILL) -> None:
    """In a child: get this signal when `parent`, the process that started it, is gone. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it went before we could ask
        os.kill(os.getpid(), how)


def watched(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` so that it is asked to end (SIGTERM) when this process is gone."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]), signal.SIGTERM)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  the program is ours
