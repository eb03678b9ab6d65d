import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from adaptoscope.adaptation.adapt_layers import adapt_translator
from adaptoscope.adaptation.adversarial_step import LayerMatchingStep, copy_with_free_layers
from adaptoscope.adaptation.features import SourceFeatures, compute_features
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.pretrained.weights_files import hash_of_network
from adaptoscope.training.settings import settings_from
from adaptoscope.translation.crops import draw_given
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import IntensityInterval, StainIntensities
from adaptoscope.translation.layers import LAYERS
from adaptoscope.translation.model_folder import TranslatorRecord
from adaptoscope.translation.split_at_layer import SplitState
from adaptoscope.translation.trained_model import StainModel, load_translator, ready_to_predict
from adaptoscope.translation.unet import StainUNet

SIDE = 64
"""Fields are continued by reflection to the 256 pixels that the network needs."""
WIDTH = 2
HOW = AdaptationSettings(
    layers=(2,), batch=2, steps=3, cached=3, discriminator_parameters=1000, r1=0.5, averaging=0.0
)


class OnCpu:
    device = torch.device("cpu")


def fields(seed: int, brightness: int = 20_000, number: int = 3) -> list[Field]:
    rng = np.random.default_rng(seed)
    planes = [brightness + 3000 * rng.standard_normal((SIDE, SIDE)) for _ in range(number)]
    return [
        Field(f"{i}.png", plane.clip(0, 65535).astype(np.uint16), None, 16, ())
        for i, plane in enumerate(planes)
    ]


def model(norm: str = "instance") -> StainModel:
    torch.manual_seed(0)
    interval = IntensityInterval(low=0.1, high=0.5)
    record = TranslatorRecord(
        width=WIDTH,
        norm=norm,
        intensities=StainIntensities(bit_depth=16, given=interval, stains={"dapi": interval}),
    )
    return StainModel("source", record, StainUNet(1, WIDTH, norm=norm).eval())


def step_of(how: AdaptationSettings, source: StainModel | None = None) -> LayerMatchingStep:
    source = source or model()
    given = source.record.intensities.given
    known = SourceFeatures(source.network, fields(0), given, how)
    return LayerMatchingStep(how, source.network, known, fields(1, 30_000), given, OnCpu())


def state(network: torch.nn.Module) -> Mapping[str, torch.Tensor]:
    return {name: each.clone() for name, each in network.state_dict().items()}


