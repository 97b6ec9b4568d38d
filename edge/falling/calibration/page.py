"""One HTML file to draw on: the still is inside, nothing is loaded, and it works opened from a disk.

So it judges the drawing by itself, as `edge.falling.plausible` does; the words and limits for that are put in here.
"""

from __future__ import annotations

import base64
import json
from importlib.resources import files
from typing import Any

from edge.falling.calibration.drawing import CLOSE, CROOKED, Drawing
from edge.falling.facade import MAX_RESIDUAL_FLOORS
from edge.falling.plausible import SHORTEST, STEEPEST
from edge.falling.remarks import REMARKS
from edge.falling.settings import NARROWEST, FacadeSettings
from edge.imaging import encode_jpeg
from edge.types import Bgr

SAVED_AS = "facade.yaml"
"""Name of the file that the page gives to download."""
_QUALITY = 92


def drawing_page(still: Bgr, drawing: Drawing, then: str = "") -> str:
    """The page with a still (h, w, 3), what is drawn already, and the command that checks the file it saves.

    Raises EvidenceError for an empty still.
    """
    height, width = still.shape[:2]
    picture = base64.b64encode(encode_jpeg(still, _QUALITY)).decode("ascii")
    shown = {"href": f"data:image/jpeg;base64,{picture}", "width": width, "height": height}
    page = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    page = page.replace('"__DRAWING__"', _script_json(drawing.model_dump(mode="json", exclude_defaults=True)))
    page = page.replace('"__RULES__"', _script_json({**_rules(), "then": then, "saved_as": SAVED_AS}))
    return page.replace('"__STILL__"', _script_json(shown))


def _rules() -> dict[str, Any]:
    """What the page judges a drawing by."""
    heights = FacadeSettings.model_json_schema()["properties"]
    return {
        "remarks": {name: remark._asdict() for name, remark in REMARKS.items()},
        "limits": {
            "shortest": SHORTEST,
            "steepest": STEEPEST,
            "narrowest": NARROWEST,
            "residual": MAX_RESIDUAL_FLOORS,
            "crooked": CROOKED,
            "close": CLOSE,
        },
        "heights": {"floor": heights["floor_height_m"], "camera": heights["camera_height_m"]},
    }


def _script_json(value: Any) -> str:
    """JSON that may stand within a script element: no `</` can end it."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
