from pathlib import Path

import pytest

import adaptoscope as ad
from adaptoscope.counting.judgement import read_judgement
from adaptoscope.counting.model_folder import load_counter, read_record
from adaptoscope.errors import InputError, LeakageError, SettingsError
from adaptoscope.imageio.files import write_text
from adaptoscope.pipeline.counter_judgement import STEPS, fine_tuning
from tests.interfaces.conftest import write_fields

QUICK = {"steps": 2, "batch": 2, "crop": 64, "save_every": 1, "log_every": 1}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six marked images."""
    return write_fields(tmp_path_factory.mktemp("labelled"), " ".join(["train"] * 6))


def test_a_fine_tuning_takes_few_steps_unless_told() -> None:
    assert fine_tuning({}) == {"steps": STEPS}
    assert fine_tuning({"steps": 7}) == {"steps": 7}
    assert fine_tuning({"epochs": 3}) == {"epochs": 3}


def test_the_judged_counter_says_so_in_its_folder(labelled: Path, tmp_path: Path) -> None:
    trained = ad.train_counter(
        tmp_path / "m", real=labelled, start="nuclei", judge=True, folds=2, settings=QUICK
    )
    assert trained.judgement is not None
    assert trained.judgement.in_words() in trained.summary
    kept = read_judgement(trained.folder)
    assert kept is not None
    assert (kept["old"], kept["folds"], kept["groups"]) == ("nuclei", 2, 6)
    assert trained.judgement.in_words() in (trained.folder / "README.md").read_text("utf-8")
    # The old counts are those of nuclei, the new ones of the fold that did not see the image.
    images = ad.open_counted_images(labelled)
    nuclei = load_counter("nuclei")
    for one in trained.judgement.images:
        record = next(each for each in images if each.name == one.image)
        assert one.true == len(images.points(record))
        assert one.old == nuclei.counter.count(images.read(record).pixels).count
        seen = read_record(trained.folder / "folds" / str(one.fold)).training_images
        assert one.image not in seen.values()
    again = ad.train_counter(
        tmp_path / "m", real=labelled, start="nuclei", judge=True, folds=2, settings=QUICK
    )
    assert again.judgement == trained.judgement


@pytest.mark.parametrize("head", ["dog", "nuclei"])
def test_a_fitted_counter_is_judged_beside_nuclei(
    labelled: Path, tmp_path: Path, head: str
) -> None:
    fitted = ad.train_counter(tmp_path / "m", real=labelled, head=head, judge=True, folds=3)
    assert fitted.judgement is not None
    assert (fitted.judgement.old, fitted.judgement.folds) == ("nuclei", 3)
    for one in fitted.judgement.images:
        part = load_counter(fitted.folder / "folds" / str(one.fold))
        assert one.image not in part.record.training_images.values()
        record = next(r for r in ad.open_counted_images(labelled) if r.name == one.image)
        pixels = ad.open_counted_images(labelled).read(record).pixels
        assert one.new == part.counter.count(pixels).count
    again = ad.train_counter(tmp_path / "m", real=labelled, head=head, judge=True, folds=3)
    assert again.judgement == fitted.judgement


def test_what_cannot_be_judged_is_refused_before_it_is_trained(
    labelled: Path, tmp_path: Path
) -> None:
    out = tmp_path / "m"
    with pytest.raises(SettingsError, match="Two starts"):
        ad.train_counter(out, real=labelled, start="nuclei", init="random")
    with pytest.raises(SettingsError, match="cannot begin as the counter dog"):
        ad.train_counter(out, real=labelled, start="dog")
    with pytest.raises(SettingsError, match="cannot begin as another counter"):
        ad.train_counter(out, real=labelled, head="regressor", judge=True)
    with pytest.raises(SettingsError, match="has no use for --start"):
        ad.train_counter(out, real=labelled, head="dog", start="nuclei")
    with pytest.raises(InputError, match="into 7 folds"):
        ad.train_counter(out, real=labelled, judge=True, folds=7)
    assert not out.exists()


def test_a_counter_is_not_judged_on_its_own_training(labelled: Path, tmp_path: Path) -> None:
    own = ad.train_counter(tmp_path / "own", real=labelled, start="nuclei", settings=QUICK)
    assert own.judgement is None
    write_text(own.folder / "note.txt", "")
    with pytest.raises(LeakageError, match="was trained on"):
        ad.train_counter(tmp_path / "m", real=labelled, start=str(own.folder), judge=True)
