"""Plates that people write into free text (comments, reasons, notes): found, and masked for who need not see them.

Chinese plates are told by their form. Those of other regions look like any other word and number: they stay.
"""

from __future__ import annotations

import re
import unicodedata

from contract.plate_keys import normalise

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_GAP = r"[\s·•‧・.\-_]{0,2}"
_SERIAL = r"[A-Z0-9]{4,5}[A-Z0-9学警挂港澳试超急](?![A-Z0-9])"
_PLATE = re.compile(
    rf"[{_PROVINCES}]{_GAP}[A-Z]{_GAP}{_SERIAL}"
    rf"|(?<![A-Z])WJ{_GAP}[{_PROVINCES}]?{_GAP}{_SERIAL}"
    rf"|使{_GAP}[0-9]{{6}}(?![0-9])|(?<![0-9])[0-9]{{6}}{_GAP}使",
    re.IGNORECASE,
)
_FEWEST_DIGITS = 2
"""Fewer have only words: 新 Camera is no plate."""


def mask_plate(text: str) -> str:
    """`京A12345` → `京A·1**45`: enough to tell two cars of one minute apart, not to find an owner."""
    if len(text) < 6:
        return text[:1] + "*" * max(0, len(text) - 1)
    place, number = text[:2], text[2:]
    return f"{place}·{number[0]}{'*' * (len(number) - 3)}{number[-2:]}"


def mask_text(text: str) -> str:
    """The text with every plate in it masked."""
    plain = unicodedata.normalize("NFKC", text)
    if not plates_in_text(text):
        return text
    return _PLATE.sub(lambda found: mask_plate(normalise(found[0])) if _is_plate(found[0]) else found[0], plain)


def plates_in_text(*texts: str | None) -> list[str]:
    """The plates that stand in these texts, normalised."""
    found = (_PLATE.finditer(unicodedata.normalize("NFKC", text)) for text in texts if text)
    return [normalise(one[0]) for matches in found for one in matches if _is_plate(one[0])]


def _is_plate(text: str) -> bool:
    return sum(character.isdigit() for character in text) >= _FEWEST_DIGITS
