import numpy as np
import pytest
from scipy import ndimage

from adaptoscope.counting.model_folder import CountingModel, load_counter
from adaptoscope.counting.predict import CountedImage, count_image
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import MicroscopyImage
from adaptoscope.imageio.intensity import IntensityScale
from adaptoscope.imageio.microscopy_image import image_of_array
from adaptoscope.images.artefacts import clean
from tests.unit.counting.painted import CAUSES, painted

MODELS = ("nuclei", "dog", "otsu_watershed")

# What is taken out whole, so that the count comes back.
MENDED = (
    "hot pixels",
    "scale bar",
    "lettering",
    "vignette",
    "ramp",
    "glow",
    "inverted",
    "stripes",
)


@pytest.fixture(scope="module")
def models() -> dict[str, CountingModel]:
    return {name: load_counter(name) for name in MODELS}


def counted(model: CountingModel, pixels: np.ndarray) -> CountedImage | InputError:
    image = MicroscopyImage("a.png", pixels, IntensityScale.full_range(8), None, "", None)
    try:
        return count_image(model, image)
    except InputError as error:
        return error


def near(count: float, truth: int) -> bool:
    """Within a tenth or two cells."""
    return abs(count - truth) <= max(2, 0.1 * truth)


@pytest.mark.parametrize("name", MODELS)
def test_images_without_a_fault_are_counted_without_a_word(models, name):
    for seed in (0, 1):
        pixels, truth = painted("none", seed)

        found = counted(models[name], pixels)

        assert near(found.row.count, truth), (seed, found.row.count, truth)
        assert found.row.flag == ""
        assert found.found.shown is None


@pytest.mark.parametrize("fault", CAUSES)
@pytest.mark.parametrize("name", MODELS)
def test_no_count_is_wrong_in_silence(models, name, fault):
    pixels, truth = painted(fault)

    found = counted(models[name], pixels)

    if isinstance(found, InputError):
        assert name != "nuclei"
        return
    row = found.row
    assert CAUSES[fault] in row.flag, row
    assert near(row.count, truth) or row.flag, (row.count, truth)
    assert row.lower is row.upper is None or not row.flag


@pytest.mark.parametrize("fault", MENDED)
@pytest.mark.parametrize("name", MODELS)
def test_what_can_be_taken_out_does_not_change_the_count(models, name, fault):
    pixels, truth = painted(fault)

    row = counted(models[name], pixels).row

    assert near(row.count, truth), (row.count, truth)
    assert row.diameter_px == pytest.approx(18, rel=0.3)


@pytest.mark.parametrize("name", ["dog", "otsu_watershed"])
def test_cells_that_cannot_be_measured_are_an_error_and_not_0(models, name):
    generator = np.random.default_rng(0)
    # As a tissue, in which bright and dark merge without any ground between.
    tissue = ndimage.gaussian_filter(generator.gamma(0.3, 1.0, (300, 300)), 3)
    tissue = (tissue / tissue.max()).astype(np.float32)

    error = counted(models[name], tissue)

    assert isinstance(error, InputError)
    assert "could not measure any cell" in str(error)


def test_a_diameter_that_was_not_measured_is_not_shown(models):
    row = counted(models["nuclei"], painted("blank, noisy")[0]).row

    assert row.diameter_px is None
    assert row.lower is None
    assert row.flag == "blank: nothing stands out from the noise"


def crowded(seed: int) -> tuple[np.ndarray, int]:
    """Fill a field with cells that touch one another; pixels and number of cells."""
    generator = np.random.default_rng(seed)
    places = np.zeros((0, 2))
    for place in generator.uniform(3, 237, (6000, 2)):
        if not len(places) or np.hypot(*(places - place).T).min() > 8.5:
            places = np.vstack([places, place])
    rows, columns = np.mgrid[:240, :240]
    pixels = np.zeros(rows.shape)
    for row, column in places:
        away = np.hypot(rows - row, columns - column) - 5.2
        pixels = np.maximum(pixels, 0.6 / (1 + np.exp(np.clip(away, -50, 50))))
    noisy = pixels * 0.12 + 0.006 + generator.normal(0, 0.001, pixels.shape)
    return np.clip(noisy, 0, 1).astype(np.float32), len(places)


@pytest.mark.parametrize("seed", range(2))
def test_a_field_full_of_cells_is_not_turned_round(seed):
    pixels, number = crowded(seed)
    counted = count_image(load_counter("nuclei"), image_of_array(pixels))
    assert any("inverted" in said for said in clean(pixels).said)
    assert "inverted" not in counted.row.flag
    assert counted.row.count == pytest.approx(number, rel=0.05)
