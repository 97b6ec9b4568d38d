"""The configuration that the centre asks for (`config/desired`): judged, tried, kept when it is good.

A wanted configuration may set all but what makes this box itself: names, folders, connections, privacy and keys come
from its own file. Procedure: 1. judge it; refuse it with reasons, or write it down as the trial (fsynced) and end the
agent's run; 2. the next run uses the trial; 3. after `GOOD_AFTER_S` of that it is the last good one; 4. one that cannot
start, or has begun `MOST_STARTS` times without becoming good, is refused, and the last good one runs, or the own file.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from contract.commands import ConfigDesired, ConfigReported
from contract.envelope import summarise
from edge.config import AgentConfig, with_file_sources
from edge.errors import ConfigError, OutboxError

log = logging.getLogger(__name__)

OWN = ("site", "edge", "data_dir", "broker", "collector", "models_dir", "privacy", "watchlist")
"""Sections that only this box's own file sets."""
GOOD_AFTER_S = 30.0
MOST_STARTS = 3


class _State(BaseModel):
    """What is written down. `starts`: how often the trial has begun."""

    model_config = ConfigDict(frozen=True)

    good: ConfigDesired | None = None
    trial: ConfigDesired | None = None
    starts: int = 0
    refused: ConfigDesired | None = None
    errors: tuple[str, ...] = ()


class Wanted:
    """Chooses what runs. `own` is this box's own file, `folder` where its relative paths begin."""

    def __init__(self, own: AgentConfig, folder: Path) -> None:
        """Raises OutboxError when the data folder cannot be used."""
        self._own = own
        self._folder = folder
        self._path = own.data_dir / "wanted.json"
        self._state = self._read()
        self._running: ConfigDesired | None = None

    def choose(self) -> AgentConfig:
        """The configuration of the next run: the trial, the last good one, or the own file's."""
        trial = self._state.trial
        if trial is not None and self._state.starts >= MOST_STARTS:
            self.refuse_trial(f"it was started {self._state.starts} times and never ran for {GOOD_AFTER_S:.0f} s")
            trial = None
        for wanted in (trial, self._state.good):
            if wanted is None:
                continue
            try:
                chosen = self._judge(wanted)
            except ConfigError as error:  # it was right once: another version of this program reads it now
                log.error("configuration revision %d is not used: %s", wanted.revision, error)
                continue
            self._running = wanted
            if wanted is trial:
                self._write(self._state.model_copy(update={"starts": self._state.starts + 1}))
            return chosen
        self._running = None
        return self._own

    def take(self, desired: ConfigDesired, now: datetime, restart: Callable[[], None]) -> ConfigReported:
        """Judge what the centre asks for; `restart` is called when it is to be tried. Raises OutboxError."""
        if _same(desired, self._running):
            return self._report(now)
        if _same(desired, self._state.refused):
            return self._report(now, self._state.errors)
        errors = self._errors(desired)
        if errors:
            log.warning("configuration revision %d not applied: %s", desired.revision, "; ".join(errors))
            return self._report(now, errors)
        log.warning("configuration revision %d is tried now", desired.revision)
        self._write(self._state.model_copy(update={"trial": desired, "starts": 0}))
        restart()
        return self._report(now)

    def confirm(self) -> None:
        """The trial has run long enough: it is the last good one."""
        trial = self._state.trial
        if trial is not None and _same(trial, self._running):
            try:
                self._write(_State(good=trial))
            except OutboxError as error:
                log.error("%s", error)
            else:
                log.warning("configuration revision %d is good", trial.revision)

    def refuse_trial(self, error: str) -> bool:
        """The trial does not run; False when none was under way."""
        trial = self._state.trial
        if trial is None:
            return False
        log.error("configuration revision %d is taken back: %s", trial.revision, error)
        self._write(_State(good=self._state.good, refused=trial, errors=(error,)))
        return True

    def _report(self, now: datetime, errors: tuple[str, ...] = ()) -> ConfigReported:
        revision = None if self._running is None else self._running.revision
        state = "refused" if errors else "default" if revision is None else "applied"
        return ConfigReported.model_validate({"revision": revision, "state": state, "errors": errors, "at": now})

    def _errors(self, desired: ConfigDesired) -> tuple[str, ...]:
        newest = max((one.revision for one in (self._state.good, self._running) if one is not None), default=0)
        if desired.revision <= newest:
            return (f"revision {desired.revision} is not newer than {newest}, which runs; give a higher one",)
        canonical = json.dumps(desired.config, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        found = hashlib.sha256(canonical.encode()).hexdigest()
        if found != desired.sha256:
            return (f"sha256 is {found}, the message says {desired.sha256}",)
        try:
            self._judge(desired)
        except ConfigError as error:
            return (str(error),)
        return ()

    def _judge(self, desired: ConfigDesired) -> AgentConfig:
        """The whole configuration. Raises ConfigError."""
        own: dict[str, Any] = {name: getattr(self._own, name) for name in OWN}
        mine = [name for name in OWN if name in desired.config and desired.config[name] != own[name]]
        if mine:
            raise ConfigError(f"{', '.join(mine)}: only this edge's own file says that; leave it out")
        try:
            config = AgentConfig.model_validate({**desired.config, **own}, context={"folder": self._folder})
        except ValidationError as error:
            raise ConfigError(summarise(error)) from error
        return with_file_sources(config, self._folder)

    def _read(self) -> _State:
        try:
            return _State.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return _State()
        except (OSError, ValidationError) as error:
            log.error("%s cannot be used (%s): this edge's own file runs", self._path, error)
            return _State()

    def _write(self, state: _State) -> None:
        """Whole or not at all, also when the power fails. Raises OutboxError."""
        temporary = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(state.model_dump_json().encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self._path)
        except OSError as error:
            raise OutboxError(f"{self._path}: the configuration could not be stored ({error}); free space") from error
        self._state = state


def _same(one: ConfigDesired, other: ConfigDesired | None) -> bool:
    return other is not None and (one.revision, one.sha256) == (other.revision, other.sha256)
