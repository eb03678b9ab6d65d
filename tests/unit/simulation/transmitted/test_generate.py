import numpy as np
import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.simulation.transmitted.generate import TransmittedField, draw_transmitted_field
from adaptoscope.simulation.transmitted.settings import MODALITIES, TransmittedSettings

SETTINGS = TransmittedSettings(height=96, width=112)
EVEN = {"vignette": 0.0, "tilt": 0.0, "unevenness": 0.0, "read_noise_electrons": 0.0}


def draw(seed: int = 0, index: int = 0, *modalities: str) -> TransmittedField:
    return draw_transmitted_field(SETTINGS, seed, index, modalities=modalities or MODALITIES)


@pytest.fixture(scope="module")
def whole() -> TransmittedField:
    return draw()


@pytest.mark.parametrize("chosen", [("phase",), ("defocused", "brightfield")])
def test_what_is_asked_for_changes_no_image(whole, chosen):
    part = draw(0, 0, *chosen)
    assert tuple(part.views) == chosen
    for name in chosen:
        assert np.array_equal(part.views[name], whole.views[name])
    for name in ("dapi", "cd29"):
        assert np.array_equal(part.stains[name], whole.stains[name])
    assert np.array_equal(part.points, whole.points)
    assert np.array_equal(part.mask, whole.mask)


@pytest.mark.parametrize(("seed", "index"), [(1, 0), (0, 1)])
def test_other_numbers_give_other_cells(whole, seed, index):
    other = draw(seed, index)
    assert not np.array_equal(other.mask, whole.mask)
    assert not np.array_equal(other.stains["dapi"], whole.stains["dapi"])


def test_images_have_noise_of_their_own():
    bare = SETTINGS.changed(cells={"cells_per_mm2": 0.0, "debris_per_mm2": 0.0})
    empty = draw_transmitted_field(bare, 0, 0, modalities=MODALITIES)
    images = [*empty.views.values(), *empty.stains.values()]
    between = np.corrcoef([np.diff(pixels, axis=0).ravel() for pixels in images])
    assert np.abs(between - np.eye(5)).max() < 0.06


@pytest.mark.parametrize("modality", MODALITIES)
def test_an_empty_field_is_flat_and_in_the_middle_of_the_range(modality):
    settings = SETTINGS.changed(
        cells={"cells_per_mm2": 0.0, "debris_per_mm2": 0.0}, camera=EVEN, height=160, width=160
    )
    pixels = draw_transmitted_field(settings, 0, 0, modalities=(modality,)).views[modality]
    camera = settings.camera
    assert pixels.mean() == pytest.approx(camera.background_level, rel=1e-3)
    # Nothing but the noise of counted photons.
    assert pixels.std() / pixels.mean() == pytest.approx(
        camera.background_electrons**-0.5, rel=0.03
    )
    rows = pixels.mean(axis=1)
    assert rows.std() == pytest.approx(pixels.std() / np.sqrt(160), rel=0.3)


def test_the_modalities_show_the_cells_each_in_its_way():
    field = draw_transmitted_field(TransmittedSettings(), 0, 0, modalities=MODALITIES)
    contrast = {name: np.log(np.maximum(view, 0.01)).std() for name, view in field.views.items()}
    assert contrast["phase"] > 2 * contrast["defocused"] > 3 * contrast["brightfield"]
    nuclei = field.mask > 0
    assert field.views["phase"][nuclei].mean() < 0.75 * field.views["phase"][~nuclei].mean()
    assert field.stains["dapi"][nuclei].mean() > 5 * np.median(field.stains["dapi"])


def test_defaults_show_ten_to_twenty_five_cells_in_most_fields():
    counts = [len(draw_transmitted_field(TransmittedSettings(), 7, i).points) for i in range(12)]
    assert 10 <= np.median(counts) <= 25
    assert np.mean([6 <= count <= 28 for count in counts]) > 0.8


@pytest.mark.parametrize("modalities", [(), ("dic",), ("phase", "phase"), ("phase", "dapi")])
def test_unknown_modalities_are_refused(modalities):
    with pytest.raises(SettingsError, match="modalities"):
        draw_transmitted_field(SETTINGS, 0, 0, modalities=modalities)
