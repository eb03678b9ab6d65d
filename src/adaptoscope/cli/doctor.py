"""``adaptoscope doctor``: what this machine can do, and what is missing."""

import os
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from adaptoscope import __version__
from adaptoscope.bulk.tasks import usable_cpus
from adaptoscope.cli.options import AsJson, print_answer
from adaptoscope.inference.network import thread_count
from adaptoscope.pretrained.bundled import bundled_weights as places
from adaptoscope.pretrained.bundled import hash_of_weights, is_complete

_GIB = 1024**3
_PARTS = {
    "use": ("numpy", "scipy", "scikit-image", "tifffile", "imagecodecs", "onnxruntime"),
    "train": ("torch", "lightning", "timm", "diffusers", "transformers", "onnx"),
    "formats": ("zarr", "h5py"),
    "web": ("starlette", "uvicorn", "openpyxl"),
}
"""The libraries of each part of the installation; all but the first are extras."""

_BUNDLED = {
    "nuclei": "the counter that needs no training; without it count with --model dog",
    "nuclei_features": "what `compare` looks with; install the package again",
    "nuclei_encoder": "the default start of a regressor; without it use --init random",
    "compact": "the offline style-transfer backbone; without it train one with "
    "`adaptoscope style train-backbone OUT --images FOLDER`",
}


_SMALL_TORCH = "pip install torch --index-url https://download.pytorch.org/whl/cpu"
"""The build for processors alone: a tenth of the other, which pip takes by itself on Linux."""

_TITLES = {
    "use": "to count, stain, compare and draw",
    "train": "to train, stylise and adapt (extra `train`)",
    "formats": "OME-Zarr and HDF5 (extra `formats`)",
    "web": "the app in the browser (extra `web`)",
}


def doctor(as_json: AsJson = False) -> None:
    """Say what this machine can do, which weights are present and what is missing."""
    findings = examine()
    if as_json:
        print_answer(findings, as_json=True)
        return
    for title in ("machine", *_PARTS, "weights", "data"):
        part = findings[title]
        known = part.items() if isinstance(part, dict) else ()
        shown = {name: "absent" if value is None else value for name, value in known}
        print_answer(shown, as_json=False, title=_TITLES.get(title, title))
    advice = findings["advice"]
    print("advice")
    for line in advice if isinstance(advice, list) and advice else ["nothing is missing"]:
        print(f"  - {line}")


def examine() -> dict[str, object]:
    """Gather the facts that `doctor` prints.

    Returns
    -------
    dict
        ``machine`` (processors, memory and disk in GiB, accelerator); ``use``, ``train``,
        ``formats`` and ``web``, the parts of the installation (library to version, or ``None``);
        ``weights`` (name to hash, or ``None`` where absent), ``data`` and ``advice``, a list of
        sentences: what is missing and how to get it.
    """
    machine = machine_facts()
    weights = bundled_weights()
    parts = {part: library_versions(names) for part, names in _PARTS.items()}
    data = {
        "ADAPTOSCOPE_DATA": os.environ.get("ADAPTOSCOPE_DATA"),
        "imagenet_weights_cached": _is_cached("timm/efficientnet_b0"),
    }
    return {
        "adaptoscope": __version__,
        "machine": machine,
        **parts,
        "weights": weights,
        "data": data,
        "advice": [*missing_parts(parts), *advise(machine, weights, data)],
    }


def machine_facts() -> dict[str, object]:
    """Say what the machine consists of; sizes in GiB, ``None`` where they cannot be read."""
    import onnxruntime

    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": usable_cpus(),
        "threads": thread_count(),
        "memory_gib": memory_gib(),
        "disk_free_gib": round(shutil.disk_usage(Path.cwd()).free / _GIB, 1),
        "accelerator": _accelerator(),
        "onnxruntime_devices": [
            name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers()
        ],
    }


def _accelerator() -> str:
    """Name what torch would train on besides the processors."""
    try:
        import torch
    except ModuleNotFoundError:
        return "none"
    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name(0)}"
    return "mps" if torch.backends.mps.is_available() else "none"


def memory_gib() -> float | None:
    """Read the size of the main memory in GiB, or ``None`` where the system does not tell."""
    if sys.platform == "win32":
        return None
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB, 1)
    except (ValueError, OSError):
        return None


def library_versions(names: Iterable[str]) -> dict[str, str | None]:
    """Name the versions of some libraries; ``None`` for those that are not installed."""
    versions: dict[str, str | None] = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def bundled_weights() -> dict[str, str | None]:
    """Hash all bundled weights; ``None`` stands for those that are absent.

    Returns
    -------
    dict
        Name to the first 16 digits of their SHA-256.
    """
    return {
        name: hash_of_weights(path)[:16] if is_complete(path) else None
        for name, path in places().items()
    }


def missing_parts(parts: Mapping[str, Mapping[str, str | None]]) -> list[str]:
    """Say which extras of the installation are missing, and how to get them."""
    lines = []
    for part, versions in parts.items():
        lacking = [name for name, version in versions.items() if version is None]
        if lacking:
            how = f'in a clone: pip install ".[{part}]"'
            if "torch" in lacking and not _may_have_cuda():
                how = f"first {_SMALL_TORCH} (no GPU was found), then, {how}"
            lines.append(f"{_TITLES[part]}: {', '.join(lacking)} missing; {how}")
    return lines


def _may_have_cuda() -> bool:
    """Say whether the driver of an NVIDIA GPU is there, which can be told without torch."""
    return shutil.which("nvidia-smi") is not None


def advise(
    machine: Mapping[str, object], weights: Mapping[str, str | None], data: Mapping[str, object]
) -> list[str]:
    """Say in sentences what is missing, what follows from it, and how to get it."""
    lines = [
        f"the bundled weights `{name}` are missing: {remedy}"
        for name, remedy in _BUNDLED.items()
        if not any(found and key == name for key, found in weights.items())
    ]
    if machine["accelerator"] == "none":
        lines.append(
            "no GPU was found: everything runs on the processors; keep to the `compact` backbone"
        )
    if not data["imagenet_weights_cached"]:
        lines.append(
            "ImageNet weights are not in the cache: `--init imagenet` would fetch them once from "
            "their hub; `--init nuclei` needs no download"
        )
    free = machine["disk_free_gib"]
    if isinstance(free, float) and free < 5:
        lines.append(f"only {free} GiB of disk are free here: choose an output folder elsewhere")
    if not data["ADAPTOSCOPE_DATA"]:
        lines.append(
            "ADAPTOSCOPE_DATA is not set: experiments that read it need it; your own images do not"
        )
    return lines


def _is_cached(prefix: str) -> bool:
    """Say whether the hub's cache holds a repository; nothing is fetched."""
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    return any(cache.glob(f"models--{prefix.replace('/', '--')}*/snapshots/*"))
