"""`make bench`: what the agent costs, how late alerts are, how fast it starts, how much memory it takes.

Everything is measured on one scenario of two 1080p25 cameras. Costs come from its video files on one thread, each
analyzer beside the decoding of the same frames in the same run, so that the ratio holds on any machine; delay, start
and memory come from a rehearsal in real time.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import av
import click
import cv2
import yaml
from matplotlib.figure import Figure
from rich.console import Console

from edge.falling.analyzer import FallingAnalyzer
from edge.falling.settings import FallingSettings
from edge.inference import ModelStore
from edge.plates.analyzer import PlatesAnalyzer
from edge.plates.settings import PlatesSettings
from edge.ports import Analyzer
from edge.sources.file import FileSource
from simulator.rehearsal import ANALYZERS, Rehearsal, Score
from simulator.render import RenderedCamera, RenderedScenario
from simulator.score import DEFAULT_FOLDER, make_console, print_alert, render_with_progress
from simulator.stack import StackError

SCENARIO = Path("configs/scenarios/bench.yaml")
REPORT = Path("docs/ref/bench.md")
WARM_UP_FRAMES = 50


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds per frame on one thread, over one file."""

    camera: str
    analyzer: str
    frames: int
    decode_ms: float
    """The bare recipe of DESIGN §5: one decoder thread, the Y plane as a view."""
    source_ms: float
    """What the agent's own source takes: decoding, full range, repeated pictures, packets for the ring."""
    analysis_ms: float
    analysis_p99_ms: float

    @property
    def ratio(self) -> float:
        """Analysis as a multiple of decoding, the figure that carries over to other machines."""
        return self.analysis_ms / self.decode_ms


@dataclass(frozen=True, slots=True)
class Running:
    """The agent as a process, playing every camera of the scenario in real time."""

    start_s: float
    memory_mb: float
    memory_peak_mb: float
    delay_p50_s: float | None
    delay_p95_s: float | None
    alerts: int


def analyzer_for(camera: RenderedCamera, scene: str, models: ModelStore) -> tuple[str, Analyzer]:
    """The analyzer of a scene with what the installer drew."""
    drawn = yaml.safe_load(camera.installation.read_text(encoding="utf-8")) or {}
    if ANALYZERS[scene] == "falling":
        return "falling", FallingAnalyzer(camera.id, FallingSettings.model_validate(drawn.get("falling", {})), models)
    return "plates", PlatesAnalyzer(camera.id, PlatesSettings.model_validate(drawn.get("plates", {})), models)


def decode_times_ms(video: Path) -> list[float]:
    """Milliseconds of each frame by the recipe that every "× decode" in the documentation means."""
    times = []
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        began = time.perf_counter()
        for frame in container.decode(stream):
            memoryview(frame.planes[0])  # the view that a frame's luma is
            times.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
    return times


