"""A way to tell people outside the page: mail, WeCom, DingTalk and more by an Apprise address, or a signed webhook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, SecretStr, model_validator

from collector.titles import Language
from contract.alerts import Severity
from contract.base import Identifier, StrictMessage

Occasion = Literal["raised", "unacknowledged", "overdue"]
_WAYS = {"mailto": "mail", "mailtos": "mail", "wecombot": "wecom", "dingtalk": "dingtalk"}
"""Schemes of Apprise addresses, in words."""


class ChannelError(ValueError):
    """A channel cannot be used; says which, and what to do."""


class Channel(StrictMessage):
    """One receiver, and of what it is told. Exactly one of `address`, `address_file` and `webhook` is given."""

    name: Identifier
    address: SecretStr | None = Field(default=None, description="Apprise address, for instance mailtos://...")
    address_file: Path | None = Field(default=None, description="File that holds the Apprise address.")
    webhook: HttpUrl | None = Field(default=None, description="Takes a JSON document by POST.")
    secret_file: Path | None = Field(default=None, description="Key of the webhook's signature.")
    severities: tuple[Severity, ...] = ("critical", "warning")
    sites: tuple[Identifier, ...] = ()
    after_s: Annotated[float, Field(ge=0)] = 0
    """0: told at once. Else: told only if nobody has acknowledged the alert by then."""
    overdue: bool = False
    """Told also when an alert has passed its time."""
    language: Language = "zh"

    @model_validator(mode="after")
    def _one_way(self) -> Channel:
        ways = [way for way in (self.address, self.address_file, self.webhook) if way is not None]
        if len(ways) != 1:
            raise ValueError(f"channel {self.name}: give exactly one of address, address_file and webhook")
        if (self.webhook is None) != (self.secret_file is None):
            raise ValueError(f"channel {self.name}: webhook and secret_file belong together")
        return self

    def hears(self, site: str, severity: Severity) -> bool:
        """Whether it is told of such alerts at all."""
        return severity in self.severities and (not self.sites or site in self.sites)

    def way(self) -> str:
        """How it tells people, but not where: mail, wecom, dingtalk, webhook or Apprise's name. Raises ChannelError."""
        if self.webhook is not None:
            return "webhook"
        scheme = self.apprise_address().partition(":")[0].lower()
        return _WAYS.get(scheme, scheme[:20])

    def apprise_address(self) -> str:
        """The address, from the file if it is kept there. Raises ChannelError."""
        if self.address is not None:
            return self.address.get_secret_value()
        return _read(self.name, self.address_file)

    def key(self) -> bytes:
        """The webhook's key. Raises ChannelError."""
        return _read(self.name, self.secret_file).encode()


def _read(name: str, path: Path | None) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip() if path is not None else ""
    except OSError as error:
        raise ChannelError(f"channel {name}: cannot read {path}: {error.strerror}") from error
    if not text:
        raise ChannelError(f"channel {name}: {path} is empty")
    return text
