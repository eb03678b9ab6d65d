import numpy as np
import pytest

from adaptoscope.counting import regimes
from adaptoscope.counting.consistency import Probe
from adaptoscope.counting.cross_fitting import as_training, count_left_out, without_images
from adaptoscope.counting.fit_baseline import BaselineSettings, train_baseline
from adaptoscope.counting.model_folder import load_counter, read_record
from adaptoscope.counting.regimes import train_counter
from adaptoscope.counting.settings import DensitySettings
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import InputError, OutputError

QUICK = DensitySettings(
    init="random", steps=2, batch=2, crop=64, folds=3, save_every=1, log_every=1, diameter=10.0
)


@pytest.fixture
def asked(monkeypatch):
    """Hashes of the unlabelled images of each training, in the order of the trainings."""
    seen = []

    class Spied(Probe):
        def __init__(self, images, settings):
            seen.append(set(images.hashes.values()))
            super().__init__(images, settings)

    monkeypatch.setattr(regimes, "Probe", Spied)
    return seen


def constant(part, folder):
    return train_baseline(BaselineSettings(method="constant"), folder, real=part)


def test_every_image_is_counted_by_a_counter_that_has_not_seen_it(real, tmp_path):
    images = real.training_part().labelled()

    known = count_left_out(images, 3, 0, tmp_path, constant)

    seen = [read_record(tmp_path / "folds" / str(k)).training_images for k in range(3)]
    assert [len(names) for names in seen] == [4, 4, 4]
    assert all(sum(record.name in names.values() for names in seen) == 2 for record in images)
    counts = {record.name: len(images.points(record)) for record in images}
    errors = [
        abs(count - np.median([counts[other] for other in names.values()]))
        for name, count in counts.items()
        for names in seen
        if name not in names.values()
    ]
    assert known.measured["mae"] == pytest.approx(np.mean(errors))
    assert known.calibration.origin == "folds"
    assert len(known.calibration.residuals) == 6
    assert known.reading is None


def test_the_counter_itself_learns_from_all_images_but_those_kept_back(real, tmp_path):
    out = train_counter(QUICK, tmp_path / "model", real=real, device="cpu")

    record = load_counter(out).record
    assert len(record.training_images) == 6 + 5
    assert record.calibration.origin == "folds"
    assert len(record.calibration.residuals) == 11
    assert record.reading is not None
    assert sorted(path.name for path in (out / "folds").iterdir()) == ["0", "1", "2"]


def test_a_run_goes_on_with_the_folds_it_has(real, tmp_path):
    out = train_counter(QUICK, tmp_path / "model", real=real, device="cpu")
    first = (out / "model.json").read_bytes()
    (out / "model.json").unlink()
    kept = (out / "folds" / "1" / "checkpoints" / "last.pt").stat().st_mtime_ns

    train_counter(QUICK, tmp_path / "model", real=real, device="cpu")

    assert (out / "model.json").read_bytes() == first
    assert (out / "folds" / "1" / "checkpoints" / "last.pt").stat().st_mtime_ns == kept
    with pytest.raises(OutputError, match="folds"):
        train_counter(QUICK.changed(folds=2), out, real=real, device="cpu")


def test_test_images_stay_apart(real):
    splits = [record.split for record in as_training(real)]

    assert splits.count("train") == 11
    assert splits.count("test") == 3


def test_one_fold_is_none():
    with pytest.raises(ValueError, match="folds needs 2"):
        DensitySettings(init="random", folds=1)


def test_the_sum_of_the_density_may_be_what_is_counted(real, tmp_path):
    settings = QUICK.changed(folds=0, count="density")

    alone = train_counter(settings, tmp_path / "alone", real=real, device="cpu")
    crossed = train_counter(
        settings.changed(folds=2), tmp_path / "crossed", real=real, device="cpu"
    )

    assert read_record(alone).reading.count == "density"
    assert read_record(crossed).reading.count == "density"


def test_counters_of_the_folds_look_at_the_unlabelled_images_too(
    real, synthetic_folder, tmp_path, asked
):
    others = open_counted_images(synthetic_folder)
    settings = QUICK.changed(checkpoint="steadiest", folds=2)

    train_counter(settings, tmp_path / "model", real=real, unlabelled=others, device="cpu")

    assert asked == [set(others.hashes().values())] * 3


def test_the_weights_of_a_fold_are_not_chosen_on_what_it_counts(real, tmp_path, asked):
    settings = QUICK.changed(checkpoint="steadiest", folds=2)

    out = train_counter(
        settings, tmp_path / "model", real=real, unlabelled=as_training(real), device="cpu"
    )

    for fold in range(2):
        seen = read_record(out / "folds" / str(fold)).training_images
        assert asked[fold] == set(seen)
    assert asked[2] == set(read_record(out).training_images)


def test_a_set_without_all_of_its_images_is_refused(real):
    part = real.with_records(real.records[:2])

    assert len(without_images(real, part)) == len(real) - 2
    with pytest.raises(InputError, match="left out"):
        without_images(part, real)
