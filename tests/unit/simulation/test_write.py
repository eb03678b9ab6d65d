import numpy as np
import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate

SETTINGS = SimulationSettings(height=64, width=64)


def test_folder_holds_truth_splits_and_cultures(tmp_path):
    shares = {"train": 0.5, "val": 0.25, "test": 0.25}
    images = simulate(tmp_path / "out", SETTINGS, 8, 5, fractions=shares, cultures=2)
    assert len(images) == 8
    assert [len(images.images_of(split)) for split in shares] == [4, 2, 2]
    assert {record.group for record in images} == {"culture_00", "culture_01"}
    for record in images:
        assert record.synthetic is True
        assert len(images.points(record)) == record.count == images.mask(record).max()


def test_a_field_depends_on_seed_and_number_only(tmp_path):
    few = simulate(tmp_path / "few", SETTINGS, 2, 5, cultures=1)
    many = simulate(tmp_path / "many", SETTINGS, 4, 5, cultures=1)
    for record, same in zip(few.records, many.records[:2], strict=True):
        assert np.array_equal(few.read(record).pixels, many.read(same).pixels)


def test_randomised_fields_differ_in_kind(tmp_path):
    images = simulate(tmp_path / "out", SETTINGS, 6, 1, randomise=True)
    assert len({record.cell_diameter_px for record in images}) == 6


@pytest.mark.parametrize("shares", [{"train": 0.7}, {"train": 0.5, "dev": 0.5}, {}])
def test_impossible_shares_are_refused(tmp_path, shares):
    with pytest.raises(SettingsError):
        simulate(tmp_path / "out", SETTINGS, 2, 0, fractions=shares)
