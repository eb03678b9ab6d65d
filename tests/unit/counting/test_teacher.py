import dataclasses

import numpy as np
import pytest
import torch

from adaptoscope.counting.crops import CropBatch
from adaptoscope.counting.heads.density import DensityHead
from adaptoscope.counting.model_folder import load_counter, read_record
from adaptoscope.counting.regimes import train_counter
from adaptoscope.counting.settings import DensitySettings
from adaptoscope.counting.teacher import Teacher, warm_up
from adaptoscope.counting.training_images import read_training_images
from adaptoscope.errors import AdaptoscopeError

STRIDE = 2
SETTINGS = DensitySettings(
    init="random",
    regime="dacs",
    mode="teacher",
    crop=64,
    batch=8,
    steps=10,
    mix_share=1.0,
    augment="none",
    scale_jitter=1.0,
    diameter=10.0,
    save_every=2,
    log_every=1,
)


class Light(torch.nn.Module):
    """Sees as many cells as there is light."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return 0.01 * torch.nn.functional.avg_pool2d(images.clamp(min=0), STRIDE)


class Flat(Light):
    """Sees the same everywhere."""

    def forward(self, images):
        return torch.full_like(super().forward(images), 0.01)


class Rows(Light):
    """Sees cells in the upper half only, so that flips disagree."""

    def forward(self, images):
        seen = super().forward(images)
        seen[..., seen.shape[-2] // 2 :, :] = 0
        return seen


def teacher(network=None, **changes):
    head = DensityHead(Light(), STRIDE, "poisson")
    return Teacher(SETTINGS.changed(**changes), network or Light(), head.target, STRIDE)


@pytest.fixture
def images(real):
    return read_training_images(real.training_part(), SETTINGS)


def test_a_mixture_holds_the_cells_in_its_box_and_what_the_teacher_sees_outside(images):
    made = teacher(Flat())
    # At this step the teacher is not yet listened to, so that its part weighs nothing.
    batch = made.draw(images, images, step=1)

    outside = batch.weights[4:] == 0
    assert 0 < outside.float().mean() < 1
    cells = made.draw_density(CropBatch(batch.images[4:], batch.points[4:]))
    assert torch.allclose(batch.density[4:], cells + 0.01 * outside, atol=1e-6)
    for part, points in zip(outside, batch.points[4:], strict=True):
        rows, columns = (np.floor(points + 0.5).astype(int).T // STRIDE).clip(0, 31)
        assert not bool(part[0, rows, columns].any())


def test_labels_of_the_real_images_change_nothing(images):
    bare = dataclasses.replace(images, points=[np.zeros((0, 2)) for _ in images.points])

    labelled = teacher().draw(images, images, step=9)
    unlabelled = teacher().draw(images, bare, step=9)

    assert torch.equal(labelled.density, unlabelled.density)
    assert torch.equal(labelled.images, unlabelled.images)


def test_batches_depend_on_seed_and_step_alone(images):
    first, again = (teacher(augment="appearance").draw(images, images, step=7) for _ in range(2))
    other = teacher(augment="appearance").draw(images, images, step=8)

    assert torch.equal(first.images, again.images)
    assert torch.equal(first.weights, again.weights)
    assert not torch.equal(first.images, other.images)


def test_a_crop_is_trusted_as_far_as_flips_of_it_agree(images):
    crops = images.draw(SETTINGS, batch=8, step=0).images
    crops = crops * torch.linspace(0, 60, 64)[None, None, :, None]

    _, agreed = teacher(Light()).pseudo_labels(crops)
    _, divided = teacher(Rows()).pseudo_labels(crops)

    assert torch.allclose(agreed, torch.ones(8), atol=1e-3)
    assert (divided < 0.7).all()


def test_the_opinion_is_that_of_the_image_not_of_a_flipped_one(images):
    crops = images.draw(SETTINGS, batch=2, step=0).images

    seen, _ = teacher(Light()).pseudo_labels(crops)

    assert torch.allclose(seen, Light()(crops), atol=1e-6)


def test_the_teacher_is_not_listened_to_at_first():
    assert warm_up(0, 100) == warm_up(10, 100) == 0.0
    assert warm_up(15, 100) == pytest.approx(0.5)
    assert warm_up(20, 100) == warm_up(99, 100) == 1.0


def test_nothing_is_mixed_where_no_share_is(images):
    batch = teacher(mix_share=0.0).draw(images, images, step=9)

    assert all(len(points) == 0 for points in batch.points[4:])


def test_training_with_a_teacher_gives_a_counter(real, tmp_path):
    out = train_counter(SETTINGS, tmp_path / "model", real=real, synthetic=real, device="cpu")

    assert read_record(out).regime == "dacs"
    assert np.isfinite(load_counter(out).counter.count(np.zeros((64, 64), np.float32)).count)


def test_a_teacher_needs_averaged_weights():
    with pytest.raises((ValueError, AdaptoscopeError), match="averaging"):
        SETTINGS.changed(averaging=0.0)


def test_nothing_of_a_counter_is_chosen_by_labels_after_a_teacher(real, tmp_path):
    trained = train_counter(SETTINGS, tmp_path / "a", real=real, synthetic=real, device="cpu")
    bare = real.with_records(dataclasses.replace(each, labelled=False) for each in real)

    unlabelled = train_counter(SETTINGS, tmp_path / "b", real=bare, synthetic=real, device="cpu")

    records = [read_record(folder) for folder in (trained, unlabelled)]
    assert records[0].reading == records[1].reading
    weights = [(each / "weights.safetensors").read_bytes() for each in (trained, unlabelled)]
    assert weights[0] == weights[1]


def test_folds_are_not_for_a_teacher():
    with pytest.raises((ValueError, AdaptoscopeError), match="folds measure on labels"):
        SETTINGS.changed(folds=3)
