from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from adaptoscope.adaptation.adapt_layers import adapt_translator
from adaptoscope.adaptation.baseline_settings import (
    AdaBNSettings,
    BaselineSettings,
    OracleSettings,
)
from adaptoscope.adaptation.baselines import adapt_without_learning, remeasure_statistics
from adaptoscope.adaptation.methods import METHODS, settings_of_method
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.errors import InputError, OutputError, SettingsError
from adaptoscope.training.settings import settings_from
from adaptoscope.translation.crops import draw_given
from adaptoscope.translation.fields import Field
from adaptoscope.translation.intensities import measure_interval
from adaptoscope.translation.predict import predict_stains
from adaptoscope.translation.trained_model import StainModel, load_translator
from tests.unit.adaptation.test_adversarial_step import HOW, fields, model, state

FEW = AdaBNSettings(batch=2, batches=2)


def settled(norm: str = "instance") -> StainModel:
    """A network whose outputs differ from place to place, with constants of its own images."""
    source = model(norm)
    with torch.no_grad():
        for weight in source.network.parameters():
            if weight.ndim == 4:
                weight.mul_(10)
    given = measure_interval(field.pixels for field in fields(0))
    record = source.record
    return StainModel(
        "source",
        record.changed(intensities=record.intensities.changed(given=given)),
        source.network,
    )


def brighter(source: Sequence[Field], gain: float, power: float = 1.0) -> list[Field]:
    changed = [(gain * field.pixels**power * 65535).round().astype(np.uint16) for field in source]
    return [
        Field(field.name, pixels, None, 16, ())
        for field, pixels in zip(source, changed, strict=True)
    ]


def adapted(out: Path, method: str, **sets: Sequence[Field]) -> StainModel:
    how = BaselineSettings(method=method)  # type: ignore[arg-type]
    return load_translator(adapt_without_learning(how, out, model=settled(), device="cpu", **sets))


def test_none_is_the_source_network_under_another_name(tmp_path: Path) -> None:
    source, target = settled(), brighter(fields(0), 1.7)
    found = adapted(tmp_path / "none", "none", target=target)
    assert found.record.intensities == source.record.intensities
    assert found.record.training_images == {}
    for field in (target[0], fields(0)[0]):
        np.testing.assert_allclose(
            predict_stains(found, field.pixels), predict_stains(source, field.pixels), atol=1e-5
        )


@pytest.mark.parametrize(
    ("method", "power"),
    [("own_range", 1.0), ("per_image", 1.0), ("histogram", 1.0), ("histogram", 2.0)],
)
def test_what_an_exposure_changes_is_undone(tmp_path: Path, method: str, power: float) -> None:
    source = settled()
    target = brighter(fields(0), 1.7, power)
    sets = {"target": target, "source": fields(0)}
    found = adapted(tmp_path / method, method, **sets)
    before, after, wanted = (
        predict_stains(each, pixels).ravel()
        for each, pixels in (
            (source, target[0].pixels),
            (found, target[0].pixels),
            (source, fields(0)[0].pixels),
        )
    )
    assert np.abs(after - wanted).mean() < 0.3 * np.abs(before - wanted).mean()
    origin = found.record.adapted
    assert origin is not None
    assert (origin.method, origin.layers, origin.reads_stains) == (method, (), False)
    learnt = {"own_range": 3, "per_image": 0, "histogram": 3}[method]
    assert len(found.record.training_images) == learnt
    card = (tmp_path / method / "README.md").read_text("utf-8")
    assert f"- adapted by: {method}, from the network source" in card
    assert "no stain of the images that it was adapted to was looked at" in card


def test_weights_are_left_alone(tmp_path: Path) -> None:
    before = state(settled().network)
    for method in ("none", "own_range", "per_image", "histogram"):
        found = adapted(tmp_path / method, method, target=fields(1), source=fields(0))
        for name, each in found.network.state_dict().items():
            assert torch.equal(each, before[name]), name


