"""The model store: what it loads, and what it says when a model is missing, changed or of another shape."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge.errors import ModelError
from edge.inference import MANIFEST, ModelStore, describe, file_hash

Change = Callable[[dict[str, Any]], None]


def save_adder(path: Path, width: int = 4, trained: str = "not at all") -> None:
    """A tiny network: y = x + 1, x of (batch, width)."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "one"], ["y"])],
        "adder",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", width])],
        [helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {"trained": trained})
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def manifest_module() -> ModuleType:
    path = Path(__file__).parents[2] / "models" / "manifest.py"
    spec = importlib.util.spec_from_file_location("models_manifest", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_adder(tmp_path / "adder" / "adder.onnx")
    manifest_module().write_manifest(tmp_path)
    return tmp_path


def change_manifest(folder: Path, change: Change) -> None:
    path = folder / MANIFEST
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content["models"]["adder"])
    path.write_text(json.dumps(content), encoding="utf-8")


def test_loads_and_runs_a_model_once(folder: Path) -> None:
    store = ModelStore(folder)
    model = store.load("adder")
    (result,) = model.run({"x": np.zeros((2, 4), np.float32)})
    assert result.tolist() == [[1.0] * 4] * 2
    assert store.load("adder") is model
    (info,) = store.infos()
    assert (info.name, info.provider) == ("adder", "CPUExecutionProvider")
    assert info.sha256 == file_hash(folder / "adder" / "adder.onnx")


def test_manifest_is_written_from_the_files(folder: Path) -> None:
    entry = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["models"]["adder"]
    assert entry["inputs"] == {"x": ["batch", 4]}
    assert entry["outputs"] == {"y": ["batch", 4]}
    assert entry["trained"] == describe(folder / "adder" / "adder.onnx").trained == "not at all"


def test_missing_file_names_it_and_the_remedy(folder: Path) -> None:
    (folder / "adder" / "adder.onnx").unlink()
    with pytest.raises(ModelError, match=r"adder\.onnx.*cannot be read.*install the agent again"):
        ModelStore(folder).load("adder")


def test_changed_file_is_refused(folder: Path) -> None:
    save_adder(folder / "adder" / "adder.onnx", trained="in secret")
    with pytest.raises(ModelError, match=r"adder\.onnx: the file has changed.*models\.manifest"):
        ModelStore(folder).load("adder")


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_other_shape_than_the_manifest_is_refused(folder: Path, side: str) -> None:
    change_manifest(folder, lambda entry: entry.update({side: {"x": ["batch", 5]}}))
    with pytest.raises(ModelError, match=rf"{side} are .* the manifest says .*different versions"):
        ModelStore(folder).load("adder")


def test_file_that_is_no_network(folder: Path) -> None:
    path = folder / "adder" / "adder.onnx"
    path.write_bytes(b"not a network")
    change_manifest(folder, lambda entry: entry.update(sha256=file_hash(path)))
    with pytest.raises(ModelError, match="not a model that ONNX Runtime can run"):
        ModelStore(folder).load("adder")


def test_unknown_name_lists_the_known_ones(folder: Path) -> None:
    with pytest.raises(ModelError, match="no model named multiplier; it lists adder"):
        ModelStore(folder).load("multiplier")


@pytest.mark.parametrize("text", ["{", "[]", '{"models": 3}'])
def test_broken_manifest(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"manifest\.json"):
        ModelStore(tmp_path).load("adder")


def test_missing_manifest(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"manifest\.json is missing"):
        ModelStore(tmp_path).load("adder")


def test_incomplete_entry(folder: Path) -> None:
    change_manifest(folder, lambda entry: entry.pop("sha256") and None)
    with pytest.raises(ModelError, match="lacks sha256"):
        ModelStore(folder).load("adder")


def test_wrong_feed_is_refused(folder: Path) -> None:
    model = ModelStore(folder).load("adder")
    with pytest.raises(ModelError, match=r"input x must be \['batch', 4\], was given \[2, 5\]"):
        model.run({"x": np.zeros((2, 5), np.float32)})
    with pytest.raises(ModelError, match=r"takes inputs \['x'\], was given \['z'\]"):
        model.run({"z": np.zeros((2, 4), np.float32)})
