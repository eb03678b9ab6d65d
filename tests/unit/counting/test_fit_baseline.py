import json

import pytest

from adaptoscope.counting.evaluate import evaluate_counter
from adaptoscope.counting.fit_baseline import BaselineSettings, train_baseline
from adaptoscope.counting.model_folder import load_counter


@pytest.mark.parametrize("method", ["dog", "otsu_watershed", "constant"])
def test_a_fitted_baseline_is_found_in_its_folder(real, tmp_path, method):
    folder = train_baseline(BaselineSettings(method=method), tmp_path / method, real=real)

    model = load_counter(folder)
    result = evaluate_counter(model, real.split("test"), resamples=20)

    assert len(model.record.training_images) == 6
    assert model.record.measured["n"] == 5
    if method == "constant":
        assert model.record.value == 15.0
        assert result.errors.mae == pytest.approx((11 + 3 + 13) / 3)
    else:
        assert result.errors.mae == 0
    assert json.loads((folder / "environment.json").read_text())["device"] == "cpu"
    assert "not told apart" in (folder / "README.md").read_text()


def test_the_bundled_counter_is_fitted_without_training_its_weights(real, tmp_path):
    folder = train_baseline(BaselineSettings(method="nuclei"), tmp_path / "fitted", real=real)

    fitted, bundled = load_counter(folder), load_counter("nuclei")

    assert fitted.record.network_sha256 == bundled.record.network_sha256
    assert fitted.record.diameter_px == pytest.approx(10, rel=0.15)
    assert fitted.record.regime == "fitted"
    assert set(bundled.record.training_images) < set(fitted.record.training_images)
    assert evaluate_counter(fitted, real.split("test"), resamples=20).errors.mae < 3
