"""`edge bench plates` on folders as strangers make them, with drawn plates in fonts that training never used."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from plate_fonts import needs_fonts

from contract.plate_keys import PlateKey
from edge.__main__ import main
from edge.errors import BenchError
from edge.inference import ModelStore
from edge.plates.bench.labels import BrokenPicture, normalise, read_labels
from edge.plates.bench.scoring import Detections, Readings, align
from edge.plates.stills import StillReader, outline
from edge.privacy import PlatesHashed
from edge.types import Picture
from simulator.plates import PlateKind, degrade, draw_plate, random_plate, random_style

SIDES = ("x1", "y1", "x2", "y2")


def plate(seed: int, kind: PlateKind = "small_blue") -> tuple[np.ndarray, str]:
    rng = np.random.default_rng(seed)
    text, _ = random_plate(rng, kind)
    return draw_plate(text, kind, random_style(rng, "simulator")), text


def scene(seeds: tuple[int, ...]) -> tuple[np.ndarray, list[tuple[str, np.ndarray]]]:
    """A road with dark cars side by side, a plate on each."""
    rng = np.random.default_rng(seeds[0])
    picture = np.full((540, 960, 3), 105, np.uint8)
    truth = []
    for place, seed in enumerate(seeds):
        x, y = 250 + 400 * place, 300
        picture[y - 90 : y + 60, x - 150 : x + 150] = rng.uniform(20, 70, 3)
        drawn, text = plate(seed)
        corners = degrade.quad_of(degrade.View(130.0, roll_deg=2.0), 440 / 140, (x, y))
        picture = degrade.place(drawn, picture, corners)
        truth.append((text, corners))
    return degrade.noise(degrade.defocus(picture, 0.6), rng, 3.0), truth


def write(folder: Path, name: str, picture: np.ndarray) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    extension = Path(name).suffix.lower()
    (folder / name).write_bytes(cv2.imencode(extension, picture)[1].tobytes())


def row(file: str, text: str, corners: np.ndarray, *, exact: bool) -> str:
    low, high = corners.min(0), corners.max(0)
    numbers = [low[0], low[1], high[0], high[1], *(corners.ravel() if exact else [])]
    return ",".join([file, text, "blue", *(f"{n:.1f}" if n is not None else "" for n in numbers)])


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes with corners and with a box only, two plates in one, a crop, an empty road, a broken file and none."""
    folder = tmp_path_factory.mktemp("mixed")
    lines = ["file,plate,kind,x1,y1,x2,y2,tlx,tly,trx,try,brx,bry,blx,bly"]
    for number, (seeds, exact) in enumerate([((1, 2), True), ((3,), False)]):
        picture, truth = scene(seeds)
        write(folder, f"images/s{number}.JPG", picture)
        for text, corners in truth:
            spelt = f"{text[:2]}·{text[2:].lower()} "
            lines.append(row(f"images/s{number}.JPG", spelt, corners, exact=exact))
    drawn, text = plate(4, "new_energy_small")
    write(folder, "images/c.png", cv2.resize(drawn, (120, 36), interpolation=cv2.INTER_AREA))
    lines.append(f"images/c.png,{text}")
    write(folder, "images/empty.png", np.full((540, 960, 3), 105, np.uint8))
    lines.append("images/empty.png,,")
    (folder / "images/broken.jpg").write_bytes(b"\xff\xd8 no picture")
    lines += ["images/broken.jpg,京A12345,blue", "images/gone.jpg,京A12345,blue"]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["bench", "plates", *arguments])


@needs_fonts
def test_a_mixed_folder_is_measured(mixed: Path, tmp_path: Path) -> None:
    done = run("--data", str(mixed), "--json", str(tmp_path / "told.json"), "--failures", str(tmp_path / "sheets"))
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert (told["images"], told["scenes"], told["crops"], told["plates"]) == (4, 3, 1, 4)
    assert [one["file"] for one in told["broken"]] == ["images/broken.jpg", "images/gone.jpg"]
    assert "images/broken.jpg" in done.output
    assert told["detection"]["iou50"]["plates"] == 3
    assert told["detection"]["iou50"]["recall"] == 1.0
    assert set(told["detection"]["iou70"]) >= {"recall", "precision"}
    assert told["scene_exact"] >= 0.6
    assert told["crop_exact"] >= 0.5
    assert told["by_kind"]["blue"]["plates"] == 3
    assert told["by_kind"]["unknown"]["crop_exact"] in {0.0, 1.0}
    assert sum(one["plates"] for one in told["by_province"].values()) == 4
    assert told["ms"]["detect"] > 0
    assert told["ms"]["read"] > 0
    assert told["models"]["mb"] < 8
    wrong = {(one["file"], one["expected"], one["read"]) for one in told["failures"]}
    assert all(expected != read for _, expected, read in wrong)


