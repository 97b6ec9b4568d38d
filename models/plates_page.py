"""Run every bench of the plate path and write docs/ref/plates-bench.md (and .json, which it is made from).

    python -m models.plates_page --data DATA [--only SECTION ...] [--reader PYTHON]

DATA holds `plates/` (folders with labels.csv; of those that training used, only the held-out pictures count) and
`falling/clips/` (video without plates). `--reader` is the Python of an environment that has rapidocr_onnxruntime.
A section that does not run keeps what the .json holds of it.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from edge.plates.bench.labels import LABELS
from models.plate_read.samples import in_training_split
from simulator.bench import machine

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "ref" / "plates-bench.md"
SECTIONS = ("plates", "false-plates", "passages", "compare")


def run(arguments: list[str], python: str = sys.executable) -> dict[str, Any]:
    """The JSON of one command of this project; its own output is shown."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "told.json"
        done = subprocess.run([python, "-m", *arguments, "--json", str(target)], cwd=ROOT, check=False)
        if done.returncode != 0:
            raise click.ClickException(f"`python -m {' '.join(arguments)}` failed with {done.returncode}")
        told: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
        return told


def held_out(folder: Path, target: Path) -> Path:
    """A folder like this one that has only the pictures that training never saw."""
    place = target / folder.name
    place.mkdir(parents=True)
    with (folder / LABELS).open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        rows = [row for row in reader if not in_training_split(_number(row["file"]), folder.name)]
    with (place / LABELS).open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(rows)
    for entry in folder.iterdir():
        if entry.name != LABELS:
            (place / entry.name).symlink_to(entry.resolve())
    return place


def _number(file: str) -> int:
    stem = Path(file).stem
    return int(stem) if stem.isdigit() else sys.maxsize


def measure(data: Path, section: str, reader: str | None, scenes: int) -> dict[str, Any] | None:
    """One section's figures; None when it cannot run here."""
    if section == "false-plates":
        return run(["edge", "bench", "false-plates", "--data", str(data / "falling" / "clips")])
    if section == "passages":
        return run(["simulator", "passages", "--scenes", str(scenes), "--processes", "2"])
    with tempfile.TemporaryDirectory() as temporary:
        labelled = sorted(path.parent for path in (data / "plates").glob(f"*/{LABELS}"))
        folders = [held_out(folder, Path(temporary)) for folder in labelled]
        if section == "plates":
            return {folder.name: run(["edge", "bench", "plates", "--data", str(folder)]) for folder in folders}
        if reader is None:
            return None
        given = [part for folder in folders for part in ("--data", str(folder))]
        return run(["models.plate_read.compare", *given], reader)


def page(told: dict[str, Any]) -> str:
    """The page in Markdown."""
    return "\n".join(_lines(told)).rstrip() + "\n"


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield "# What the plate path is worth"
    yield ""
    yield "Written by `make bench-plates DATA=...`. How it works and what was learnt: [design](../design/plates.md)."
    yield f"Machine: {told['machine']}. Costs are CPU time of one thread, medians; a busy machine raises them."
    if "plates" in told:
        yield from _plates(told["plates"])
    if "compare" in told:
        yield from _compared(told["compare"])
    if "passages" in told:
        yield from _passages(told["passages"])
    if "false-plates" in told:
        yield from _false(told["false-plates"])


def _plates(told: dict[str, Any]) -> Iterator[str]:
    yield from _heading("Labelled pictures", "python -m edge bench plates --data FOLDER")
    yield "Only pictures that training never saw. A box without a label counts against precision, also where it is a"
    yield "plate that the labels leave out; the command lists them."
    yield ""
    yield "| folder | pictures | plates | scene exact | no province | cut out exact | no province | per character |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, one in told.items():
        keys = ("scene_exact", "scene_without_province", "crop_exact", "crop_without_province", "crop_characters")
        yield f"| {name} | {one['images']} | {one['plates']} | " + " | ".join(_text(one[key]) for key in keys) + " |"
    yield ""
    columns = ("recall, IoU 0.5", "precision", "recall, IoU 0.7", "precision", "boxes without label")
    yield f"| folder | {' | '.join(columns)} | detect ms | read ms | 1080p frame ms |"
    yield "| --- |" + " ---: |" * 8
    for name, one in told.items():
        detection = [one["detection"][level][key] for level in ("iou50", "iou70") for key in ("recall", "precision")]
        costs = [one["ms"][key] for key in ("detect", "read", "detect_video_frame")]
        cells = [*map(_text, detection), str(len(one["without_label"])), *(_text(cost, 2) for cost in costs)]
        yield f"| {name} | " + " | ".join(cells) + " |"
    models = next(iter(told.values()))["models"]
    sizes = ", ".join(f"`{name}` {one['mb']:.2f} MB ({one['sha256'][:12]})" for name, one in models["files"].items())
    yield ""
    yield f"Models: {models['mb']:.2f} MB in all: {sizes}."
    yield from _kinds(told)
    pairs: Counter[tuple[str, str]] = Counter()
    for one in told.values():
        pairs.update({(pair["expected"], pair["read"]): pair["times"] for pair in one["confusions"]})
    yield ""
    ranked = sorted(pairs.items(), key=lambda entry: (-entry[1], entry[0]))[:16]
    yield (
        "Confusions over all folders, labelled → read: "
        + (", ".join(f"{a or '(none)'}→{b or '(none)'} {times}" for (a, b), times in ranked) or "none")
        + "."
    )


