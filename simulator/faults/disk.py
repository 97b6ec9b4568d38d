"""A small disk that can be filled up: a file system of its own where that is allowed, else a limit on file sizes."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
from pathlib import Path

_RESERVED = 4096
_BLOCK = 64 * 1024


class SmallDisk:
    """`folder` lies on it. `fill` leaves no room, `free` gives it back."""

    def __init__(self, folder: Path, size_mb: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        mount = shutil.which("mount")
        command = [str(mount), "-t", "tmpfs", "-o", f"size={size_mb}m", "watchpost-faults", str(folder)]
        self.is_real = (
            mount is not None
            and os.geteuid() == 0
            and subprocess.run(command, capture_output=True, check=False).returncode == 0
        )
        self._ballast = folder / "ballast"
        self._limited: int | None = None

    def fill(self, pid: int | None) -> None:
        """No room any more. Where the disk is not one of our own, the process `pid` may write no file beyond 4 KiB."""
        if not self.is_real:
            if pid is not None:
                self._limited = pid
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (_RESERVED, resource.RLIM_INFINITY))
            return
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * _BLOCK)
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            while True:
                file.write(b"\0" * 512)

    def free(self) -> None:
        """Room again."""
        if self._limited is not None:
            with contextlib.suppress(OSError):
                unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
                resource.prlimit(self._limited, resource.RLIMIT_FSIZE, unlimited)
            self._limited = None
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount; what was on it is gone."""
        if self.is_real:
            subprocess.run(["umount", "-l", str(self.folder)], check=False)
            self.is_real = False
