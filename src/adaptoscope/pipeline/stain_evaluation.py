"""Front door of stage 4: how well a stain network predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptoscope.imageio.microscopy_image import hash_pixels
from adaptoscope.pipeline.front_door import DeviceName, Pairs, Place, open_pairs, path_of

if TYPE_CHECKING:
    from adaptoscope.translation.evaluate import StainEvaluation
    from adaptoscope.translation.fields import Field
    from adaptoscope.translation.model_folder import Predictor


@dataclass(frozen=True, eq=False)
class EvaluatedStains:
    """How well a network predicts the stains of pairs.

    Parameters
    ----------
    figures
        Means over stains, and under ``stains`` those of each.
    remarks
        What speaks against the figures, in sentences.
    evaluation
        Figures of every image.
    """

    figures: dict[str, Any]
    remarks: list[str]
    evaluation: StainEvaluation = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name, as ``stain evaluate --json`` prints them."""
        return self.figures


def evaluate_stain(
    model: Place,
    pairs: Pairs,
    *,
    split: str | None = None,
    modality: str | None = None,
    grid: int | None = None,
    count_nuclei: str | None = None,
    counter: Place = "nuclei",
    report: Place | None = None,
    device: DeviceName = "auto",
    root: Place | None = None,
) -> EvaluatedStains:
    """Compare predicted with true stains: Pearson with its interval, SSIM, PSNR, NRMSE.

    Parameters
    ----------
    model
        Model folder.
    pairs
        Image pairs.
    split
        Only the pairs of this split, as ``test``.
    modality
        Only the pairs of this modality.
    grid
        Side in pixels of the tiles of a montage, at least 2: also compare with the mean cell of
        the split ``train``.
    count_nuclei
        Also count the nuclei of this stain, predicted and true.
    counter
        Counter for that: a name, or a model folder.
    report
        HTML file to write, with the figures and some images.
    device
        Where networks run.
    root
        Further folder in which listed images may lie.

    Raises
    ------
    InputError
        If an image lacks a stain of the network, or is of another bit depth.
    """
    listed = open_pairs(pairs, root=root)

    from adaptoscope.translation.evaluate import evaluate_translator
    from adaptoscope.translation.fields import read_fields
    from adaptoscope.translation.model_folder import open_translator
    from adaptoscope.translation.montage import compare_with_mean_cell
    from adaptoscope.translation.train_pairs import select_modality

    opened = select_modality(listed, modality)
    loaded = open_translator(Path(model), device=device)
    chosen = opened if split is None else opened.select(split=split)
    fields = read_fields(chosen, loaded.record.stains)
    evaluation = evaluate_translator(loaded, fields)
    found: dict[str, Any] = evaluation.as_dict()
    if grid is not None:
        taught = read_fields(opened.select(split="train"), loaded.record.stains)
        found = compare_with_mean_cell(loaded, fields, taught, grid)
    if count_nuclei is not None:
        from adaptoscope.pipeline.counters import load_counter
        from adaptoscope.pipeline.stained_counts import count_on_stains

        nuclei = load_counter(counter, device=device).model
        counted = count_on_stains(loaded, nuclei, chosen, fields, count_nuclei)
        found["stains"][count_nuclei]["nuclei"] = {k: v.as_dict() for k, v in counted.items()}
    remarks = _what_flatters(loaded, fields, found)
    if (page := path_of(report)) is not None:
        from adaptoscope.pipeline.stain_report import write_stain_report

        parts = (str(opened.folder), modality, f"split {split}" if split else None)
        of = ", ".join(part for part in parts if part)
        write_stain_report(page, loaded, fields, evaluation, found, of=of, remarks=remarks)
    return EvaluatedStains(found, remarks, evaluation)


def _what_flatters(model: Predictor, fields: Sequence[Field], found: dict[str, Any]) -> list[str]:
    """Return in words which images the figures leave out, or should not stand on."""
    from adaptoscope.translation.fields import hash_of

    remarks = []
    known = model.record.training_images.keys()
    # A shifted copy of a training field still has its stains.
    seen = sum(
        hash_of(each) in known or any(hash_pixels(plane) in known for plane in each.stains)
        for each in fields
        if each.stains is not None
    )
    if seen:
        remarks.append(
            f"{seen} of {len(fields)} images took part in the training of {model.name}: figures "
            "on them flatter it. Name a split that did not with --split."
        )
    for stain, figures in found["stains"].items():
        if figures["constant"]:
            remarks.append(
                f"{stain}: {figures['constant']} of {figures['n']} images have a constant truth, "
                "and no correlation."
            )
    return remarks