def test_the_step_is_that_of_the_equations() -> None:
    source = model()
    step = step_of(HOW, source)
    # A copy of everything, updated by hand with plain binary cross-entropy.
    adapted = copy.deepcopy(step.adapted)
    judge = copy.deepcopy(step.discriminators["2"])
    of_network = torch.optim.Adam(
        [weight for layer in adapted.layers[:2] for weight in layer.parameters()],
        HOW.learning_rate,
        (0.5, 0.999),
    )
    of_judge = torch.optim.Adam(judge.parameters(), HOW.learning_rate, (0.5, 0.999))
    scale = step.known.scales[2]
    logged = [step(index) for index in range(2)]
    for index in range(2):
        rng = np.random.default_rng([HOW.seed, 2, index])
        images = draw_given(
            step.fields, step.interval, rng, batch=HOW.batch, crop=HOW.crop, flips=HOW.flips
        )
        places = torch.from_numpy(rng.integers(len(step.known.crops), size=HOW.batch))
        x = step.known.crops[places]
        with torch.no_grad():
            true = (source.network.forward_to(x, 2).features - scale.mean) / scale.deviation
        made = (adapted.forward_to(images, 2).features - scale.mean) / scale.deviation

        true.requires_grad_(True)
        of_true, of_made = judge(true), judge(made.detach())
        loss = functional.binary_cross_entropy_with_logits(of_true, torch.ones_like(of_true))
        loss = loss + functional.binary_cross_entropy_with_logits(
            of_made, torch.zeros_like(of_made)
        )
        (slope,) = torch.autograd.grad(of_true.sum(), true, create_graph=True)
        penalty = HOW.r1 / 2 * slope.square().sum() / of_true.numel()
        of_judge.zero_grad()
        (loss + penalty).backward()
        of_judge.step()
        assert logged[index]["discriminator_loss"].item() == pytest.approx(loss.item(), rel=1e-4)

        of_made = judge(made)
        deceit = functional.binary_cross_entropy_with_logits(of_made, torch.ones_like(of_made))
        of_network.zero_grad()
        deceit.backward()
        torch.nn.utils.clip_grad_norm_(of_network.param_groups[0]["params"], HOW.clip)
        of_network.step()
        assert logged[index]["generator_loss"].item() == pytest.approx(deceit.item(), rel=1e-4)
    for layer in (0, 1):
        torch.testing.assert_close(
            step.adapted.layers[layer][0].weight,
            adapted.layers[layer][0].weight,
            rtol=1e-3,
            atol=1e-5,
        )
    torch.testing.assert_close(
        step.discriminators["2"].layers[0].weight, judge.layers[0].weight, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("layer", range(1, LAYERS + 1))
def test_only_the_first_layers_change(layer: int, norm: str) -> None:
    source = model(norm)
    before = state(source.network)
    step = step_of(HOW.changed(layers=(layer,), averaging=0.5, learning_rate=0.01), source)
    step(0)
    step(1)
    assert all(
        torch.equal(each, before[name]) for name, each in source.network.state_dict().items()
    )
    for network in (step.adapted, step.kept):
        for name, each in network.state_dict().items():
            frozen = int(name.split(".")[1]) >= layer
            if frozen or name.endswith(("running_mean", "running_var", "num_batches_tracked")):
                assert torch.equal(each, before[name]), name
        moved = {
            int(name.split(".")[1]) + 1
            for name, each in network.state_dict().items()
            if not torch.equal(each, before[name])
        }
        # At the narrowest places of so thin a network every unit may be dead.
        assert moved <= set(range(1, layer + 1))
        assert moved >= {1, layer}


def test_theta_grows_with_the_layer() -> None:
    sizes = [
        sum(
            w.numel()
            for w in copy_with_free_layers(model().network, layer).parameters()
            if w.requires_grad
        )
        for layer in range(1, LAYERS + 1)
    ]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == sum(weight.numel() for weight in model().network.parameters())


def test_layer_16_is_matched_on_the_stain_itself() -> None:
    step = step_of(HOW.changed(layers=(16,)))
    image = step.known.crops[:1]
    with torch.no_grad():
        raw = step.adapted(image)
        seen = compute_features(step.adapted, image, step.settings)[16]
    torch.testing.assert_close(seen, raw, rtol=0, atol=0)


def test_several_layers_and_cut_skips_are_matched_together() -> None:
    assert set(step_of(HOW.changed(layers=(2, 5))).discriminators) == {"2", "5"}
    cut = step_of(HOW.changed(layers=(10,), skips="match_cut"))
    assert {int(name) for name in cut.discriminators} == {1, 2, 3, 4, 5, 6, 10}
    assert cut(0)["generator_loss"] > 0


def test_source_features_are_standardised_and_computed_once() -> None:
    source = model()
    known = SourceFeatures(source.network, fields(0), source.record.intensities.given, HOW)
    together = known.features[2]
    torch.testing.assert_close(together.mean((0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-5)
    torch.testing.assert_close(together.std((0, 2, 3)), torch.ones(4), rtol=1e-4, atol=1e-4)
    images, features = known.draw(np.random.default_rng(0), 2)
    again = known.scales[2](compute_features(source.network, images, HOW)[2])
    torch.testing.assert_close(features[2], again, rtol=1e-4, atol=1e-5)


def test_an_anchor_holds_the_network_to_what_it_was() -> None:
    free, held = step_of(HOW), step_of(HOW.changed(anchor=100.0))
    for index in range(6):
        free(index)
        held(index)
    away = []
    for step in (free, held):
        with torch.no_grad():
            own = step._standardise(compute_features(step.adapted, step.known.crops, HOW))[2]
        away.append((own - step.known.features[2]).abs().mean().item())
    assert away[1] < 0.8 * away[0]


@pytest.mark.parametrize("method", ["coral", "mmd"])
def test_distances_without_a_discriminator_fall(method: str) -> None:
    step = step_of(HOW.changed(method=method, batch=3, learning_rate=3e-3))
    assert not step.discriminators
    distances = [step(index)["distance"].item() for index in range(25)]
    assert np.mean(distances[-5:]) < 0.7 * np.mean(distances[:5])


def test_an_adaptation_goes_on_and_says_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = fields(0), fields(1, 30_000)
    how = HOW.changed(averaging=0.9, save_every=1, log_every=1)
    whole = adapt_translator(
        how, tmp_path / "whole", model=model(), source=source, target=target, device="cpu"
    )
    original = LayerMatchingStep.__call__

    def killed(self: LayerMatchingStep, index: int) -> object:
        if index == 2:
            raise KeyboardInterrupt
        return original(self, index)

    monkeypatch.setattr(LayerMatchingStep, "__call__", killed)
    call = {"model": model(), "source": source, "target": target, "device": "cpu"}
    with pytest.raises(KeyboardInterrupt):
        adapt_translator(how, tmp_path / "killed", **call)
    monkeypatch.undo()
    adapt_translator(how, tmp_path / "killed", **call)
    for name in ("weights.safetensors", "metrics.csv", "model.json"):
        assert (whole / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    adapted = load_translator(whole)
    assert adapted.record.adapted is not None
    assert adapted.record.adapted.layers == (2,)
    # Intensities are measured anew on the target, which is brighter.
    assert adapted.record.intensities.given.low > 0.2
    assert adapted.record.intensities.stains == model().record.intensities.stains
    with pytest.raises(OutputError, match="other images"):
        adapt_translator(how, whole, **{**call, "target": source})


@pytest.mark.parametrize("layer", [2, 5, 13, 16])
def test_the_rest_can_get_the_skips_of_the_untouched_network(layer: int, tmp_path: Path) -> None:
    source, target = fields(0), fields(1, 30_000)
    how = HOW.changed(layers=(layer,), learning_rate=0.05, averaging=0)
    call = {"model": model(), "source": source, "target": target, "device": "cpu"}
    own = load_translator(adapt_translator(how, tmp_path / "own", **call))
    frozen = how.changed(skips="frozen_source")
    borrowed = load_translator(adapt_translator(frozen, tmp_path / "borrowed", **call))
    images = torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        crossing = own.network.forward_to(images, layer)
        skips = model().network.eval().forward_to(images, layer).skips
        state = SplitState(layer, crossing.features, skips)
        expected = own.network.forward_on(state, LAYERS).features
        torch.testing.assert_close(borrowed.network(images), expected)
        torch.testing.assert_close(
            borrowed.network.forward_to(images, layer).features, crossing.features
        )
        plain = own.network(images)
    # Layer 2 has one skip before it, 16 needs none.
    assert torch.allclose(plain, expected) is (layer == 16)
    with pytest.raises(InputError, match="cannot be adapted"):
        adapt_translator(how, tmp_path / "again", **{**call, "model": borrowed})


def test_predicting_leaves_a_network_with_its_own_statistics_as_it_is() -> None:
    network = ready_to_predict(StainUNet(1, 2, norm="batch"), "batch")
    before = hash_of_network(network)
    images = torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first = network(images)
        other = network(3 * images + 1)
        torch.testing.assert_close(network(images), first)
    assert not torch.allclose(first, other)
    assert hash_of_network(network) == before


def test_images_of_another_bit_depth_are_refused(tmp_path: Path) -> None:
    eight = [Field("8.png", np.zeros((SIDE, SIDE), np.uint8), None, 8, ())]
    for sets in ({"source": eight, "target": fields(1)}, {"source": fields(0), "target": eight}):
        with pytest.raises(InputError, match="16-bit images"):
            adapt_translator(HOW, tmp_path / "out", model=model(), device="cpu", **sets)
    with pytest.raises(InputError, match="no image"):
        adapt_translator(
            HOW, tmp_path / "out", model=model(), source=fields(0), target=[], device="cpu"
        )


@pytest.mark.parametrize(
    "values", [{"layers": []}, {"layers": [0]}, {"layers": [17]}, {"layers": [3, 2]}]
)
def test_layers_that_do_not_exist_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="layers"):
        settings_from(values, AdaptationSettings)
    with pytest.raises(SettingsError, match="single layer"):
        settings_from({"layers": [2, 3], "skips": "match_cut"}, AdaptationSettings)
