"""Cells of CSV tables: a spreadsheet must not calculate what a person or a sensor has written."""

from __future__ import annotations

from typing import Any

_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Of formulas; the wide ones too, which spreadsheets in Chinese and Japanese take for the narrow ones."""


def cell(value: Any) -> Any:
    """Text that would be taken for a formula gets an apostrophe before it; None is empty, a number stays one."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINNINGS) else value


def uncell(text: str) -> str:
    """The inverse, for tables that are read again."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_BEGINNINGS) else text
