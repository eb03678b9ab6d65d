import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, shift

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, MissingWeightsError
from adaptoscope.pretrained.bundled import bundled_weights, hash_of_weights
from adaptoscope.pretrained.encoders import load_encoder
from adaptoscope.pretrained.inception import InceptionEncoder
from adaptoscope.realism import feature_encoders
from adaptoscope.realism.measure_realism import measure_realism
from adaptoscope.realism.realism_report import RealismReport
from adaptoscope.realism.settings import RealismSettings
from tests.unit.style_transfer.conftest import draw_discs

# Two tiles of 64 in each real image; made images are one tile.
REAL_SHAPE, EDGE = (70, 140), 64
QUICK = RealismSettings(tile=EDGE, resamples=20, halvings=2)


def write(
    folder: Path, number: int, seed: int, blur: float, shape: tuple[int, int] = (EDGE, EDGE)
) -> CountedImageSet:
    """Discs with noise; drawn ones have no blur."""
    writer = CountedImageWriter(folder, {}, "Discs")
    for index in range(number):
        rng = np.random.default_rng([seed, index])
        pixels, _ = draw_discs(shape, rng.uniform(0, 1, (8, 2)) * shape)
        noisy = 0.3 * gaussian_filter(pixels, blur) + rng.normal(0, 0.01, shape)
        writer.add(f"{folder.name}_{index}", noisy, points=None)
    return writer.finish("Discs.")


def write_again(
    images: CountedImageSet, folder: Path, stem: str, again: int = 0
) -> CountedImageSet:
    """The same pixels under new names, the first of them once more if asked to."""
    writer = CountedImageWriter(folder, {}, "Discs")
    for index, record in enumerate([*images.records, *images.records[:again]]):
        writer.add(f"{stem}_{index}", images.read(record).pixels, points=None)
    return writer.finish("Discs.")


