import warnings
from dataclasses import replace

import numpy as np
import pytest

from adaptoscope.adaptation.adapted_model import check_domains
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import hash_pixels
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval, StainIntensities
from adaptoscope.translation.model_folder import TranslatorRecord
from adaptoscope.translation.trained_model import StainModel
from adaptoscope.translation.unet import StainUNet


def fields(brightness: int) -> list[Field]:
    rng = np.random.default_rng(brightness)
    planes = rng.integers(brightness, brightness + 8000, (2, 32, 32)).astype(np.uint16)
    return [Field(f"{brightness}_{i}.png", plane, None, 16, ()) for i, plane in enumerate(planes)]


def model(taught: list[Field]) -> StainModel:
    stain = IntensityInterval(low=0.0, high=1.0)
    own = IntensityInterval(low=10_000 / 65535, high=18_000 / 65535)
    record = TranslatorRecord(
        width=2,
        norm="instance",
        intensities=StainIntensities(bit_depth=16, given=own, stains={"dapi": stain}),
        training_images={hash_pixels(field.given): field.name for field in taught},
    )
    return StainModel("model", record, StainUNet(1, 2))


def test_exchanged_sets_are_known_by_the_images_of_the_training() -> None:
    taught, other = fields(10_000), fields(20_000)
    trained = model(taught)
    assert len(check_domains(trained, taught, other)) == 4
    check_domains(trained, taught, taught)
    with pytest.raises(InputError, match="seem to be exchanged") as refusal:
        check_domains(trained, other, taught)
    assert "2 of its training images" in str(refusal.value)


def test_images_that_are_not_known_are_judged_by_their_intensities() -> None:
    stranger = model([])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_domains(stranger, fields(10_100), fields(20_000))
        check_domains(stranger, fields(10_100), fields(10_050))
    with pytest.warns(UserWarning, match="not exchanged"):
        check_domains(stranger, fields(20_000), fields(10_100))


def test_empty_sets_and_other_bit_depths_are_refused() -> None:
    own = fields(10_000)
    eight = [replace(field, bit_depth=8) for field in own]
    for source, target in (([], own), (own, []), (eight, own), (own, eight)):
        with pytest.raises(InputError, match="16-bit images"):
            check_domains(model([]), source, target)
