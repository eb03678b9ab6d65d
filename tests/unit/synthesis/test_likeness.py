import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, LeakageError
from adaptoscope.synthesis.generate import draw_synthetic
from adaptoscope.synthesis.likeness import measure_set, settings_like
from adaptoscope.synthesis.settings import SynthesisSettings

# Few cells on a steady background, so that the truth of what is measured is plain.
TRUTH = SynthesisSettings(
    height=160,
    width=160,
    count_mean=14,
    count_sd=3,
    cell_diameter_px=18,
    largest_overlap=0.01,
    cluster_spread=(0.3, 0.3),
    intensity_range=(30, 40),
    background_mean_range=(8, 8),
    background_sd=1.5,
    contrast_range=(1, 1),
    brightness_range=(0, 0),
)


def write_set(folder, split="train", settings=TRUTH, images=4):
    writer = CountedImageWriter(folder, {}, "invented")
    counts = []
    for index in range(images):
        drawn = draw_synthetic(settings, np.random.default_rng([0, index]))
        counts.append(drawn.count)
        writer.add(
            f"image_{index}",
            drawn.pixels,
            bit_depth=settings.bit_depth,
            points=drawn.points,
            split=split,
        )
    writer.finish("invented")
    return np.array(counts)


def test_settings_follow_the_images(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("adaptoscope.training.progress.PATIENCE_SECONDS", -1.0)
    counts = write_set(tmp_path / "real")
    measures = measure_set(open_counted_images(tmp_path / "real"))
    assert capfd.readouterr().err == "measure: image 4 of 4\n"
    assert measures.cell_diameter_px == pytest.approx(18, rel=0.15)
    middle = measures.cells_per_mpx_quantiles[len(measures.cells_per_mpx_quantiles) // 2]
    assert middle == pytest.approx(np.median(counts) / 160**2 * 1e6, rel=0.25)
    like = settings_like(measures, SynthesisSettings(height=64, width=64))
    assert like.intensity_range == pytest.approx((30, 40), abs=4)
    assert like.background_mean_range == pytest.approx((8, 8), abs=0.5)
    assert like.background_sd == pytest.approx(1.5, rel=0.2)
    assert (like.height, like.bit_depth) == (64, 8)


def test_the_spread_of_sizes_follows_the_images(tmp_path):
    widely = TRUTH.changed(semi_axis_range=(0.3, 0.7), count_mean=25, height=256, width=256)
    for name, settings in {
        "alike": TRUTH.changed(semi_axis_range=(0.5, 0.5)),
        "widely": widely,
    }.items():
        write_set(tmp_path / name, settings=settings, images=6)
    axes = {
        name: np.array(measure_set(open_counted_images(tmp_path / name)).semi_axes)
        for name in ("alike", "widely")
    }
    assert axes["alike"] == pytest.approx(0.5, abs=0.08)
    assert np.ptp(axes["widely"]) == pytest.approx(0.36, abs=0.1)
    like = settings_like(measure_set(open_counted_images(tmp_path / "widely")))
    assert like.semi_axes == like.semi_axis_quantiles == tuple(axes["widely"])


def test_held_out_images_are_not_measured(tmp_path):
    write_set(tmp_path / "real", split="test", images=2)
    with pytest.raises(InputError, match="split train"):
        measure_set(open_counted_images(tmp_path / "real"))


@pytest.mark.parametrize("most_images", [1, 24])
def test_held_out_images_are_found_whether_measured_or_not(tmp_path, most_images):
    write_set(tmp_path / "real", images=4)
    write_set(tmp_path / "kept", split="test", images=4)
    kept = open_counted_images(tmp_path / "kept")
    real = open_counted_images(tmp_path / "real")
    with pytest.raises(LeakageError, match="image_3"):
        measure_set(real, most_images=most_images, held_out=[kept.with_records(kept.records[-1:])])


def test_images_without_nuclei_are_refused(tmp_path):
    writer = CountedImageWriter(tmp_path / "dark", {}, "dark")
    writer.add("dark", np.full((64, 64), 0.1, dtype=np.float32), points=None)
    writer.finish("dark")
    with pytest.raises(InputError, match="No nucleus"):
        measure_set(open_counted_images(tmp_path / "dark"))
