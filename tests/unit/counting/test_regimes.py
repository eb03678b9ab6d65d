import dataclasses
import json

import pytest
import torch

from adaptoscope.counting.count_regressor import CountRegressor
from adaptoscope.counting.heads.regressor import RegressorHead
from adaptoscope.counting.model_folder import read_record
from adaptoscope.counting.phases import Phase
from adaptoscope.counting.regimes import Placed, counting_step, train_counter
from adaptoscope.counting.settings import RegressorSettings
from adaptoscope.counting.training_images import read_training_images
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import LeakageError, OutputError
from adaptoscope.training.settings import read_settings

QUICK = RegressorSettings(
    init="random", steps=4, batch=4, crop=64, learning_rate=1e-3, save_every=1, log_every=1
)
TWO_PHASES = QUICK.changed(regime="fine_tuned", pretrain_steps=3)
WRITTEN = ("weights.safetensors", "model.json", "README.md", "settings.yaml", "metrics.csv")


class PlainFabric:
    device = torch.device("cpu")

    def backward(self, loss):
        loss.backward()


@pytest.fixture
def synthetic(synthetic_folder):
    return open_counted_images(synthetic_folder)


def contents(folder):
    return {name: (folder / name).read_bytes() for name in WRITTEN}


def test_a_step_equals_the_same_step_written_out(real, tiny_encoder):
    settings = QUICK.changed(augment="none")
    images = read_training_images(real.split("train"), settings)
    torch.manual_seed(0)
    network = CountRegressor(tiny_encoder(), pooling="mean", crop=64)
    copied = CountRegressor(tiny_encoder(), pooling="mean", crop=64)
    copied.load_state_dict(network.state_dict())
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=1e-5)
    other = torch.optim.Adam(copied.parameters(), lr=1e-3, weight_decay=1e-5)

    phase = Phase((images,), lambda step: images.draw(settings, batch=4, step=step), 0, 4)
    head = RegressorHead(network, "mse")
    placed = Placed(PlainFabric(), network, optimiser)
    numbers = counting_step(settings, [phase], head, optimiser, placed)(0)

    batch = images.draw(settings, batch=4, step=0)
    crops, counts = batch.images, batch.counts()
    copied.standardise(*images.count_statistics(64, 0))
    loss = ((copied(crops) - counts) / copied.count_sd).square().mean()
    loss.backward()
    other.step()
    assert float(numbers["loss"]) == pytest.approx(loss.item(), rel=1e-5)
    for ours, by_hand in zip(network.parameters(), copied.parameters(), strict=True):
        assert torch.allclose(ours, by_hand, atol=1e-6)


@pytest.mark.usefixtures("tiny_encoder")
@pytest.mark.parametrize("killed_at", [1, 3, 5])
def test_a_killed_run_ends_in_the_same_files(real, synthetic, tmp_path, monkeypatch, killed_at):
    import adaptoscope.counting.regimes as regimes

    unbroken = train_counter(
        TWO_PHASES, tmp_path / "unbroken", real=real, synthetic=synthetic, device="cpu"
    )
    whole = counting_step

    def dying(*arguments):
        step = whole(*arguments)

        def die(index):
            if index == killed_at:
                raise KeyboardInterrupt
            return step(index)

        return die

    monkeypatch.setattr(regimes, "counting_step", dying)
    with pytest.raises(KeyboardInterrupt):
        train_counter(TWO_PHASES, tmp_path / "b", real=real, synthetic=synthetic, device="cpu")
    monkeypatch.setattr(regimes, "counting_step", whole)
    resumed = train_counter(
        TWO_PHASES, tmp_path / "b", real=real, synthetic=synthetic, device="cpu"
    )

    assert contents(resumed) == contents(unbroken)


@pytest.mark.usefixtures("tiny_encoder")
def test_the_record_names_everything_that_was_seen(real, synthetic, tmp_path):
    folder = train_counter(
        TWO_PHASES, tmp_path / "run", real=real, synthetic=synthetic, device="cpu"
    )

    record = read_record(folder)

    assert len(record.training_images) == 6 + 6
    assert not set(record.training_images) & set(real.hashes("test").values())
    assert record.measured is not None
    assert record.measured["n"] == 5
    assert record.calibration is not None
    assert len(record.calibration.residuals) == 5


@pytest.mark.usefixtures("tiny_encoder")
def test_a_training_says_what_it_was_computed_with_and_keeps_it(real, tmp_path):
    folder = train_counter(QUICK, tmp_path / "run", real=real, device="cpu")

    found = json.loads((folder / "environment.json").read_text())
    (folder / "environment.json").write_text("{}")
    train_counter(QUICK, folder, real=real, device="cpu")

    assert found["device"] == "cpu"
    assert found["torch_threads"] == torch.get_num_threads()
    assert (folder / "environment.json").read_text() == "{}"


@pytest.mark.usefixtures("tiny_encoder")
def test_epochs_pass_over_the_images_of_the_split(real, synthetic, tmp_path):
    settings = TWO_PHASES.changed(epochs=2, steps=1, pretrain_steps=1)
    folder = train_counter(settings, tmp_path / "run", real=real, synthetic=synthetic, device="cpu")
    taken = read_settings(folder / "settings.yaml")
    numbers = [len(each.training_part()) for each in (real, synthetic)]
    expected = [-(-2 * number // settings.batch) for number in numbers]
    assert [taken["steps"], taken["pretrain_steps"]] == expected
    assert (folder / "metrics.csv").read_text().count("\n") == 1 + sum(expected)


def test_held_out_images_are_refused_under_any_name(real, synthetic, tmp_path):
    stolen = synthetic.with_records(
        dataclasses.replace(record, source_sha256=next(iter(real.hashes("test").values())))
        for record in synthetic
    )

    with pytest.raises(LeakageError, match="test0"):
        train_counter(TWO_PHASES, tmp_path / "run", real=real, synthetic=stolen, device="cpu")


@pytest.mark.usefixtures("tiny_encoder")
def test_another_run_is_not_overwritten(real, tmp_path):
    train_counter(QUICK, tmp_path / "run", real=real, device="cpu")

    with pytest.raises(OutputError, match="other settings"):
        train_counter(QUICK.changed(seed=1), tmp_path / "run", real=real, device="cpu")
