import json
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.adaptation.adapt_layers import adapt_translator
from adaptoscope.adaptation.appearance_estimate import LookEstimate
from adaptoscope.adaptation.baseline_settings import RestyledSettings
from adaptoscope.adaptation.restyling import measure_restyling, restyle
from adaptoscope.adaptation.settings import AdaptationSettings
from adaptoscope.adaptation.train_on_restyled import restyle_again, teach_restyled
from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.errors import InputError
from adaptoscope.translation.fields import hash_of, read_fields
from adaptoscope.translation.train_pairs import training_part
from adaptoscope.translation.trained_model import load_translator
from tests.unit.adaptation.test_oracle import untrained
from tests.unit.translation.conftest import write_pairs

TINY = RestyledSettings(batch=1, steps=4, save_every=2, log_every=1, scale=1.0)
LOOK = LookEstimate(
    {"same": 1.0, "inverted": 1.25},
    {"same": 0.2, "inverted": 0.1},
    {"same": {1.0: 0.2}, "inverted": {1.25: 0.1}},
)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> PairedStainSet:
    return write_pairs(tmp_path_factory.mktemp("source") / "pairs")


def test_the_network_learns_from_restyled_pairs(pairs: PairedStainSet, tmp_path: Path) -> None:
    source = read_fields(training_part(pairs))
    target = read_fields(pairs.select(split="test"), truth=False)
    model = untrained(pairs)
    before = {name: each.clone() for name, each in model.network.state_dict().items()}
    out = teach_restyled(
        TINY, tmp_path / "out", model=model, source=source, target=target, look=LOOK, device="cpu"
    )
    taught = load_translator(out)
    assert taught.record.adapted is not None
    assert taught.record.adapted.method == "restyled"
    assert not taught.record.adapted.reads_stains
    after = taught.network.state_dict()
    assert any(not np.array_equal(after[name], before[name]) for name in before)
    for name, weight in model.network.state_dict().items():
        assert np.array_equal(weight, before[name])

    # The likelier contrast, with its own magnification, and what was learnt from is on record.
    said = json.loads((out / "look.json").read_text("utf-8"))
    assert said["contrast"] == "inverted"
    how = measure_restyling(source, target, scale=1.25, contrast="inverted")
    assert said["noise"] == how.noise
    assert said["light"] == [None, None]
    fields = [restyle(field, how) for field in source]
    assert {hash_of(field) for field in fields} <= taught.record.training_images.keys()
    for one, other in zip(fields, restyle_again(out, source, target), strict=True):
        assert np.array_equal(one.given, other.given)
        assert np.array_equal(one.stains, other.stains)
    assert "contrast inverted, magnification 1.25" in (out / "README.md").read_text("utf-8")

    written = (out / "weights.safetensors").stat().st_mtime_ns
    teach_restyled(TINY, out, model=model, source=source, target=target, look=LOOK, device="cpu")
    assert (out / "weights.safetensors").stat().st_mtime_ns == written

    # Layers can be matched after that; the record tells both.
    how = AdaptationSettings(
        layers=(13,), steps=1, batch=1, cached=2, discriminator_parameters=1000
    )
    further = adapt_translator(
        how, tmp_path / "further", model=taught, source=fields, target=target, device="cpu"
    )
    adapted = load_translator(further).record.adapted
    assert adapted is not None
    assert adapted.method == "restyled, then adversarial"


def test_without_source_stains_nothing_is_taught(pairs: PairedStainSet, tmp_path: Path) -> None:
    fields = read_fields(pairs, truth=False)
    with pytest.raises(InputError, match="need the stains of the source"):
        teach_restyled(
            TINY, tmp_path / "out", model=untrained(pairs), source=fields, target=fields[:1]
        )
    assert not (tmp_path / "out").exists()
