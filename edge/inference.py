"""Trained networks: found by name in a manifest, checked (hash, inputs, outputs), run by ONNX Runtime on one thread.

The only file that knows ONNX Runtime. A model that is missing, changed or of another shape is a `ModelError` at load:
a broken model must never look like an empty street.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from contract.status import ModelInfo
from edge.errors import ModelError

MANIFEST = "manifest.json"
Shape = list[int | str]
"""Sizes of a tensor's axes; a name stands for an axis of any size."""

_HERE = Path(__file__).resolve().parent
_DEFAULT_FOLDERS = (_HERE / "model_files", _HERE.parent / "models")
"""Where the wheel carries the models, and where a checkout has them."""


@dataclass(frozen=True, slots=True)
class ModelInterface:
    """Names and shapes of a network's inputs and outputs, and what its export noted about its training."""

    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    trained: str


class OnnxModel:
    """One loaded network. `run` may be called from several threads."""

    def __init__(self, session: ort.InferenceSession, info: ModelInfo, interface: ModelInterface) -> None:
        self._session = session
        self._info = info
        self.interface = interface

    @property
    def info(self) -> ModelInfo:
        """Name, hash and execution provider, as an edge reports them at birth."""
        return self._info

    def run(self, feed: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Run the network; arrays by input name, results in the order of the manifest's outputs. Raises ModelError."""
        self._check_feed(feed)
        return [np.asarray(value) for value in self._session.run(None, feed)]

    def _check_feed(self, feed: dict[str, NDArray[Any]]) -> None:
        expected = self.interface.inputs
        if feed.keys() != expected.keys():
            raise ModelError(f"model {self._info.name}: it takes inputs {sorted(expected)}, was given {sorted(feed)}")
        for name, array in feed.items():
            if not _fits(array.shape, expected[name]):
                raise ModelError(
                    f"model {self._info.name}: input {name} must be {expected[name]}, was given {list(array.shape)}"
                )


class ModelStore:
    """Loads models by their manifest names, each once.

    Looks in `folder` if given, else in the folder that the package carries, else in the checkout's `models/`.
    """

    def __init__(self, folder: Path | None = None, providers: tuple[str, ...] = ("CPUExecutionProvider",)) -> None:
        self._folder = folder if folder is not None else _default_folder()
        self._providers = providers
        self._loaded: dict[str, OnnxModel] = {}
        self._lock = threading.Lock()

    def load(self, name: str) -> OnnxModel:
        """The model of that name, checked against the manifest. Raises ModelError: the file and the remedy."""
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._open(name)
            return self._loaded[name]

    def path_of(self, name: str) -> Path:
        """The file of a model of the manifest. Raises ModelError when the manifest does not list it."""
        return self._folder / str(self._entry(name)["file"])

    def infos(self) -> tuple[ModelInfo, ...]:
        """What has been loaded so far, by name."""
        with self._lock:
            return tuple(model.info for _, model in sorted(self._loaded.items()))

    def _open(self, name: str) -> OnnxModel:
        entry = self._entry(name)
        path = self._folder / str(entry["file"])
        digest = _checked_hash(path, str(entry["sha256"]))
        session = _open_session(path, self._providers)
        interface = _interface(session)
        for side, found in (("inputs", interface.inputs), ("outputs", interface.outputs)):
            if entry[side] != found:
                raise ModelError(
                    f"{path}: {side} are {found}, the manifest says {entry[side]}; the agent and its models are of "
                    f"different versions: install them together, or run `python -m models.manifest` after an export"
                )
        info = ModelInfo(name=name, sha256=digest, provider=session.get_providers()[0])
        return OnnxModel(session, info, interface)

    def _entry(self, name: str) -> dict[str, Any]:
        path = self._folder / MANIFEST
        models = _read_manifest(path)
        if name not in models:
            raise ModelError(f"{path}: no model named {name}; it lists {', '.join(sorted(models)) or 'none'}")
        entry = models[name]
        missing = {"file", "sha256", "inputs", "outputs"} - set(entry)
        if missing:
            raise ModelError(f"{path}: the entry of {name} lacks {', '.join(sorted(missing))}")
        return dict(entry)


def describe(path: Path) -> ModelInterface:
    """Inputs, outputs and training note of an ONNX file (the manifest is written from this). Raises ModelError."""
    return _interface(_open_session(path, ("CPUExecutionProvider",)))


def file_hash(path: Path) -> str:
    """SHA-256 of a file in lower-case hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _default_folder() -> Path:
    for folder in _DEFAULT_FOLDERS:
        if (folder / MANIFEST).is_file():
            return folder
    places = " or ".join(str(folder) for folder in _DEFAULT_FOLDERS)
    raise ModelError(f"no {MANIFEST} in {places}: install the agent again, or name a folder of models")


def _read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing: install the agent again, or name a folder of models") from error
    except ValueError as error:
        raise ModelError(f"{path} is not JSON ({error}): install the agent again") from error
    models = content.get("models") if isinstance(content, dict) else None
    if not isinstance(models, dict):
        raise ModelError(f"{path}: expected an object with the key `models`: install the agent again")
    return models


def _checked_hash(path: Path, expected: str) -> str:
    try:
        digest = file_hash(path)
    except OSError as error:
        raise ModelError(
            f"{path}: the model file cannot be read ({error.strerror}): install the agent again"
        ) from error
    if digest != expected:
        raise ModelError(
            f"{path}: the file has changed (sha256 {digest[:12]}..., the manifest says {expected[:12]}...): "
            f"install the agent again, or run `python -m models.manifest` after an export"
        )
    return digest


def _open_session(path: Path, providers: tuple[str, ...]) -> ort.InferenceSession:
    """One thread, no spinning (it doubled the CPU for nothing), no denormals (some nets ran 10 times slower)."""
    options = ort.SessionOptions()
    # The arena keeps the largest working set of every input size for ever; these nets do not gain from it.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=list(providers))
    except _ORT_ERRORS as error:
        raise ModelError(f"{path}: not a model that ONNX Runtime can run ({error}): install the agent again") from error


# ONNX Runtime raises classes of its C++ module; these are the ones that opening a file can give.
_STATE = ort.capi.onnxruntime_pybind11_state
_ORT_ERRORS = (_STATE.InvalidProtobuf, _STATE.InvalidGraph, _STATE.Fail, _STATE.NotImplemented, _STATE.NoSuchFile)


def _interface(session: ort.InferenceSession) -> ModelInterface:
    return ModelInterface(
        inputs={node.name: _shape(node.shape) for node in session.get_inputs()},
        outputs={node.name: _shape(node.shape) for node in session.get_outputs()},
        trained=session.get_modelmeta().custom_metadata_map.get("trained", ""),
    )


def _shape(axes: list[int | str | None]) -> Shape:
    return ["any" if axis is None else axis for axis in axes]


def _fits(shape: tuple[int, ...], expected: Shape) -> bool:
    return len(shape) == len(expected) and all(
        isinstance(want, str) or want == have for have, want in zip(shape, expected, strict=True)
    )