@needs_fonts
def test_crops_alone_have_no_scene_figures(tmp_path: Path) -> None:
    lines = ["plate,file"]
    for seed in range(3):
        drawn, text = plate(seed)
        write(tmp_path, f"{seed}.png", cv2.resize(drawn, (94, 24), interpolation=cv2.INTER_AREA))
        lines.append(f"{text},{seed}.PNG")
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    done = run("--data", str(tmp_path), "--json", str(tmp_path / "told.json"))
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert told["scene_exact"] is None
    assert told["detection"]["iou50"]["recall"] is None
    assert told["ms"]["detect"] is None
    assert told["crop_exact"] is not None
    assert told["images"] == 3


@needs_fonts
def test_small_scenes_and_large_crops_without_a_place_are_told_apart(tmp_path: Path) -> None:
    lines = ["file,plate"]
    for seed in range(2):
        picture, [(text, _)] = scene((seed,))
        write(tmp_path, f"scene{seed}.png", cv2.resize(picture, (640, 360), interpolation=cv2.INTER_AREA))
        drawn, cut = plate(seed + 5)
        write(tmp_path, f"crop{seed}.png", drawn)
        lines += [f"scene{seed}.png,{text}", f"crop{seed}.png,{cut}"]
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    done = run("--data", str(tmp_path), "--json", str(tmp_path / "told.json"), "--region", "cn")
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert (told["scenes"], told["crops"]) == (2, 2)


@needs_fonts
def test_pictures_of_any_depth_and_size_and_a_table_with_semicolons(tmp_path: Path) -> None:
    """Grey, with transparency, of 16 bits, of 4,800 px, of 20 px, with names that are not ASCII, from a spreadsheet."""
    picture, [(text, corners)] = scene((3,))
    variants = {
        "灰 度.png": cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY),
        "rgba.png": np.dstack([picture, np.full(picture.shape[:2], 200, np.uint8)]),
        "sixteen.png": picture.astype(np.uint16) * 257,
        "huge.jpg": cv2.resize(picture, None, fx=5, fy=5),
        "caf\u00e9.png": picture,
    }
    lines = ["File;PLATE;kind;x1;y1;x2;y2"]
    for name, variant in variants.items():
        write(tmp_path, name, variant)
        scale = variant.shape[1] / picture.shape[1]
        ends = ";".join(f"{end * scale:.3f}" for end in (*corners.min(0), *corners.max(0)))
        named = unicodedata.normalize("NFD", name)
        lines.append(f"{named};{text[0]} {text[1]}．{text[2:].lower()};蓝牌;{ends}")
    write(tmp_path, "tiny.png", cv2.resize(picture, (20, 20)))
    write(tmp_path, "dot.png", picture[:1, :1])
    lines += ["tiny.png;京A12345;;;;;", "dot.png;京A12345", ""]
    (tmp_path / "labels.csv").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    done = run("--data", str(tmp_path), "--json", str(tmp_path / "told.json"))
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert told["broken"] == []
    assert told["by_kind"]["蓝牌"] | {"crop_without_province": None} == {
        "plates": 5,
        "scene_exact": 1.0,
        "crop_exact": 1.0,
        "scene_without_province": 1.0,
        "crop_without_province": None,
    }


