"""The bench's figures as JSON, and as a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from edge.falling.bench.measure import Measured
from edge.falling.bench.scoring import Judged, Result, most_a_day

_COUNTS = ("falls", "found", "missed", "duplicate", "false", "mirror", "suspected", "suspected_hits")
_HEADS = ("falls", "found", "missed", "dupl.", "false", "mirror", "susp.", "(hits)")


def figures(measured: Sequence[Measured]) -> dict[str, Any]:
    """`total` and `clips` as plain values; a clip that could not be played has its `problem` and no counts in `total`.

    Seconds of delay count from the last labelled frame of a fall; milliseconds are CPU time of one thread.
    """
    results = [one.result for one in measured if not one.unusable]
    return {"total": _total(measured, results), "clips": {one.result.name: _clip(one) for one in measured}}


def _clip(one: Measured) -> dict[str, Any]:
    events = [_event(judged) for judged in one.judged]
    return {**_figures([one.result]), "problem": one.problem, "played": not one.unusable, "events": events}


def _total(measured: Sequence[Measured], results: Sequence[Result]) -> dict[str, Any]:
    total = _figures(results)
    most = most_a_day(total["false"], total["seconds"])
    return {
        **total,
        "clips": len(results),
        "false_a_day_at_most": None if most is None else round(most, 1),
        "broken": [one.result.name for one in measured if one.unusable],
        "with_problems": [one.result.name for one in measured if one.problem and not one.unusable],
    }


def _figures(results: Sequence[Result]) -> dict[str, Any]:
    frames = sum(result.frames for result in results)
    delays = [delay for result in results for delay in result.delay_s]
    analysis, decoding = (
        sum(getattr(result, name) * result.frames for result in results)
        for name in ("ms_per_frame", "decode_ms_per_frame")
    )
    return {
        **{name: sum(getattr(result, name) for result in results) for name in _COUNTS},
        "delay_s": round(median(delays), 3) if delays else None,
        "delay_s_max": round(max(delays), 3) if delays else None,
        "ms_per_frame": round(analysis / frames, 3) if frames else None,
        "decode_ms_per_frame": round(decoding / frames, 3) if frames else None,
        "mog2_ms_per_frame": _mog2(results, frames),
        "of_decode": round(analysis / decoding, 3) if decoding else None,
        "frames": frames,
        "seconds": round(sum(result.seconds for result in results), 2),
    }


def _mog2(results: Sequence[Result], frames: int) -> float | None:
    timed = [(result.mog2_ms_per_frame, result.frames) for result in results]
    if not frames or any(ms is None for ms, _ in timed):
        return None
    return round(sum((ms or 0.0) * count for ms, count in timed) / frames, 3)


def _event(judged: Judged) -> dict[str, Any]:
    data, finding = judged.told.data, judged.told.finding
    return {
        "role": judged.role,
        "shows_a_fall": judged.fall is not None,
        "certainty": data.certainty,
        "confidence": data.confidence,
        "hypothesis": data.hypothesis,
        "started_s": round(finding.started_s, 2),
        "ended_s": round(finding.ended_s, 2),
        "from": [round(data.path[0].x, 4), round(data.path[0].y, 4)],
        "to": [round(data.path[-1].x, 4), round(data.path[-1].y, 4)],
        "size_px": data.size_px,
        "why": data.why,
    }


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The figures as text: a table, what went wrong, and what the figures mean."""
    clips, total = told["clips"], told["total"]
    width = max([len("all clips"), *(len(name) for name in clips)])
    heads = " ".join(f"{head:>6}" for head in _HEADS)
    yield f"{'clip':{width}} {heads}  {'delay s':>7} {'ms':>7} {'decode':>7} {'ratio':>5} {'seconds':>7}"
    for name, clip in clips.items():
        yield _row(name, clip, width) if clip["played"] else f"{name:{width}} {'not measured':>12}"
    yield _row("all clips", total, width)
    yield ""
    yield from _troubles(clips)
    yield from _meaning(total)


def _row(name: str, clip: Mapping[str, Any], width: int) -> str:
    counts = " ".join(f"{clip[key]:>6}" for key in _COUNTS)
    costs = f"{_number(clip['ms_per_frame']):>7} {_number(clip['decode_ms_per_frame']):>7}"
    ratio = f"{_number(clip['of_decode']):>5} {clip['seconds']:>7.0f}"
    return f"{name:{width}} {counts}  {_number(clip['delay_s']):>7} {costs} {ratio}"


def _troubles(clips: Mapping[str, Any]) -> Iterator[str]:
    for name, clip in clips.items():
        if clip["problem"]:
            yield f"{'note' if clip['played'] else 'BROKEN'}  {name}: {clip['problem']}"
    for name, clip in clips.items():
        if clip["missed"]:
            yield f"missed  {name}: {clip['missed']} of {clip['falls']} falls"
        for event in clip["events"]:
            if event["role"] != "found":
                where = ", ".join(f"{value:.2f}" for value in event["from"])
                hit = " (at a labelled fall)" if event["role"] == "suspected" and event["shows_a_fall"] else ""
                yield f"{event['role']}{hit}  {name} {event['started_s']:.1f} s, from ({where}): {event['why']}"


def _meaning(total: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield (
        f"{total['found']} of {total['falls']} falls found, {total['duplicate']} told twice, {total['false']} false "
        f"events in {total['seconds']:.0f} s of {total['clips']} clips"
    )
    if total["broken"]:
        named = ", ".join(total["broken"])
        yield f"NOT MEASURED, in none of these figures: {len(total['broken'])} clips that labels.json names ({named})"
    if total["mog2_ms_per_frame"] is not None:
        share = total["ms_per_frame"] / total["mog2_ms_per_frame"]
        yield f"MOG2 in colour, same clips: {total['mog2_ms_per_frame']:.2f} ms a frame; ours is {share:.2f} of it"
    if total["false_a_day_at_most"] is not None:
        yield (
            f"false events a camera and day: at most {total['false_a_day_at_most']:.0f} (95 % bound from "
            f"{total['seconds'] / 3600:.2f} h; only more hours can make it small)"
        )
    yield "ms and decode: CPU time of one thread a frame; delay: from the last labelled frame; no facade was drawn"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
