"""The whole of stage 2 on Stable Diffusion: learn a token, stylise drawings with it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import MissingWeightsError, SettingsError
from adaptoscope.pipeline.front_door import settings_of
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.style_transfer.backbones.table import hash_of_backbone, open_backbone
from adaptoscope.style_transfer.learn_style import learn_style
from adaptoscope.style_transfer.preprocessing import resize_image
from adaptoscope.style_transfer.refine_style import learn_refined_style, learn_style_on
from adaptoscope.style_transfer.settings import (
    Preprocessing,
    StylisationSettings,
    preprocessing_of,
)
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.style_transfer.stylise_set import StylisationJob, stylise_set
from tests.unit.style_transfer.conftest import write_set


@pytest.fixture
def named(settings: StableDiffusionSettings, tmp_path: Path) -> str:
    """The settings as a file, which is how a user names the backbone."""
    path = tmp_path / "stable_diffusion.yaml"
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    return str(path)


def test_drawings_take_on_a_style_whose_token_was_learnt(named: str, tmp_path: Path) -> None:
    backbone = open_backbone(named)
    assert isinstance(backbone, StableDiffusionBackbone)
    real = write_set(tmp_path / "real", 2)
    drawings = write_set(tmp_path / "drawings", 3, (72, 80), seed=1)
    style = tmp_path / "style.safetensors"
    tokens = TokenSettings(steps=2, batch=1, side=64)
    learn_refined_style(style, real, backbone, hash_of_backbone(named), tokens, device="cpu")
    job = StylisationJob(
        tmp_path / "out",
        drawings.folder,
        style,
        named,
        StylisationSettings(steps=4, guidance=5.0, batch=2),
    )
    made = stylise_set(job)
    assert len(made) == 3
    for record, drawing in zip(made, drawings, strict=True):
        pixels = made.read(record).pixels
        assert pixels.shape == (72, 80)
        assert np.isfinite(pixels).all()
        np.testing.assert_allclose(made.points(record), drawings.points(drawing))
    assert {record.backbone for record in open_counted_images(job.out)} == {"stable-diffusion"}


PAPER_WAY = settings_of(
    Path(__file__).parents[5] / "experiments" / "style_transfer" / "paper_way.yaml",
    StylisationSettings,
    section="stylisation",
)
# The paper's 512 pixels and 50 steps take minutes here.
SMALL_PAPER_WAY = PAPER_WAY.changed(working_side=128, steps=5, batch=2)


@pytest.fixture
def paper_job(named: str, tmp_path: Path) -> StylisationJob:
    """Three drawings to be stylised the paper's way, with a style that was learnt in it."""
    real = write_set(tmp_path / "real", 2, (64, 96))
    write_set(tmp_path / "drawings", 3, (72, 80), seed=1)
    style = tmp_path / "style.safetensors"
    tokens = TokenSettings(steps=1, batch=1, side=64, fit="squash", intensities="stored")
    learn_style_on(
        named, style, real, tokens=tokens, shown=preprocessing_of(SMALL_PAPER_WAY), device="cpu"
    )
    return StylisationJob(tmp_path / "out", tmp_path / "drawings", style, named, SMALL_PAPER_WAY)


def test_the_paper_s_way_is_that_of_the_published_code() -> None:
    assert preprocessing_of(PAPER_WAY) == Preprocessing(
        intensities="stored", working_side=512, posterior="sample"
    )


