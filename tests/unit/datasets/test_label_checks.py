import warnings

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.label_checks import brightness_under_points, check_labels
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.images.files import write_image, write_text
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate

REAL = ("idcia-dapi", "dsb2018", "bbbc039", "vgg-cells", "idcia-icc")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Square fields, in which swapped points stay inside."""
    settings = SimulationSettings(height=128, width=128, cells_per_mpx=1500)
    return simulate(tmp_path_factory.mktemp("axes") / "set", settings, 4)


def write_points_of(folder, points):
    rows = [f"{name},{x},{y}" for name, x, y in points]
    write_text(folder / "points.csv", "\n".join(["image,x,y", *rows]) + "\n")
    return open_counted_images(folder)


def test_right_points_lie_on_bright_pixels(simulated):
    found = brightness_under_points(simulated)
    assert found.points >= 40
    assert found.as_read > 0.85
    assert abs(found.swapped - 0.5) < 0.15
    check_labels(simulated)


def test_swapped_axes_are_refused_with_both_figures(simulated):
    with pytest.raises(InputError, match="x and y exchanged") as caught:
        check_labels(simulated.with_swapped_axes())
    right = brightness_under_points(simulated)
    assert f"{right.as_read:.2f} the other way round" in caught.value.found
    assert f"{right.swapped:.2f} as they are" in caught.value.found
    assert "--swap-axes" in caught.value.remedy


def test_dark_cells_tell_their_axes_too(simulated, tmp_path):
    writer = CountedImageWriter(tmp_path / "dark", {}, "Dark cells")
    for record in simulated:
        pixels = 1 - simulated.read(record).pixels
        writer.add(record.name, pixels, points=simulated.points(record))
    dark = writer.finish("Turned over for a test.")
    check_labels(dark)
    with pytest.raises(InputError, match="x and y exchanged"):
        check_labels(dark.with_swapped_axes())


def test_points_that_mean_nothing_either_way_are_not_called_swapped(simulated, tmp_path):
    generator = np.random.default_rng(0)
    for record in simulated:
        write_image(tmp_path / "images" / record.name, simulated.read(record).pixels)
    anywhere = [
        (record.name, *generator.uniform(0, 127, 2)) for record in simulated for _ in range(30)
    ]
    check_labels(write_points_of(tmp_path, anywhere))


def test_few_points_are_no_evidence(tmp_path):
    pixels = np.full((32, 32), 0.1)
    write_image(tmp_path / "a.png", pixels)
    pixels[4:7, 19:22] = 0.9
    write_image(tmp_path / "a.png", pixels)
    opened = write_points_of(tmp_path, [("a.png", 5, 20)])
    found = brightness_under_points(opened)
    assert (found.points, found.swapped > 0.9) == (1, True)
    check_labels(opened)


def test_a_set_without_labels_has_nothing_to_check(make_folder):
    opened = open_counted_images(make_folder())
    check_labels(opened)
    assert brightness_under_points(opened.labelled()).points == 0


def test_a_cell_that_is_listed_twice_is_refused_by_image(make_folder):
    folder = make_folder(points="image,x,y\na.png,3,2\nb.png,1,1\nb.png,1.0,1\nb.png,1,1\n")
    with pytest.raises(InputError, match="twice") as caught:
        check_labels(open_counted_images(folder))
    assert caught.value.found == "2 repeated row(s) in b.png (2)"
    assert "remove the repeated rows" in caught.value.remedy


def test_centres_closer_than_a_pixel_are_warned_of(make_folder):
    folder = make_folder(points="image,x,y\na.png,3,2\na.png,3.5,2.5\nb.png,1,1\nb.png,2,1\n")
    with pytest.warns(UserWarning, match=r"1 pair\(s\) .* closer than 1 pixel .*a\.png \(1\)"):
        check_labels(open_counted_images(folder))


@pytest.mark.parametrize("name", REAL)
def test_no_real_set_is_accused(shared_data, name):
    opened = open_counted_images(shared_data / name, root=shared_data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_labels(opened)
    found = brightness_under_points(opened.labelled())
    assert found.as_read > 0.85
    assert abs(found.swapped - 0.5) < 0.15


def test_swapped_points_of_a_real_set_are_noticed(shared_data):
    opened = open_counted_images(shared_data / "vgg-cells")
    with pytest.raises(InputError, match="x and y exchanged"):
        check_labels(opened.with_swapped_axes())
