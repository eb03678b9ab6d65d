import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.pretrained.bundled import hash_of_weights
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.learn_style import learn_style
from adaptoscope.style_transfer.settings import StylisationSettings, preprocessing_of
from adaptoscope.style_transfer.stylise_set import Inputs, StylisationJob, stylise_set
from tests.unit.style_transfer.conftest import write_set

QUICK = StylisationSettings(steps=3, batch=2)


@pytest.fixture
def job(backbone: CompactBackbone, backbone_folder: Path, tmp_path: Path) -> StylisationJob:
    write_set(tmp_path / "drawings", 5, seed=1)
    real = write_set(tmp_path / "real", 2, (72, 80), seed=2)
    style = tmp_path / "style.safetensors"
    learn_style(style, real, backbone, hash_of_weights(backbone_folder))
    return StylisationJob(
        tmp_path / "stylised", tmp_path / "drawings", style, str(backbone_folder), QUICK
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_points_counts_and_masks_are_carried_over(job: StylisationJob) -> None:
    stylised, drawings = stylise_set(job), open_counted_images(job.drawings)
    assert len(stylised) == 5
    for record, drawing in zip(stylised, drawings, strict=True):
        assert (record.layout, record.count) == (drawing.name, drawing.count)
        np.testing.assert_allclose(stylised.points(record), drawings.points(drawing), atol=0.01)
        np.testing.assert_array_equal(stylised.mask(record), drawings.mask(drawing))
        assert (record.synthetic, record.inversion, record.strength) == (True, "stochastic", 0.7)
        assert record.style in {"field_00.png", "field_01.png"}


def test_files_are_the_same_after_a_stop_and_in_any_order(
    job: StylisationJob, tmp_path: Path
) -> None:
    stylise_set(job)
    whole = contents(job.out)
    shutil.rmtree(job.out / "records", ignore_errors=True)
    half = tmp_path / "half"
    resumed = StylisationJob(half, job.drawings, job.style, job.backbone, job.settings)
    import adaptoscope.style_transfer.stylise_set as module

    work, made = module._stylise_and_write, []

    def stops_after_one(names: tuple[str, ...], job: StylisationJob, inputs: Inputs) -> None:
        if made:
            raise KeyboardInterrupt
        made.append(names)
        work(names[::-1], job, inputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_stylise_and_write", stops_after_one)
        with pytest.raises(KeyboardInterrupt):
            stylise_set(resumed)
    assert not (half / "metadata.csv").exists()
    stylise_set(resumed)
    assert contents(half) == whole


def test_files_are_the_same_for_two_processes(job: StylisationJob, tmp_path: Path) -> None:
    stylise_set(job)
    other = StylisationJob(tmp_path / "two", job.drawings, job.style, job.backbone, job.settings)
    stylise_set(other, workers=2)
    assert contents(other.out) == contents(job.out)


def test_drawings_that_were_made_anew_are_noticed(job: StylisationJob, tmp_path: Path) -> None:
    stylise_set(job)
    shutil.rmtree(job.drawings)
    again = write_set(job.drawings, 5, seed=3)
    with pytest.raises(OutputError):
        stylise_set(job)
    stylised = stylise_set(job, overwrite=True)
    for record, drawing in zip(stylised, again, strict=True):
        np.testing.assert_allclose(stylised.points(record), again.points(drawing), atol=0.01)


def test_other_settings_need_another_folder(job: StylisationJob) -> None:
    stylise_set(job)
    before = contents(job.out)
    changed = StylisationJob(
        job.out, job.drawings, job.style, job.backbone, QUICK.changed(strength=0.5)
    )
    with pytest.raises(OutputError):
        stylise_set(changed)
    assert contents(job.out) == before


def test_without_a_step_card_and_metadata_say_adain_alone(job: StylisationJob) -> None:
    settings = QUICK.changed(strength=0.04, steps=10, guidance=3.0)
    made = stylise_set(dataclasses.replace(job, settings=settings))
    assert {(r.strength, r.guidance, r.inversion) for r in made} == {(0.0, None, "none")}
    card = (job.out / "README.md").read_text()
    assert "AdaIN (regions) without diffusion" in card
    assert "inversion" not in card


@pytest.mark.parametrize("changes", [{"intensities": "stored"}, {"posterior": "sample"}])
def test_compact_refuses_what_it_cannot_be_shown(
    job: StylisationJob, backbone: CompactBackbone, tmp_path: Path, changes: dict[str, str]
) -> None:
    settings = QUICK.changed(**changes)
    with pytest.raises(SettingsError, match="compact cannot work with"):
        stylise_set(dataclasses.replace(job, settings=settings))
    assert not job.out.exists()
    real, style = open_counted_images(tmp_path / "real"), tmp_path / "other.safetensors"
    with pytest.raises(SettingsError, match="compact cannot work with"):
        learn_style(style, real, backbone, "hash", shown=preprocessing_of(settings))
    assert not style.exists()


def test_a_working_side_leaves_sizes_points_and_masks_alone(
    job: StylisationJob, backbone_folder: Path, backbone: CompactBackbone, tmp_path: Path
) -> None:
    settings = QUICK.changed(working_side=128)
    real, style = open_counted_images(tmp_path / "real"), tmp_path / "large.safetensors"
    weights = hash_of_weights(backbone_folder)
    learn_style(style, real, backbone, weights, shown=preprocessing_of(settings))
    made = stylise_set(dataclasses.replace(job, style=style, settings=settings))
    drawings = open_counted_images(job.drawings)
    for record, drawing in zip(made, drawings, strict=True):
        assert made.size(record) == drawings.size(drawing)
        np.testing.assert_allclose(made.points(record), drawings.points(drawing), atol=0.01)
        np.testing.assert_array_equal(made.mask(record), drawings.mask(drawing))


def test_a_style_of_another_backbone_is_refused(job: StylisationJob, tmp_path: Path) -> None:
    import torch

    from tests.unit.style_transfer.conftest import TINY

    torch.manual_seed(9)
    CompactBackbone(TINY).save(tmp_path / "other")
    with pytest.raises(SettingsError, match="another backbone"):
        stylise_set(
            StylisationJob(job.out, job.drawings, job.style, str(tmp_path / "other"), QUICK)
        )
    assert not job.out.exists()


def test_of_several_attempts_at_each_drawing_one_is_kept(
    job: StylisationJob, tmp_path: Path
) -> None:
    several = dataclasses.replace(job, settings=QUICK.changed(best_of=2))
    assert len(stylise_set(several)) == 5
    bare, writer = tmp_path / "bare", CountedImageWriter(tmp_path / "bare", {}, "Bare")
    writer.add("field", np.zeros((72, 80), np.float32), points=None)
    writer.finish("Without points.")
    with pytest.raises(InputError, match="best of several"):
        stylise_set(dataclasses.replace(several, drawings=bare, out=tmp_path / "none"))
    assert not (tmp_path / "none").exists()
