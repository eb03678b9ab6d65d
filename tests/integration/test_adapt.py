"""Adaptation to a folder without labels: the verdict, and one small run from end to end."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from adaptoscope.counting.consistency import Contradiction
from adaptoscope.counting.counters import ImageCount
from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.model_folder import load_counter
from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.records import without_label
from adaptoscope.errors import AdaptoscopeError, InputError
from adaptoscope.pipeline import counter_adaptation as adapt
from adaptoscope.pipeline.counter_adaptation import AdaptSettings, adapt_counter, judge
from adaptoscope.pipeline.made_for_folder import MadeFor
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate

TINY = AdaptSettings(drawings=4, style_images=1, steps=2)


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> CountedImageSet:
    """Simulated fields, with labels that adaptation must not read."""
    settings = SimulationSettings(height=128, width=128, cell_diameter_px=12.0)
    out = tmp_path_factory.mktemp("adapt") / "fields"
    return simulate(out, settings, count=3, seed=5)


class Told(DensityCounter):
    """Says a number, and contradicts itself by a number, whatever it is shown."""

    def __init__(self, spread: float, missed: float, count: float) -> None:
        self.told, self.says = Contradiction(spread, missed), count
        self.working_diameter = 12.0

    def count(self, *_: object, **__: object) -> ImageCount:
        return ImageCount(self.says)


@pytest.mark.parametrize(
    ("spreads", "missed", "counts", "kept", "seed"),
    [
        # Steadier, and both seeds moved alike.
        ((0.20, 0.15, 0.16), (0.1, 0.1, 0.1), (10.0, 12.0, 12.5), True, 4),
        # One seed hardly steadier, but both together are.
        ((0.20, 0.15, 0.199), (0.1, 0.1, 0.1), (10.0, 12.0, 12.5), True, 4),
        # One seed is less steady than before.
        ((0.20, 0.15, 0.201), (0.1, 0.1, 0.1), (10.0, 12.0, 12.5), False, 4),
        # Together they gain too little.
        ((0.20, 0.195, 0.19), (0.1, 0.1, 0.1), (10.0, 12.0, 12.5), False, 5),
        # Steadier, but what moved the counts is chance.
        ((0.20, 0.16, 0.15), (0.1, 0.1, 0.1), (10.0, 12.0, 8.0), False, 5),
        # Steady because they always say the same.
        ((0.20, 0.0, 0.0), (0.1, 0.5, 0.5), (10.0, 500.0, 500.0), False, 4),
        # They see nothing at all.
        ((0.20, 2.45, 2.45), (0.1, 1.0, 1.0), (10.0, 0.0, 0.0), False, 4),
        # The counter before saw nothing.
        ((2.45, 0.2, 0.3), (1.0, 0.1, 0.1), (0.0, 10.0, 12.0), True, 4),
    ],
)
def test_what_is_chance_or_blind_or_not_steadier_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
    fields: CountedImageSet,
    spreads: tuple[float, ...],
    missed: tuple[float, ...],
    counts: tuple[float, ...],
    kept: bool,
    seed: int,
) -> None:
    monkeypatch.setattr(adapt, "contradiction", lambda counter, *_: counter.told)
    shipped = load_counter("nuclei")
    models = [
        dataclasses.replace(shipped, counter=Told(*each))
        for each in zip(spreads, missed, counts, strict=True)
    ]
    verdict = judge(models[0], models[1:], fields, AdaptSettings(seed=4))
    assert (verdict.kept, verdict.seed) == (kept, seed)
    said = verdict.in_words("nuclei")
    assert said.startswith("Adapting helped" if kept else "Adapting did not help")
    assert "your counts are those of nuclei" in said
    json.dumps(dataclasses.asdict(verdict), allow_nan=False)


def test_a_counter_without_a_density_cannot_be_adapted(
    tmp_path: Path, fields: CountedImageSet
) -> None:
    with pytest.raises(AdaptoscopeError, match="dog cannot be adapted"):
        adapt_counter("dog", fields, tmp_path / "out", TINY)
    assert not (tmp_path / "out").exists()


def test_images_that_cannot_be_read_are_passed_over(
    tmp_path: Path, fields: CountedImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[CountedImageSet] = []

    def stop(made: MadeFor, _: object) -> None:
        shown.append(made.bare)
        raise InputError("Far enough.")

    monkeypatch.setattr(MadeFor, "styled", stop)
    folder = tmp_path / "mine"
    folder.mkdir()
    for number, record in enumerate(fields):
        shutil.copy(fields.path(record), folder / f"{number}{fields.path(record).suffix}")
    (folder / "broken.tif").write_bytes(b"no image")
    settings = TINY.changed(images=2, cell_diameter_px=9.0)
    with pytest.raises(InputError, match="Far enough"):
        adapt_counter("nuclei", open_counted_images(folder), tmp_path / "out", settings)
    assert len(shown[0]) == 2
    assert {record.cell_diameter_px for record in shown[0]} == {9.0}
    assert not any(record.labelled for record in shown[0])
    lone = tmp_path / "lone"
    lone.mkdir()
    (lone / "broken.tif").write_bytes(b"no image")
    with pytest.raises(InputError, match="can be adapted to") as caught:
        adapt_counter("nuclei", open_counted_images(lone), tmp_path / "out2", settings)
    assert "broken.tif" in str(caught.value)


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
    assert again == first
    assert json.loads((out / "adaptation.json").read_text())["before"] == first.before
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == written
    assert model.name == ("nuclei, adapted" if first.kept else "nuclei")
    adapt_counter("nuclei", fields, out, TINY, device="cpu", overwrite=True)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == written
    with pytest.raises(AdaptoscopeError, match="other settings"):
        adapt_counter("nuclei", fields, out, TINY.changed(steps=3))


@pytest.mark.slow
def test_a_network_may_learn_anew_on_what_was_made_for_the_folder(
    tmp_path: Path, fields: CountedImageSet
) -> None:
    anew = TINY.changed(start="anew")
    before = [path.read_bytes() for path in sorted(fields.folder.rglob("*")) if path.is_file()]

    _, verdict = adapt_counter("nuclei", fields, tmp_path / "out", anew, device="cpu")

    assert [
        path.read_bytes() for path in sorted(fields.folder.rglob("*")) if path.is_file()
    ] == before
    record = json.loads((tmp_path / "out" / "adapted" / "seed0" / "model.json").read_text("utf-8"))
    assert (record["init"], record["regime"]) == ("random", "dual")
    assert len(open_counted_images(tmp_path / "out" / "simulated")) == TINY.drawings
    again = adapt_counter("nuclei", fields, tmp_path / "out", anew, device="cpu")[1]
    assert again == verdict
    made = MadeFor(tmp_path / "out", fields, fields, TINY.drawings, 1, 0, "cpu")
    drawn, simulated = made.drawn(), made.simulated()
    assert len({record.cell_diameter_px for record in simulated}) == 1
    assert simulated.records[0].cell_diameter_px in {each.cell_diameter_px for each in drawn}


def test_steps_follow_from_where_it_starts() -> None:
    assert (AdaptSettings().steps, AdaptSettings(start="anew").steps) == (120, 400)
    assert AdaptSettings(start="anew", steps=7).steps == 7
