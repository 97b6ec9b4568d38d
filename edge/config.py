"""The agent's configuration: one YAML file, checked as a whole before anything starts.

An error names the file, the line, the key's path, what was expected and what was found. A relative path starts at the
file's folder. Secrets stand in files or environment variables; where a camera's address carries a password, every
display redacts it.
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from contract.base import Identifier
from contract.topics import RESERVED_EDGE_NAMES
from edge.addresses import redact
from edge.errors import ConfigError
from edge.falling.settings import FallingSettings, Polygon
from edge.plates.settings import PlatesSettings
from edge.yaml_files import parse_yaml

AnalyzerName = Literal["falling", "plates"]


def _beside_the_file(value: object, info: ValidationInfo) -> object:
    folder = (info.context or {}).get("folder")
    return Path(folder) / value if isinstance(value, str) and folder is not None else value


ConfigPath = Annotated[Path, BeforeValidator(_beside_the_file)]
"""A path; a relative one starts at the configuration file's folder."""


def _known_scheme(address: str) -> str:
    scheme, found, _ = address.partition("://")
    if found and scheme.lower() not in CAMERA_SCHEMES:
        known = ", ".join(f"{name}://" for name in CAMERA_SCHEMES)
        raise ValueError(f"a camera's address begins with {known}; a video file has no '://'")
    return address


CAMERA_SCHEMES = ("rtsp", "rtsps", "http", "https")
CameraAddress = Annotated[str, Field(min_length=1), AfterValidator(_known_scheme)]


def _as_text(value: object) -> object:
    """YAML reads a bare 5 as a number."""
    return str(value) if isinstance(value, int) else value


class Settings(BaseModel):
    """Base of every section: unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BrokerSettings(Settings):
    """Where events go."""

    url: str = Field(
        pattern=r"^mqtts?://[^/@\s]+$", description="mqtt://host:port or mqtts://host:port, without user and password."
    )
    protocol: Annotated[Literal["5", "3.1.1"], BeforeValidator(_as_text)] = Field(
        default="5", description="MQTT version."
    )
    username: str | None = Field(default=None, description="One credential per edge.")
    password_file: ConfigPath | None = Field(default=None, description="File that holds the password.")
    password_env: str | None = Field(default=None, description="Environment variable that holds the password.")
    ca_file: ConfigPath | None = Field(
        default=None, description="PEM of the authority that signed the broker's certificate (mqtts)."
    )
    cert_file: ConfigPath | None = Field(default=None, description="PEM of this edge's own certificate, where asked.")
    key_file: ConfigPath | None = Field(default=None, description="PEM of its key.")
    keepalive_s: int = Field(
        default=20, ge=5, le=600, description="A silent connection is noticed after 1.5 times this."
    )

    @property
    def tls(self) -> bool:
        return self.url.startswith("mqtts://")

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or (8883 if self.tls else 1883)

    def password(self) -> str | None:
        """The secret itself. Raises ConfigError."""
        return read_secret("broker.password", self.password_file, self.password_env)


class CollectorSettings(Settings):
    """Where evidence goes over HTTP(S)."""

    url: str = Field(pattern=r"^https?://[^\s]+$", description="The collector's address.")
    token_file: ConfigPath | None = Field(default=None, description="File with the token of `collector token create`.")
    token_env: str | None = Field(default=None, description="Environment variable that holds the token.")
    ca_file: ConfigPath | None = Field(default=None, description="PEM of the authority that signed its certificate.")
    upload_kbit_s: float | None = Field(
        default=None, ge=8, description="Evidence takes at most this much of the line; events are never limited."
    )

    def token(self) -> str | None:
        """The secret itself. Raises ConfigError."""
        return read_secret("collector.token", self.token_file, self.token_env)


class DeliverySettings(Settings):
    """How events are confirmed."""

    confirm: Literal["collector", "broker"] = Field(
        default="collector",
        description="Who confirms an event. `broker` needs no collector, but an event that the broker loses is lost.",
    )
    max_unacknowledged: int = Field(default=500, ge=1, le=500, description="Events under way at the same time.")
    ack_timeout_s: float = Field(
        default=20, gt=0, le=3600, description="An event without an ack is sent again after this."
    )
    live_s: float = Field(
        default=60, gt=0, le=3600, description="An event older than this is backlog: sent after live ones."
    )


class OutboxSettings(Settings):
    """How much is kept here."""

    max_mb: float = Field(
        default=512, ge=1, description="Above this, events are given up by worth, and that is reported."
    )
    keep_days: float = Field(default=7, ge=0, description="Acknowledged events stay this long, for replays.")


class EvidenceSettings(Settings):
    """Pictures and clips."""

    max_mb: float = Field(default=4096, ge=10, description="Above this, uploaded files go first, then waiting clips.")
    keep_days: float = Field(default=7, ge=0, description="Uploaded files stay this long.")
    clips: bool = Field(default=True, description="Record a clip of what has one; else pictures only.")
    jpeg_quality: int = Field(default=90, ge=40, le=100, description="Of snapshots.")
    clip_before_s: float = Field(default=5, ge=0, le=30, description="Seconds of clip before the event.")
    clip_after_s: float = Field(default=5, ge=0, le=30, description="Seconds of clip after it.")
    ring_s: float = Field(default=16, ge=2, le=120, description="Seconds of video kept in memory per camera.")


class WatchlistSettings(Settings):
    """Plates that are looked for. The list itself comes over MQTT, as keyed hashes."""

    key_file: ConfigPath | None = Field(
        default=None, description="File with the list's key; it may come later, and go once it has been read."
    )


class PrivacySettings(Settings):
    """What may leave the box."""

    plates: Literal["clear", "hashed"] = Field(
        default="clear", description="`hashed`: passages as keyed hashes only, plates covered in pictures and clips."
    )
    key_file: ConfigPath | None = Field(
        default=None, description="File with the key of those hashes: the same on all edges, another than the list's."
    )

    @model_validator(mode="after")
    def _hashes_have_a_key(self) -> PrivacySettings:
        if self.plates == "hashed" and self.key_file is None:
            raise ValueError("plates: hashed needs a key_file; make one: collector watchlist new-key FILE")
        return self


class HealthSettings(Settings):
    """What the agent says about itself."""

    interval_s: float = Field(default=10, ge=0.2, le=3600, description="Seconds between health messages.")


class LoggingSettings(Settings):
    """The agent's own log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = Field(default=False, description="One JSON object a line instead of text.")


