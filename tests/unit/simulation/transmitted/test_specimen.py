from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.simulation.layout import NucleusTable
from adaptoscope.simulation.transmitted.bodies import BodyTable, place_bodies
from adaptoscope.simulation.transmitted.granules import draw_debris, draw_granules
from adaptoscope.simulation.transmitted.settings import TransmittedSettings
from adaptoscope.simulation.transmitted.specimen import canvas_shape, draw_spread_cells

SETTINGS = TransmittedSettings(height=128, width=144)
CALM = {"fibres": 0.0, "ruffle_um": 0.0, "cytoplasm_texture": 0.0, "granules_per_cell": 0.0}


def drawn(seed: int = 0, **cells: float):
    changed = SETTINGS.cells.changed(**cells).model_dump()
    return draw_spread_cells(SETTINGS.changed(cells=changed), np.random.default_rng(seed))


def nuclei_at(*centres: tuple[float, float], radius: float = 10.0) -> NucleusTable:
    number = len(centres)
    return NucleusTable(
        centres=np.array(centres, dtype=float).reshape(-1, 2),
        semi_axes=np.full((number, 2), radius),
        angles=np.zeros(number),
        brightness=np.ones(number),
        mitotic=np.zeros(number, dtype=bool),
        defocus=np.zeros(number),
    )


def round_bodies(table: NucleusTable, radius: float) -> BodyTable:
    number = len(table)
    return BodyTable(
        semi_axes=np.full((number, 2), radius),
        angles=np.zeros(number),
        arms=(np.zeros((0, 2)),) * number,
        thickness=np.ones(number),
        store_side=np.zeros(number),
    )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_truth_and_cells_belong_together(seed):
    specimen = drawn(seed)
    assert specimen.mask.shape == (128, 144)
    assert set(np.unique(specimen.mask)) == set(range(len(specimen.points) + 1))
    inside = specimen.bodies.inside_px[specimen.field]
    dna = specimen.dna[specimen.field]
    for number, (row, column) in enumerate(specimen.points, start=1):
        assert -0.5 <= row < 127.5
        assert -0.5 <= column < 143.5
        where = specimen.mask == number
        # A cell is where its nucleus is, and so is its DNA.
        assert inside[where].min() > 0
        assert dna[where].mean() > 3 * dna[specimen.mask == 0].mean()
        if 20 < row < 108 and 20 < column < 124:
            assert np.argwhere(where).mean(axis=0) == pytest.approx((row, column), abs=1)


def test_a_cell_is_a_fried_egg():
    specimen = drawn(3, **CALM, thickness_spread=0.0, mitotic_fraction=0.0)
    cells, away = SETTINGS.cells, specimen.bodies.from_nucleus
    inside = specimen.bodies.inside_px * SETTINGS.pixel_size_um
    nucleus = specimen.thickness_um[(away < 0.2) & (inside > 12)]
    lamella = specimen.thickness_um[(away > 3) & (inside > 5)]
    assert nucleus.mean() == pytest.approx(cells.lamella_um + cells.hill_um, rel=0.05)
    assert lamella.mean() == pytest.approx(cells.lamella_um, rel=0.2)
    assert not specimen.thickness_um[inside <= 0].any()


def test_the_path_is_thickness_times_index_away_from_nuclei():
    specimen = drawn(3, **CALM, debris_per_mm2=0.0)
    far = (specimen.bodies.from_nucleus > 2)[specimen.field]
    expected = SETTINGS.cells.cytoplasm_index * specimen.thickness_um[specimen.field]
    np.testing.assert_allclose(specimen.opd_um[specimen.field][far], expected[far], atol=1e-6)
    absorbed = SETTINGS.cells.absorption_per_um * specimen.thickness_um[specimen.field]
    np.testing.assert_allclose(specimen.absorption[specimen.field], absorbed, atol=1e-6)


def test_nucleoli_and_envelope_lengthen_the_path():
    bare = {"nucleus_opd_um": 0.0, "envelope_opd_um": 0.0, "nucleolus_opd_um": 0.0}
    without = drawn(1, **bare)
    for name in ("envelope_opd_um", "nucleolus_opd_um"):
        extra = drawn(1, **{**bare, name: 0.05}).opd_um - without.opd_um
        assert extra[SETTINGS.margin_px :].max() == pytest.approx(0.05, rel=0.3)
        assert extra.min() > -1e-6
        seen = extra[specimen_field()]
        assert not seen[without.dna[specimen_field()] == 0].any()


