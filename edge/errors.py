"""The agent's errors. Each message names the thing and says what to do.

WatchpostError
├── ConfigError            the configuration file, its key, and what was expected
├── SourceError
│   ├── SourceUnreadable   not there, not video, or cut off (permanent for a file)
│   ├── SourceAuthRefused  401/403: the camera refuses user name or password
│   ├── SourceNotFound     404: the camera is there, the stream's path is not
│   └── SourceStalled      connected, but no frame within the time-out (temporary)
├── ModelError             a model file missing, changed (hash) or of another shape
├── EvidenceError          a picture or clip could not be written (disk full, quota, permission)
├── OutboxError
│   └── OutboxCorrupt      the database file is damaged
├── BenchError             labelled data to measure on is missing or malformed
└── DeliveryError          broker or collector refuses (credentials, certificate, protocol)
"""

from __future__ import annotations


class WatchpostError(Exception):
    """Base of all errors that a person at the box can act on."""


class ConfigError(WatchpostError):
    """The configuration cannot be used; says file, key and expectation."""


class SourceError(WatchpostError):
    """A camera or file does not deliver."""


class SourceUnreadable(SourceError):
    """Not there, not video, or damaged."""


class SourceAuthRefused(SourceError):
    """The camera refuses the credentials (401 or 403)."""


class SourceNotFound(SourceError):
    """The camera answers, but knows no such stream (404)."""


class SourceStalled(SourceError):
    """Connected, but nothing came within the time-out."""


class ModelError(WatchpostError):
    """A model is missing, is not the one in the manifest, or has other inputs or outputs."""


class EvidenceError(WatchpostError):
    """Evidence could not be written."""


class OutboxError(WatchpostError):
    """The outbox could not take or give an event."""


class OutboxCorrupt(OutboxError):
    """The outbox file is damaged."""


class BenchError(WatchpostError):
    """Labelled data cannot be measured on; says folder, file or line, and what was expected."""


class DeliveryError(WatchpostError):
    """Broker or collector refuses."""
