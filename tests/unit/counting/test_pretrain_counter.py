import json

import numpy as np
import pytest
import torch

from adaptoscope.counting.many_sets import read_many_sets
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.counting.pretrain_counter import (
    CounterStep,
    CounterTrainingSettings,
    pretrain_counter,
)
from adaptoscope.training.step_loop import start_fabric

QUICK = CounterTrainingSettings(steps=3, batch=4, crop=64, learning_rate=5e-3)


def test_the_model_folder_counts_and_names_what_it_has_seen(real, tmp_path):
    out = pretrain_counter(tmp_path / "model", [real], QUICK, device="cpu")

    model = load_counter(out)
    record = json.loads((out / "model.json").read_text("utf-8"))
    assert model.record.kind == "centres"
    assert len(record["training_images"]) == 6
    assert record["measured"]["n"] == 5
    assert len(record["calibration"]["residuals"]) == 5
    assert np.isfinite(model.counter.count(np.zeros((64, 64), np.float32)).count)


def test_training_lowers_the_loss(real):
    images, _ = read_many_sets([real], 12.0, 0.35)
    settings = QUICK.changed(steps=40)
    torch.manual_seed(0)
    step = CounterStep(images, settings, start_fabric("cpu"))
    batch = images.draw(settings.crops(), batch=16, step=99)

    def loss() -> float:
        with torch.no_grad():
            return float(step.head.losses(step.network(batch.images), batch)[0])

    before = loss()
    for index in range(40):
        step(index)

    assert loss() < 0.8 * before


def test_statistics_of_the_counter_belong_to_its_averaged_weights(real):
    images, _ = read_many_sets([real], 12.0, 0.35)
    torch.manual_seed(0)
    step = CounterStep(images, QUICK, start_fabric("cpu"))
    for index in range(3):
        step(index)
    averaged = step.descent.average.module.state_dict()
    before = {name: value.clone() for name, value in averaged.items()}

    after = step.finished().state_dict()

    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all("running" in name or "num_batches" in name for name in moved)


def test_diameter_and_share_have_sensible_limits():
    with pytest.raises(ValueError, match="synthetic_share"):
        CounterTrainingSettings(synthetic_share=1.0)


def test_faults_of_the_field_are_the_same_in_every_run_and_absent_by_default(real):
    images, _ = read_many_sets([real], 12.0, 0.35)
    fabric = start_fabric("cpu")
    plain = CounterStep(images, QUICK, fabric).draw(5)
    faulty = QUICK.changed(faults=1.0)

    first, second = (CounterStep(images, faulty, fabric).draw(5) for _ in range(2))

    assert torch.equal(first.images, second.images)
    assert not torch.equal(first.images, plain.images)
    assert all(np.array_equal(a, b) for a, b in zip(first.points, plain.points, strict=True))
