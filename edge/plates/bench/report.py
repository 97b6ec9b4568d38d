"""The bench's figures as JSON, and as a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from edge.inference import ModelStore
from edge.plates.bench.measure import Group, Measurement
from edge.plates.bench.scoring import Detections

_CONFUSIONS = 20
_MB = 1_000_000


def figures(result: Measurement, models: ModelStore) -> dict[str, Any]:
    """Everything measured, as plain values; None for what the folder does not hold."""
    total = result.total
    return {
        "images": result.images,
        "scenes": result.scenes,
        "crops": result.images - result.scenes,
        "plates": max(total.scene.plates, total.crop.plates),
        "scene_exact": total.scene.exact_share,
        "crop_exact": total.crop.exact_share,
        "scene_without_province": total.scene.tail_share,
        "crop_without_province": total.crop.tail_share,
        "scene_characters": total.scene.character_share,
        "crop_characters": total.crop.character_share,
        "detection": {"iou50": _detection(result.at_50), "iou70": _detection(result.at_70)},
        "detector_alone": _detection(result.detector_alone),
        "by_kind": _groups(result.by_kind),
        "by_province": _groups(result.by_province),
        "confusions": confusions(result),
        "ms": {
            "detect": _ms(result.timings.detect),
            "read": _ms(result.timings.read),
            "read_net": _ms(result.timings.read_net),
            "detect_video_frame": _ms(result.timings.glance),
        },
        "models": _models(models),
        "failures": [
            {"file": one.file, "expected": one.expected, "read": one.read, "stage": one.stage, "found": one.found}
            for one in result.failures
        ],
        "without_label": [
            {"file": one.file, "box": list(one.box), "score": one.score, "read": one.read} for one in result.unlabelled
        ],
        "broken": [{"file": file, "why": why} for file, why in result.broken],
    }


def confusions(result: Measurement) -> list[dict[str, Any]]:
    """Which character was read as which, most frequent first; empty text where one was missed or invented."""
    seen: Counter[tuple[str, str]] = Counter()
    for readings in (result.total.scene, result.total.crop):
        seen.update(readings.confusions)
    ranked = sorted(seen.items(), key=lambda entry: (-entry[1], entry[0]))
    return [{"expected": pair[0], "read": pair[1], "times": times} for pair, times in ranked[:_CONFUSIONS]]


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The figures as text, line by line."""
    yield f"{told['images']} pictures ({told['scenes']} scenes, {told['crops']} cut out), {told['plates']} plates"
    if told["broken"]:
        yield f"{len(told['broken'])} more could not be read:"
    for one in told["broken"]:
        yield f"  broken: {one['file']}: {one['why']}"
    yield ""
    yield f"{'':24} {'exact':>7} {'no prov.':>8} {'per char.':>9}"
    for name, stage in (("whole scene", "scene"), ("cut out", "crop")):
        cells = (told[f"{stage}_exact"], told[f"{stage}_without_province"], told[f"{stage}_characters"])
        yield f"{name:24} {_text(cells[0]):>7} {_text(cells[1]):>8} {_text(cells[2]):>9}"
    yield ""
    yield f"{'detection':24} {'recall':>7} {'precision':>9}"
    named = (
        ("IoU 0.5", told["detection"]["iou50"]),
        ("IoU 0.7", told["detection"]["iou70"]),
        ("IoU 0.5, detector alone", told["detector_alone"]),
    )
    for name, one in named:
        yield f"{name:24} {_text(one['recall']):>7} {_text(one['precision']):>9}"
    yield from _group_lines("kind", told["by_kind"])
    yield from _group_lines("province", told["by_province"])
    yield from _cost_lines(told)
    yield from _trouble_lines(told)


def _group_lines(name: str, groups: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{name:12} {'plates':>6} {'scene':>7} {'cut out':>7} {'cut out, no prov.':>17}"
    for key, group in groups.items():
        cells = (group["scene_exact"], group["crop_exact"], group["crop_without_province"])
        yield f"{key:12} {group['plates']:>6} {_text(cells[0]):>7} {_text(cells[1]):>7} {_text(cells[2]):>17}"


def _cost_lines(told: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "CPU time of one thread, median:"
    for key, what in (
        ("detect", "detection, a picture on its own (whole, half size, close-ups)"),
        ("read", "reading, a plate (all its cuts, net, grammar)"),
        ("read_net", "the reader's net alone, one cut"),
        ("detect_video_frame", "detection, a 1080p video frame (the analyzer's glance at the whole frame)"),
    ):
        cost = told["ms"][key]
        yield f"  {'–' if cost is None else f'{cost:.2f} ms':>9}  {what}"
    models = told["models"]
    sizes = ", ".join(f"{name} {one['mb']:.2f} MB" for name, one in models["files"].items())
    yield f"models: {models['mb']:.2f} MB ({sizes})"


def _trouble_lines(told: Mapping[str, Any]) -> Iterator[str]:
    if told["confusions"]:
        pairs = ", ".join(
            f"{one['expected'] or '(nothing)'}→{one['read'] or '(nothing)'} {one['times']}"
            for one in told["confusions"]
        )
        yield f"\nconfusions (labelled→read): {pairs}"
    if told["failures"]:
        yield f"\n{len(told['failures'])} failures:"
    for one in told["failures"]:
        read = one["read"] or ("(unreadable)" if one["found"] else "(not found)")
        yield f"  {one['file']} ({one['stage']}): {one['expected']} read as {read}"
    if told["without_label"]:
        yield f"\n{len(told['without_label'])} boxes without a label (look before you call them false):"
    for one in told["without_label"]:
        yield f"  {one['file']} {one['box']} score {one['score']}: {one['read'] or '(unreadable)'}"


def _detection(counts: Detections) -> dict[str, float | int | None]:
    shares = {"recall": counts.recall, "precision": counts.precision}
    return {**shares, "plates": counts.plates, "boxes": counts.boxes, "matched": counts.matched}


def _groups(groups: Mapping[str, Group]) -> dict[str, Any]:
    ranked = sorted(groups.items(), key=lambda entry: (-max(entry[1].scene.plates, entry[1].crop.plates), entry[0]))
    return {
        name: {
            "plates": max(group.scene.plates, group.crop.plates),
            "scene_exact": group.scene.exact_share,
            "crop_exact": group.crop.exact_share,
            "scene_without_province": group.scene.tail_share,
            "crop_without_province": group.crop.tail_share,
        }
        for name, group in ranked
    }


def _models(models: ModelStore) -> dict[str, Any]:
    files = {
        info.name: {"mb": round(models.path_of(info.name).stat().st_size / _MB, 3), "sha256": info.sha256}
        for info in models.infos()
    }
    return {"mb": round(sum(float(str(one["mb"])) for one in files.values()), 3), "files": files}


def _ms(times_s: list[float]) -> float | None:
    return round(1000 * median(times_s), 3) if times_s else None


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
