"""The collector's configuration file (YAML): what a site decides about its alerts, and who is told of them."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field, HttpUrl, ValidationError, model_validator

from collector.channels import Channel
from collector.duty import Duty
from collector.positions import Nearest
from collector.workflow import AlertRules
from contract.base import StrictMessage
from contract.envelope import summarise


class ConfigurationError(ValueError):
    """The file cannot be used; says where and why."""


class Notifications(StrictMessage):
    """Who is told outside the page."""

    page: HttpUrl | None = None
    """Where people open the page; what is sent links to the alert there."""
    channels: tuple[Channel, ...] = ()

    @model_validator(mode="after")
    def _each_name_once(self) -> Notifications:
        names = [channel.name for channel in self.channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two channels are called {', '.join(twice)}")
        return self


class Configuration(StrictMessage):
    """The whole file; every part may be left out."""

    alerts: AlertRules = Field(default_factory=AlertRules)
    nearest: Nearest = Field(default_factory=Nearest)
    notifications: Notifications = Field(default_factory=Notifications)

    @property
    def duty(self) -> Duty:
        """The part that goes wherever alerts are made."""
        page = self.notifications.page
        return Duty(self.alerts, self.nearest, self.notifications.channels, str(page) if page else None)


def load(path: Path) -> Configuration:
    """Read and check the file. Raises ConfigurationError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Configuration.model_validate(content or {})
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {summarise(error)}") from error
