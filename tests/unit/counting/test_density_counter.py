import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.post_processing import FAINTEST, DensityReading
from adaptoscope.imageio import large_images
from adaptoscope.imageio.files import read_image
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.imageio.large_images import large_image, sample_of
from adaptoscope.images.normalisation import measure_range
from adaptoscope.networks.centres_network import CentresNetwork
from adaptoscope.networks.geometry import CENTRES, Geometry
from adaptoscope.networks.torch_network import TorchNetwork

STRIDE, REACH = CENTRES
RANGE = IntensityRange(0.0, 1.0)
SUM = DensityReading(count="density", threshold=FAINTEST)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = CentresNetwork((4, 6, 8, 8)).eval()
    # Differences between places must be large enough to be seen.
    made.density.weight.data.normal_(std=2.0)
    made.density.bias.data.fill_(-1.0)
    return made


class Light(torch.nn.Module):
    """Light is cells: a place holds as many as its pixels are bright."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return 4 * torch.nn.functional.avg_pool2d(images, 2)


def counter(network, **options):
    usual = {"working_diameter": 12.0, "diameter_px": 12.0, "intensity": RANGE, "reading": SUM}
    options = usual | options
    return DensityCounter(TorchNetwork(network), geometry=Geometry(STRIDE, REACH), **options)


def test_no_pixel_beyond_the_reach_changes_a_place(network):
    side = 2 * REACH + 32
    image = torch.rand(1, 1, side, side)
    near, far = image.clone(), image.clone()
    near[..., 8, :] += 1.0
    far[..., :16, :] += 1.0
    middle = (side // 2) // STRIDE

    with torch.inference_mode():
        plain, changed, touched = (network(each)[0, 0] for each in (image, far, near))

    # The place shows rows from side / 2 on; row 15 is farther away than the reach.
    assert side // 2 - 15 > REACH
    assert torch.equal(plain[middle], changed[middle])
    assert not torch.equal(plain[8 // STRIDE], touched[8 // STRIDE])


@settings(max_examples=12, deadline=None)
@given(st.integers(60, 400), st.integers(60, 400), st.sampled_from([64, 128, 256]))
def test_tiles_add_up_to_the_whole_image(network, height, width, tile):
    pixels = np.random.default_rng(height * width).random((height, width), dtype=np.float32)

    whole = counter(network, tile=4096).count(pixels)
    tiled = counter(network, tile=tile).count(pixels)

    assert tiled.count == pytest.approx(whole.count, rel=1e-4)
    assert len(tiled.points) == len(whole.points)
    found = sorted(map(tuple, tiled.points.round(2)))
    np.testing.assert_allclose(found, sorted(map(tuple, whole.points.round(2))), atol=0.02)


@settings(max_examples=12, deadline=None)
@given(
    height=st.integers(60, 300),
    width=st.integers(60, 300),
    tile=st.sampled_from([64, 128, 256]),
    diameter=st.sampled_from([9.0, 12.0, 17.0]),
    way=st.sampled_from([{"tile": (48, 32)}, {"tile": (16, 80)}, {"rowsperstrip": 5}]),
)
def test_an_image_on_disk_is_counted_as_in_memory(
    network, tmp_path_factory, height, width, tile, diameter, way
):
    path = tmp_path_factory.mktemp("disk") / "a.tif"
    stored = np.random.default_rng(height * width).integers(0, 65536, (height, width))
    tifffile.imwrite(path, stored.astype(np.uint16), compression="deflate", **way)
    pixels = read_image(path).pixels

    options = {"tile": tile, "diameter_px": diameter, "intensity": None}
    expected = counter(network, **options).count(pixels)
    with large_image(path) as image:
        found = counter(network, **options).count(image)

    assert found.count == expected.count
    np.testing.assert_array_equal(found.points, expected.points)


def cells_on_a_slope(side, seed=0):
    """Draw bright discs of 12 pixels and return the picture."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    pixels = generator.normal(0.1, 0.01, (side, side))
    for row in range(10, side, 24):
        for column in range(10, side, 24):
            pixels += 0.4 / (1 + np.exp(np.minimum(np.hypot(rows - row, columns - column) - 6, 50)))
    return np.clip(pixels, 0, 1).astype(np.float32)


def test_a_large_image_is_measured_on_a_sample_which_says_the_same(monkeypatch):
    pixels = cells_on_a_slope(600)
    usual = counter(Light(), diameter_px=None, intensity=None).survey(pixels)

    monkeypatch.setattr(large_images, "WHOLE_PIXELS", 100_000)
    monkeypatch.setattr(large_images, "_SAMPLE_SIDE", 100)
    assert sample_of(pixels).shape == (400, 400)
    sampled = counter(Light(), diameter_px=None, intensity=None).survey(pixels)

    assert sampled.diameter_px == pytest.approx(usual.diameter_px, rel=0.05)
    whole, part = measure_range(pixels), measure_range(sample_of(pixels))
    assert part.low == pytest.approx(whole.low, abs=0.002)
    assert part.high == pytest.approx(whole.high, rel=0.03)


def test_a_large_image_is_never_asked_for_as_a_whole(network, monkeypatch):
    monkeypatch.setattr(large_images, "WHOLE_PIXELS", 100_000)
    monkeypatch.setattr(large_images, "_SAMPLE_SIDE", 50)
    pixels, asked = cells_on_a_slope(700), []

    class Watched:
        shape = pixels.shape

        def __getitem__(self, place):
            part = pixels[place]
            asked.append(part.size)
            return part

    options = {"tile": 128, "diameter_px": None, "intensity": None}
    found = counter(network, **options).count(Watched())

    assert max(asked) <= (128 + 2 * REACH + 40) ** 2 * 1.2
    assert found.count == counter(network, **options).count(pixels).count


