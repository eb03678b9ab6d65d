"""The end of a training: measure the network on validation pairs and write its model folder."""

from __future__ import annotations

import math
from pathlib import Path

from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.translation.evaluate import evaluate_translator
from adaptoscope.translation.fields import read_fields
from adaptoscope.translation.intensities import StainIntensities
from adaptoscope.translation.model_folder import TranslatorRecord
from adaptoscope.translation.settings import TranslationSettings
from adaptoscope.translation.trained_model import StainModel, ready_to_predict, write_translator
from adaptoscope.translation.unet import StainUNet

LIMITS = (
    "A predicted stain is a guess from shape; what does not show in light microscopy is invented "
    "or missing. Measure it on stained images of your own before you rely on it.",
    "Another microscope, exposure, magnification or cell type can spoil it without any warning; "
    "`adaptoscope stain adapt` learns such a change from unstained images.",
    "Live and dead cells are not told apart.",
)
UPPER_BOUND = (
    "It learnt from stained images of the other microscope. It is an upper bound for methods that "
    "do without them, and no adaptation."
)


def finish_translator(
    folder: Path,
    settings: TranslationSettings,
    network: StainUNet,
    intensities: StainIntensities,
    part: PairedStainSet,
    pairs: PairedStainSet,
) -> None:
    """Write the model folder of a trained network, measured on the split ``val`` of `pairs`."""
    modalities = {record.modality for record in part}
    sizes = {field.pixel_size_um for field in read_fields(part, list(intensities.stains))}
    record = TranslatorRecord(
        width=settings.width,
        norm=settings.norm,
        norm_at_test=settings.norm_at_test,
        intensities=intensities,
        modality=modalities.pop() if len(modalities) == 1 else None,
        pixel_size_um=sizes.pop() if len(sizes) == 1 else None,
        training_images={sha: name for name, sha in part.hashes().items()},
    )
    ready_to_predict(network, settings.norm_at_test)
    measured = measure(StainModel(folder.name, record, network), pairs)
    record = record.changed(measured=measured)
    write_translator(
        folder, record, network, card=translator_card(record, _describe_training(part, settings))
    )


def measure(
    model: StainModel, pairs: PairedStainSet, *, description: str = "stain train: measure"
) -> dict[str, float] | None:
    """Measure a network on the split ``val``; None where there is none."""
    if all(record.split != "val" for record in pairs):
        return None
    fields = read_fields(pairs.select(split="val"), model.record.stains)
    found = evaluate_translator(model, fields, description=description)
    figures: dict[str, float] = {"n": len(fields)}
    for stain, agreement in found.stains.items():
        for name in ("pearson", "ssim", "nrmse"):
            value = float(getattr(agreement, name))
            if math.isfinite(value):
                figures[f"{stain}_{name}"] = value
    return figures


def translator_card(record: TranslatorRecord, taught: str) -> str:
    """Return the text of a model folder's ``README.md``."""
    facts = {
        "predicts": ", ".join(record.stains),
        "from": record.modality or "light microscopy",
        "learnt from": taught,
        "pixel size (um)": record.pixel_size_um or "unknown",
    }
    adapted = record.adapted
    if adapted is not None:
        several = "s" if len(adapted.layers) > 1 else ""
        numbers = ", ".join(map(str, adapted.layers))
        layers = f" at layer{several} {numbers}" if adapted.layers else ""
        facts["adapted by"] = f"{adapted.method}{layers}, from the network {adapted.source}"
        facts["adapted to"] = adapted.target_modality or "images of another microscope"
    lines = ["# Virtual stain: 16-layer U-Net", "", "## Data", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", "## Licence", ""]
    lines += ["The licence of the training images applies; see the README of their folder.", ""]
    lines += ["## Agreement with the truth", ""]
    if record.measured is None:
        why = "there was no validation split"
        if adapted is not None and not adapted.reads_stains:
            why = "no stain of the images that it was adapted to was looked at"
        lines += [f"Not measured: {why}.", ""]
    else:
        lines += ["On the validation split, which was not learnt from:", ""]
        lines += [f"- {name}: {value:.4g}" for name, value in record.measured.items()] + [""]
    limits = [UPPER_BOUND] if adapted is not None and adapted.reads_stains else []
    lines += ["## Limits", ""] + [f"- {limit}" for limit in (*limits, *LIMITS)]
    return "\n".join(lines) + "\n"


def _describe_training(part: PairedStainSet, settings: TranslationSettings) -> str:
    number = len({record.input for record in part})
    return f"{number} images of {part.folder.name}, {settings.steps} steps of {settings.batch}"
