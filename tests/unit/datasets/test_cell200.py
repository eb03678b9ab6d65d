import csv
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

from adaptoscope.datasets.cell200 import choose_balanced, import_cell200
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import InputError

# Three images of every number of cells, small ones: every class has 150.
COUNTS = np.repeat(np.arange(1, 201), 3)
SIDE = 8


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A file laid out as the published one: each image is as bright as it has cells."""
    path = tmp_path / "Cell200_8x8.h5"
    images = np.broadcast_to(COUNTS[:, None, None, None], (len(COUNTS), 1, SIDE, SIDE))
    with h5py.File(path, "w") as file:
        file.create_dataset("IMGs_grey", data=images.astype(np.uint8), chunks=(50, 1, SIDE, SIDE))
        file.create_dataset("CellCounts", data=COUNTS.astype(np.float64))
    return path


def test_each_class_gives_as_many_images_and_four_of_five_are_for_training(
    published: Path, tmp_path: Path
) -> None:
    images = import_cell200(published, tmp_path / "out", per_class=10)
    assert Counter((record.density_class, record.split) for record in images) == {
        (members, split): number
        for members in ("0-49", "50-99", "100-149", "150-199")
        for split, number in (("train", 8), ("val", 2))
    }
    for record in images:
        low, high = map(int, str(record.density_class).split("-"))
        assert record.count is not None
        assert low <= record.count <= high
        stored = images.read(record)
        assert stored.shape == (SIDE, SIDE)
        assert np.allclose(stored.pixels, record.count / 255)
        assert record.cells_per_mpx == pytest.approx(record.count / SIDE**2 * 1e6)
        assert (record.synthetic, record.labelled) == (True, False)


def test_the_paper_s_part_is_a_thousand_images_of_which_800_are_for_training() -> None:
    chosen = choose_balanced(np.repeat(np.arange(1, 201), 6), 250, 0)
    assert len({index for index, *_ in chosen}) == 1000
    assert sum(split == "train" for _, split, _ in chosen) == 800


def test_classes_are_half_open_and_200_cells_are_in_none() -> None:
    counts = np.array([49, 50, 99, 100, 149, 150, 199, 200, 1])
    chosen = choose_balanced(counts, 2, 0)
    named = {int(counts[index]): members for index, _, members in chosen}
    assert named == {
        **{1: "0-49", 49: "0-49", 50: "50-99", 99: "50-99"},
        **{100: "100-149", 149: "100-149", 150: "150-199", 199: "150-199"},
    }


def test_equal_seeds_choose_equally_and_others_do_not() -> None:
    first, again, other = (choose_balanced(COUNTS, 20, seed) for seed in (0, 0, 1))
    assert first == again
    assert {index for index, *_ in first} != {index for index, *_ in other}


def test_a_stopped_import_goes_on_and_another_seed_needs_another_folder(
    published: Path, tmp_path: Path
) -> None:
    class Stopped(Exception):
        pass

    done = []

    def stop() -> None:
        done.append(1)
        if len(done) == 5:
            raise Stopped

    with pytest.raises(Stopped):
        import_cell200(published, tmp_path / "out", per_class=5, on_image=stop)
    import_cell200(published, tmp_path / "out", per_class=5)
    import_cell200(published, tmp_path / "whole", per_class=5)
    first, second = (
        list(csv.reader((tmp_path / name / "metadata.csv").open())) for name in ("out", "whole")
    )
    assert first == second
    with pytest.raises(Exception, match="other settings"):
        import_cell200(published, tmp_path / "out", per_class=5, seed=1)


def test_counted_images_without_centres_are_no_images_with_centres(
    published: Path, tmp_path: Path
) -> None:
    import_cell200(published, tmp_path / "out", per_class=5)
    images = open_counted_images(tmp_path / "out")
    assert not len(images.labelled())
    assert np.isfinite(images.counts()).all()


def test_too_few_images_of_a_class_are_refused(published: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too few images with 0 to 49 cells"):
        import_cell200(published, tmp_path / "out", per_class=151)
    assert not (tmp_path / "out").exists()


def _without(name: str, file: h5py.File) -> None:
    del file[name]


def _instead(name: str, values: np.ndarray, file: h5py.File) -> None:
    del file[name]
    file.create_dataset(name, data=values)


def _linked(file: h5py.File) -> None:
    del file["IMGs_grey"]
    file["IMGs_grey"] = h5py.ExternalLink("elsewhere.h5", "/IMGs_grey")


N = len(COUNTS)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda file: _without("CellCounts", file), "no CellCounts"),
        (lambda file: _without("IMGs_grey", file), "no IMGs_grey"),
        (_linked, "IMGs_grey elsewhere"),
        (lambda file: _instead("CellCounts", COUNTS[:, None], file), "int64"),
        (lambda file: _instead("CellCounts", COUNTS + 0.5, file), "a fraction"),
        (lambda file: _instead("CellCounts", np.full(N, np.nan), file), "a fraction"),
        (lambda file: _instead("IMGs_grey", np.zeros((N - 1, 1, 8, 8), "u1"), file), "599"),
        (lambda file: _instead("IMGs_grey", np.zeros((N, 3, 8, 8), "u1"), file), "(600, 3, 8, 8)"),
        (lambda file: _instead("IMGs_grey", np.zeros((N, 1, 8, 8), "f4"), file), "float32"),
        (lambda file: _instead("IMGs_grey", np.zeros((N, 1, 1, 1025), "u1"), file), "1025"),
    ],
)
def test_a_file_of_another_layout_is_refused_in_words(
    published: Path, tmp_path: Path, change: object, found: str
) -> None:
    with h5py.File(published, "r+") as file:
        change(file)  # type: ignore[operator]
    with pytest.raises(InputError) as caught:
        import_cell200(published, tmp_path / "out", per_class=5)
    assert found in caught.value.found
    assert not (tmp_path / "out").exists()


def test_what_is_no_hdf5_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.h5"
    path.write_text("not HDF5")
    with pytest.raises(InputError, match="cannot be read as Cell-200"):
        import_cell200(path, tmp_path / "out")