class Coarse(torch.nn.Module):
    """A quick encoder: a picture in 8 x 8 averages and the deviations around them."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        means = torch.nn.functional.adaptive_avg_pool2d(images, 8).flatten(1)
        return torch.cat([means, images.std((2, 3))], 1)[:, :, None, None]

    def with_stages(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        around = torch.nn.functional.avg_pool2d(images, 4)
        return self(images), [images[:, :, ::4, ::4] - around, around]


def quick_or_bundled(name: str) -> torch.nn.Module:
    return Coarse() if name == "random" else load_encoder(name)


@pytest.fixture(scope="module", autouse=True)
def quick_encoder() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(feature_encoders, "load_encoder", quick_or_bundled)
        yield


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CountedImageSet]:
    """Real images, good and bad made ones, and some that are cut out of the real ones."""
    folder = tmp_path_factory.mktemp("sets")
    real = write(folder / "real", 8, 0, 1.5, REAL_SHAPE)
    copies = CountedImageWriter(folder / "copies", {}, "Copies")
    for index, record in enumerate(real.records[:4]):
        cut = real.read(record).pixels[index : index + EDGE, 3 * index : 3 * index + EDGE]
        copies.add(f"copy_{index}", cut, points=None)
    return {
        "real": real,
        "near": write(folder / "near", 8, 1, 1.5),
        "drawn": write(folder / "drawn", 8, 2, 0.0),
        "copies": copies.finish("Copies."),
    }


@pytest.fixture(scope="module")
def report(sets: dict[str, CountedImageSet]) -> RealismReport:
    made = {name: sets[name] for name in ("near", "drawn", "copies")}
    return measure_realism(
        sets["real"], made, QUICK, style_images=sets["real"], encoder="random", device="cpu"
    )


def test_what_looks_real_is_nearer_than_drawings(report: RealismReport) -> None:
    near, drawn, _ = report.sets
    assert near.spectrum.total < drawn.spectrum.total
    assert abs(near.sharpness.relative) < 0.2 < drawn.sharpness.relative
    assert report.floor is not None
    assert report.floor.spectrum.total < drawn.spectrum.total


def test_copies_are_caught_and_new_images_are_not(report: RealismReport) -> None:
    near, drawn, copies = report.sets
    assert set(copies.copies.copies) == {f"copy_{n}.png" for n in range(4)}
    assert near.copies.copies == drawn.copies.copies == ()
    assert report.style_images == (8, 8)
    assert "Copies of real images in copies: 4" in report.verdict


def test_files_of_one_name_in_two_folders_are_two_images(
    tmp_path: Path, sets: dict[str, CountedImageSet]
) -> None:
    """Names say nothing: the baseline is that of real images against others."""
    originals = write(tmp_path / "real", 8, 5, 1.5, REAL_SHAPE)
    assert {r.name for r in originals} == {r.name for r in sets["real"]}
    renamed = write_again(originals, tmp_path / "other", "other")
    made = {"near": sets["near"]}
    found = [
        measure_realism(
            sets["real"], made, QUICK, style_images=images, encoder="random", device="cpu"
        )
        for images in (originals, renamed)
    ]
    assert found[0].sets[0].copies == found[1].sets[0].copies


def test_every_tile_is_looked_for_and_altered_copies_are_found_with_the_bundled_encoder(
    tmp_path: Path, sets: dict[str, CountedImageSet]
) -> None:
    """Copies that are shifted and noisy, among more tiles than an encoder could pick out."""
    writer, expected = CountedImageWriter(tmp_path / "mixed", {}, "Mixed"), set()
    independent = write(tmp_path / "more", 64, 7, 1.5)
    for index, record in enumerate(independent):
        pixels = independent.read(record).pixels
        if index % 8 == 3:
            real = sets["real"].read(sets["real"].records[index // 8]).pixels
            moved = shift(real, (0.4, -0.3), mode="nearest")[2 : 2 + EDGE, index : index + EDGE]
            noise = np.random.default_rng(index).normal(0, 0.3 * moved.std(), moved.shape)
            pixels, expected = np.clip(0.8 * moved + noise + 0.1, 0, 1), {*expected, index}
        writer.add(f"{index:02}", pixels, points=None)
    report = measure_realism(
        sets["real"],
        {"mixed": writer.finish("Mixed.")},
        QUICK,
        style_images=sets["real"],
        encoder="nuclei",
        device="cpu",
    )
    check = report.sets[0].copies
    assert check.pictures == 64
    assert set(check.copies) == {f"{index:02}.png" for index in expected}
    assert len(expected) == 8


def test_a_real_image_that_occurs_twice_is_not_taken_for_another(
    tmp_path: Path, sets: dict[str, CountedImageSet]
) -> None:
    twice = write_again(sets["real"], tmp_path / "twice", "real", again=1)
    report = measure_realism(
        twice,
        {"copies": sets["copies"]},
        QUICK,
        style_images=twice,
        encoder="random",
        device="cpu",
    )
    check = report.sets[0].copies
    assert (check.real_pictures, check.real_copies) == (18, 0)
    assert len(check.copies) == 4


def test_copies_of_a_single_real_image_are_found(sets: dict[str, CountedImageSet]) -> None:
    single = sets["real"].with_records(sets["real"].records[:1])
    report = measure_realism(
        single,
        {"copies": sets["copies"]},
        QUICK,
        style_images=single,
        encoder="random",
        device="cpu",
    )
    assert report.sets[0].copies.copies == ("copy_0.png",)
    assert report.sets[0].copies.real_pictures == 0


def test_style_images_that_were_not_searched_are_told(sets: dict[str, CountedImageSet]) -> None:
    report = measure_realism(
        sets["real"],
        {"near": sets["near"]},
        QUICK.changed(most_style_images=3),
        style_images=sets["real"],
        encoder="random",
        device="cpu",
    )
    assert report.style_images == (3, 8)
    assert "looked for in 3 of 8 style images only" in report.verdict


def test_the_report_states_what_was_measured(
    report: RealismReport, sets: dict[str, CountedImageSet]
) -> None:
    assert (report.tile, report.real_images, report.real_tiles) == (EDGE, 8, 16)
    assert [entry.name for entry in report.sets] == ["near", "drawn", "copies"]
    assert len(report.encoder_sha256) == 64
    assert 2 / EDGE < report.frequencies[0] < report.frequencies[1] < 0.5
    assert report.settings == QUICK.model_dump(mode="json")
    assert report.sets[0].kid is not None
    assert report.sets[2].images == 4


def test_the_same_comparison_gives_the_same_figures(
    sets: dict[str, CountedImageSet], report: RealismReport
) -> None:
    again = measure_realism(
        sets["real"], {"near": sets["near"]}, QUICK, encoder="random", device="cpu"
    )
    assert again.floor == report.floor
    assert again.sets[0] == dataclasses.replace(report.sets[0], copies=None)


def test_tiles_are_as_small_as_the_smallest_image(
    tmp_path: Path, sets: dict[str, CountedImageSet]
) -> None:
    small = write(tmp_path / "small", 2, 3, 1.5, (40, 48))
    report = measure_realism(sets["real"], {"small": small}, QUICK, encoder="random", device="cpu")
    assert report.tile == 40
    assert report.sets[0].copies is None


def test_inception_gives_distances_of_whole_tiles_only(
    tmp_path: Path, sets: dict[str, CountedImageSet]
) -> None:
    torch.manual_seed(0)
    network = InceptionEncoder().network
    torch.save(network.state_dict(), tmp_path / "inception.pth")
    few = QUICK.changed(most_tiles=4, halvings=1)
    name = f"inception:{tmp_path / 'inception.pth'}"
    report = measure_realism(sets["real"], {"near": sets["near"]}, few, encoder=name, device="cpu")
    assert report.sets[0].kid is not None
    assert report.sets[0].cell_kid is None
    assert report.encoder_sha256 == hash_of_weights(tmp_path / "inception.pth")
    assert "no distance at cells" in report.markdown()
    with pytest.raises(MissingWeightsError, match="absent"):
        measure_realism(
            sets["real"], {"near": sets["near"]}, few, encoder="inception:absent.pth", device="cpu"
        )


def test_unusable_comparisons_are_refused(tmp_path: Path, sets: dict[str, CountedImageSet]) -> None:
    with pytest.raises(InputError, match="No set"):
        measure_realism(sets["real"], {}, QUICK)
    tiny = write(tmp_path / "tiny", 2, 3, 1.5, (24, 40))
    with pytest.raises(InputError, match="too small"):
        measure_realism(sets["real"], {"tiny": tiny}, QUICK, device="cpu")
    with pytest.raises(MissingWeightsError):
        measure_realism(
            sets["real"], {"near": sets["near"]}, QUICK, encoder="absent.safetensors", device="cpu"
        )


def test_the_bundled_encoder_is_named_by_the_hash_of_its_file(
    tmp_path: Path, sets: dict[str, CountedImageSet]
) -> None:
    path = bundled_weights()["nuclei_encoder"]
    few = QUICK.changed(most_tiles=4)
    report = measure_realism(sets["real"], {"near": sets["near"]}, few, device="cpu")
    assert report.encoder_sha256 == hash_of_weights(path)
