"""How far a counter contradicts itself."""

import numpy as np
import pytest
import torch
from torch import nn

from adaptoscope.counting.consistency import apart, contradiction, self_disagreement, views_of
from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.training.batch_norm import freeze_statistics
from tests.unit.counting.conftest import draw_field
from tests.unit.counting.counting_networks import Same, Uneven, count, probe_of_spots


def test_disagreement_is_that_of_views_and_of_two_crops_together():
    views = torch.tensor([[9.0, 3.0], [11.0, 3.0]])
    both = torch.tensor([12.0, 9.0])
    assert self_disagreement(views, both) == pytest.approx(0.5 / 6.0 + 1.5 / 12.0)
    assert self_disagreement(0 * views, 0 * both) == float("inf")


def test_views_change_the_look_and_not_the_cells():
    crops = torch.zeros(1, 1, 16, 16)
    crops[0, 0, 5, 9] = 1.0
    seen = views_of(crops, torch.zeros_like(crops))
    brightest = [tuple(torch.nonzero(view[0, 0] == view[0, 0].max())[0].tolist()) for view in seen]
    assert brightest == [(5, 9), (10, 9), (5, 6), *[(5, 9)] * 5]
    assert seen[6][0, 0, 5, 9] < 0.2
    assert float(seen[6].sum()) == pytest.approx(1.0)


def test_a_network_that_always_says_the_same_contradicts_itself():
    probe = probe_of_spots()
    assert probe.disagreement(Same(0.0), count) == pytest.approx(0.5, abs=1e-3)
    assert probe.disagreement(Uneven(0.0), count) < 0.4


def test_a_network_that_is_asked_learns_on_in_the_mode_that_it_was_in():
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.BatchNorm2d(1), nn.Dropout(0.5))
    freeze_statistics(network.train())
    probe_of_spots().disagreement(network, count)
    assert [layer.training for layer in network.modules()] == [True, True, False, True]


class Told(DensityCounter):
    """Says what it is told, whatever it is shown."""

    def __init__(self, says):
        self.says = says

    def count(self, pixels, *, diameter_px=None):
        return ImageCount(self.says(pixels), diameter_px=diameter_px or 12.0)


def test_a_counter_contradicts_itself_more_where_noise_hides_the_cells():
    shipped = load_counter("nuclei").counter
    assert isinstance(shipped, DensityCounter)
    generator = np.random.default_rng(0)
    clear = [draw_field(12, seed)[0] for seed in range(2)]
    noisy = [
        (image + generator.normal(0, 1.5 * image.std(), image.shape)).astype(np.float32)
        for image in clear
    ]
    steady, unsteady = (contradiction(shipped, images, [10.0, 10.0]) for images in (clear, noisy))
    assert steady.spread < 0.5 * unsteady.spread
    assert steady.missed < 0.4


def test_a_counter_that_always_says_the_same_misses_half():
    images = [draw_field(12, 0)[0]]
    found = contradiction(Told(lambda _: 500.0), images, [10.0])
    assert (found.spread, found.missed) == (0, 0.5)
    blind = contradiction(Told(lambda _: 0.0), images, [10.0])
    assert (blind.spread, blind.missed) == (pytest.approx(6**0.5), 1)


def test_no_counter_contradicts_itself_more_than_one_that_sees_nothing():
    image = draw_field(12, 0)[0]
    once = Told(lambda pixels: 10.0 * bool(np.array_equal(pixels, image)))
    # The plain image is counted as often as there are cell sizes: three views of seven.
    found = contradiction(once, [image], [10.0])
    assert found.spread == pytest.approx(
        np.std([10.0] * 3 + [0.0] * 4) / np.mean([10.0] * 3 + [0.0] * 4)
    )
    assert found.spread < 6**0.5


def test_the_spread_is_relative_to_the_mean_of_all_images():
    first, second = (np.full((32, 32), value, np.float32) for value in (0.25, 0.5))
    second[0, 0] = 1.0

    def says(pixels):
        return 4.0 if pixels[-1, 0] == 1.0 else 10.0

    # Seven views each; the bright corner of the second image lies below after one of them.
    expected = np.std([10.0] * 6 + [4.0]) / 2 / np.mean([10.0] * 13 + [4.0])
    found = contradiction(Told(says), [first, second], [4.0, 4.0])
    assert found.spread == pytest.approx(expected)


def test_counts_of_seeds_are_apart_by_their_mean_distance():
    counts = [np.array([4.0, 8.0]), np.array([6.0, 8.0]), np.array([5.0, 5.0])]
    distances = [np.mean([2, 0]), np.mean([1, 3]), np.mean([1, 3])]
    assert apart(counts) == pytest.approx(np.mean(distances) / 6.0)
    assert apart([counts[0], counts[0]]) == 0
