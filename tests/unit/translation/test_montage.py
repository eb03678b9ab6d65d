import numpy as np
import pytest
import torch

from adaptoscope.errors import InputError
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval, StainIntensities
from adaptoscope.translation.model_folder import TranslatorRecord
from adaptoscope.translation.montage import compare_with_mean_cell
from adaptoscope.translation.trained_model import StainModel
from adaptoscope.translation.unet import StainUNet

SIDE = 32
"""Of a tile; a field is 8 x 8 tiles, the 256 pixels that the network needs."""
UNIT = IntensityInterval(low=0.0, high=1.0)


class Copies(StainUNet):
    """Says the image that it is given."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


def montage(seed: int) -> Field:
    """Return cells of one shape, each with a brightness of its own; the stain is the image."""
    rng = np.random.default_rng(seed)
    steps = np.arange(SIDE) - SIDE / 2
    cell = np.exp(-(steps[:, None] ** 2 + steps[None] ** 2) / 60)
    tiles = [[cell * rng.uniform(0.2, 0.8) for _ in range(8)] for _ in range(8)]
    plane = np.rint(np.block(tiles) * 65535).astype(np.uint16)
    return Field(f"{seed}", plane, plane[None], 16, ())


def model() -> StainModel:
    intensities = StainIntensities(bit_depth=16, given=UNIT, stains={"dna": UNIT})
    record = TranslatorRecord(width=2, norm="instance", intensities=intensities)
    return StainModel("copies", record, Copies(1, 2).eval())


def test_a_network_that_is_right_predicts_what_the_mean_cell_cannot() -> None:
    found = compare_with_mean_cell(model(), [montage(0), montage(1)], [montage(2)], SIDE)
    (figures,) = found["stains"].values()
    assert found["n"] == 2
    assert found["pearson"] == pytest.approx(1)
    assert figures["pearson_after_baseline"] == pytest.approx(1)
    assert figures["pearson_of_cells"] == pytest.approx(1)
    # Cells have one shape, so that their mean is near the truth without knowing any.
    assert 0.8 < figures["pearson_of_mean_cell"] < 0.99


def test_a_field_that_tiles_do_not_divide_is_refused() -> None:
    with pytest.raises(InputError, match="no montage"):
        compare_with_mean_cell(model(), [montage(0)], [montage(1)], 30)
