"""The characters that the plate readers know, in the order of their outputs (the CTC blank comes before them, at 0)."""

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
SPECIAL = "警学挂港澳使领应急民航"

UMLAUTS = "ÄÖÜ"
"""German districts have them (MÜ, LÖ); no other letter with a mark stands on European plates of the Latin script."""

ALPHABET = DIGITS + LETTERS + PROVINCES + SPECIAL
"""Of the Chinese reader."""
LATIN_ALPHABET = DIGITS + LETTERS + UMLAUTS
"""Of the European reader."""
BLANK = 0
"""Index of the CTC blank; character `ALPHABET[i]` is output `i + 1`."""