def test_adabn_measures_statistics_of_every_layer_and_nothing_else() -> None:
    source = settled("batch")
    before = state(source.network)
    target = fields(1, 30_000)
    given = source.record.intensities.given
    found = remeasure_statistics(source.network, target, given, FEW)
    # The second layer by hand: the first has no normalisation.
    means, variances = [], []
    for index in range(FEW.batches):
        rng = np.random.default_rng([FEW.seed, 3, index])
        crops = draw_given(target, given, rng, batch=FEW.batch, crop=FEW.crop)
        with torch.no_grad():
            first = torch.nn.functional.leaky_relu(source.network.layers[0](crops), 0.2)
            second = source.network.layers[1][0](first)
        means.append(second.mean((0, 2, 3)))
        variances.append(second.var((0, 2, 3)))
    norm = found.layers[1][1]
    torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.running_var, torch.stack(variances).mean(0))
    after = found.state_dict()
    for name, each in before.items():
        assert torch.equal(source.network.state_dict()[name], each), name
        statistic = name.endswith(("running_mean", "running_var", "num_batches_tracked"))
        assert torch.equal(after[name], each) != statistic, name
    assert not found.training


def test_adabn_is_written_and_refused_where_it_changes_nothing(tmp_path: Path) -> None:
    call = {"target": fields(1), "device": "cpu"}
    source = settled("batch")
    found = load_translator(adapt_without_learning(FEW, tmp_path / "adabn", model=source, **call))
    assert found.record.adapted is not None
    assert found.record.adapted.method == "adabn"
    assert found.record.intensities.given == measure_interval(f.pixels for f in call["target"])
    fixed = StainModel("own", source.record.changed(norm_at_test="batch"), source.network)
    for other, said in ((settled(), "instance normalisation"), (fixed, "norm_at_test: batch")):
        with pytest.raises(SettingsError, match="changes nothing") as refusal:
            adapt_without_learning(FEW, tmp_path / "no", model=other, **call)
        assert said in refusal.value.found
    assert not (tmp_path / "no").exists()


def test_a_finished_folder_is_kept_and_others_are_refused(tmp_path: Path) -> None:
    call = {"model": settled(), "target": fields(1), "device": "cpu"}
    how = BaselineSettings(method="own_range")
    out = adapt_without_learning(how, tmp_path / "own", **call)
    kept = (out / "model.json").read_bytes()
    adapt_without_learning(how, out, **call)
    assert (out / "model.json").read_bytes() == kept
    with pytest.raises(OutputError, match="other images"):
        adapt_without_learning(how, out, **{**call, "target": fields(2)})
    with pytest.raises(OutputError, match="other settings"):
        adapt_without_learning(BaselineSettings(method="none"), out, **call)


def test_images_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    eight = [Field("8.png", np.zeros((64, 64), np.uint8), None, 8, ())]
    for method, sets in (
        ("none", {"target": eight}),
        ("histogram", {"target": fields(1), "source": eight}),
    ):
        with pytest.raises(InputError, match="16-bit images"):
            adapted(tmp_path / "out", method, **sets)
    with pytest.raises(InputError, match="source images"):
        adapted(tmp_path / "out", "histogram", target=fields(1))


def test_a_network_with_its_own_preparation_is_not_adapted_again(tmp_path: Path) -> None:
    one = adapted(tmp_path / "one", "per_image", target=fields(1))
    with pytest.raises(InputError, match="cannot be adapted"):
        adapt_translator(
            HOW, tmp_path / "two", model=one, source=fields(0), target=fields(1), device="cpu"
        )


def test_every_method_has_its_settings() -> None:
    for name, method in METHODS.items():
        assert settings_of_method({}, name) == settings_from({"method": name}, method.settings)
        assert settings_of_method({"method": name}).method == name
    assert settings_of_method({}) == AdaptationSettings()
    assert settings_of_method({"method": "coral"}, "oracle") == OracleSettings()
    with pytest.raises(SettingsError, match="no such method") as refusal:
        settings_of_method({"method": "dann"}, origin="how.yaml")
    assert "how.yaml" in refusal.value.remedy
    with pytest.raises(SettingsError, match="not a known field"):
        settings_of_method({"layers": [2]}, "none")
