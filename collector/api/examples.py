"""Examples for the description: one for each parameter of an address and each body, by its name there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PLACE = {"latitude": 31.23, "longitude": 121.47}
_ALERT = "01a1ff50-9da8-7998-9438-b08a64438fed"

PARAMETERS: Mapping[str, Any] = {
    "action": "search",
    "alert_id": _ALERT,
    "bearing_deg": 0,
    "camera": "lane-1",
    "days": 30,
    "direction": "approaching",
    "edge": "gate-1",
    "entry_id": "w-9660c6c786",
    "event_id": "01a1ff50-a585-7daf-b8e0-959909dbca48",
    "hazard": "h-2026-014",
    "hour": [22],
    "latitude": 31.23,
    "longitude": 121.47,
    "number": 1,
    "passage_id": "lane-1-20261121-0815",
    "place": "house-3",
    "plate": "京A12345",
    "reason": "case 2026-113",
    "severity": "critical",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "since": "2026-11-20T00:00:00+08:00",
    "site": "west",
    "source": "tower",
    "unit": "patrol-1",
    "until": "2026-11-21T00:00:00+08:00",
    "watchpost-reason": "case%202026-113",
    "weekday": [5],
    "who": "li.wei",
    "width": 640,
    "width_m": 240,
    "within_m": 800,
    "words": "2026-113",
    "zone": "Asia/Shanghai",
}
"""Only where every endpoint means the same by a name."""
OF_ONE: Mapping[tuple[str, str], Any] = {
    ("/api/v1/alerts", "severity"): ["critical"],
    ("/api/v1/duty/channels/{name}", "name"): "shift-leader",
    ("/api/v1/duty/channels/{name}/test", "name"): "shift-leader",
    ("/api/v1/duty/limits/{name}", "name"): "near_m",
    ("/api/v1/retention/{kind}", "kind"): "sensor",
    ("/api/v1/tokens/{name}", "name"): "dispatch",
    ("/api/v1/users/{name}", "name"): "li.wei",
}
"""(Path, parameter) where the name alone does not say it."""
BODIES: Mapping[str, Any] = {
    "CheckpointPlace": {"name": "东门", **_PLACE},
    "Comment": {"text": "the caretaker looks"},
    "Days": {"days": 60},
    "Decision": {"action": "approve", "note": "case file seen"},
    "DueTimes": {"acknowledge_s": 60, "arrive_s": 600, "close_s": 3600},
    "FirstAdmin": {
        "token": "what the console has printed",
        "name": "wang",
        "full_name": "王芳",
        "password": "correct horse battery",
    },
    "HazardMove": {"state": "fixing", "note": "scaffold ordered"},
    "Credentials": {"name": "li.wei", "password": "correct horse battery"},
    "NewCorrection": {"plate": "京A12345", "reason": "the picture shows a 2"},
    "NewEntry": {"plate": "京A12345", "reason": "stolen, case 2026-113", "expires": "2027-01-31T00:00:00+08:00"},
    "NewHazard": {"site": "west", "hazard": "h-2026-014", "title": "4 号楼外墙砖松动", "level": "major", **_PLACE},
    "NewHold": {"kind": "alert", "subject": _ALERT, "reason": "evidence in case 2026-113"},
    "NewPassword": {"old": "correct horse battery", "new": "a better one, longer"},
    "NewLimit": {"value": 800},
    "NewToken": {"name": "dispatch", "role": "viewer", "sites": ["west"]},
    "NewUnit": {"unit": "patrol-1", "site": "west", "title": "巡逻一组", "kind": "patrol", "contact": "13800000000"},
    "NewUser": {"name": "li.wei", "full_name": "李伟", "role": "operator", "password": "correct horse battery"},
    "PlaceChange": {"title": "3 号楼", "kind": "building", **_PLACE},
    "Placement": {"width_m": 240, "bearing_deg": 0, **_PLACE},
    "Proof": {"name": "li.wei", "password": "correct horse battery"},
    "Rule": {"severities": ["critical"], "after_s": 120, "overdue": True, "paused": False},
    "Step": {"state": "assigned", "unit": "patrol-1"},
    "UnitChange": {"on_duty": False},
    "UserChange": {"role": "auditor"},
    "View": {"name": "3 号楼南", **_PLACE, "bearing_deg": 335, "angle_deg": 58, "range_m": 55, "watches": "house-3"},
}
"""By the name of the schema."""
