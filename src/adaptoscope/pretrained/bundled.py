"""Where weights are: bundled with the package, or in a folder of the user's."""

import hashlib
from pathlib import Path

from adaptoscope.errors import MissingWeightsError

WEIGHTS = Path(__file__).parent / "weights"
BACKBONE_FILES = (
    "autoencoder.safetensors",
    "denoiser.safetensors",
    "style_encoder.safetensors",
    "backbone.json",
)
COUNTER_FILES = ("weights.safetensors", "network.onnx", "model.json")


def bundled_weights() -> dict[str, Path]:
    """Return the weights that the package brings, by name; a name may lack its files."""
    return {
        "compact": WEIGHTS / "compact",
        "nuclei": WEIGHTS / "nuclei",
        "nuclei_encoder": WEIGHTS / "nuclei_encoder.safetensors",
        "nuclei_features": WEIGHTS / "nuclei_encoder.onnx",
    }


def is_complete(path: Path) -> bool:
    """Tell whether a weight file, or every file of a backbone's or counter's folder, is there."""
    if path.suffix:
        return path.is_file()
    needed = COUNTER_FILES if path.name == "nuclei" else BACKBONE_FILES
    return all((path / file).is_file() for file in needed)


def locate_backbone(name: str) -> Path:
    """Return the folder of a compact backbone: ``compact``, or one that was trained.

    Raises
    ------
    MissingWeightsError
        If the folder lacks one of its files.
    """
    folder = WEIGHTS / "compact" if name == "compact" else Path(name)
    missing = [file for file in BACKBONE_FILES if not (folder / file).is_file()]
    if missing:
        train = "train one with `adaptoscope style train-backbone`"
        bundled = "install the package again" if name == "compact" else "use `--backbone compact`"
        raise MissingWeightsError(
            f"The backbone {name} is not there.",
            expected=f"{', '.join(BACKBONE_FILES)} in {folder}",
            found=f"no {missing[0]}",
            remedy=f"{bundled}, or {train}",
        )
    return folder


def hash_of_weights(path: Path) -> str:
    """Return the SHA-256 of a weight file, or of all weight files of a folder by name."""
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
