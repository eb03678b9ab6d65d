"""Several networks that predict the same stains: their mean, and how far they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adaptoscope.errors import InputError
from adaptoscope.imageio.microscopy_image import MicroscopyImage
from adaptoscope.translation.model_folder import Predictor, open_translator
from adaptoscope.translation.predict import predict_image

FloatImage = NDArray[np.float32]


@dataclass(frozen=True)
class PredictedStains:
    """What one or several networks say of one field, shape (S, H, W), shares of the stored range.

    `deviation` over the networks is None for a single one, which cannot disagree.
    """

    mean: FloatImage
    deviation: FloatImage | None

    def uncertainty(self, spans: Sequence[float]) -> list[float] | None:
        """Return the mean deviation of each stain over its range in the training set, `spans`."""
        if self.deviation is None:
            return None
        means = [float(plane.mean()) for plane in self.deviation]
        return [mean / span for mean, span in zip(means, spans, strict=True)]


@dataclass(frozen=True)
class StainEnsemble:
    """One or several networks with the same stains, used together."""

    members: tuple[Predictor, ...]

    @property
    def stains(self) -> tuple[str, ...]:
        """Names of the stains."""
        return self.members[0].record.stains

    @property
    def spans(self) -> list[float]:
        """Range of each stain in the training set of the first network."""
        intervals = self.members[0].record.intensities.stains.values()
        return [interval.high - interval.low for interval in intervals]

    def predict(self, image: MicroscopyImage) -> PredictedStains:
        """Predict the stains of one image."""
        planes = np.stack([predict_image(member, image) for member in self.members])
        mean = np.asarray(planes.mean(axis=0), dtype=np.float32)
        if len(self.members) == 1:
            return PredictedStains(mean, None)
        return PredictedStains(mean, np.asarray(planes.std(axis=0), dtype=np.float32))


def load_ensemble(folders: Sequence[Path], *, device: str = "auto") -> StainEnsemble:
    """Open one or several model folders of the same stains and bit depth."""
    members = tuple(open_translator(folder, device=device) for folder in folders)
    first = members[0].record
    for member in members[1:]:
        own = member.record
        same = own.stains == first.stains
        if not same or own.intensities.bit_depth != first.intensities.bit_depth:
            raise InputError(
                "The models cannot be used together.",
                expected=f"models of {', '.join(first.stains)} from "
                f"{first.intensities.bit_depth}-bit images, as {members[0].name}",
                found=f"{member.name}: {', '.join(own.stains)} from "
                f"{own.intensities.bit_depth}-bit images",
                remedy="name models of one training, which differ by their seed or adaptation",
            )
    return StainEnsemble(members)
