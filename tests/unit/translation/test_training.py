import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.errors import InputError, OutputError
from adaptoscope.imageio.microscopy_image import image_of_counts
from adaptoscope.translation.crops import draw_given, draw_pairs
from adaptoscope.translation.evaluate import evaluate_translator
from adaptoscope.translation.fields import read_fields
from adaptoscope.translation.montage import mean_tile, repeat_tile
from adaptoscope.translation.predict import predict_image
from adaptoscope.translation.settings import TranslationSettings
from adaptoscope.translation.train_pairs import (
    PairedStep,
    decay_factor,
    measure_intensities,
    train_translator,
    training_part,
)
from adaptoscope.translation.trained_model import load_translator
from adaptoscope.translation.unet import StainUNet

TINY = TranslationSettings(width=2, batch=1, steps=4, save_every=2, log_every=1)


class OnCpu:
    device = torch.device("cpu")


def test_fields_gather_the_stains_of_an_image(squares: PairedStainSet) -> None:
    fields = read_fields(squares, ["edge", "body"])
    assert len(fields) == 4
    assert fields[0].truth.shape == (2, 64, 64)
    body = squares.read(squares.select(stain="body").records[0]).stain
    np.testing.assert_array_equal(fields[0].truth[1], body.pixels)


def test_without_truth_no_stain_is_opened(squares: PairedStainSet) -> None:
    blind = read_fields(squares, truth=False)
    assert [field.stains for field in blind] == [None] * 4
    with pytest.raises(ValueError, match="were not read"):
        _ = blind[0].truth


def test_a_field_that_lacks_a_stain_is_refused(squares: PairedStainSet) -> None:
    some = squares.with_records(list(squares)[1:])
    with pytest.raises(InputError, match="lacks a stain") as refusal:
        read_fields(some, ["body", "edge"])
    assert "none for body" in str(refusal.value)


def test_image_and_stains_are_cut_alike(squares: PairedStainSet) -> None:
    fields = read_fields(squares)
    intensities = measure_intensities(fields, ["body", "edge"], TINY)
    pair = draw_pairs(fields, intensities, np.random.default_rng(3), batch=6, crop=256)
    alone = draw_given(fields, intensities.given, np.random.default_rng(3), batch=6, crop=256)
    torch.testing.assert_close(pair.given, alone, rtol=0, atol=0)
    # The given image is bright where the body's stain is.
    bright = pair.given > 0
    assert ((pair.stains[:, :1] > 0) == bright).float().mean() > 0.99


def test_the_step_is_that_of_a_plain_loop(squares: PairedStainSet) -> None:
    fields = read_fields(training_part(squares))
    intensities = measure_intensities(fields, ["body", "edge"], TINY)
    torch.manual_seed(TINY.seed)
    step = PairedStep(TINY, fields, intensities, OnCpu())
    torch.manual_seed(TINY.seed)
    plain = StainUNet(2, 2)
    optimiser = torch.optim.Adam(plain.parameters(), 1e-3, (0.5, 0.999))
    for index in range(2):
        crops = draw_pairs(
            fields, intensities, np.random.default_rng([0, index]), batch=1, crop=256
        )
        loss = (plain(crops.given) - crops.stains).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert float(step(index)["l1"]) == pytest.approx(loss.item(), rel=1e-4)
    # Biases before a normalisation have no gradient but rounding, which Adam blows up.
    for one, other in zip(step.network.parameters(), plain.parameters(), strict=True):
        if one.ndim == 4:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_a_pix2pix_step_is_that_of_a_plain_loop(squares: PairedStainSet) -> None:
    """The public code: first the discriminator, of which half the loss counts, then the network."""
    fields = read_fields(training_part(squares))
    how = TINY.changed(loss="pix2pix", discriminator_width=2, l1_weight=10.0)
    intensities = measure_intensities(fields, ["body", "edge"], how)
    step = PairedStep(how, fields, intensities, OnCpu())
    assert step.discriminator is not None
    network, judge = copy.deepcopy(step.network), copy.deepcopy(step.discriminator)
    rates = {"lr": how.learning_rate, "betas": (0.5, 0.999)}
    of_network = torch.optim.Adam(network.parameters(), **rates)
    of_judge = torch.optim.Adam(judge.parameters(), **rates)
    entropy = torch.nn.BCEWithLogitsLoss()
    crops = draw_pairs(fields, intensities, np.random.default_rng([0, 0]), batch=1, crop=256)
    made = network(crops.given)

    real, fake = judge(crops.given, crops.stains), judge(crops.given, made.detach())
    losses = entropy(real, torch.ones_like(real)), entropy(fake, torch.zeros_like(fake))
    (0.5 * (losses[0] + losses[1])).backward()
    of_judge.step()

    taken = judge(crops.given, made)
    adversarial = entropy(taken, torch.ones_like(taken))
    absolute = torch.nn.functional.l1_loss(made, crops.stains)
    of_network.zero_grad()
    (adversarial + 10 * absolute).backward()
    of_network.step()

    logged = step(0)
    assert float(logged["l1"]) == pytest.approx(absolute.item(), rel=1e-4)
    assert float(logged["discriminator_loss"]) == pytest.approx(sum(losses).item(), rel=1e-4)
    assert float(logged["generator_loss"]) == pytest.approx(adversarial.item(), rel=1e-3)
    # Biases before a normalisation have no gradient but rounding, which Adam blows up.
    for one, other in ((step.network, network), (step.discriminator, judge)):
        for weight, expected in zip(one.parameters(), other.parameters(), strict=True):
            if weight.ndim == 4:
                torch.testing.assert_close(weight, expected, rtol=1e-2, atol=1e-4)


