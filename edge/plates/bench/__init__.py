"""Measures the plate path on labelled pictures and on plate-free video: `python -m edge bench --help`."""