@settings(max_examples=20, deadline=None)
@given(st.integers(33, 150), st.integers(33, 150), st.sampled_from([32, 64, 1024]))
def test_every_pixel_counts_exactly_once(height, width, tile):
    pixels = np.random.default_rng(height).random((height, width), dtype=np.float32)

    counted = counter(Light(), tile=tile).count(pixels)

    # An image of odd size ends in the middle of a place, half of which shows the mirror image.
    assert counted.count == pytest.approx(float(pixels.sum()), rel=0.01)
    if height % 2 == 0 and width % 2 == 0:
        assert counted.count == pytest.approx(float(pixels.sum()), rel=1e-5)


def test_a_cell_cut_by_the_border_counts_for_the_part_that_is_seen():
    pixels = np.zeros((64, 64), np.float32)
    pixels[0, 30] = 1.0

    assert counter(Light()).count(pixels).count == pytest.approx(1.0, abs=1e-5)


def test_points_are_given_in_pixels_of_the_image(network):
    pixels = np.zeros((120, 160), np.float32)
    rows, columns = np.mgrid[:120, :160]
    for row, column in ((40, 50), (80, 120)):
        pixels += np.exp(-0.5 * (np.hypot(rows - row, columns - column) / 5) ** 2)

    class Peaks(Light):
        def forward(self, images):
            return torch.nn.functional.avg_pool2d(images, 2).clamp(min=0) ** 4 / (2 * torch.pi)

    found = counter(Peaks(), diameter_px=24.0).count(pixels)

    assert found.diameter_px == 24.0
    np.testing.assert_allclose(found.points, [[40, 50], [80, 120]], atol=1.0)


def test_an_image_without_cells_to_measure_is_taken_as_it_is():
    blank = np.full((64, 64), 0.3, np.float32)

    found = counter(Light(), diameter_px=None).count(blank)

    assert found.diameter_px == 12.0
    assert found.count == pytest.approx(0.3 * 64 * 64, rel=1e-4)


def test_a_given_diameter_stands_above_the_models_own(network):
    pixels = np.random.default_rng(0).random((96, 96), dtype=np.float32)

    usual = counter(network, diameter_px=24.0).count(pixels)
    given = counter(network, diameter_px=12.0).count(pixels, diameter_px=24.0)

    assert given.count == usual.count
    assert given.diameter_px == 24.0


def test_with_a_fixed_span_dim_images_stay_dim(network):
    bright = np.full((64, 64), 0.2, np.float32)
    bright[24:40, 24:40] = 0.7
    dim = 0.2 + (bright - 0.2) / 5

    fixed = [counter(Light(), intensity=None, span=0.5).count(each).count for each in (bright, dim)]
    own = [counter(Light(), intensity=None).count(each).count for each in (bright, dim)]

    assert fixed[0] == pytest.approx(5 * fixed[1], rel=0.05)
    assert own[0] == pytest.approx(own[1], rel=0.05)


@pytest.mark.parametrize("side", [64, 65])
@pytest.mark.parametrize("depth", [0, 1, 2, 3, 5])
def test_a_cell_near_the_border_is_one_peak(side, depth):
    rows, columns = np.mgrid[:side, :side]
    cells = [(depth, 20), (side - 1 - depth, 40), (30, depth), (42, side - 1 - depth)]
    pixels = np.zeros((side, side), np.float32)
    for row, column in cells:
        pixels += np.exp(-0.5 * (np.hypot(rows - row, columns - column) / 2) ** 2)

    class Seen(Light):
        def forward(self, images):
            return torch.nn.functional.avg_pool2d(images, 2) / (2 * torch.pi)

    found = counter(Seen(), reading=DensityReading(threshold=0.4)).count(pixels)

    assert found.count == 4
    assert (found.points >= -0.5).all()
    assert (found.points < side - 0.5).all()


class Dots(Light):
    """Sees a cell wherever a dot of about the working diameter stands out."""

    def forward(self, images):
        small, wide = (
            torch.nn.functional.avg_pool2d(images, side, stride=1, padding=side // 2)
            for side in (5, 15)
        )
        return torch.nn.functional.avg_pool2d((small - wide).clamp(min=0), 2) / torch.pi


def tissue(side=240, pitch=24):
    """Small dots on a bright ground that fills most of the image and looks like one huge cell."""
    rows, columns = np.mgrid[:side, :side]
    ground = 0.5 / (1 + np.exp((np.hypot(rows - side / 2, columns - side / 2) - 90) / 2))
    dots = np.zeros((side, side))
    places = [(r, c) for r in range(60, 181, pitch) for c in range(60, 181, pitch)]
    for row, column in places:
        dots += 0.5 * np.exp(-0.5 * (np.hypot(rows - row, columns - column) / 3) ** 2)
    return (ground + dots).astype(np.float32), places


def test_a_tissue_of_small_cells_is_not_taken_for_one_large_cell():
    pixels, places = tissue()
    measuring = counter(Dots(), diameter_px=None, reading=DensityReading(threshold=0.3))

    found = measuring.count(pixels)
    told = measuring.count(pixels, diameter_px=180.0)

    assert told.count <= 2
    assert found.diameter_px < 30
    assert found.count == pytest.approx(len(places), rel=0.2)


def test_one_large_cell_stays_one_large_cell():
    rows, columns = np.mgrid[:200, :200]
    pixels = 0.6 / (1 + np.exp((np.hypot(rows - 100, columns - 100) - 40) / 3))

    found = counter(Dots(), diameter_px=None, reading=DensityReading(threshold=0.3)).count(
        pixels.astype(np.float32)
    )

    assert found.diameter_px > 60
