"""Freed pictures go back to the system, whichever thread had them."""

from __future__ import annotations

import subprocess
import sys

PROBE = """
import re, sys, threading
import numpy as np
from pathlib import Path
from edge.memory import return_freed_pictures
if sys.argv[1] == "set" and not return_freed_pictures():
    sys.exit(77)
def rss_kib():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
def work():
    kept = []
    for _ in range(40):
        pictures = [np.ones((720, 1440), np.uint8) for _ in range(8)]
        kept.append(bytearray(2000))
before = rss_kib()
threads = [threading.Thread(target=work) for _ in range(6)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
print(rss_kib() - before)
"""


def test_memory_after_threads_worked_with_pictures_is_as_before() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE, "set"], capture_output=True, text=True, check=False)
    assert done.returncode in {0, 77}, done.stderr
    if done.returncode == 0:
        assert int(done.stdout) < 6_000
