import re
import warnings

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.label_checks import check_labels
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_image, write_text
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate

REAL = ("idcia-dapi", "dsb2018", "bbbc039", "vgg-cells", "salr-clumps", "deepcell-phase")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Square fields, in which swapped points stay inside."""
    settings = SimulationSettings(height=128, width=128, cells_per_mpx=1500)
    return simulate(tmp_path_factory.mktemp("axes") / "set", settings, 4)


def write_points_of(folder, points):
    rows = [f"{name},{x},{y}" for name, x, y in points]
    write_text(folder / "points.csv", "\n".join(["image,x,y", *rows]) + "\n")
    return open_counted_images(folder)


def moved(images, move, folder, pixel_size_um=None):
    """Write images of a set again, with their points changed by ``move(points, (H, W))``."""
    rows = []
    for record in images:
        image = images.read(record)
        write_image(folder / "images" / record.name, image.pixels, pixel_size_um=pixel_size_um)
        points = move(images.points(record), image.shape)
        rows += [(record.name, x, y) for y, x in np.asarray(points).tolist()]
    return write_points_of(folder, rows)


def refusal(images):
    with pytest.raises(InputError, match="do not lie on the cells") as caught:
        check_labels(images)
    return caught.value


def test_right_points_are_accepted_without_a_word(simulated):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_labels(simulated)


def test_points_in_micrometres_are_to_be_divided_by_the_pixel_size(simulated, tmp_path):
    error = refusal(moved(simulated, lambda points, _: 0.65 * points, tmp_path, 0.65))
    assert "divided by 0.65, the pixel size of the files" in error.found
    assert "divide x and y of points.csv by 0.65" in error.remedy
    assert "0.5 is chance" in error.found


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (0.5, "multiplied by 2 "),
        (2, "divided by 2 "),
        (1 / 0.325, "divided by 3.0"),
        (0.7, "by 1.4"),
    ],
)
def test_points_of_another_scale_are_told_though_some_lie_outside(
    simulated, tmp_path, factor, said
):
    error = refusal(moved(simulated, lambda points, _: factor * points, tmp_path))
    assert said in error.found


def test_y_that_is_counted_from_below_is_told(simulated, tmp_path):
    flipped = moved(simulated, lambda points, shape: points * [-1, 1] + [shape[0] - 1, 0], tmp_path)
    error = refusal(flipped)
    assert "with y counted from below" in error.found
    assert "by 127 - y" in error.remedy


def test_micrometres_counted_from_below_are_told_together(simulated, tmp_path):
    def turned(points, shape):
        return (points * [-1, 1] + [shape[0] - 1, 0]) * 0.65

    error = refusal(moved(simulated, turned, tmp_path, 0.65))
    assert "divided by 0.65" in error.found
    assert "y counted from below" in error.found


def test_a_constant_shift_is_told_to_a_few_pixels(simulated, tmp_path):
    shifted = moved(simulated, lambda points, _: points + np.array([0, 20]), tmp_path)
    found = re.search(
        r"moved by about ([+-]\d+) pixels in x and ([+-]\d+) in y", refusal(shifted).found
    )
    assert abs(int(found[1]) + 20) <= 4
    assert abs(int(found[2])) <= 4


def test_points_that_are_named_after_the_next_image_are_told(simulated, tmp_path):
    names = [record.name for record in simulated]
    rows = [
        (names[number - 1], x, y)
        for number, record in enumerate(simulated)
        for y, x in simulated.points(record).tolist()
    ]
    for record in simulated:
        write_image(tmp_path / "images" / record.name, simulated.read(record).pixels)
    error = refusal(write_points_of(tmp_path, rows))
    assert f"those of {names[0]} to {names[1]}" in error.found
    assert "names of the images" in error.remedy


def test_swapped_axes_are_refused_with_the_command_that_mends_them(simulated):
    error = refusal(simulated.with_swapped_axes())
    assert "with x and y exchanged" in error.found
    assert "--swap-axes" in error.remedy


def test_dark_cells_tell_their_axes_too(simulated, tmp_path):
    writer = CountedImageWriter(tmp_path / "dark", {}, "Dark cells")
    for record in simulated:
        pixels = 1 - simulated.read(record).pixels
        writer.add(record.name, pixels, points=simulated.points(record))
    dark = writer.finish("Turned over for a test.")
    check_labels(dark)
    assert "x and y exchanged" in refusal(dark.with_swapped_axes()).found


def test_points_anywhere_are_warned_of(simulated, tmp_path):
    generator = np.random.default_rng(0)
    anywhere = moved(
        simulated, lambda points, shape: generator.uniform(0, shape[0] - 1, points.shape), tmp_path
    )
    with pytest.warns(UserWarning, match="lie on nothing that stands out"):
        check_labels(anywhere)


def test_points_anywhere_in_mere_noise_are_no_fault(tmp_path):
    generator = np.random.default_rng(0)
    rows = []
    for name in ("a.png", "b.png"):
        write_image(tmp_path / "images" / name, generator.normal(0.3, 0.02, (96, 96)))
        rows += [(name, *generator.uniform(0, 95, 2)) for _ in range(60)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_labels(write_points_of(tmp_path, rows))


def test_few_points_are_no_evidence(tmp_path):
    pixels = np.full((32, 32), 0.1)
    pixels[4:7, 19:22] = 0.9
    write_image(tmp_path / "a.png", pixels)
    check_labels(write_points_of(tmp_path, [("a.png", 5, 20)]))


def test_empty_images_among_others_are_left_alone(simulated, tmp_path):
    for record in simulated:
        write_image(tmp_path / "images" / record.name, simulated.read(record).pixels)
    write_image(tmp_path / "images" / "empty.png", np.full((128, 128), 0.1))
    names = [*(record.name for record in simulated), "empty.png"]
    write_text(tmp_path / "split.csv", "\n".join(["image", *names]) + "\n")
    rows = [(r.name, x, y) for r in simulated for y, x in simulated.points(r).tolist()]
    opened = write_points_of(tmp_path, rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_labels(opened)


def test_a_set_without_labels_has_nothing_to_check(make_folder):
    opened = open_counted_images(make_folder())
    check_labels(opened)


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


@pytest.mark.parametrize("name", ["chula-rbc", "mbm-bone-marrow"])
def test_cells_of_bright_field_are_not_accused_and_tell_a_flip(shared_data, name, tmp_path):
    opened = open_counted_images(shared_data / name, channel=1).split("val")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_labels(opened)
    flipped = moved(opened, lambda points, shape: [shape[0] - 1, 0] + points * [-1, 1], tmp_path)
    assert "y counted from below" in refusal(flipped).found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("points_um", "divided by 0.5, the pixel size of the files"),
        ("points_half_scale", "divided by 0.5"),
        ("points_y_flipped", "y counted from below"),
        ("points_wrong_image_names", "those of f1.tif to f0.tif"),
    ],
)
def test_field_cases_are_told(shared_data, name, said):
    assert said in refusal(open_counted_images(shared_data / "field-cases" / name)).found
