import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.networks.torch_network import TorchNetwork
from adaptoscope.translation.predict import over_tiles, padded_to_multiple, run_network
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
    planes = over_tiles(
        pixels, lambda part: np.stack([part, 2 * part]), whole=10, tile=tile, overlap=overlap
    )
    np.testing.assert_allclose(planes, np.stack([pixels, 2 * pixels]), rtol=1e-5, atol=1e-6)


def test_between_tiles_that_disagree_values_change_gradually() -> None:
    calls = []

    def compute(part: np.ndarray) -> np.ndarray:
        calls.append(part.shape)
        return np.full((1, *part.shape), float(len(calls)), dtype=np.float32)

    planes = over_tiles(np.zeros((16, 60), np.float32), compute, whole=8, tile=40, overlap=20)
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
    padded = padded_to_multiple(seen)
    assert all(side % 256 == 0 for side in padded.shape)
    np.testing.assert_array_equal(padded[: shape[0], : shape[1]], seen)
