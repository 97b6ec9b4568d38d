"""The characters that the plate reader knows, in the order of its outputs (the CTC blank comes before them, at 0)."""

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
SPECIAL = "警学挂港澳使领应急民航"

ALPHABET = DIGITS + LETTERS + PROVINCES + SPECIAL
BLANK = 0
"""Index of the CTC blank; character `ALPHABET[i]` is output `i + 1`."""