@needs_fonts
def test_failures_are_listed_and_drawn(mixed: Path, tmp_path: Path) -> None:
    """The right pictures with a wrong label: each must be told, with what was read, and shown."""
    picture, [(_, corners)] = scene((3,))
    write(tmp_path, "a.png", picture)
    lines = ["file,plate,x1,y1,x2,y2", row("a.png", "藏Z99999", corners, exact=False).replace(",blue,", ",")]
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    done = run("--data", str(tmp_path), "--json", str(tmp_path / "t.json"), "--failures", str(tmp_path / "sheets"))
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert told["scene_exact"] == told["crop_exact"] == 0.0
    assert {one["stage"] for one in told["failures"]} == {"scene", "crop"}
    assert all(one["expected"] == "藏Z99999" and one["read"] for one in told["failures"])
    for name in ("scene-failures-1.png", "crop-failures-1.png"):
        sheet = cv2.imread(str(tmp_path / "sheets" / name))
        assert sheet is not None
        assert sheet.shape[1] == 320


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "labels.csv: missing"),
        ("", "no column file"),
        ("file,plate\n", "holds no row"),
        ("file\na.jpg\n", "no column plate"),
        ("file,plate,x1,y1,x2,y2\na.jpg,京A12345,1,2,three,4\n", "line 2: x2 is 'three'"),
        ("file,plate,x1,y1,x2,y2\na.jpg,京A12345,1,2,1e30,4\n", "line 2: x2 is '1e30'"),
        ("file,plate\ngone.jpg,京A12345\n", "none of the 1 pictures"),
        ("file,plate\nzero\0.jpg,京A12345\n", "no file can have this name"),
    ],
)
def test_a_folder_that_cannot_be_measured_is_refused(tmp_path: Path, text: str | None, expected: str) -> None:
    if text is not None:
        (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    done = run("--data", str(tmp_path))
    assert done.exit_code == 1
    assert expected in done.output
    assert "Traceback" not in done.output


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run("--data", str(tmp_path / "nowhere"))
    assert done.exit_code == 1
    assert "no such folder" in done.output


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_labels_are_read_as_spreadsheets_write_chinese(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "labels.csv").write_bytes("file,plate\r\n图.jpg,京A12345\r\n".encode(encoding))
    [picture] = read_labels(tmp_path)
    assert (picture.file, picture.labels[0].text) == ("图.jpg", "京A12345")


def test_labels_in_another_encoding_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"file,plate\na.jpg,\xff\xff12345\n")
    with pytest.raises(BenchError, match="neither UTF-8 nor GB18030"):
        read_labels(tmp_path)