class CameraSettings(Settings):
    """One camera and what looks at it."""

    id: Identifier
    source: CameraAddress = Field(description="rtsp:// or http(s):// address, or a video file.")
    sub_source: CameraAddress | None = Field(
        default=None, description="The same camera's smaller stream, for what needs no detail."
    )
    username: str | None = Field(default=None, description="For the camera's sign-in.")
    password_file: ConfigPath | None = Field(default=None, description="File that holds the camera's password.")
    password_env: str | None = Field(default=None, description="Environment variable that holds it.")
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="Of RTSP.")
    timeout_s: float = Field(
        default=5, gt=0, le=60, description="A stream that is silent for this long is connected anew."
    )
    realtime: bool = Field(default=False, description="Play a file at its own speed instead of as fast as possible.")
    analyzers: tuple[AnalyzerName, ...] = Field(min_length=1, description="What to look for.")
    privacy_masks: tuple[Polygon, ...] = Field(default=(), description="Areas blackened in all evidence.")
    falling: FallingSettings = Field(default_factory=FallingSettings)
    plates: PlatesSettings = Field(default_factory=PlatesSettings)

    @property
    def live(self) -> bool:
        """True for an address, False for a file."""
        return "://" in self.source

    @property
    def drawing(self) -> str:
        """All that was drawn on this camera's picture, as JSON; empty when nothing was."""
        areas = {"facade", "zones", "ignore", "zone", "lanes", "speed"}
        parts = [
            self.falling.model_dump_json(include=areas, exclude_defaults=True),
            self.plates.model_dump_json(include=areas, exclude_defaults=True),
        ]
        told = [part for part in parts if part != "{}"]
        return "".join([*told, *(json.dumps(mask) for mask in self.privacy_masks)])

    def address(self, source: str) -> str:
        """`source` with the camera's user and password put in. Raises ConfigError."""
        password = read_secret(f"camera {self.id}: password", self.password_file, self.password_env)
        if self.username is None or "://" not in source:
            return source
        parts = urlsplit(source)
        host = parts.netloc.rpartition("@")[2]
        user = quote(self.username, safe="") + (f":{quote(password, safe='')}" if password is not None else "")
        return urlunsplit(parts._replace(netloc=f"{user}@{host}"))


