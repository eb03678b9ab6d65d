"""Adaptation to a folder without labels: the verdict, and one small run from end to end."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.records import without_label
from adaptoscope.errors import AdaptoscopeError
from adaptoscope.pipeline import adapt
from adaptoscope.pipeline.adapt import AdaptSettings, Verdict, adapt_counter, apart, judge
from adaptoscope.simulation import SimulationSettings
from adaptoscope.simulation.write import simulate

TINY = AdaptSettings(drawings=4, style_images=1, steps=2)


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> CountedImageSet:
    """Simulated fields, with labels that adaptation must not read."""
    settings = SimulationSettings(height=128, width=128, cell_diameter_px=12.0)
    out = tmp_path_factory.mktemp("adapt") / "fields"
    return simulate(out, settings, count=3, seed=5)


def test_counts_of_seeds_are_apart_by_their_mean_distance() -> None:
    counts = [np.array([4.0, 8.0]), np.array([6.0, 8.0]), np.array([5.0, 5.0])]
    distances = [np.mean([2, 0]), np.mean([1, 3]), np.mean([1, 3])]
    assert apart(counts) == pytest.approx(np.mean(distances) / 6.0)
    assert apart([counts[0], counts[0]]) == 0


@pytest.mark.parametrize(
    ("steadiness", "counts", "kept", "seed"),
    [
        # Steadier, and both seeds moved alike.
        ((0.20, 0.15, 0.16), (10.0, 12.0, 12.5), True, 4),
        # One seed is not steadier.
        ((0.20, 0.15, 0.199), (10.0, 12.0, 12.5), False, 4),
        # Steadier, but what moved the counts is chance.
        ((0.20, 0.16, 0.15), (10.0, 12.0, 8.0), False, 5),
    ],
)
def test_what_chance_moved_or_did_not_steady_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
    fields: CountedImageSet,
    steadiness: tuple[float, ...],
    counts: tuple[float, ...],
    kept: bool,
    seed: int,
) -> None:
    class Told(DensityCounter):
        def __init__(self, spread: float, count: float) -> None:
            self.spread, self.says = spread, count

        def count(self, *_: object, **__: object) -> ImageCount:
            return ImageCount(self.says)

    monkeypatch.setattr(adapt, "disagreement", lambda counter, _: counter.spread)
    shipped = load_counter("nuclei")
    models = [
        dataclasses.replace(shipped, counter=Told(*each))
        for each in zip(steadiness, counts, strict=True)
    ]
    verdict = judge(models[0], models[1:], fields, AdaptSettings(seed=4))
    assert (verdict.kept, verdict.seed) == (kept, seed)
    assert verdict.in_words().startswith("Adapted" if kept else "Not adapted")


def test_a_counter_without_a_density_cannot_be_adapted(
    tmp_path: Path, fields: CountedImageSet
) -> None:
    with pytest.raises(AdaptoscopeError, match="dog cannot be adapted"):
        adapt_counter("dog", fields, tmp_path / "out", TINY)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_folder_is_adapted_to_once_and_its_labels_are_not_read(
    tmp_path: Path, fields: CountedImageSet
) -> None:
    bare = fields.with_records(map(without_label, fields.records))
    out = tmp_path / "out"
    _, first = adapt_counter("nuclei", fields, out, TINY, device="cpu")
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert len(written) == 3
    _, unlabelled = adapt_counter("nuclei", bare, tmp_path / "bare", TINY, device="cpu")
    assert unlabelled == first
    model, again = adapt_counter("nuclei", fields, out, TINY, device="cpu")
    stands = json.loads((out / "adaptation.json").read_text())
    assert again == first == Verdict(**{**stands, "after": first.after})
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == written
    assert (model.name == "nuclei") is not first.kept
    with pytest.raises(AdaptoscopeError, match="other settings"):
        adapt_counter("nuclei", fields, out, TINY.changed(steps=3))
