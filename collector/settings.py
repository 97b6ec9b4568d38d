"""What the collector is told when it starts. Each value is an option of the command line or a variable."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL

from collector.bucket import Bucket
from collector.duty import Duty
from collector.evidence import MAX_BYTES
from collector.gaps import GapPatience
from collector.mqtt_address import BrokerAddress


@dataclass(frozen=True, slots=True)
class Settings:
    """One collector."""

    data_folder: Path
    """Evidence files, this collector's name, and the SQLite database unless another one is named."""
    database: URL
    broker: BrokerAddress | None
    """None: only the API, no ingest."""
    share: bool = False
    """Other collectors on the same database and broker take events too."""
    gap_patience: GapPatience = field(default_factory=GapPatience)
    max_evidence_bytes: int = MAX_BYTES
    bucket: Bucket | None = None
    """Where evidence is kept; None: in the data folder."""
    secure_cookies: bool = False
    """Only over HTTPS: set it behind a TLS proxy."""
    watch_key_file: Path | None = None
    """Key that hashes the plates of the watch list; None: edges are told nothing."""
    address: str = ""
    """Where the page is, for links that are printed."""
    duty: Duty = field(default_factory=Duty)
    """What the site decides about its alerts, and who is told of them."""
