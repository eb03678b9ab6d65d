"""Run the finished network of a model folder: one session, its threads and its device."""

import hashlib
import os
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from adaptoscope.errors import InputError, SettingsError

Arrays = npt.NDArray[np.float32]
Device = Literal["auto", "cpu", "cuda", "mps"]

NETWORK_FILE = "network.onnx"
"""The finished network of a model folder, beside the weights that it was trained to."""

WEIGHTS_FILE = "weights.safetensors"

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "mps": "CoreMLExecutionProvider",
}


class Network(Protocol):
    """A finished network, wherever it runs."""

    def __call__(self, images: Arrays) -> Arrays:
        """Compute a batch.

        Parameters
        ----------
        images
            Shape (B, C, H, W), float32.

        Returns
        -------
        numpy.ndarray
            What the network gives, float32; its first axis is B.
        """
        ...


class OnnxNetwork:
    """A network in ONNX Runtime.

    Parameters
    ----------
    path
        An ``.onnx`` file with one input of shape (B, C, H, W) and one output.
    device
        ``cpu``, ``cuda``, ``mps``, or ``auto``: a GPU where this ONNX Runtime can use one.

    Notes
    -----
    It computes with as many threads as ``OMP_NUM_THREADS`` says, by default with one for each
    processor that this process may use.
    """

    def __init__(self, path: Path, *, device: str = "auto") -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = thread_count()
        options.log_severity_level = 4  # its messages become errors of ours
        options.enable_mem_pattern = False  # images differ in size, and each would keep its own
        providers = _providers(device)
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(path), options, providers=providers
            )
        except Exception as error:
            raise InputError(
                f"The network {path} cannot be run.",
                expected="an ONNX file, as training writes it",
                found=" ".join(str(error).split())[:200],
                remedy="write it anew with `adaptoscope upgrade` and the folder of the model",
            ) from error
        used = self._session.get_providers()[0]
        if device != "auto" and used != providers[0]:
            raise SettingsError(
                f"The device {device} cannot be used.",
                expected="a driver and libraries that this ONNX Runtime can load",
                found=f"{used} in its place",
                remedy="use --device cpu, or install what ONNX Runtime's page on GPUs names",
            )
        self._input = self._session.get_inputs()[0].name

    def __call__(self, images: Arrays) -> Arrays:
        """Compute a batch; see `Network`."""
        (output,) = self._session.run(None, {self._input: np.ascontiguousarray(images)})
        return np.asarray(output, dtype=np.float32)


def open_network(folder: Path, sha256: str | None, *, device: str = "auto") -> OnnxNetwork:
    """Open the finished network of a model folder.

    Parameters
    ----------
    sha256
        `hash_of_network_files` as ``model.json`` has it; None where an older version wrote it.
    device
        As for `OnnxNetwork`.
    """
    missing = [name for name in (NETWORK_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
    if sha256 is None or missing:
        raise InputError(
            f"The model {folder} holds no finished network.",
            expected=f"{NETWORK_FILE} and {WEIGHTS_FILE}, with their hash in model.json",
            found=f"no {missing[0]}" if missing else "a folder that an older version wrote",
            remedy=f"write it with `adaptoscope upgrade {folder}`",
        )
    if hash_of_network_files(folder) != sha256:
        raise other_network(folder)
    return OnnxNetwork(folder / NETWORK_FILE, device=device)


def other_network(folder: Path) -> InputError:
    """Return the error of a model folder whose files are not those of its ``model.json``."""
    return InputError(
        f"The network of {folder} is not the one that was trained.",
        expected="the files whose hash stands in model.json",
        found=f"another {NETWORK_FILE} or {WEIGHTS_FILE}",
        remedy="copy the whole folder again, or train it again",
    )


def hash_of_network_files(folder: Path) -> str:
    """Return the SHA-256 of a model folder's network and weights, which may refer to each other.

    Parameters
    ----------
    folder
        The model folder, with both files.
    """
    digest = hashlib.sha256()
    for name in (NETWORK_FILE, WEIGHTS_FILE):
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def thread_count() -> int:
    """Return how many threads a network gets."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def chosen_device(device: str) -> str:
    """Say where a network runs: ``cpu``, ``cuda`` or ``mps``.

    Parameters
    ----------
    device
        What was asked for; ``auto`` takes a GPU where this ONNX Runtime can use one.
    """
    import onnxruntime

    here = onnxruntime.get_available_providers()
    usable = [name for name, provider in _PROVIDERS.items() if provider in here]
    if device == "auto":
        return "cuda" if "cuda" in usable else "cpu"
    kind = device.partition(":")[0]
    if kind not in usable:
        gpu = (
            "; for CUDA: pip uninstall onnxruntime, then pip install onnxruntime-gpu"
            if kind == "cuda"
            else ""
        )
        raise SettingsError(
            f"The device {device} cannot be used.",
            expected=f"auto, {' or '.join(usable)} with this ONNX Runtime",
            found=device,
            remedy=f"use --device auto{gpu}",
        )
    return kind


def _providers(device: str) -> list[str]:
    """Name what computes, in the order in which it is asked."""
    kind = chosen_device(device)
    return [_PROVIDERS[kind]] if kind == "cpu" else [_PROVIDERS[kind], _PROVIDERS["cpu"]]
