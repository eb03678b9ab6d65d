import pytest

from adaptoscope.errors import OutputError, SettingsError
from adaptoscope.imageio.files import read_header
from adaptoscope.simulation.transmitted import write as module
from adaptoscope.simulation.transmitted.settings import TransmittedSettings
from adaptoscope.simulation.transmitted.write import simulate_pairs

SETTINGS = TransmittedSettings(height=64, width=72)
BOTH = ("phase", "defocused")


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_folder_holds_every_modality_with_every_stain(tmp_path):
    seen = []
    shares = {"train": 0.5, "test": 0.5}
    pairs = simulate_pairs(
        tmp_path / "out", SETTINGS, 4, 3, modalities=BOTH, fractions=shares, on_image=seen.append
    )
    assert seen == ["field_00000", "field_00001", "field_00002", "field_00003"]
    assert len(pairs) == 4 * 2 * 2
    for modality in BOTH:
        for stain in ("dapi", "cd29"):
            assert len(pairs.select(split="test", modality=modality, stain=stain)) == 2
    # A field lies in one split only.
    assert len({(record.group, record.split) for record in pairs}) == 4
    for record in pairs:
        mask = pairs.mask(record)
        assert len(pairs.points(record)) == mask.max()
        assert pairs.read(record).given.shape == (64, 72)
        header = read_header(tmp_path / "out" / record.target)
        assert header.bit_depth == 16


def test_the_modalities_asked_for_change_nothing_else(tmp_path):
    simulate_pairs(tmp_path / "few", SETTINGS, 2, 5, modalities=("brightfield",))
    simulate_pairs(tmp_path / "many", SETTINGS, 2, 5, modalities=(*BOTH, "brightfield"))
    few, many = contents(tmp_path / "few"), contents(tmp_path / "many")
    images = [name for name in few if name.startswith(("images", "masks"))]
    assert len(images) == 2 * 4
    assert all(few[name] == many[name] for name in images)


def test_a_killed_run_goes_on_to_identical_files(tmp_path, monkeypatch):
    def written(folder):
        return simulate_pairs(folder, SETTINGS, 3, 1, modalities=BOTH)

    written(tmp_path / "whole")
    drawn = module.draw_transmitted_field

    def killed(settings, seed, index, **values):
        if index == 2:
            raise KeyboardInterrupt
        return drawn(settings, seed, index, **values)

    monkeypatch.setattr(module, "draw_transmitted_field", killed)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path / "broken")
    assert not (tmp_path / "broken" / "pairs.csv").exists()
    again = []

    def counted(settings, seed, index, **values):
        again.append(index)
        return drawn(settings, seed, index, **values)

    monkeypatch.setattr(module, "draw_transmitted_field", counted)
    written(tmp_path / "broken")
    assert again == [2]
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_other_modalities_are_another_folder(tmp_path):
    simulate_pairs(tmp_path, SETTINGS, 1, 0, modalities=("phase",))
    with pytest.raises(OutputError):
        simulate_pairs(tmp_path, SETTINGS, 1, 0, modalities=BOTH)
    anew = simulate_pairs(tmp_path, SETTINGS, 1, 0, modalities=BOTH, overwrite=True)
    assert len(anew) == 4


@pytest.mark.parametrize(
    "values",
    [{"count": 0}, {"seed": -1}, {"fractions": {"train": 0.5}}, {"modalities": ("dic",)}],
)
def test_nothing_is_written_for_an_impossible_request(tmp_path, values):
    with pytest.raises(SettingsError):
        simulate_pairs(tmp_path / "out", SETTINGS, **values)
    assert not (tmp_path / "out").exists()


def test_a_field_that_stands_is_left_alone(tmp_path):
    def stop(name):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_pairs(tmp_path, SETTINGS, 2, 0, on_image=stop)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("field_00000*")}
    assert before
    pairs = simulate_pairs(tmp_path, SETTINGS, 2, 0)
    assert len(pairs) == 4
    assert {path: path.stat().st_mtime_ns for path in before if path.suffix != ".json"} == {
        path: changed for path, changed in before.items() if path.suffix != ".json"
    }
