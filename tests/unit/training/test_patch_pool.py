import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.errors import InputError
from adaptoscope.training.augmentation import change_appearance, draw_appearance
from adaptoscope.training.patch_pool import PATCH, PatchPool, PoolImage, count_on_grid

CPU = torch.device("cpu")


def dotted(shape: tuple[int, int], points: np.ndarray, group: str = "a") -> PoolImage:
    """An image that is 1 at its points and 0 elsewhere, with itself as its only plane."""
    pixels = np.zeros(shape, np.float32)
    pixels[tuple(points.astype(int).T)] = 1.0
    return PoolImage(pixels, pixels[None], points, group)


def some_points(shape: tuple[int, int], seed: int, number: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.floor(rng.random((number, 2)) * shape)


@pytest.mark.parametrize("shape", [(288, 288), (300, 700), (120, 400), (90, 100)])
@pytest.mark.parametrize("seed", [0, 1])
def test_centres_move_with_the_pixels(shape: tuple[int, int], seed: int) -> None:
    pool = PatchPool([dotted(shape, np.unique(some_points(shape, seed), axis=0))], 1, CPU)
    windows = pool.draw_windows(np.random.default_rng(seed), 16, 64, unscaled_share=1.0)
    crops = pool.crops(windows, 64)
    centres = pool.centres_in_crops(windows, 64)
    torch.testing.assert_close(crops[:, 0], crops[:, 1])
    for crop, found in zip(crops[:, 0], centres, strict=True):
        expected = {tuple(p) for p in torch.nonzero(crop > 0.5).tolist()}
        inside = found[found[:, 0] > -100]
        assert {tuple(p) for p in inside.round().long().tolist()} == expected


def test_scaled_crops_hold_the_centres_of_their_part() -> None:
    rows, columns = np.indices((288, 288))
    blob = np.exp(-((rows - 144) ** 2 + (columns - 144) ** 2) / 50).astype(np.float32)
    pool = PatchPool([PoolImage(blob, None, np.array([[144.0, 144.0]]), "a")], 0, CPU)
    rng = np.random.default_rng(3)
    windows = pool.draw_windows(rng, 64, 128, scale_range=(0.6, 1.8), unscaled_share=0.0)
    crops, centres = pool.crops(windows, 128)[:, 0], pool.centres_in_crops(windows, 128)
    seen = 0
    for crop, (centre,) in zip(crops, centres, strict=True):
        if not ((centre > 4) & (centre < 123)).all():
            continue
        seen += 1
        brightest = torch.nonzero(crop == crop.max())[0]
        assert (brightest - centre).abs().max() <= 1.0
    assert seen > 10


def test_scales_bring_cells_to_the_wanted_width() -> None:
    pixels = np.zeros((288, 288), np.float32)
    points = some_points((288, 288), 0)
    known = PatchPool([PoolImage(pixels, None, points, "a", 20.0)], 0, CPU)
    unknown = PatchPool([PoolImage(pixels, None, points, "a")], 0, CPU)
    drawn = [
        pool.draw_windows(
            np.random.default_rng(0),
            400,
            64,
            scale_range=(3.0, 3.1),
            unscaled_share=0.0,
            diameter_range=(8.0, 60.0),
        ).scales
        for pool in (known, unknown)
    ]
    widths = 20.0 / drawn[0]
    assert (widths >= 8.0).all()
    assert (drawn[0] >= 0.5).all()  # never enlarged more than twice, so no cell beyond 40 pixels
    assert np.isclose(widths, 40.0).mean() > 0.1
    assert np.median(widths) < 25
    assert (drawn[1] >= 3.0).all()


def test_a_moved_crop_keeps_scale_and_orientation() -> None:
    pool = PatchPool([dotted((288, 288), some_points((288, 288), 0))], 1, CPU)
    rng = np.random.default_rng(0)
    first = pool.draw_windows(rng, 8, 64)
    second = pool.moved(first, rng, 64)
    np.testing.assert_array_equal(first.patches, second.patches)
    np.testing.assert_array_equal(first.scales, second.scales)
    assert (first.centres != second.centres).any()


def test_crops_lie_inside_their_patch() -> None:
    pool = PatchPool([dotted((288, 288), some_points((288, 288), 0))], 1, CPU)
    windows = pool.draw_windows(np.random.default_rng(1), 500, 128)
    half = windows.scales[:, None] * 128 / 2
    assert (windows.centres - half >= -1.01).all()
    assert (windows.centres + half <= PATCH + 0.01).all()


def test_groups_share_the_draws_by_the_root_of_their_size() -> None:
    points = some_points((288, 288), 0)
    images = [dotted((288, 288), points, group) for group in "aaaab"]
    probabilities = PatchPool(images, 1, CPU).probabilities
    np.testing.assert_allclose(probabilities, [1 / 6] * 4 + [1 / 3])


def test_images_without_planes_are_marked() -> None:
    points = some_points((288, 288), 0)
    bare = PoolImage(np.zeros((288, 288), np.float32), None, points, "a")
    pool = PatchPool([bare, dotted((288, 288), points)], 1, CPU)
    assert pool.has_planes.tolist() == [False, True]
    assert not pool.pixels[0, 1].any()


def test_an_empty_pool_is_refused() -> None:
    with pytest.raises(InputError, match="no image"):
        PatchPool([], 0, CPU)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-0.5, 99.4), st.floats(-0.5, 99.4)), max_size=30))
def test_counts_on_a_grid_sum_to_the_count(points: list[tuple[float, float]]) -> None:
    far = [(-1e6, -1e6)]
    counts = count_on_grid(torch.tensor([[*points, *far]], dtype=torch.float64), 100, 32)
    assert counts.shape == (1, 1, 4, 4)
    assert counts.sum() == len(points)


def test_crops_of_one_sample_change_alike() -> None:
    rng = np.random.default_rng(0)
    change = draw_appearance(rng, 6)
    crops = torch.rand(6, 1, 32, 32)
    noiseless = type(change)(**{**vars(change), "noise": np.zeros(6)})
    generator = torch.Generator().manual_seed(0)
    torch.testing.assert_close(
        change_appearance(crops, noiseless, generator),
        change_appearance(crops, noiseless, generator),
    )


def test_noise_comes_from_the_generator() -> None:
    change = draw_appearance(np.random.default_rng(0), 4)
    crops = torch.rand(4, 1, 32, 32)
    first, second = (
        change_appearance(crops, change, torch.Generator().manual_seed(3)) for _ in range(2)
    )
    torch.testing.assert_close(first, second)
    assert torch.isfinite(first).all()
