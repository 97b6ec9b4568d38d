"""One training path for all regions: samples of a region's plates, and a net for its characters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`")
import torch
from click.testing import CliRunner

from edge.inference import ModelStore
from edge.plates.alphabet import ALPHABET, LATIN_ALPHABET
from edge.plates.grammar import EUROPE
from edge.plates.recognition import Recogniser
from models.plate_read import samples, train
from models.plate_read.evaluate import drawn_cases
from models.training import RunSettings

MODELS = Path(__file__).parents[2] / "models"


def test_samples_of_a_region_carry_its_texts(tmp_path: Path) -> None:
    generator = samples.Generator(np.random.default_rng(1), None, samples.Backgrounds(()), region="eu")
    drawn = [generator.sample() for _ in range(40)]
    samples.write_shard(tmp_path / "drawn-00001", drawn, LATIN_ALPHABET)
    labels = np.load(tmp_path / "drawn-00001.labels.npy")
    texts = 0
    for label, sample in zip(labels, drawn, strict=True):
        if sample.text:
            length = label[samples.LONGEST]
            assert "".join(LATIN_ALPHABET[code - 1] for code in label[:length]) == sample.text
            assert EUROPE.admits(sample.text)
            texts += 1
    assert texts > 20
    assert {sample.layout for sample in drawn} == {samples.ONE_ROW, samples.TWO_ROWS, samples.NOT_A_PLATE}


def test_chinese_pictures_are_refused_for_another_region(tmp_path: Path) -> None:
    arguments = ["--cache", str(tmp_path / "cache"), "--region", "eu", "--real", str(tmp_path)]
    result = CliRunner().invoke(samples.main, arguments)
    assert result.exit_code == 2
    assert "leave them out" in result.output


def test_a_reader_begins_with_the_characters_that_another_one_knows(tmp_path: Path) -> None:
    torch.manual_seed(0)
    chinese = train.Trainer(RunSettings("cpu", 1e-3))
    chinese.save(tmp_path / "cn.pt")
    european = train.Trainer(RunSettings("cpu", 1e-3), alphabet=LATIN_ALPHABET)
    fresh = european.net.characters.weight.detach().clone()
    european.begin_from([tmp_path / "cn.pt"])
    assert torch.equal(european.net.features[0][0].weight, chinese.net.features[0][0].weight)
    weights, known = european.net.characters.weight, chinese.net.characters.weight
    assert len(weights) == len(LATIN_ALPHABET) + 1
    assert torch.equal(weights[0], known[0])
    for character in "0AZ":
        assert torch.equal(weights[LATIN_ALPHABET.index(character) + 1], known[ALPHABET.index(character) + 1])
    umlaut = LATIN_ALPHABET.index("Ö") + 1
    assert torch.equal(weights[umlaut], fresh[umlaut])


def test_the_shipped_european_reader_reads_fonts_that_training_never_used() -> None:
    """Reader, cut and grammar of the region together, at the true corners."""
    recogniser = Recogniser.of(EUROPE, ModelStore(MODELS))
    exact = total = 0
    for case in drawn_cases(1, seed=4242, region="eu"):
        exact += recogniser.recognise(case.picture, case.corners).reading.text == case.text
        total += 1
    assert exact / total >= 0.75
    assert (MODELS / "plate_read_eu" / "plate_read_eu.onnx").stat().st_size <= 1.5e6
