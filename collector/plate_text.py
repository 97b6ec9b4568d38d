"""Plates that people write into free text (comments, reasons, notes): found, and masked for who need not see them.

Chinese plates are told by their form. Of European ones only those forms are told that no word or number of a sentence
has: letters and digits in three groups, or in the order of a British, German or Spanish plate. What looks like any
other word and number (`WA 12345`, `ABC 123`) stays.
"""

from __future__ import annotations

import re
import unicodedata

from contract.plate_keys import normalise

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_GAP = r"[\s·•‧・.\-_]{0,2}"
_SERIAL = r"[A-Z0-9]{4,5}[A-Z0-9学警挂港澳试超急](?![A-Z0-9])"
_CHINESE = re.compile(
    rf"[{_PROVINCES}]{_GAP}[A-Z]{_GAP}{_SERIAL}"
    rf"|(?<![A-Z])WJ{_GAP}[{_PROVINCES}]?{_GAP}{_SERIAL}"
    rf"|使{_GAP}[0-9]{{6}}(?![0-9])|(?<![0-9])[0-9]{{6}}{_GAP}使",
    re.IGNORECASE,
)
_C = "[BCDFGHJKLMNPRSTVWXYZ]"
"""Dutch and Spanish plates have no vowels: 12-NOV-3 is a day."""
_NO_SERIES = "CNY|CST|GBP|GMT|HKD|KMH|PTZ|PLN|RMB|RPM|TWD"
"""Units and the like that come after a number, such as 1000 RMB."""
_ANY_CASE = (
    r"[A-Z]{2}[- ]?[0-9]{3}[- ]?[A-Z]{2}",  # France, Italy, Slovakia
    r"[0-9]-[A-Z]{3}-[0-9]{3}",  # Belgium
    rf"[0-9]{{2}}-{_C}{{3}}-[0-9]|[0-9]-{_C}{{3}}-[0-9]{{2}}|{_C}{{2}}-[0-9]{{3}}-{_C}|{_C}-[0-9]{{3}}-{_C}{{2}}",
    rf"{_C}{{3}}-[0-9]{{2}}-{_C}|{_C}-[0-9]{{2}}-{_C}{{3}}|[0-9]-{_C}{{2}}-[0-9]{{3}}|[0-9]{{3}}-{_C}{{2}}-[0-9]",
    r"[A-Z]{2}-[0-9]{2}-[A-Z]{2}|[0-9]{2}-[A-Z]{2}-[0-9]{2}",  # Portugal, Netherlands
    rf"{_C}{{2}}-{_C}{{2}}-[0-9]{{2}}|[0-9]{{2}}-{_C}{{2}}-{_C}{{2}}",  # Netherlands
)
_CAPITALS = (
    r"[A-Z]{2}[0-9]{2} ?[A-Z]{3}",  # Great Britain
    r"[A-ZÄÖÜ]{1,3}-[A-Z]{2} ?[0-9]{2,4}[EH]?|[A-ZÄÖÜ]{1,2}-[A-Z] ?[0-9]{3,4}[EH]?|[A-ZÄÖÜ]{3}-[A-Z] ?[0-9]{4}",
    rf"[0-9]{{4}}[- ]?(?!{_NO_SERIES}){_C}{{3}}",  # Spain
    r"[A-Z]{1,2}-[0-9]{2,3}-[A-Z]{3}",  # Romania
    r"[A-Z]{2}-[0-9]{3,4}-[A-Z]{1,2}",  # Croatia, Slovenia, Serbia
    r"[0-9]{2,3}-[A-Z]{1,2}-[0-9]{3,6}",  # Ireland
    r"[ABCEHIKMOPTXY]{1,2}[0-9]{4}[ABCEHIKMOPTXY]{2}",  # Bulgaria, Ukraine
)
_ALONE = r"(?<![\w\-])(?:{})(?![\w\-])"
_EUROPEAN = re.compile(
    f"{_ALONE.format('|'.join(_CAPITALS))}|(?i:{_ALONE.format('|'.join(_ANY_CASE))})",
)
_DIGIT = re.compile(r"\d")
"""Most sentences have none: they need no search."""
_FEWEST_DIGITS = 2
"""Fewer have only words: 新 Camera is no plate."""


def mask_plate(text: str) -> str:
    """`京A12345` → `京A·1**45`: enough to tell two cars of one minute apart, not to find an owner."""
    if len(text) < 6:
        return text[:1] + "*" * max(0, len(text) - 1)
    if len(text) == 6:
        return f"{text[0]}***{text[-2:]}"
    place, number = text[:2], text[2:]
    return f"{place}·{number[0]}{'*' * (len(number) - 3)}{number[-2:]}"


def mask_text(text: str, *, european: bool = True) -> str:
    """The text with every plate in it masked; text that nobody has typed needs no look for `european` ones."""
    if not _DIGIT.search(text):
        return text
    plain = unicodedata.normalize("NFKC", text)
    for pattern in (_CHINESE, _EUROPEAN) if european else (_CHINESE,):
        if any(_is_plate(one[0]) for one in pattern.finditer(plain)):
            text = plain = pattern.sub(_masked, plain)
    return text


def plates_in_text(*texts: str | None) -> list[str]:
    """The plates that stand in these texts, normalised."""
    plain = [unicodedata.normalize("NFKC", text) for text in texts if text and _DIGIT.search(text)]
    found = [one[0] for text in plain for pattern in (_CHINESE, _EUROPEAN) for one in pattern.finditer(text)]
    return [normalise(one) for one in found if _is_plate(one)]


def _masked(found: re.Match[str]) -> str:
    return mask_plate(normalise(found[0])) if _is_plate(found[0]) else found[0]


def _is_plate(text: str) -> bool:
    return sum(character.isdigit() for character in text) >= _FEWEST_DIGITS
