import hashlib
from dataclasses import replace

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.writing import rewrite_records
from adaptoscope.errors import LeakageError, OutputError, SettingsError
from adaptoscope.synthesis.generate import draw_synthetic
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.synthesis.write import synthesise

SMALL = SynthesisSettings(height=64, width=64, count_mean=8, count_sd=3)


def hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_folder_holds_the_images_and_their_truth(tmp_path):
    images = synthesise(tmp_path / "out", SMALL, 3, 7)
    assert len(images) == 3
    for index, record in enumerate(images):
        drawn = draw_synthetic(SMALL, np.random.default_rng([7, index]))
        assert record.count == drawn.count
        assert np.allclose(images.points(record), drawn.points, atol=1e-6)
        assert np.array_equal(images.mask(record), drawn.mask)
        assert np.array_equal(np.rint(images.read(record).pixels * 255), drawn.stored)


def test_a_run_that_was_stopped_ends_like_one_that_was_not(tmp_path):
    synthesise(tmp_path / "whole", SMALL, 4, 1)

    def stop(name):
        if name == "syn_00001":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesise(tmp_path / "stopped", SMALL, 4, 1, on_image=stop)
    synthesise(tmp_path / "stopped", SMALL, 4, 1)
    assert hashes(tmp_path / "stopped") == hashes(tmp_path / "whole")


def test_other_settings_are_refused_unless_overwritten(tmp_path):
    synthesise(tmp_path / "out", SMALL, 1, 0)
    with pytest.raises(OutputError):
        synthesise(tmp_path / "out", SMALL, 1, 1)
    assert len(synthesise(tmp_path / "out", SMALL, 1, 1, overwrite=True)) == 1


def test_dots_and_cluster_centres_on_request(tmp_path):
    folder = tmp_path / "out"
    images = synthesise(folder, SMALL.changed(keep_dot_masks=True), 2, 0)
    assert len(images) == 2
    assert sorted(path.name for path in (folder / "dots").iterdir()) == [
        "syn_00000.png",
        "syn_00001.png",
    ]
    assert "cluster_centres" in (folder / "clusters" / "syn_00001.json").read_text()


def test_like_measures_real_images(tmp_path):
    # Stands in for real images; 96 pixels hold enough cells of 15 pixels to be measured.
    real = synthesise(tmp_path / "real", SMALL.changed(height=96, width=96), 3, 0)
    images = synthesise(tmp_path / "out", SMALL, 2, 0, real)
    assert {record.cell_diameter_px for record in images} != {15.0}


@pytest.mark.parametrize("split", ["val", "test"])
def test_images_that_another_set_keeps_back_are_not_measured(tmp_path, split):
    larger = SMALL.changed(height=96, width=96)
    real = synthesise(tmp_path / "real", larger, 3, 0)
    other = synthesise(tmp_path / "other", larger, 3, 0)
    kept_back = [replace(other.records[0], split=split), *other.records[1:]]
    rewrite_records(other.folder, kept_back)
    held_out = [open_counted_images(other.folder)]
    with pytest.raises(LeakageError, match=r"syn_00000\.png") as caught:
        synthesise(tmp_path / "out", SMALL, 2, 0, real, held_out=held_out)
    assert f"{split}: images/syn_00000.png" in caught.value.found
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (1, -1)])
def test_impossible_numbers_are_refused(tmp_path, count, seed):
    with pytest.raises(SettingsError):
        synthesise(tmp_path / "out", SMALL, count, seed)
