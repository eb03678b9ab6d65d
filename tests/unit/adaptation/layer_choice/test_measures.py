import numpy as np
import pytest
import torch

from adaptoscope.adaptation.layer_choice.measures import (
    augmentation_consistency,
    choose_fields,
    disagreement,
    mean_agreement,
    measure_outputs,
    mutual_correlation,
    predict_outputs,
    relative_contrast,
    relative_spread,
    separability,
)
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval, StainIntensities
from adaptoscope.translation.model_folder import TranslatorRecord
from adaptoscope.translation.trained_model import StainModel
from adaptoscope.translation.unet import StainUNet


def outputs(seed: int, number: int = 6, scale: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (scale * rng.standard_normal((number, 2, 64, 64))).astype(np.float32)


def test_equal_outputs_agree_and_others_do_not() -> None:
    own = outputs(0)
    assert mean_agreement(own, [own, 2 * own + 1]) == pytest.approx(1)
    assert abs(mean_agreement(own, [outputs(1)])) < 0.02
    assert disagreement([own, own]) == 0
    assert disagreement([own, own + 1]) == pytest.approx(0.5)


def test_a_network_that_always_says_the_same_is_seen() -> None:
    same = np.repeat(outputs(0, 1), 6, axis=0)
    assert relative_spread(same, outputs(1)) == pytest.approx(0, abs=1e-6)
    assert relative_spread(outputs(2, scale=0.5), outputs(1)) == pytest.approx(0.5, rel=0.02)
    assert mutual_correlation(same) == pytest.approx(1)
    assert abs(mutual_correlation(outputs(3))) < 0.02


def test_a_network_that_says_nothing_is_seen_on_a_single_field() -> None:
    assert relative_contrast(np.zeros_like(outputs(0, 1)), outputs(1)) == 0
    assert relative_contrast(outputs(2, 1, scale=0.5), outputs(1)) == pytest.approx(0.5, rel=0.02)


def test_outputs_that_are_no_numbers_are_not_compared() -> None:
    broken = outputs(0)
    broken[2, 1, 5, 5] = np.nan
    interval = IntensityInterval(low=0.0, high=1.0)
    intensities = StainIntensities(bit_depth=16, given=interval, stains={"a": interval})
    record = TranslatorRecord(width=2, norm="instance", intensities=intensities)
    found = measure_outputs(StainModel("m", record, StainUNet(1, 2)), broken, [], outputs(1), 0.9)
    assert found["finite"] == 0
    assert found["turned_source"] == 0.9
    assert all(np.isnan(found[name]) for name in ("turned", "spread", "separability", "contrast"))


def test_outputs_of_another_kind_can_be_told_apart() -> None:
    usual = outputs(0)
    assert separability(outputs(1), usual) < 0.85
    assert separability(outputs(2, scale=1.5), usual) > 0.99


def test_a_single_field_is_compared_with_nothing() -> None:
    single = outputs(0, 1)
    for found in (
        relative_spread(single, outputs(1)),
        separability(outputs(1), single),
        mutual_correlation(single),
    ):
        assert np.isnan(found)


def test_fields_of_the_commonest_size_are_looked_at() -> None:
    sides = (64, 32, 64, 64, 48)
    fields = [Field(f"{i}", np.zeros((s, s), np.uint16), None, 16, ()) for i, s in enumerate(sides)]
    assert [field.name for field in choose_fields(fields, 2)] == ["0", "2"]
    assert len(choose_fields(fields)) == 3


class Mirrors(StainUNet):
    """Says the image itself, or, where asked to, always the same from left to right."""

    def __init__(self, *, sees: bool) -> None:
        super().__init__(1, 2)
        self.sees = sees

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        ramp = torch.linspace(-1, 1, images.shape[-1]).expand_as(images)
        return images if self.sees else ramp + 0.0 * images


@pytest.mark.parametrize(("sees", "expected"), [(True, 1.0), (False, -0.5)])
def test_turned_images_must_give_turned_outputs(sees: bool, expected: float) -> None:
    interval = IntensityInterval(low=0.0, high=1.0)
    intensities = StainIntensities(bit_depth=16, given=interval, stains={"a": interval})
    record = TranslatorRecord(width=2, norm="instance", intensities=intensities)
    model = StainModel("m", record, Mirrors(sees=sees))
    planes = np.random.default_rng(0).integers(0, 65535, (2, 64, 64)).astype(np.uint16)
    fields = [Field("f", plane, None, 16, ()) for plane in planes]
    assert predict_outputs(model, fields).shape == (2, 1, 64, 64)
    # A fixed ramp is uncorrelated with itself turned, and opposite to itself mirrored.
    assert augmentation_consistency(model, fields) == pytest.approx(expected, abs=0.01)
