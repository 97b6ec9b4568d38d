"""An alert in one line, in each language, made from its type and a few parameters. Plates come masked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from collector.plate_text import mask_text
from contract.alerts import AlertType

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
MAX_LENGTH = 200
Parameters = Mapping[str, Any]

_SENSORS_ZH = {
    "smoke": "烟感",
    "fire": "火警",
    "gas": "燃气",
    "manhole": "井盖",
    "charging_post": "充电桩",
    "help_button": "求助按钮",
    "help": "求助",
    "sos": "求助",
    "water": "水浸",
    "door": "门磁",
}
_CAMERA_EN = {"down": "is down", "blind": "is blind", "frozen": "shows a frozen picture", "moved": "was moved"}
_CAMERA_ZH = {"down": "断线", "blind": "被遮挡", "frozen": "画面冻结", "moved": "被移动"}
_RULE_EN = {"exact": "exact match", "confusable": "look-alike match"}
_RULE_ZH = {"exact": "完全一致", "confusable": "形近匹配"}


def titles(type_: AlertType, parameters: Parameters) -> dict[Language, str]:
    """The title in every language."""
    return {language: title(type_, parameters, language) for language in LANGUAGES}


def title(type_: AlertType, parameters: Parameters, language: Language) -> str:
    """The title in one language, one line, at most 200 characters. Only sensors bring words of their own."""
    text = _TITLES[language][type_](parameters)
    return " ".join(mask_text(text, european=type_ == "sensor").replace("\0", " ").split())[:MAX_LENGTH]


def _fall_en(data: Parameters) -> str:
    where = [f"{name} {data[name]}" for name in ("floor", "column") if data.get(name) is not None]
    what = "Object fell" if data.get("certainty") == "confirmed" else "Something may have fallen"
    return f"{what} from {', '.join(where)} at {data['camera']}" if where else f"{what} at {data['camera']}"


def _fall_zh(data: Parameters) -> str:
    what = "高空抛物" if data.get("certainty") == "confirmed" else "疑似高空抛物"
    floor = f"{data['floor']} 层" if data.get("floor") is not None else ""
    column = f"第 {data['column']} 列" if data.get("column") is not None else ""
    where = " ".join(part for part in (floor, column) if part)
    return f"{what}：{where}（{data['camera']}）" if where else f"{what}（{data['camera']}）"


def _hit_en(data: Parameters) -> str:
    return f"Watched plate {data['plate']} at {data['camera']} ({_RULE_EN.get(data['rule'], data['rule'])})"


def _hit_zh(data: Parameters) -> str:
    return f"布控车辆 {data['plate']} 经过 {data['camera']}（{_RULE_ZH.get(data['rule'], data['rule'])}）"


def _passage_en(data: Parameters) -> str:
    at = _place(data, lambda lane: f", lane {lane}")
    if data.get("hashed"):
        return f"A vehicle whose plate is kept as a hash passed {at}"
    what = f"Plate {data['plate']}" if data.get("plate") else "A vehicle with no readable plate"
    return f"{what} passed {at}"


def _passage_zh(data: Parameters) -> str:
    at = _place(data, lambda lane: f" {lane} 车道")
    if data.get("hashed"):
        return f"车辆（车牌仅存哈希）经过 {at}"
    return f"{data.get('plate') or '车牌无法识别的车辆'} 经过 {at}"


def _place(data: Parameters, lane_words: Callable[[str], str]) -> str:
    """Camera and lane; a lane that is a name of its own (`lane-1`) needs no word before it."""
    camera, lane = data["camera"], data.get("lane")
    if not lane or lane == camera:
        return str(camera)
    return f"{camera}{lane_words(lane)}" if str(lane).isdigit() else f"{camera}, {lane}"


def _sensor_en(data: Parameters) -> str:
    kind = str(data["kind"]).replace("_", " ")
    return f"{kind[:1].upper()}{kind[1:]} alarm at {data['sensor']}" + (f": {data['text']}" if data.get("text") else "")


def _sensor_zh(data: Parameters) -> str:
    kind = _SENSORS_ZH.get(data["kind"], str(data["kind"]))
    return f"{kind}报警：{data['sensor']}" + (f"，{data['text']}" if data.get("text") else "")


def _camera_en(data: Parameters) -> str:
    return f"Camera {data['camera']} {_CAMERA_EN.get(data['state'], data['state'])}"


def _camera_zh(data: Parameters) -> str:
    return f"摄像机 {data['camera']} {_CAMERA_ZH.get(data['state'], data['state'])}"


def _gap_en(data: Parameters) -> str:
    return f"{data['count']} event(s) of {data['edge']} are missing, the first is number {data['first']}"


def _gap_zh(data: Parameters) -> str:
    return f"{data['edge']} 缺失 {data['count']} 条事件，首个编号 {data['first']}"


def _clone_en(data: Parameters) -> str:
    where = f"{data['here']} and {data['there']}, {data['km']} km apart, within {data['seconds']} s"
    return f"Possible cloned plate {data['plate']}: read at {where}"


def _clone_zh(data: Parameters) -> str:
    where = f"{data['seconds']} 秒内出现在相距 {data['km']} 公里的 {data['here']} 和 {data['there']}"
    return f"疑似套牌 {data['plate']}：{where}"


_TITLES: dict[Language, dict[AlertType, Callable[[Parameters], str]]] = {
    "en": {
        "falling_object": _fall_en,
        "watchlist_hit": _hit_en,
        "cloned_plate": _clone_en,
        "plate_passage": _passage_en,
        "sensor": _sensor_en,
        "camera": _camera_en,
        "gap": _gap_en,
    },
    "zh": {
        "falling_object": _fall_zh,
        "watchlist_hit": _hit_zh,
        "cloned_plate": _clone_zh,
        "plate_passage": _passage_zh,
        "sensor": _sensor_zh,
        "camera": _camera_zh,
        "gap": _gap_zh,
    },
}
