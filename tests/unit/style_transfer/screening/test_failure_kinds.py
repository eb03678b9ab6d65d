"""Every kind of failure is recognised on made examples, and sound images are left alone."""

import math
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord, open_counted_images
from adaptoscope.images.blobs import estimate_diameter
from adaptoscope.images.cell_centres import points_in_window
from adaptoscope.images.measurement import segment_nuclei
from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.style_transfer.screening.failure_kinds import (
    UNKNOWN,
    emptiest_neighbourhood,
    fine_noise,
    measure_failures,
    region_of_cells,
)
from adaptoscope.style_transfer.screening.screen_image import screen_image
from adaptoscope.style_transfer.settings import ScreeningSettings
from adaptoscope.synthesis.generate import draw_synthetic
from adaptoscope.synthesis.settings import SynthesisSettings

SETTINGS = ScreeningSettings()
EXAMPLES = 24
SIMULATION = SimulationSettings(height=192, width=192, cells_per_mpx=900.0, density_spread=0.5)
KINDS = ("faint", "incomplete", "artefacts", "background")


class Field:
    """A sound image with its truth."""

    def __init__(self, pixels: NDArray, points: NDArray, mask: NDArray, diameter: float) -> None:
        self.pixels, self.points, self.mask, self.diameter = pixels, points, mask, diameter

    def verdict(self, pixels: NDArray) -> str | None:
        """Reason to reject an image that shows what this field does, judged against it."""
        record = ImageRecord("images/a.png", cell_diameter_px=self.diameter)
        stored = (np.rint(np.clip(pixels, 0, 1) * 255) / 255).astype(np.float32)
        screened = screen_image(record, stored, self.pixels, self.points, self.mask, SETTINGS)
        return screened.record.reject_reason

    @property
    def contrast(self) -> float:
        inside = self.mask > 0
        return float(np.median(self.pixels[inside]) - np.median(self.pixels[~inside]))


@cache
def simulated(seed: int) -> Field:
    drawn = draw_field(SIMULATION, np.random.default_rng(seed))
    return Field(drawn.pixels, drawn.points, drawn.mask, SIMULATION.cell_diameter_px)


@cache
def drawing(seed: int) -> Field:
    settings = SynthesisSettings(height=192, width=192, count_mean=40, count_sd=20)
    drawn = draw_synthetic(settings, np.random.default_rng(seed))
    return Field(drawn.pixels, drawn.points, drawn.mask, settings.cell_diameter_px)


def written_over(field: Field, rng: np.random.Generator) -> NDArray:
    """Letters as bright as cells, as diffusion models like to write them."""
    page = Image.new("L", field.pixels.shape[::-1])
    words = "".join(rng.choice(list("AEFHKLMNTVWXYZ47"), 5))
    font = ImageFont.load_default(size=float(rng.uniform(28, 48)))
    place = tuple(rng.uniform(0, 60, 2))
    ImageDraw.Draw(page).text(place, words, fill=255, font=font)
    letters = np.asarray(page, np.float32) / 255
    return field.pixels + rng.uniform(0.8, 1.2) * field.contrast * letters


def over_amplified(field: Field, rng: np.random.Generator) -> NDArray:
    """Background texture of about half a cell's size, at a fifth to half of the cells' contrast."""
    noise = ndimage.gaussian_filter(
        rng.standard_normal(field.pixels.shape), rng.uniform(0.12, 0.25) * field.diameter
    )
    return field.pixels + rng.uniform(0.2, 0.5) * field.contrast * noise / noise.std()


def masked(field: Field, rng: np.random.Generator) -> NDArray:
    """A quarter to half of the image is empty."""
    pixels = field.pixels.copy()
    share = rng.uniform(0.25, 0.5)
    side = int(share * pixels.shape[0])
    turned = np.rot90(pixels, rng.integers(4))
    turned[:side] = np.median(pixels) * rng.uniform(0, 1)
    return pixels


def half_transferred(field: Field, rng: np.random.Generator) -> NDArray:
    """A part of the image has none of the noise that the style has elsewhere."""
    noise = rng.normal(0, 0.1 * field.contrast, field.pixels.shape)
    turned = np.rot90(noise, rng.integers(4))
    turned[: int(rng.uniform(0.25, 0.5) * len(noise))] = 0
    return ndimage.gaussian_filter(field.pixels, 1.0) + noise


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (written_over, "artefacts"),
        (over_amplified, "background"),
        (masked, "incomplete"),
        (half_transferred, "incomplete"),
    ],
)
def test_made_failures_are_recognised(damage: object, kind: str) -> None:
    """Recall of at least 0.9 under the right name, on examples that no threshold was set on."""
    verdicts = []
    for seed in range(300, 300 + EXAMPLES):
        field = simulated(seed)
        assert callable(damage)
        verdicts.append(field.verdict(damage(field, np.random.default_rng([7, seed]))))
    assert verdicts.count(kind) >= 0.9 * EXAMPLES, verdicts