def test_the_paper_s_way_shows_the_autoencoder_stored_intensities_at_one_size(
    paper_job: StylisationJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, decoded = [], []
    encode, decode = StableDiffusionBackbone.latent_moments, StableDiffusionBackbone.decode
    monkeypatch.setattr(
        StableDiffusionBackbone,
        "latent_moments",
        lambda self, pixels: shown.append(pixels) or encode(self, pixels),
    )
    monkeypatch.setattr(
        StableDiffusionBackbone,
        "decode",
        lambda self, latents: decoded.append(decode(self, latents)) or decoded[-1],
    )
    made = stylise_set(paper_job)
    drawings = open_counted_images(paper_job.drawings)
    assert {tuple(batch.shape) for batch in shown} == {(2, 1, 128, 128)}
    seen = [image for batch in shown for image in batch[:, 0].numpy()]
    for drawing in drawings:
        expected = resize_image(2 * drawings.read(drawing).pixels - 1, (128, 128))
        assert min(np.abs(image - expected).max() for image in seen) < 1e-5
    outputs = [resize_image(image, (72, 80)) for batch in decoded for image in batch[:, 0].numpy()]
    for record, drawing in zip(made, drawings, strict=True):
        pixels = made.read(record).pixels
        assert pixels.shape == (72, 80)
        stored = [np.abs(np.clip((each + 1) / 2, 0, 1) - pixels).max() for each in outputs]
        assert min(stored) < 1 / 255
        np.testing.assert_allclose(made.points(record), drawings.points(drawing))
        np.testing.assert_array_equal(made.mask(record), drawings.mask(drawing))
    assert "stored intensities at 128 pixels a side" in (paper_job.out / "README.md").read_text()


def test_a_drawn_posterior_depends_on_the_image_and_the_seed_alone(
    paper_job: StylisationJob, tmp_path: Path
) -> None:
    def images(out: str, **changes: object) -> dict[str, bytes]:
        settings = paper_job.settings.changed(**changes)
        job = dataclasses.replace(paper_job, out=tmp_path / out, settings=settings)
        stylise_set(job)
        return {path.name: path.read_bytes() for path in (job.out / "images").iterdir()}

    # Strength 0: nothing but the posterior is random.
    whole = images("whole", strength=0.0)
    assert images("other", strength=0.0, seed=1) != whole
    drawings = open_counted_images(paper_job.drawings)
    for name in ("images/field_01.png", "masks/field_01.png"):
        (paper_job.drawings / name).unlink()
    kept = [line for line in (paper_job.drawings / "metadata.csv").read_text().splitlines()
            if "field_01" not in line]  # fmt: skip
    (paper_job.drawings / "metadata.csv").write_text("\n".join(kept) + "\n")
    kept = [line for line in (paper_job.drawings / "points.csv").read_text().splitlines()
            if "field_01" not in line]  # fmt: skip
    (paper_job.drawings / "points.csv").write_text("\n".join(kept) + "\n")
    assert len(open_counted_images(paper_job.drawings)) == len(drawings) - 1
    part = images("part", strength=0.0)
    assert part == {name: whole[name] for name in part}
    assert len(part) == 2


def test_a_style_that_was_learnt_otherwise_is_refused(paper_job: StylisationJob) -> None:
    for changes, name in (
        ({"intensities": "stretched"}, "intensities"),
        ({"working_side": None}, "working_side"),
        ({"posterior": "mean"}, "posterior"),
    ):
        settings = paper_job.settings.changed(**changes)
        with pytest.raises(SettingsError, match="in another way") as caught:
            stylise_set(dataclasses.replace(paper_job, settings=settings))
        assert name in caught.value.found
    assert not paper_job.out.exists()


def test_tokens_and_the_rest_of_a_style_are_learnt_from_the_same_intensities(
    named: str, tmp_path: Path
) -> None:
    real, tokens = write_set(tmp_path / "real", 2), TokenSettings(steps=1, side=64)
    with pytest.raises(SettingsError, match="other intensities"):
        learn_style_on(
            named,
            tmp_path / "style.safetensors",
            real,
            tokens=tokens,
            shown=Preprocessing(intensities="stored"),
            device="cpu",
        )


def test_a_learnt_encoder_reads_a_style_without_training(
    named: str, settings: StableDiffusionSettings, tmp_path: Path
) -> None:
    real = write_set(tmp_path / "real", 2)
    tokens = TokenSettings(token_mode="encoder", steps=1, batch=1, side=64)
    backbone, weights = open_backbone(named), hash_of_backbone(named)
    learnt = learn_refined_style(
        tmp_path / "style.safetensors", real, backbone, weights, tokens, device="cpu"
    )
    assert learnt.facts.clip_input == "correct"
    again = tmp_path / "again.yaml"
    encoder = tmp_path / "style" / "all" / "encoder.safetensors"
    changed = settings.changed(encoder=str(encoder))
    again.write_text(yaml.safe_dump(changed.model_dump(mode="json")))
    read = learn_style(
        tmp_path / "read.safetensors", real, open_backbone(str(again)), hash_of_backbone(str(again))
    )
    assert (read.facts.token_mode, read.facts.clip_input) == ("encoder", "correct")
    assert read.facts.steps == 0
    torch.testing.assert_close(read.tokens, learnt.tokens, atol=1e-5, rtol=1e-4)


def test_other_names_open_the_compact_backbone(backbone_folder: Path) -> None:
    assert isinstance(open_backbone(str(backbone_folder)), CompactBackbone)
    assert len(hash_of_backbone(str(backbone_folder))) == 64


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError):
        open_backbone(str(tmp_path))
    with pytest.raises(MissingWeightsError):
        hash_of_backbone(str(tmp_path))
    unknown = tmp_path / "sd.yaml"
    unknown.write_text("modle: x\n")
    with pytest.raises(SettingsError):
        open_backbone(str(unknown))
