import shutil
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import MissingWeightsError
from adaptoscope.imageio.files import write_image
from adaptoscope.pipeline.provenance import inputs_of, origins_of_weights
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.pretrained.bundled import BACKBONE_FILES, bundled_weights, hash_of_weights
from adaptoscope.training.settings import settings_from


@pytest.fixture
def real(tmp_path: Path) -> CountedImageSet:
    writer = CountedImageWriter(tmp_path / "real", {}, "Noise with centres")
    for number, split in enumerate(("train", "test", None)):
        rng = np.random.default_rng(number)
        points = rng.uniform(0, 19, (3, 2)) if split else None
        writer.add(f"f{number}", rng.random((20, 20)), points=points, split=split)
    return writer.finish("Made for a test.")


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"weights")
    return path


def experiment(
    images: CountedImageSet, *rows: dict[str, object], **changes: object
) -> ExperimentSettings:
    values = {
        "name": "a",
        "title": "A",
        "real": {"kind": "folder", "folder": str(images.folder)},
        "rows": [{"name": "Constant", "method": "constant"}, *rows],
    }
    return settings_from({**values, **changes}, ExperimentSettings)


def learnt(name: str, init: str | None = None, synthetic: str | None = None) -> dict[str, object]:
    return {"name": name, "method": "regressor", "init": init, "synthetic": synthetic}


def test_every_image_and_its_labels_are_named(real: CountedImageSet) -> None:
    inputs = inputs_of(experiment(real), real)
    assert list(inputs) == [
        "train image images/f0.png",
        "labels of images/f0.png",
        "test image images/f1.png",
        "labels of images/f1.png",
        "real image images/f2.png",
        "labels of images/f2.png",
    ]
    assert inputs["test image images/f1.png"] == real.read(real.records[1]).sha256
    again = open_counted_images(real.folder)
    assert inputs_of(experiment(again), again) == inputs


@pytest.mark.parametrize("file", ["images/f1.png", "points.csv", "metadata.csv"])
def test_whatever_changes_is_told_apart(real: CountedImageSet, file: str) -> None:
    before = inputs_of(experiment(real), real)
    path = real.folder / file
    if path.suffix == ".png":
        write_image(path, np.ones((20, 20), np.float32))
    elif file == "points.csv":
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0], "f0.png,1,1", *lines[2:]]) + "\n")
    else:
        path.write_text(path.read_text().replace("train", "val"))
    changed = open_counted_images(real.folder)
    after = inputs_of(experiment(changed), changed)
    differing = {
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    }
    assert (
        differing
        == {
            "images/f1.png": {"test image images/f1.png"},
            "points.csv": {"labels of images/f0.png"},
            "metadata.csv": {
                "train image images/f0.png",
                "val image images/f0.png",
                "labels of images/f0.png",
            },
        }[file]
    )


def test_simulated_images_follow_from_the_settings(real: CountedImageSet) -> None:
    assert inputs_of(experiment(real, real={"kind": "simulated"}), real) == {}


def test_encoders_are_named_with_what_they_are(real: CountedImageSet, encoder: Path) -> None:
    rows = (
        learnt("Usual"),
        learnt("Own", str(encoder)),
        learnt("Nothing", "random"),
        learnt("Twice", "random"),
    )
    settings = experiment(real, *rows)
    origins = origins_of_weights(settings, settings.rows)
    assert origins == {
        f"encoder {encoder}": hash_of_weights(encoder),
        "encoder nuclei": hash_of_weights(bundled_weights()["nuclei_encoder"]),
        "encoder random": "none: random weights",
    }
    assert list(origins_of_weights(settings, settings.rows[3:])) == ["encoder random"]
    assert origins.items() <= inputs_of(experiment(real, *rows), real).items()


def test_other_weights_are_other_inputs(real: CountedImageSet, encoder: Path) -> None:
    settings = experiment(real, learnt("Own", str(encoder)))
    before = inputs_of(settings, real)
    encoder.write_bytes(b"other")
    assert inputs_of(settings, real) != before
    encoder.unlink()
    with pytest.raises(MissingWeightsError, match=r"mine\.safetensors"):
        inputs_of(settings, real)


def test_backbone_and_style_images_count_where_images_are_stylised(
    real: CountedImageSet, tmp_path: Path
) -> None:
    backbone = tmp_path / "backbone"
    backbone.mkdir()
    for file in BACKBONE_FILES:
        (backbone / file).write_bytes(b"weights")
    shutil.copytree(real.folder / "images", tmp_path / "looks")
    style = {"backbone": str(backbone), "images": str(tmp_path / "looks")}
    settings = experiment(real, learnt("S", "random", "stylised"), style=style)
    before = inputs_of(settings, real)
    assert before["style image f0.png"] == before["train image images/f0.png"]
    (backbone / "denoiser.safetensors").write_bytes(b"other")
    after = inputs_of(settings, real)
    assert {name for name in after if after[name] != before[name]} == {f"backbone {backbone}"}
    without = inputs_of(experiment(real, learnt("S", "random"), style=style), real)
    assert not any(name.startswith(("backbone", "style")) for name in without)