@pytest.mark.parametrize("make", [simulated, drawing])
def test_sound_images_are_not_refused_for_a_failure(make: object) -> None:
    assert callable(make)
    verdicts = [make(seed).verdict(make(seed).pixels) for seed in range(100, 100 + 2 * EXAMPLES)]
    assert sum(verdict in KINDS for verdict in verdicts) <= 0.05 * len(verdicts), verdicts


def labelled_images(name: str, split: str) -> tuple[CountedImageSet, list[ImageRecord]]:
    data = os.environ.get("ADAPTOSCOPE_DATA")
    if not data or not (Path(data) / name).is_dir():
        pytest.skip(f"ADAPTOSCOPE_DATA does not hold {name}")
    images = open_counted_images(Path(data) / name).split(split)
    return images, [record for record in images if record.count][:: max(1, len(images) // 40)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dsb2018", "bbbc039", "idcia-dapi"])
def test_real_images_are_not_refused(name: str) -> None:
    """Whole fields that no threshold was set on, at their own cell size, for whatever reason."""
    images, records = labelled_images(name, "val")
    verdicts = []
    for record in records:
        pixels = images.read(record).pixels
        diameter = record.cell_diameter_px or estimate_diameter(pixels)
        field = Field(pixels, images.points(record), images.mask(record), diameter)
        verdicts.append(field.verdict(pixels))
    refused = [verdict for verdict in verdicts if verdict is not None]
    assert len(refused) <= 0.05 * len(verdicts), refused


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dsb2018", "bbbc039", "idcia-dapi"])
def test_parts_of_real_images_are_not_refused_at_their_own_cell_size(name: str) -> None:
    """Parts of the size of a drawing, on which thresholds were set."""
    images, records = labelled_images(name, "train")
    verdicts = []
    for record in records:
        pixels, mask = images.read(record).pixels, images.mask(record)
        top, left = ((length - min(length, 256)) // 2 for length in pixels.shape)
        part = np.s_[top : top + 256, left : left + 256]
        points = points_in_window(images.points(record), top, left, *pixels[part].shape)
        if not len(points):
            continue
        cut = None if mask is None else mask[part]
        field = Field(pixels[part], points, cut, segment_nuclei(pixels)[1])
        verdicts.append(field.verdict(field.pixels))
    assert sum(verdict in KINDS for verdict in verdicts) <= 0.05 * len(verdicts), verdicts


def test_artefacts_count_in_proportion_to_the_area_of_a_large_field() -> None:
    """Four times the image with four times the letters is no worse; a small one is not excused."""
    rng = np.random.default_rng(0)
    settings = SynthesisSettings(count_mean=40, count_sd=0)
    drawn = draw_synthetic(settings, rng)
    sound = Field(drawn.pixels, drawn.points, drawn.mask, settings.cell_diameter_px)
    pixels = written_over(sound, rng).astype(np.float32)
    assert pixels.shape == (256, 256)

    def artefacts(times: int, side: int = 256) -> float:
        shown, mask = (np.tile(each, (times, times)) for each in (pixels, drawn.mask))
        part = np.s_[: times * side, : times * side]
        return measure_failures(shown[part], mask[part] > 0, sound.diameter).artefacts

    assert artefacts(1) > 0.8
    assert artefacts(2) == pytest.approx(artefacts(1), rel=0.1)
    assert artefacts(3) == pytest.approx(artefacts(1), rel=0.1)
    alone = pixels[:192, :192]
    assert measure_failures(alone, drawn.mask[:192, :192] > 0, 15.0).artefacts > 0.8


def test_nothing_is_said_of_an_image_without_cells() -> None:
    pixels = np.random.default_rng(0).random((64, 64), np.float32)
    assert measure_failures(pixels, np.zeros((64, 64), bool), 10.0) is UNKNOWN


def test_fine_noise_is_that_of_the_camera_even_in_few_steps() -> None:
    rng = np.random.default_rng(0)
    ground = np.ones((200, 200), bool)
    for sd in (0.4, 1.0, 5.0):
        stored = np.rint(20 + rng.normal(0, sd, ground.shape)) / 255
        expected = math.hypot(sd, 1 / math.sqrt(12)) / 255
        assert fine_noise(stored.astype(np.float32), ground) == pytest.approx(expected, rel=0.15)


def test_an_empty_neighbourhood_is_one_that_lost_all_its_cells() -> None:
    rows, columns = np.meshgrid(np.arange(5, 120, 10.0), np.arange(5, 120, 10.0))
    points = np.column_stack([rows.ravel(), columns.ravel()])
    hole = (points[:, 0] < 30) & (points[:, 1] >= 90)
    scattered = np.arange(len(points)) % 5 == 0
    assert emptiest_neighbourhood(points, ~hole) == 0.0
    assert emptiest_neighbourhood(points, ~scattered) >= 0.5
    assert emptiest_neighbourhood(points[:5], np.zeros(5, bool)) == 1.0


def test_without_a_mask_cells_are_discs_and_the_cells_that_they_touch() -> None:
    field = simulated(0)
    region = region_of_cells(field.pixels, field.points, field.diameter, None)
    inside = field.mask > 0
    assert region[inside].mean() > 0.9
    assert region[~inside].mean() < 0.2
    assert not region_of_cells(field.pixels, field.points[:0], field.diameter, None).any()
