"""A power cut, played: what a disk may hold when the writes after the last fsync are lost, whole or in part.

A kill proves nothing about fsync, since the kernel still writes what it was given. So a process records its writes
(`powercut.c`, loaded by LD_PRELOAD), and `play` makes from the folder as it was before and from that record a folder as
it may be after the cut:
* what was synced is there;
* of each later write of a file, nothing, all, or the first so many sectors are there, whatever became of others;
* names that were made, moved or removed since their folder (or the file itself) was synced may be so or not: some of
  the first ones in order are, as in a file system with a journal.
"""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from simulator.faults.services import find_program

SOURCE = Path(__file__).with_suffix(".c")
_SECTOR = 512


@dataclass(frozen=True, slots=True)
class Record:
    """One call: C create, W write, T truncate, S sync, R rename (`data` is the new name), U unlink, M make folder."""

    op: str
    name: str
    offset: int
    data: bytes


@dataclass
class _File:
    """A file's synced content, and what was done since."""

    content: bytearray = field(default_factory=bytearray)
    since: list[Record] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.since:
            _apply(self.content, change)
        self.since.clear()

    def cut(self, rng: random.Random) -> bytes:
        """What may be there after the cut."""
        keep = rng.choice((0.0, 0.5, 1.0))
        for change in self.since:
            if rng.random() < keep:
                _apply(self.content, change)
            elif rng.random() < keep:
                torn = change.data[: rng.randrange(0, len(change.data) + 1, _SECTOR)]
                _apply(self.content, Record(change.op, change.name, change.offset, torn))
        return bytes(self.content)


@dataclass
class _Disk:
    """Names that are safe, names as the process sees them, and the changes between the two, in order."""

    safe: dict[str, _File] = field(default_factory=dict)
    seen: dict[str, _File] = field(default_factory=dict)
    since: list[tuple[Record, _File | None]] = field(default_factory=list)

    def take(self, record: Record) -> None:
        name = record.name
        match record.op:
            case "C" | "M":
                made = _File() if record.op == "C" else None
                if made is not None:
                    self.seen[name] = made
                self.since.append((record, made))
            case "W" | "T":
                self.seen[name].since.append(record)
            case "R":
                self.seen[record.data.decode()] = self.seen.pop(name)
                self.since.append((record, None))
            case "U":
                self.seen.pop(name, None)
                self.since.append((record, None))
            case "S":
                if name in self.seen:
                    self.seen[name].sync()
                self._keep_names(name)

    def _keep_names(self, synced: str) -> None:
        """A synced file has its name; a synced folder has all names in it."""
        left = []
        for change, made in self.since:
            target = change.data.decode() if change.op == "R" else change.name
            if synced in {target, str(PurePosixPath(target).parent)} or (synced == "" and "/" not in target):
                self._keep(change, made)
            else:
                left.append((change, made))
        self.since = left

    def _keep(self, change: Record, made: _File | None) -> None:
        match change.op:
            case "C" if made is not None:
                self.safe[change.name] = made
            case "R":
                moved = self.safe.pop(change.name, None) or self.seen.get(change.data.decode())
                if moved is not None:
                    self.safe[change.data.decode()] = moved
            case "U":
                self.safe.pop(change.name, None)

    def cut(self, rng: random.Random) -> dict[str, bytes]:
        for change, made in self.since[: rng.randint(0, len(self.since))]:
            self._keep(change, made)
        return {name: file.cut(rng) for name, file in self.safe.items()}


def build(folder: Path) -> Path:
    """Compile the recorder. Raises MissingProgram where there is no C compiler."""
    library = folder / "powercut.so"
    compiler = find_program("cc", "gcc")
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl", "-lpthread"], check=True
    )
    return library


def record_from_here(folder: Path, log: Path) -> None:
    """In a process that has the recorder loaded: record from now on. Raises AttributeError where it is not loaded."""
    ctypes.CDLL(None).powercut_record(os.fsencode(folder.resolve()), os.fsencode(log))


def play(before: Path, log: Path, rng: random.Random) -> dict[str, bytes]:
    """Relative name → content of each file that is there after the cut at the end of the record."""
    disk = _Disk()
    for path in before.rglob("*"):
        if path.is_file():
            disk.safe[path.relative_to(before).as_posix()] = _File(bytearray(path.read_bytes()))
    disk.seen = dict(disk.safe)
    for record in read_records(log):
        disk.take(record)
    return disk.cut(rng)


def put_down(files: dict[str, bytes], folder: Path) -> None:
    """Make the folder hold just these files; its subfolders stay."""
    for path in folder.rglob("*"):
        if path.is_file() or path.is_symlink():
            path.unlink()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def copy_of(folder: Path, target: Path) -> Path:
    """A copy of the folder, to play on later."""
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(folder, target))


def read_records(log: Path) -> Iterator[Record]:
    """The records in order; one that the end of the process has cut off is left out: its call may not have returned."""
    content = log.read_bytes()
    at = 0
    while (end := content.find(b"\n", at)) >= 0:
        op, offset, count, length, _ = content[at:end].split(b" ", 4)
        name = content[end - int(length) : end].decode()
        at = end + 1 + int(count)
        if at > len(content):
            return
        yield Record(op.decode(), name, int(offset), content[end + 1 : at])


def _apply(content: bytearray, change: Record) -> None:
    if change.op == "T":
        del content[change.offset :]
        content.extend(bytes(change.offset - len(content)))
        return
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(change.data)] = change.data
