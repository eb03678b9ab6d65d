import json
from pathlib import Path

import numpy as np
import pytest
import torch

from adaptoscope.counting.pretrain_encoder import (
    EncoderTrainingSettings,
    LocalCounter,
    draw_counted_crops,
    pretrain_encoder,
)
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.networks.nuclei_encoder import NucleiEncoder
from adaptoscope.pretrained.weights_files import read_weights
from adaptoscope.training.patch_pool import PatchPool, PoolImage
from adaptoscope.training.settings import settings_from

QUICK = EncoderTrainingSettings(steps=2, batch=2, crop=64)


def write_set(folder: Path, splits: list[str]) -> CountedImageSet:
    writer = CountedImageWriter(folder, {}, "Noise with centres")
    for index, split in enumerate(splits):
        rng = np.random.default_rng(index)
        pixels = rng.random((96, 96)).astype(np.float32)
        writer.add(f"f{index}", pixels, points=rng.uniform(0, 95, (5, 2)), split=split)
    return writer.finish("Made for a test.")


def test_local_counts_are_never_negative_and_lie_on_the_grid() -> None:
    counts = LocalCounter().eval()(torch.randn(2, 1, 64, 96))
    assert counts.shape == (2, 1, 2, 3)
    assert (counts >= 0).all()


def test_crops_depend_only_on_seed_and_step() -> None:
    rng = np.random.default_rng(0)
    image = PoolImage(rng.random((300, 300), np.float32), None, rng.uniform(0, 299, (80, 2)), "a")
    pool = PatchPool([image], 0, torch.device("cpu"))
    first, again, later = (draw_counted_crops(pool, QUICK, index) for index in (3, 3, 4))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], later[0])
    assert first[1].shape == (2, 1, 2, 2)


def test_an_encoder_is_trained_on_training_images_only(tmp_path: Path) -> None:
    images = write_set(tmp_path / "set", ["train", "val", "test", "train"])
    path = pretrain_encoder(tmp_path / "run", [images], QUICK, device="cpu")
    NucleiEncoder().load_state_dict(read_weights(path))
    used = (tmp_path / "run" / "training_images.json").read_text()
    assert [sha in used for sha in images.hashes().values()] == [True, False, False, True]
    environment = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert environment["device"] == "cpu"
    assert environment["torch_threads"] == torch.get_num_threads()
    before = path.read_bytes()
    assert pretrain_encoder(tmp_path / "run", [images], QUICK, device="cpu").read_bytes() == before
    fewer = images.with_records(images.images_of("train")[:1])
    with pytest.raises(OutputError, match="other images"):
        pretrain_encoder(tmp_path / "run", [fewer], QUICK, device="cpu")
    with pytest.raises(OutputError, match="other settings"):
        pretrain_encoder(tmp_path / "run", [images], QUICK.changed(steps=3), device="cpu")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"crop": 320}, "crop"),
        ({"scale_range": [2, 1]}, "scale_range"),
        ({"scale_range": [0, 1]}, "scale_range"),
    ],
)
def test_crops_that_no_patch_can_give_are_refused(values: dict[str, object], field: str) -> None:
    with pytest.raises(SettingsError, match=field):
        settings_from(values, EncoderTrainingSettings)


def test_unlabelled_images_teach_nothing(tmp_path: Path) -> None:
    writer = CountedImageWriter(tmp_path / "bare", {}, "Bare")
    writer.add("a", np.zeros((96, 96), np.float32), points=None)
    bare = writer.finish("Made for a test.")
    with pytest.raises(InputError, match="no image"):
        pretrain_encoder(tmp_path / "run", [bare], QUICK, device="cpu")