def test_places_alone_are_labels(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,x1,y1,x2,y2\na.jpg,10,20,60,40\n")
    [picture] = read_labels(tmp_path)
    assert picture.labels[0].text == ""
    assert picture.labels[0].place is not None


def test_a_folder_of_broken_pictures_has_figures_too(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,plate\ngone.jpg,京A12345\n")
    assert run("--data", str(tmp_path), "--json", str(tmp_path / "f.json")).exit_code == 1
    told = json.loads((tmp_path / "f.json").read_text())
    assert (told["images"], told["scene_exact"], len(told["broken"])) == (0, None, 1)


def test_a_label_without_a_usable_place_is_a_text_only(tmp_path: Path) -> None:
    head = "file,plate,x1,y1,x2,y2,tlx,tly,trx,try,brx,bry,blx,bly"
    lines = [head, "a.jpg,京A12345,5,5,5,5,,,,,,,,", "b.jpg,京A12345,30,40,10,20,1,2,3,,,,,", "b.jpg,,0,0,9,9"]
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    first, second = read_labels(tmp_path)
    assert first.labels[0].place is None
    box = second.labels[0].place
    assert box is not None
    assert box.tolist() == [[10, 20], [30, 20], [30, 40], [10, 40]]
    assert [label.text for label in second.labels] == ["京A12345", ""]
    with pytest.raises(BrokenPicture):
        first.read()


@pytest.mark.parametrize("spelt", ["京A·12345", "京a 12345", "京Ａ１２３４５", " 京A-12345", "京A•12345"])
def test_spellings_of_one_plate_are_the_same(spelt: str) -> None:
    assert normalise(spelt) == "京A12345"


def test_a_zero_in_the_authority_s_place_is_the_letter() -> None:
    assert normalise("粤0T9048") == "粤OT9048"
    assert normalise("粤012345") == "粤O12345"
    assert normalise("0T90480") == "0T90480"
    for digits in ("粤0809931", "沪01234领"):  # a tractor, a consulate
        assert normalise(digits) == digits


def test_characters_are_aligned_by_the_fewest_edits() -> None:
    assert align("京A1", "京B1") == [("京", "京"), ("A", "B"), ("1", "1")]
    assert align("京A1", "A1") == [("京", ""), ("A", "A"), ("1", "1")]
    assert align("A1", "京A1") == [("", "京"), ("A", "A"), ("1", "1")]


def test_readings_count_exact_tail_and_characters() -> None:
    counts = Readings()
    for expected, read in [
        ("京A12345", "京A12345"),
        ("皖A12345", "京A12345"),
        ("皖A12345", "皖A1234S"),
        ("皖A12345", ""),
    ]:
        counts.count(expected, read)
    assert counts.exact_share == 0.25
    assert counts.tail_share == 0.5
    assert counts.character_share == round((7 + 6 + 6 + 0) / 28, 4)
    assert counts.confusions == {("皖", "京"): 1, ("5", "S"): 1}


def test_each_box_is_matched_once() -> None:
    here = np.array([[0, 0], [100, 0], [100, 40], [0, 40]], np.float32)
    counts = Detections(0.5)
    counts.count([here], [here, here + 2, here + 500])
    assert (counts.recall, counts.precision) == (1.0, round(1 / 3, 4))


def nearly_black(picture: np.ndarray) -> np.ndarray:
    grain = np.random.default_rng(3).normal(0, 0.8, picture.shape)
    return np.clip(picture * 0.02 + grain, 0, 255).astype(np.uint8)


@needs_fonts
def test_a_plate_that_somebody_could_lighten_is_covered_where_plates_are_hashed() -> None:
    picture, [(_, corners)] = scene((3,))
    covered = PlatesHashed(PlateKey(bytes(32)), ModelStore()).cover(Picture("snapshot", nearly_black(picture)), None)
    (left, top), (right, bottom) = corners.min(0).astype(int), corners.max(0).astype(int)
    assert (covered[top:bottom, left:right] == 0).all(), "the grain of what is not covered is not 0 everywhere"


@needs_fonts
def test_a_picture_that_is_nearly_black_is_looked_at_again_lightened() -> None:
    reader = StillReader(ModelStore())
    picture, [(text, _)] = scene((3,))
    dark = nearly_black(picture)
    assert [plate.text for plate in reader.read_picture(dark)] == [text]
    assert reader.read_picture(np.full((540, 960, 3), 3, np.uint8)) == []


@needs_fonts
def test_a_tilted_crop_is_straightened() -> None:
    reader = StillReader(ModelStore())
    exact = 0
    for seed in range(6):
        drawn, text = plate(seed)
        ground = np.full((90, 240, 3), 60, np.uint8)
        corners = degrade.quad_of(degrade.View(180.0, roll_deg=9.0), 440 / 140, (120, 45))
        exact += reader.read_crop(degrade.place(drawn, ground, corners)).text == text
    assert exact >= 4


def test_the_outline_is_the_whole_picture() -> None:
    assert outline(np.zeros((24, 94, 3), np.uint8)).tolist() == [[0, 0], [94, 0], [94, 24], [0, 24]]


@needs_fonts
def test_a_place_that_cannot_be_written_to_is_named(mixed: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("--data", str(mixed), "--json", str(tmp_path / "file" / "told.json"))
    assert done.exit_code == 2, "known before anything is measured"
    assert "told.json" in done.output
    assert "cannot be written" in done.output
    done = run("--data", str(mixed), "--json", str(tmp_path / "new" / "told.json"))
    assert done.exit_code == 0
    assert json.loads((tmp_path / "new" / "told.json").read_text(encoding="utf-8"))["ms"]["read_net"] > 0
    (tmp_path / "labels.csv").write_text("file,plate\nc.png,京A12345\n", encoding="utf-8")
    write(tmp_path, "c.png", np.full((24, 94, 3), 90, np.uint8))
    done = run("--data", str(tmp_path), "--failures", str(tmp_path / "file" / "sheets"))
    assert done.exit_code == 1
    assert "cannot be written" in done.output
