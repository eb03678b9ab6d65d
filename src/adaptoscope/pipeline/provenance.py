"""What a run depends on besides its settings: images, labels and weights, by name and hash."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.fingerprint import fingerprint_of
from adaptoscope.errors import InputError, MissingWeightsError
from adaptoscope.pipeline.protocols import AuthorsProtocol
from adaptoscope.pipeline.real_images import hashes_of_real, open_other, open_style_images
from adaptoscope.pipeline.rows import Row
from adaptoscope.pipeline.settings import ExperimentSettings, OtherFolder, RealFolder
from adaptoscope.pretrained.bundled import bundled_weights, hash_of_weights
from adaptoscope.pretrained.encoders import origin_of_encoder
from adaptoscope.style_transfer.backbones.table import hash_of_backbone
from adaptoscope.training.progress import progress


def inputs_of(settings: ExperimentSettings, real: CountedImageSet) -> dict[str, str]:
    """Name everything that a run reads and does not make itself.

    Parameters
    ----------
    real
        The real images. Simulated ones are left out: they follow from the settings.

    Returns
    -------
    dict
        From names that a person knows, such as ``test image images/a.tif``, to hashes: of the
        pixels and of the labels of every image, of published lists, of further synthetic images,
        and of the weights of backbone, encoders and counters.

    Raises
    ------
    InputError
        If an image cannot be read.
    MissingWeightsError
        If weights that the run needs are not there.
    """
    inputs = dict(origins_of_weights(settings, settings.rows))
    if isinstance(settings.real, RealFolder):
        inputs |= hashes_of_real(real)
    if isinstance(settings.protocol, AuthorsProtocol):
        table = settings.protocol.split_table
        inputs[f"lists {table}"] = _hash_of_table(real.folder / table)
    for name, chosen in settings.others.items():
        if isinstance(chosen, OtherFolder) and settings.needs(name):
            inputs[f"other images {name}"] = fingerprint_of(open_other(chosen))
    if settings.needs("stylised", "adain"):
        backbone = settings.style.backbone
        inputs[f"backbone {backbone}"] = hash_of_backbone(backbone)
    if settings.style.images is not None and settings.imitates:
        images = open_style_images(settings.style, settings.real, real)
        for record in progress(images, "check the style images", unit="image"):
            inputs[f"style image {record.file_name}"] = images.read(record).sha256
    return inputs


def origins_of_weights(settings: ExperimentSettings, rows: Iterable[Row]) -> dict[str, str]:
    """Say where the networks of some rows started.

    Parameters
    ----------
    rows
        Some of its rows; those without a network count for nothing.

    Returns
    -------
    dict
        From ``encoder INIT`` of regressors and ``counter INIT`` of the others to the hash of the
        weights, or to words where there is no file.

    Raises
    ------
    MissingWeightsError
        If weights are not there.
    """
    found = {}
    for row in rows:
        if row.method == "nuclei":
            found["counter nuclei"] = origin_of_counter("nuclei")
        elif row.learns:
            init = settings.training_of(row, settings.seeds[0]).init
            if row.method == "regressor":
                found[f"encoder {init}"] = origin_of_encoder(init)
            else:
                found[f"counter {init}"] = origin_of_counter(init)
    return dict(sorted(found.items()))


def origin_of_counter(init: str) -> str:
    """Say which weights a network that says where cells are starts from.

    Parameters
    ----------
    init
        As in `DensitySettings`.

    Returns
    -------
    str
        SHA-256 of the file or of the folder's weights; in words where there is none.

    Raises
    ------
    MissingWeightsError
        If they are not there.
    """
    if init == "random":
        return "none: random weights"
    path = bundled_weights()["nuclei"] if init == "nuclei" else Path(init)
    weights = path / "weights.safetensors" if path.is_dir() else path
    if not weights.is_file():
        raise MissingWeightsError(
            f"The weights of the counter {init} are not there.",
            expected="the file weights.safetensors of a counter with this head",
            found=f"no file {weights.name}",
            remedy="set init to random, or name a model folder of yours",
        )
    return hash_of_weights(weights)


def _hash_of_table(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(
            f"The lists {path} cannot be read.",
            expected="a table with the published split of every image",
            found=error.strerror or "an unreadable file",
            remedy="correct protocol.split_table",
        ) from error