def _kinds(told: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield "| folder | kind | plates | scene exact | cut out exact | | province | plates | scene exact | cut out exact |"
    yield "| --- | --- | ---: | ---: | ---: | --- | --- | ---: | ---: | ---: |"
    for name, one in told.items():
        kinds, provinces = list(one["by_kind"].items()), list(one["by_province"].items())
        for index in range(max(len(kinds), len(provinces))):
            left = _group(kinds[index]) if index < len(kinds) else " | | | "
            right = _group(provinces[index]) if index < len(provinces) else " | | | "
            yield f"| {name if index == 0 else ''} | {left} | | {right} |"


def _group(entry: tuple[str, dict[str, Any]]) -> str:
    name, one = entry
    return f"{name} | {one['plates']} | {_text(one['scene_exact'])} | {_text(one['crop_exact'])}"


def _compared(told: dict[str, Any]) -> Iterator[str]:
    yield from _heading("Beside a public reader", "python -m models.plate_read.compare --data FOLDER")
    yield "RapidOCR (PP-OCRv4, Apache-2.0, from the package index) reads any text; its output is normalised as labels"
    yield f"are. The same pictures in the same run, up to {told['most']} of a folder."
    yield ""
    yield "| folder | reader | scene exact | no province | cut out exact | no province | ms a scene | ms a plate | MB |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for folder, readers in told["folders"].items():
        for name, one in readers.items():
            shares = ("scene_exact", "scene_without_province", "crop_exact", "crop_without_province")
            cells = [*(_text(one[key]) for key in shares), _text(one["ms_a_scene"], 2), _text(one["ms_a_plate"], 2)]
            yield f"| {folder} | {name} | " + " | ".join(cells) + f" | {told['mb'][name]:.2f} |"


def _passages(told: dict[str, Any]) -> Iterator[str]:
    yield from _heading("Simulated checkpoints", "python -m simulator passages")
    yield "Seeds, fonts and vehicles that training never saw. A passage is right when its final text is; a single frame"
    yield "is one reading that the analyzer made on the way. Evidence: passages whose picture, read on its own at the"
    yield "corners that the event names, bears the text that was told."
    yield ""
    columns = ("passages", "exact", "missed", "false", "duplicate", "passage exact", "single frame exact", "evidence")
    yield f"| condition | {' | '.join(columns)} |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, one in told["conditions"].items():
        counts = (one["passages"], one["exact"], one["passages"] - one["found"], one["false"], one["duplicate"])
        shares = (_text(one["passage_exact"]), _text(one["single_frame_exact"]))
        proved = f"{one.get('proofs_show_it', '–')} of {one.get('proofs', '–')}"
        yield f"| {name} | " + " | ".join(map(str, counts)) + " | " + " | ".join((*shares, proved)) + " |"


def _false(told: dict[str, Any]) -> Iterator[str]:
    yield from _heading("Video without plates", "python -m edge bench false-plates --data FOLDER")
    yield "The analyzer as it runs on a camera; beside it the detector alone on every fifth whole frame, and what the"
    yield "reader makes of its boxes."
    yield ""
    yield "| video | frames | passages with a text | unreadable passages | frames looked at | boxes | called plates |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, one in [*told["by_video"].items(), ("all", told["total"])]:
        keys = ("frames", "readable", "unreadable", "looked", "boxes", "called_plates")
        yield f"| {name} | " + " | ".join(str(one[key]) for key in keys) + " |"
    total = told["total"]
    yield ""
    shares = (total["readable_per_1000"], total["unreadable_per_1000"])
    yield f"For 1,000 frames: {shares[0]} passages with a text, {shares[1]} unreadable ones."


def _heading(title: str, command: str) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield f"`{command}`"
    yield ""


def _text(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--only", type=click.Choice(SECTIONS), multiple=True, help="All when left out.")
@click.option("--reader", help="Python of an environment with rapidocr_onnxruntime; without it, no comparison.")
@click.option("--scenes", default=5, show_default=True, help="Simulated scenes of each condition.")
def main(data: Path, only: tuple[str, ...], reader: str | None, scenes: int) -> None:
    """Measure and write the page."""
    store = PAGE.with_suffix(".json")
    told: dict[str, Any] = json.loads(store.read_text(encoding="utf-8")) if store.is_file() else {}
    for section in only or SECTIONS:
        figures = measure(data.resolve(), section, reader, scenes)
        if figures is not None:
            told[section] = figures
    told["machine"] = machine()
    store.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(told), encoding="utf-8")
    click.echo(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
