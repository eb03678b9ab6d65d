import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.networks.torch_network import TorchNetwork
from adaptoscope.translation.intensities import IntensityInterval, StainIntensities
from adaptoscope.translation.model_folder import TranslatorRecord
from adaptoscope.translation.predict import (
    WHOLE,
    compute_in_tiles,
    pad_to_multiple,
    predict_stains,
    run_network,
)
from adaptoscope.translation.unet import StainUNet


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    tile=st.integers(12, 40),
    overlap=st.integers(1, 6),
    seed=st.integers(0, 9),
)
def test_tiles_of_what_looks_at_single_pixels_have_no_seam(
    height: int, width: int, tile: int, overlap: int, seed: int
) -> None:
    pixels = np.random.default_rng(seed).random((height, width), dtype=np.float32)
    planes = compute_in_tiles(
        pixels, lambda part: np.stack([part, 2 * part]), whole=10, tile=tile, overlap=overlap
    )
    np.testing.assert_allclose(planes, np.stack([pixels, 2 * pixels]), rtol=1e-5, atol=1e-6)


def test_between_tiles_that_disagree_values_change_gradually() -> None:
    calls = []

    def compute(part: np.ndarray) -> np.ndarray:
        calls.append(part.shape)
        return np.full((1, *part.shape), float(len(calls)), dtype=np.float32)

    planes = compute_in_tiles(np.zeros((16, 60), np.float32), compute, whole=8, tile=40, overlap=20)
    assert calls == [(16, 40), (16, 40)]
    steps = np.diff(planes[0, 0])
    assert planes[0, 0, 0] == 1
    assert planes[0, 0, -1] == 2
    assert steps.min() >= 0
    assert steps.max() < 0.06


@pytest.mark.parametrize("shape", [(1, 1), (100, 300), (256, 512)])
def test_any_size_is_predicted_in_its_own_size(shape: tuple[int, int]) -> None:
    network = StainUNet(2, 2).eval()
    seen = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    found = run_network(TorchNetwork(network), seen)
    assert found.shape == (2, *shape)
    assert np.abs(found).max() <= 1
    padded = pad_to_multiple(seen)
    assert all(side % 256 == 0 for side in padded.shape)
    np.testing.assert_array_equal(padded[: shape[0], : shape[1]], seen)


def test_a_linear_network_predicts_in_counts_of_the_training_set() -> None:
    """The interval of the image goes in, that of the stain comes out."""
    given = IntensityInterval(low=0.2, high=0.6)
    intensities = StainIntensities(
        bit_depth=16,
        given=given,
        stains={
            "plain": IntensityInterval(low=0.0, high=0.5),
            "inverted": IntensityInterval(low=0.1, high=0.3),
        },
    )
    record = TranslatorRecord(width=2, norm="instance", intensities=intensities)

    class Linear:
        name = "linear"

        def __init__(self) -> None:
            self.record = record
            self.run = lambda images: np.concatenate([images, -images], axis=1)

    pixels = np.array([[0.2, 0.4], [0.6, 0.5]], np.float32)
    plain, inverted = predict_stains(Linear(), pixels)
    np.testing.assert_allclose(plain, [[0.0, 0.25], [0.5, 0.375]], atol=1e-6)
    np.testing.assert_allclose(inverted, [[0.3, 0.2], [0.1, 0.15]], atol=1e-6)


def test_a_field_goes_on_below_and_to_the_right_as_its_mirror_image() -> None:
    seen = np.arange(255 * 254, dtype=np.float32).reshape(255, 254)
    padded = pad_to_multiple(seen)
    assert padded.shape == (256, 256)
    np.testing.assert_array_equal(padded[255, :254], seen[254])
    np.testing.assert_array_equal(padded[:255, 254], seen[:, 253])
    np.testing.assert_array_equal(padded[:255, 255], seen[:, 252])


def test_large_fields_are_run_in_tiles_that_a_network_can_take() -> None:
    shapes = []

    def network(images: np.ndarray) -> np.ndarray:
        shapes.append(images.shape)
        return images

    seen = np.random.default_rng(0).standard_normal((300, WHOLE + 1)).astype(np.float32)
    found = run_network(network, seen)
    np.testing.assert_allclose(found[0], seen, atol=1e-5)
    # Tiles are 1024 wide and overlap by 256 at least: three for 2049 pixels.
    assert shapes == [(1, 1, 512, 1024)] * 3
    shapes.clear()
    run_network(network, seen[:, :WHOLE])
    assert shapes == [(1, 1, 512, WHOLE)]


@pytest.mark.parametrize("place", [0, 31, 32, 63])
def test_what_lies_in_one_tile_only_is_that_tiles_alone(place: int) -> None:
    """A network that sees the tile's own border errs there; the overlap hides it."""

    def compute(part: np.ndarray) -> np.ndarray:
        wrong = np.zeros((1, *part.shape), np.float32)
        wrong[:, :, [0, -1]] = 1
        return wrong

    planes = compute_in_tiles(np.zeros((8, 64), np.float32), compute, whole=8, tile=40, overlap=16)
    inside = 0 < place < 63
    assert planes[0, 0, place] == (pytest.approx(0, abs=0.07) if inside else 1)
    assert planes[0, 0, 1:-1].max() < 0.07