class AgentConfig(Settings):
    """The whole file."""

    site: Identifier = Field(description="Name of the place; the first level of every topic.")
    edge: Identifier = Field(description="Name of this box; unique across sites.")
    data_dir: ConfigPath = Field(description="Folder for the outbox and the evidence.")
    broker: BrokerSettings | None = Field(default=None, description="Without one, events only gather in the outbox.")
    collector: CollectorSettings | None = None
    delivery: DeliverySettings = Field(default_factory=DeliverySettings)
    outbox: OutboxSettings = Field(default_factory=OutboxSettings)
    evidence: EvidenceSettings = Field(default_factory=EvidenceSettings)
    watchlist: WatchlistSettings = Field(default_factory=WatchlistSettings)
    privacy: PrivacySettings = Field(default_factory=PrivacySettings)
    health: HealthSettings = Field(default_factory=HealthSettings)
    logging: LoggingSettings = Field(default_factory=LoggingSettings)
    models_dir: ConfigPath | None = Field(default=None, description="Other models than the packaged ones.")
    cameras: tuple[CameraSettings, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_usable(self) -> AgentConfig:
        if self.edge in RESERVED_EDGE_NAMES:
            raise ValueError(f"edge: {self.edge!r} is reserved for the collector's topics; choose another name")
        names = [camera.id for camera in self.cameras]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"cameras: the id {twice[0]!r} is used twice; each camera needs its own")
        return self

    @model_validator(mode="after")
    def _secrets_stay_secret(self) -> AgentConfig:
        """Where plates are told as hashes, no list's key may open them."""
        if self.privacy.plates == "clear":
            return self
        if self.privacy.key_file == self.watchlist.key_file:
            raise ValueError("privacy.key_file: whoever makes watch lists could read all passages; make another key")
        return self

    def redacted(self) -> dict[str, Any]:
        """The configuration for display: no password in any address."""
        shown: dict[str, Any] = self.model_dump(mode="json")
        for camera in shown["cameras"]:
            for key in ("source", "sub_source"):
                camera[key] = camera[key] and redact(camera[key])
        return shown


def read_secret(what: str, file: Path | None, environment: str | None) -> str | None:
    """A secret from its file or environment variable; None when neither is named. Raises ConfigError."""
    if file is not None:
        try:
            return file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{what}: cannot read {file} ({error}); make it readable for the agent's user") from error
    if environment is not None:
        if environment not in os.environ:
            raise ConfigError(f"{what}: the environment variable {environment} is not set")
        return os.environ[environment]
    return None


def load(path: Path) -> AgentConfig:
    """Read and check a configuration file. Raises ConfigError that tells everything that is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    return parse(text, path)


def parse(text: str, path: Path) -> AgentConfig:
    """Check a configuration's text; `path` names it in errors and is where relative paths start. Raises ConfigError."""
    tree, raw = parse_yaml(text, path)
    if tree is None or not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected keys such as site, edge, cameras; found {type(raw).__name__}")
    try:
        config = AgentConfig.model_validate(raw, context={"folder": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError(_describe(path, tree, error)) from error
    return with_file_sources(config, path.resolve().parent)


def with_file_sources(config: AgentConfig, folder: Path) -> AgentConfig:
    """Cameras that are files get paths relative to the configuration's folder."""
    cameras = tuple(
        camera if camera.live else camera.model_copy(update={"source": str(folder / camera.source)})
        for camera in config.cameras
    )
    return config.model_copy(update={"cameras": cameras})


def _describe(path: Path, tree: yaml.Node, error: ValidationError) -> str:
    items = error.errors(include_url=False)
    # pydantic counts only the valid items of a list: "too short" beside an error inside that list says nothing new
    inner = {item["loc"][:depth] for item in items for depth in range(1, len(item["loc"]))}
    told = [item for item in items if not (item["type"] == "too_short" and item["loc"] in inner)]
    return "\n".join(_describe_one(path, tree, item) for item in told)


def _describe_one(path: Path, tree: yaml.Node, item: Any) -> str:
    keys = tuple(key for key in item["loc"] if not (isinstance(key, str) and key.startswith("function-")))
    place = ".".join(str(key) for key in keys)
    line = _line_of(tree, keys)
    if item["type"] == "extra_forbidden":
        known = list(_section(keys[:-1]).model_fields)
        close = difflib.get_close_matches(str(keys[-1]), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(sorted(known))}"
        return f"{path}:{line}: {place}: unknown key; {hint}"
    found = "" if item["type"] == "missing" else f", found {_shown(item['input'])}"
    message = item["msg"].removeprefix("Value error, ")
    if not place:
        return f"{path}:{line}: {message}"
    field = _section(keys[:-1]).model_fields.get(str(keys[-1]))
    meaning = f" ({field.description})" if field is not None and field.description else ""
    return f"{path}:{line}: {place}: {message}{found}{meaning}"


def _shown(value: object) -> str:
    text = repr(redact(value) if isinstance(value, str) else value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _section(keys: tuple[str | int, ...]) -> type[BaseModel]:
    """The model that describes the section at this path, as deep as there is one."""
    section: type[BaseModel] = AgentConfig
    for key in keys:
        field = section.model_fields.get(key) if isinstance(key, str) else None
        found = _section_type(field.annotation) if field is not None else None
        section = found if found is not None else section
    return section


def _section_type(annotation: Any) -> type[BaseModel] | None:
    """The model within `X`, `X | None` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_section_type(argument) for argument in getattr(annotation, "__args__", ()))
    return next((found for found in inner if found is not None), None)


def _line_of(node: yaml.Node, keys: tuple[str | int, ...]) -> int:
    """The line (from 1) of the deepest key of this path that stands in the file."""
    line: int = node.start_mark.line
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            pair = next(((name, value) for name, value in node.value if name.value == key), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line
        else:
            break
    return line + 1
