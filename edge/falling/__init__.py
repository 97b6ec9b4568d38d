"""Falling objects: motion proposals -> gravity tracker -> free-fall fit -> ONNX classifier -> one finding per fall."""
