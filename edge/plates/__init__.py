"""Licence plates: motion gate -> ONNX detector (corners) -> rectify -> ONNX reader -> grammar -> passage vote."""