def test_a_frozen_network_that_learns_on_learns_in_all_its_layers(squares: PairedStainSet) -> None:
    fields = read_fields(training_part(squares))
    given = StainUNet(2, 2).requires_grad_(False).eval()
    before = copy.deepcopy(given.state_dict())
    step = PairedStep(
        TINY, fields, measure_intensities(fields, ["body", "edge"], TINY), OnCpu(), given
    )
    step(0)
    moved = [
        not torch.equal(weight, before[name])
        for name, weight in step.network.named_parameters()
        if weight.ndim == 4
    ]
    assert len(moved) == 16
    assert all(moved)


def test_the_rate_falls_from_its_share_of_the_steps() -> None:
    assert [decay_factor(index, 10, 0.5) for index in (0, 4, 5, 9)] == [1, 1, 1, 0.2]
    assert decay_factor(9, 10, 1.0) == 1


def test_a_killed_training_goes_on_and_ends_the_same(
    squares: PairedStainSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_translator(TINY, tmp_path / "whole", pairs=squares, device="cpu")
    original = PairedStep.__call__

    def killed(self: PairedStep, index: int) -> object:
        if index == 3:
            raise KeyboardInterrupt
        return original(self, index)

    monkeypatch.setattr(PairedStep, "__call__", killed)
    with pytest.raises(KeyboardInterrupt):
        train_translator(TINY, tmp_path / "killed", pairs=squares, device="cpu")
    monkeypatch.undo()
    train_translator(TINY, tmp_path / "killed", pairs=squares, device="cpu")
    for name in ("weights.safetensors", "metrics.csv", "settings.yaml"):
        assert (whole / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    record = json.loads((whole / "model.json").read_text("utf-8"))
    assert record["measured"]["n"] == 1
    assert len(record["training_images"]) == 6
    with pytest.raises(OutputError, match="other settings"):
        train_translator(TINY.changed(steps=5), whole, pairs=squares, device="cpu")


def test_a_network_learns_and_says_so_in_counts(squares: PairedStainSet, tmp_path: Path) -> None:
    how = TINY.changed(width=4, steps=60, learning_rate=5e-3)
    folder = train_translator(how, tmp_path / "model", pairs=squares, device="cpu")
    model = load_translator(folder)
    test = read_fields(squares.select(split="test"), model.record.stains)
    found = evaluate_translator(model, test, baseline=np.zeros((2, 64, 64), np.float32))
    said = found.as_dict()
    assert found.stains["body"].pearson > 0.9
    assert said["n"] == 1
    assert said["stains"]["body"]["pearson_after_baseline"] == pytest.approx(
        found.stains["body"].pearson
    )
    body = predict_image(model, squares.read_given(test[0].records[0]))[0]
    assert body.max() == pytest.approx(0.6, abs=0.1)


def test_images_of_another_bit_depth_are_refused(squares: PairedStainSet, tmp_path: Path) -> None:
    model = load_translator(train_translator(TINY, tmp_path / "model", pairs=squares, device="cpu"))
    image = image_of_counts("eight.png", np.zeros((20, 20), np.uint8), None)
    with pytest.raises(InputError, match="16-bit images"):
        predict_image(model, image)


def test_an_unfinished_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stain train"):
        load_translator(tmp_path)


def test_the_mean_tile_is_the_mean_of_all_tiles(squares: PairedStainSet) -> None:
    fields = read_fields(squares)
    tile = mean_tile(fields, 16)
    cut = [
        field.truth[:, row : row + 16, column : column + 16]
        for field in fields
        for row in range(0, 64, 16)
        for column in range(0, 64, 16)
    ]
    np.testing.assert_allclose(tile, np.mean(cut, axis=0), rtol=1e-5, atol=1e-6)
    assert np.array_equal(repeat_tile(tile, (64, 64))[:, 16:32, 48:], tile)
