"""The stretches of a training."""

import dataclasses

import pytest

from adaptoscope.counting.heads.table import build_head
from adaptoscope.counting.phases import Phase, phases_of, rate_factor, read_part
from adaptoscope.counting.settings import RegressorSettings
from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import InputError, LeakageError

QUICK = RegressorSettings(init="random", steps=4, batch=4, crop=64)
TWO_PHASES = QUICK.changed(regime="fine_tuned", pretrain_steps=3)


@pytest.fixture
def head(tiny_encoder):
    return build_head(QUICK)


@pytest.fixture
def synthetic(synthetic_folder):
    return open_counted_images(synthetic_folder)


def test_real_images_follow_on_synthetic_ones(real, synthetic, head):
    first, second = phases_of(TWO_PHASES, real, synthetic, head, None)

    assert (first.first, first.end, second.first, second.end) == (0, 3, 3, 7)
    drawn, taken = (set(phase.images[0].hashes.values()) for phase in (first, second))
    assert drawn == set(synthetic.hashes().values())
    assert taken == set(real.hashes("train").values())


def test_both_kinds_of_images_share_one_phase(real, synthetic, head):
    (both,) = phases_of(QUICK.changed(regime="dual"), real, synthetic, head, None)

    assert (both.first, both.end, len(both.images)) == (0, 4, 2)
    assert len(both.draw(0).images) == 4


def test_fine_tuning_needs_synthetic_images(real, head):
    with pytest.raises(InputError, match="--synthetic"):
        phases_of(TWO_PHASES, real, None, head, None)


def test_images_kept_back_are_not_read_without_their_labels_either(real):
    assert len(read_part(QUICK, real, real, labels=False).pixels) == 6
    stolen = real.with_records(
        dataclasses.replace(record, split="train") for record in real.images_of("test")
    )
    with pytest.raises(LeakageError, match="kept back"):
        read_part(QUICK, stolen, real, labels=False)


def test_the_learning_rate_rises_and_falls_in_each_phase():
    cosine = QUICK.changed(schedule="cosine")
    phase = Phase(images=(), draw=lambda step: None, first=100, end=200)

    factors = [rate_factor(cosine, phase, index) for index in range(100, 200)]

    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == factors[9] == 1.0
    assert factors[-1] < 0.01
    assert rate_factor(QUICK, phase, 150) == 1.0
