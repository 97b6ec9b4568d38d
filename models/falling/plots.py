"""The plots of the falling-object figures; matplotlib is a development dependency."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from models.falling.conditions import CLASSES, GOALS, Row
from models.falling.confusers import Quiet
from models.falling.jobs import Figures

_MOST_OFF = 6
"""Floors; what is further off is drawn there."""


def plot_recall(rows: Sequence[Row], path: Path) -> None:
    """Recall with its 95 % interval by condition and size, and the recall that is wanted."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    for number, (name, _, _) in enumerate(CLASSES):
        places = [place + 0.36 * number - 0.18 for place in range(len(rows))]
        shares = [row.recall[number] for row in rows]
        values = [share.value if share.count else 0.0 for share in shares]
        reach = [
            [max(0.0, value - share.interval[0]) for value, share in zip(values, shares, strict=True)],
            [max(0.0, share.interval[1] - value) for value, share in zip(values, shares, strict=True)],
        ]
        axes.bar(places, values, 0.34, label=name, yerr=reach, capsize=3)
        for place, row in zip(places, rows, strict=True):
            if row.condition in GOALS:
                goal = GOALS[row.condition][number]
                axes.plot([place - 0.17, place + 0.17], [goal, goal], color="black", linewidth=2)
    axes.set_xticks(range(len(rows)), [row.condition for row in rows])
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("falls found (black: wanted)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    figure.savefig(path, dpi=110)


def plot_origins(figures: Sequence[Figures], path: Path) -> None:
    """By how many floors the named one is off, and whether the stated interval holds the true one."""
    falls = [fall for one in figures for fall in one["falls"] if "floor_error" in fall]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes, beside = figure.subplots(1, 2, width_ratios=(2, 1))
    off = [max(-_MOST_OFF, min(_MOST_OFF, int(fall["floor_error"]))) for fall in falls]
    places = range(-_MOST_OFF, _MOST_OFF + 1)
    for right, label in ((True, "interval right"), (False, "interval wrong")):
        part = [error for error, fall in zip(off, falls, strict=True) if bool(fall["floor_covered"]) == right]
        below = [off.count(place) - part.count(place) if not right else 0 for place in places]
        axes.bar(places, [part.count(place) for place in places], bottom=below, label=label)
    axes.axvspan(-1.5, 1.5, color="grey", alpha=0.15)
    axes.set_xlabel(f"floors too high or (negative) too low, {_MOST_OFF}: or more")
    axes.set_ylabel(f"falls ({len(falls)} found)")
    axes.legend(frameon=False)
    beside.scatter([fall["size_px"] for fall in falls], [abs(fall["floor_error"]) for fall in falls], s=12, alpha=0.6)
    beside.set_xlabel("size, px")
    beside.set_ylabel("floors off")
    figure.savefig(path, dpi=110)


def plot_quiet(rows: Sequence[Quiet], path: Path) -> None:
    """False events by kind of confuser, and what may still be expected a camera and day at most."""
    figure = Figure(figsize=(8, 0.28 * len(rows) + 1), layout="constrained")
    axes, beside = figure.subplots(1, 2, sharey=True)
    places = range(len(rows))
    axes.barh(places, [row.confirmed for row in rows], label="confirmed")
    axes.barh(
        places, [row.suspected for row in rows], left=[row.confirmed for row in rows], label="suspected", alpha=0.4
    )
    axes.set_yticks(places, [f"{row.kind} ({60 * row.hours:.0f} min)" for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("events, none of them a fall")
    axes.legend()
    beside.barh(places, [row.most_a_day or 0 for row in rows], color="grey")
    beside.set_xscale("log")
    beside.set_xlabel("at most a camera and day (95 %)")
    figure.savefig(path, dpi=110)
