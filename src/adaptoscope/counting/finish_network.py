"""The end of a network's training: choose how it is read, then finish it as any counter."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from adaptoscope.counting.crops import TrainingImages
from adaptoscope.counting.cross_fitting import LeftOut, as_training
from adaptoscope.counting.finish import finish, fitted_reading
from adaptoscope.counting.heads.table import trained_kind
from adaptoscope.counting.model_folder import ModelRecord
from adaptoscope.counting.post_processing import DensityReading
from adaptoscope.counting.settings import CountingSettings
from adaptoscope.counting.trained_network import network_counter, write_network_model
from adaptoscope.datasets.counted_images import CountedImageSet


def finish_network(
    folder: Path,
    settings: CountingSettings,
    network: nn.Module,
    seen: Sequence[TrainingImages],
    real: CountedImageSet,
    left_out: LeftOut | None = None,
) -> None:
    """Write the model folder of a trained network.

    Parameters
    ----------
    seen
        The training images of every phase, the real ones last.
    real
        The real set; its split ``val`` is measured.
    left_out
        What is known from cross-validation, which comes before the split ``val``.
    """
    intensity = seen[-1].intensity
    kind = trained_kind(settings.head)
    facts = ModelRecord(
        kind=kind.kind,
        regime=settings.regime,
        init=settings.init,
        crop=settings.crop,
        normalisation=settings.normalisation,
        intensity={str(real.channel or 0): (intensity.low, intensity.high)},
        channel=real.channel,
        diameter_px=seen[-1].diameter_px,
        pixel_size_um=seen[-1].pixel_size_um,
        training_images={sha: name for images in seen for name, sha in images.hashes.items()},
        **settings.record_facts(),
    )
    if left_out is not None:
        facts = facts.changed(reading=left_out.reading)
    elif (usual := kind.usual_reading(settings)) is not None:
        facts = facts.changed(reading=_reading_of(settings, usual, facts, network, real))
    counter = network_counter(facts, network)
    taught = _taught(settings, seen, real)
    finish(
        folder,
        facts,
        counter,
        real,
        taught=taught,
        left_out=left_out,
        write=lambda record, card: write_network_model(folder, record, network, card=card),
    )


def _reading_of(
    settings: CountingSettings,
    usual: DensityReading,
    facts: ModelRecord,
    network: nn.Module,
    real: CountedImageSet,
) -> DensityReading:
    """Choose how a density is read on the labelled real images that were trained on, and `val`.

    A few validation images alone are often of a few cultures, whose annotation is their own. A
    teacher's training reads no label, so nothing is chosen by labels after it.
    """
    if settings.mode == "teacher":
        return usual
    counter = network_counter(facts.changed(reading=usual), network)
    counted = as_training(real).training_part().labelled()
    own = counted.with_records(record for record in counted if not record.synthetic)
    return fitted_reading(counter, usual, own)


def _taught(
    settings: CountingSettings, seen: Sequence[TrainingImages], real: CountedImageSet
) -> str:
    """Say what each phase was trained on, and for how long."""
    last = f"{len(seen[-1].hashes)} images from {real.folder.name} ({settings.steps} steps)"
    if len(seen) == 1:
        return last
    return f"{len(seen[0].hashes)} synthetic images ({settings.pretrain_steps} steps), then {last}"