def specimen_field() -> tuple[slice, slice]:
    margin = SETTINGS.margin_px
    return slice(margin, margin + 128), slice(margin, margin + 144)


def test_the_canvas_fades_at_its_borders_and_not_in_the_field():
    specimen = drawn(2)
    assert specimen.opd_um.shape == canvas_shape(SETTINGS)
    for side in (specimen.opd_um[0], specimen.opd_um[-1], specimen.opd_um[:, 0]):
        assert np.abs(side).max() < 1e-3 * specimen.opd_um.max()


def test_a_lone_body_has_the_size_asked_for():
    table = nuclei_at((100, 100))
    rng = np.random.default_rng(0)
    maps = place_bodies(table, round_bodies(table, 40.0), (200, 200), rng)
    # Curved coordinates move the border, not the size.
    assert (maps.inside_px > 0).sum() == pytest.approx(np.pi * 40**2, rel=0.15)
    assert maps.from_nucleus[100, 100] < 0.4


@settings(max_examples=15, deadline=None)
@given(gap=st.floats(21, 60), seed=st.integers(0, 1000))
def test_no_body_covers_the_nucleus_of_another(gap, seed):
    table = nuclei_at((100, 100), (100, 100 + gap))
    maps = place_bodies(table, round_bodies(table, 40.0), (200, 220), np.random.default_rng(seed))
    for index, (row, column) in enumerate(table.centres):
        assert maps.owner[int(row) // maps.step, int(column) // maps.step] == index
        assert maps.inside_px[int(row), int(column)] > 0
    # Where the bodies meet lies a border.
    between = maps.inside_px[100, 100 : int(100 + gap)]
    assert between.min() < 3


def test_granules_lie_in_the_body_of_their_nucleus():
    table = nuclei_at((100, 100), (100, 160))
    rng = np.random.default_rng(0)
    bodies = place_bodies(table, round_bodies(table, 35.0), (200, 260), rng)
    settings = SETTINGS.changed(cells={"granules_per_cell": 400.0, "granule_um": 0.5})
    opd = draw_granules(settings, table, bodies, rng)
    assert opd[bodies.inside_px < -3].sum() < 1e-3 * opd.sum()
    near = (bodies.from_nucleus > 1.05) & (bodies.from_nucleus < 1.6)
    far = (bodies.from_nucleus > 2.4) & (bodies.inside_px > 4)
    assert opd[near].mean() > 2 * opd[far].mean()
    assert opd[bodies.from_nucleus < 0.7].mean() < 0.2 * opd[near].mean()
    strangers = replace(bodies, owner=bodies.owner + 2)
    assert not draw_granules(settings, table, strangers, rng).any()


def test_debris_has_the_density_asked_for():
    settings = SETTINGS.changed(cells={"debris_per_mm2": 2000.0})
    shape = (600, 600)
    opd = draw_debris(settings, shape, np.random.default_rng(0))
    area_mm2 = shape[0] * shape[1] * settings.pixel_size_um**2 * 1e-6
    # Volume of a Gaussian speck of the mean size and height.
    sigma2 = (np.linspace(0.5, 1.3, 50) ** 2).mean() / settings.pixel_size_um**2
    expected = 2000 * area_mm2 * 2 * np.pi * sigma2 * 0.15
    assert opd.sum() == pytest.approx(expected, rel=0.15)


def test_a_field_without_cells_is_empty():
    specimen = drawn(0, cells_per_mm2=0.0, debris_per_mm2=0.0)
    assert not specimen.opd_um.any()
    assert not specimen.mask.any()
    assert specimen.points.shape == (0, 2)


def test_rounded_cells_are_thick_and_small():
    rounded, spread = drawn(1, mitotic_fraction=1.0, **CALM), drawn(1, mitotic_fraction=0.0, **CALM)
    assert rounded.thickness_um.max() > 1.5 * spread.thickness_um.max()
    assert (rounded.thickness_um > 0).mean() < 0.5 * (spread.thickness_um > 0).mean()
