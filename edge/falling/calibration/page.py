"""One HTML file to draw on: the still is inside, nothing is loaded, and it works opened from a disk."""

from __future__ import annotations

import base64
import json
from importlib.resources import files
from typing import Any

from edge.falling.calibration.drawing import Drawing
from edge.imaging import encode_jpeg
from edge.types import Bgr

_QUALITY = 92


def drawing_page(still: Bgr, drawing: Drawing) -> str:
    """The page with a still (h, w, 3) and what is drawn already. Raises EvidenceError for an empty still."""
    height, width = still.shape[:2]
    picture = base64.b64encode(encode_jpeg(still, _QUALITY)).decode("ascii")
    shown = {"href": f"data:image/jpeg;base64,{picture}", "width": width, "height": height}
    page = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    page = page.replace('"__DRAWING__"', _script_json(drawing.model_dump(mode="json")))
    return page.replace('"__STILL__"', _script_json(shown))


def _script_json(value: Any) -> str:
    """JSON that may stand within a script element: no `</` can end it."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
