import dataclasses

import numpy as np
import pytest
from skimage.draw import ellipse

from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.images.cell_centres import centres_of_labels
from adaptoscope.simulation.drawn_layout import places_of_drawing
from adaptoscope.simulation.generate import draw_field
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.synthesis.write import synthesise

SIDE = 128
FIELD = SimulationSettings(height=SIDE, width=SIDE, irregularity=0.0, background_electrons=50.0)


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    canvas = SynthesisSettings(height=SIDE, width=SIDE, count_mean=12, count_sd=3)
    return synthesise(tmp_path_factory.mktemp("drawings") / "set", canvas, count=3, seed=2)


def test_axes_and_direction_of_an_ellipse_are_read_off_its_mask(tmp_path):
    mask = np.zeros((SIDE, SIDE), np.uint16)
    # Skimage turns counter-clockwise as seen with rows downwards: 30 degrees up from the columns.
    mask[ellipse(60, 50, 8, 16, rotation=np.pi / 6)] = 1
    writer = CountedImageWriter(tmp_path / "set", {"stage": "test"}, "One ellipse")
    pixels = (mask > 0).astype(np.float32)
    writer.add("one", pixels, points=[[60.0, 50.0]], mask=mask, cell_diameter_px=22.6)
    images = writer.finish("A card.")

    places = places_of_drawing(images, next(iter(images)))

    assert places.semi_axes[0] == pytest.approx([16, 8], abs=0.4)
    up = -np.sin(places.angles[0]) / np.cos(places.angles[0])
    assert np.degrees(np.arctan(up)) == pytest.approx(30, abs=2)


def test_a_simulated_nucleus_covers_the_ellipse_it_follows(drawings):
    """The drawing's own mask is the reference: the same cells, the same places and directions."""
    for record in drawings:
        places = places_of_drawing(drawings, record)
        drawn = draw_field(FIELD, np.random.default_rng(0), places=places)

        both, either = (drawn.mask > 0) & (m := drawings.mask(record) > 0), (drawn.mask > 0) | m
        assert both.sum() / either.sum() > 0.9


def test_enlarged_cells_keep_their_places(drawings):
    record = next(iter(drawings))

    plain = places_of_drawing(drawings, record)
    enlarged = places_of_drawing(drawings, record, enlarged=1.5)

    np.testing.assert_allclose(enlarged.semi_axes, 1.5 * plain.semi_axes)
    np.testing.assert_array_equal(enlarged.centres, plain.centres)


def test_simulated_fields_have_the_truth_of_their_drawings(drawings, tmp_path):
    made = simulate(tmp_path / "set", FIELD, count=3, seed=5, layouts=drawings)

    for record, drawing in zip(made, drawings, strict=True):
        assert record.layout == drawing.name
        assert record.cell_diameter_px == drawing.cell_diameter_px
        np.testing.assert_allclose(made.points(record), drawings.points(drawing), atol=0.01)
        centres = centres_of_labels(made.mask(record))
        assert np.median(np.linalg.norm(centres - made.points(record), axis=1)) < 1.0


def test_layouts_that_are_too_few_or_too_small_are_refused(drawings, tmp_path):
    with pytest.raises(InputError, match="4 drawings of 128 x 128"):
        simulate(tmp_path / "few", FIELD, count=4, layouts=drawings)
    with pytest.raises(InputError, match="2 of 128 x 128"):
        simulate(tmp_path / "small", FIELD.changed(height=160), count=2, layouts=drawings)


def test_a_drawing_without_a_size_is_refused(drawings):
    bare = dataclasses.replace(next(iter(drawings)), cell_diameter_px=None)

    with pytest.raises(InputError, match="no cell diameter"):
        places_of_drawing(drawings, bare)
