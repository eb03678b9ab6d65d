import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.exposure import match_histograms

from adaptoscope.errors import SettingsError
from adaptoscope.networks.torch_network import TorchNetwork
from adaptoscope.training.settings import settings_from
from adaptoscope.translation.intensities import (
    QUANTILES,
    IntensityInterval,
    Preparation,
    StainIntensities,
    measure_histogram,
    measure_interval,
    prepare_pixels,
)
from adaptoscope.translation.model_folder import TranslatorRecord
from adaptoscope.translation.predict import predict_stains, run_network
from adaptoscope.translation.trained_model import StainModel, load_translator, write_translator
from adaptoscope.translation.unet import StainUNet

CONSTANTS = IntensityInterval(low=0.2, high=0.6)


def images(seed: int, number: int = 3, mean: float = 0.4) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    drawn = [mean + 0.08 * rng.standard_normal((48, 40)) for _ in range(number)]
    return [each.clip(0, 1).astype(np.float32) for each in drawn]


def test_constants_are_the_data_sets_own() -> None:
    (image,) = images(0, 1)
    seen = prepare_pixels(image, CONSTANTS, Preparation())
    np.testing.assert_array_equal(seen, CONSTANTS.to_network(image))


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(0.1, 3), offset=st.floats(0, 0.5), seed=st.integers(0, 9))
def test_per_image_forgets_gain_and_offset(gain: float, offset: float, seed: int) -> None:
    (image,) = images(seed, 1)
    seen = prepare_pixels(image, CONSTANTS, Preparation(kind="per_image"))
    again = prepare_pixels(
        np.float32(gain) * image + np.float32(offset), CONSTANTS, Preparation(kind="per_image")
    )
    np.testing.assert_allclose(again, seen, atol=1e-3)
    assert np.mean(np.abs(seen) <= 1) == pytest.approx(0.998, abs=1e-3)
    assert measure_interval([image]).to_network(image) == pytest.approx(seen)


@settings(max_examples=25, deadline=None)
@given(power=st.floats(0.3, 3), seed=st.integers(0, 9))
def test_a_histogram_forgets_every_rising_change(power: float, seed: int) -> None:
    source, (image,) = images(seed), images(seed + 20, 1, mean=0.6)
    how = measure_histogram(source)
    seen = prepare_pixels(image, CONSTANTS, how)
    np.testing.assert_allclose(
        prepare_pixels(image ** np.float32(power), CONSTANTS, how), seen, atol=0.1
    )
    order = np.argsort(image, axis=None)
    assert (np.diff(seen.ravel()[order]) >= 0).all()


def test_the_histogram_is_that_of_all_source_pixels_as_skimage_matches_it() -> None:
    source, (image,) = images(0), images(1, 1, mean=0.7)
    how = measure_histogram(source)
    assert len(how.quantiles) == QUANTILES
    pooled = np.concatenate([each.ravel() for each in source])[None]
    seen = prepare_pixels(image, CONSTANTS, how)
    wanted = CONSTANTS.to_network(match_histograms(image, pooled))
    # The outermost thousandth lies between two quantiles.
    differences = np.abs(seen - wanted)
    assert np.quantile(differences, 0.99) < 0.02
    assert differences.max() < 0.5


def test_an_image_of_the_source_keeps_its_intensities() -> None:
    (image,) = images(3, 1)
    eight_bits = np.round(image * 255).astype(np.float32) / 255
    seen = prepare_pixels(eight_bits, CONSTANTS, measure_histogram([eight_bits]))
    differences = np.abs(seen - CONSTANTS.to_network(eight_bits))
    assert np.quantile(differences, 0.99) < 0.03


def test_a_constant_image_becomes_the_middle_and_not_the_brightest() -> None:
    source, blank = images(0), np.full((20, 20), 0.9, np.float32)
    seen = prepare_pixels(blank, CONSTANTS, measure_histogram(source))
    middle = CONSTANTS.to_network(np.median(np.stack(source)))
    np.testing.assert_allclose(seen, middle, atol=0.01)
    assert np.isfinite(prepare_pixels(blank, CONSTANTS, Preparation(kind="per_image"))).all()


@pytest.mark.parametrize("values", [{"kind": "histogram"}, {"quantiles": [0.5]}])
def test_quantiles_belong_to_histograms(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="kind histogram"):
        settings_from(values, Preparation)


def test_models_predict_as_they_prepare_and_old_ones_load(tmp_path: Path) -> None:
    torch.manual_seed(0)
    record = TranslatorRecord(
        width=2,
        norm="instance",
        intensities=StainIntensities(bit_depth=16, given=CONSTANTS, stains={"dapi": CONSTANTS}),
    )
    network = StainUNet(1, 2).eval()
    (image,) = images(0, 1)
    for preparation in (Preparation(kind="per_image"), measure_histogram(images(1))):
        folder = tmp_path / preparation.kind
        write_translator(folder, record.changed(preparation=preparation), network, card="")
        model = load_translator(folder)
        assert model.record.preparation == preparation
        wanted = run_network(TorchNetwork(network), prepare_pixels(image, CONSTANTS, preparation))
        found = predict_stains(model, image)
        np.testing.assert_allclose(CONSTANTS.to_network(found), wanted, atol=1e-5)
    known = json.loads((folder / "model.json").read_text("utf-8"))
    del known["preparation"]
    (folder / "model.json").write_text(json.dumps(known), encoding="utf-8")
    old: StainModel = load_translator(folder)
    assert old.record.preparation == Preparation()
