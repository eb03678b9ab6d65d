"""What a run depends on besides its settings: images, labels and weights, by name and hash."""

from collections.abc import Iterable

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.pipeline.image_stages import ImageStages
from adaptoscope.pipeline.real_images import hashes_of_real
from adaptoscope.pipeline.settings import ExperimentSettings, RealFolder, Row
from adaptoscope.pretrained.encoders import origin_of_encoder
from adaptoscope.style_transfer.open_backbone import hash_of_backbone
from adaptoscope.training.progress import progress


def inputs_of(stages: ImageStages, real: CountedImageSet) -> dict[str, str]:
    """Name everything that a run reads and does not make itself.

    Parameters
    ----------
    stages
        The image stages of the run.
    real
        The real images. Simulated ones are left out: they follow from the settings.

    Returns
    -------
    dict
        From names that a person knows, such as ``test image images/a.tif``, to hashes: of the
        pixels and of the labels of every image, and of the weights of backbone and encoders.

    Raises
    ------
    InputError
        If an image cannot be read.
    MissingWeightsError
        If weights that the run needs are not there.
    """
    settings = stages.settings
    inputs = dict(encoder_origins(settings, settings.rows))
    if isinstance(settings.real, RealFolder):
        inputs |= hashes_of_real(real)
    if settings.needs("stylised", "adain"):
        backbone = settings.style.backbone
        inputs[f"backbone {backbone}"] = hash_of_backbone(backbone)
    if settings.style.images is not None and settings.imitates:
        images = stages.style_images(real)
        for record in progress(images, "check the style images"):
            inputs[f"style image {record.file_name}"] = images.read(record).sha256
    return inputs


def encoder_origins(settings: ExperimentSettings, rows: Iterable[Row]) -> dict[str, str]:
    """Say where the encoders of some rows started.

    Parameters
    ----------
    settings
        The experiment.
    rows
        Some of its rows; those that train no network count for nothing.

    Returns
    -------
    dict
        From ``encoder INIT`` to the hash of its weights, or to words where there is no file.
    """
    inits = {row.init or settings.counting.init for row in rows if row.method == "regressor"}
    return {f"encoder {init}": origin_of_encoder(init) for init in sorted(inits)}