def measure_cost(camera: RenderedCamera, scene: str) -> Cost:
    """Time decoding and analysis of every frame after a warm-up; the bare recipe before and after, for a fair mean."""
    name, analyzer = analyzer_for(camera, scene, ModelStore())
    decode = decode_times_ms(camera.video)
    taking, analysis = [], []
    frames = FileSource(camera.id, camera.video).frames()
    for _ in range(camera.frames):
        began = time.perf_counter()
        frame = next(frames, None)
        decoded = time.perf_counter()
        if frame is None:
            break
        analyzer.observe(frame)
        taking.append((decoded - began) * 1000)
        analysis.append((time.perf_counter() - decoded) * 1000)
    decode = [mean(pair) for pair in zip(decode, decode_times_ms(camera.video), strict=True)]
    measured = slice(WARM_UP_FRAMES, None)
    slowest = sorted(analysis[measured])[-max(1, len(analysis[measured]) // 100)]
    return Cost(
        camera.id,
        name,
        len(analysis[measured]),
        decode_ms=mean(decode[measured]),
        source_ms=mean(taking[measured]),
        analysis_ms=mean(analysis[measured]),
        analysis_p99_ms=slowest,
    )


def measure_running(rendered: RenderedScenario, folder: Path, console: Console) -> tuple[Running, Score]:
    """Play the scenario in real time and watch the agent's process."""
    with Rehearsal(rendered, folder) as rehearsal:
        status = Path(f"/proc/{rehearsal.agent_pid}/status")
        seen: list[dict[str, float]] = []

        def watch() -> None:
            seen.append(_memory_mb(status))

        score = rehearsal.play_to_the_end(lambda heard: print_alert(console, heard), watch)
        start_s = rehearsal.seconds_to_first_play()
    return (
        Running(
            start_s=start_s,
            memory_mb=max(reading.get("VmRSS", 0.0) for reading in seen),
            memory_peak_mb=max(reading.get("VmHWM", 0.0) for reading in seen),
            delay_p50_s=score.delivery.delay_quantile(50),
            delay_p95_s=score.delivery.delay_quantile(95),
            alerts=len(score.delivery.delays_s),
        ),
        score,
    )


def _memory_mb(status: Path) -> dict[str, float]:
    """VmRSS and VmHWM of a process in MiB; empty when it has ended."""
    if not status.exists():
        return {}
    lines = (line.split() for line in status.read_text(encoding="utf-8").splitlines())
    return {parts[0][:-1]: int(parts[1]) / 1024 for parts in lines if parts[0] in {"VmRSS:", "VmHWM:"}}


def machine() -> str:
    """The processor's name and how many there are."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model"))]
    return f"{len([line for line in lines if line.startswith('processor')])} × {(names or [platform.machine()])[0]}"


def report(rendered: RenderedScenario, costs: list[Cost], running: Running) -> str:
    """The page under docs/ref/, in Markdown."""
    return "\n".join(_report_lines(rendered, costs, running)) + "\n"


def _report_lines(rendered: RenderedScenario, costs: list[Cost], running: Running) -> Iterator[str]:
    camera = rendered.scenario.cameras[0]
    yield "# What it costs"
    yield ""
    yield "Written by `make bench`. A cost is a ratio to decoding the same frames on one thread in the same run."
    yield ""
    yield f"* Machine: {machine()}, Python {platform.python_version()}"
    size = f"{camera.width}×{camera.height} at {camera.fps:g} fps"
    yield f"* Input: `{SCENARIO}`: {len(rendered.cameras)} cameras of {size},"
    yield f"  H.264 {camera.bitrate_kbps} kbit/s, GOP {camera.gop}, {camera.duration_s:g} s each"
    yield "* Command: `make bench`"
    yield ""
    yield "| camera | analyzer | frames | decode ms | agent's source ms | analysis ms | its p99 | analysis ÷ decode |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for cost in costs:
        figures = (cost.decode_ms, cost.source_ms, cost.analysis_ms, cost.analysis_p99_ms)
        cells = " | ".join(f"{figure:.2f}" for figure in figures)
        yield f"| {cost.camera} | {cost.analyzer} | {cost.frames} | {cells} | **{cost.ratio:.2f}** |"
    yield ""
    yield "![decode and analysis per frame](bench.png)"
    yield ""
    yield "| the running agent, both cameras by RTSP in real time | | goal |"
    yield "| --- | ---: | ---: |"
    yield f"| last frame of a finding → alert at an MQTT subscriber, p50 | {_seconds(running.delay_p50_s)} | |"
    yield f"| the same, p95 ({running.alerts} alerts) | {_seconds(running.delay_p95_s)} | ≤ 1 s |"
    yield f"| start of the process → first frame asked for | {running.start_s:.2f} s | ≤ 3 s |"
    yield f"| resident memory, largest seen | {running.memory_mb:.0f} MiB | ≤ 250 MB |"
    yield f"| resident memory, the kernel's high-water mark | {running.memory_peak_mb:.0f} MiB | |"


def plot(costs: list[Cost], path: Path) -> None:
    """Decode and analysis per frame side by side, one group a camera."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    places = range(len(costs))
    axes.bar([place - 0.2 for place in places], [cost.decode_ms for cost in costs], 0.4, label="decode")
    axes.bar([place + 0.2 for place in places], [cost.analysis_ms for cost in costs], 0.4, label="analysis")
    axes.set_xticks(list(places), [f"{cost.camera}\n{cost.analyzer}" for cost in costs])
    axes.set_ylabel("ms per 1080p frame, one thread")
    axes.legend()
    figure.savefig(path, dpi=110)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"


@click.command("bench")
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_FOLDER, show_default=True)
def bench_command(work: Path) -> None:
    """Measure cost, delay, start and memory; write docs/ref/bench.md, .json and the plot."""
    cv2.setNumThreads(1)
    console = make_console()
    rendered = render_with_progress(SCENARIO, work.resolve(), console)
    scenes = {camera.id: camera.scene for camera in rendered.scenario.cameras}
    costs = [measure_cost(camera, scenes[camera.id]) for camera in rendered.cameras]
    try:
        running, _ = measure_running(rendered, work.resolve() / "run" / "bench", console)
    except StackError as error:
        raise click.ClickException(str(error)) from error
    REPORT.write_text(report(rendered, costs, running), encoding="utf-8")
    figures = {"machine": machine(), "costs": [asdict(cost) for cost in costs], "running": asdict(running)}
    REPORT.with_suffix(".json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    plot(costs, REPORT.with_suffix(".png"))
    console.print(REPORT.read_text(encoding="utf-8"), markup=False)
