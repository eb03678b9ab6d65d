from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.paired_stains import PairedStainSet
from adaptoscope.errors import InputError
from adaptoscope.imageio.microscopy_image import image_of_counts
from adaptoscope.translation.ensemble import load_ensemble
from adaptoscope.translation.predict import predict_image
from adaptoscope.translation.settings import TranslationSettings
from adaptoscope.translation.train_pairs import train_translator

TINY = TranslationSettings(width=2, batch=1, steps=1)


@pytest.fixture(scope="module")
def folders(squares: PairedStainSet, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    out = tmp_path_factory.mktemp("members")
    return [
        train_translator(TINY.changed(seed=seed), out / f"{seed}", pairs=squares, device="cpu")
        for seed in (0, 1, 2)
    ]


def test_members_give_their_mean_and_how_far_they_disagree(folders: list[Path]) -> None:
    ensemble = load_ensemble(folders)
    stored = np.random.default_rng(0).integers(0, 65535, (40, 50)).astype(np.uint16)
    image = image_of_counts("a.png", stored, None)
    planes = np.stack([predict_image(member, image) for member in ensemble.members])
    said = ensemble.predict(image)
    assert said.deviation is not None
    np.testing.assert_allclose(said.mean, planes.mean(0), rtol=1e-5)
    np.testing.assert_allclose(said.deviation, planes.std(0), rtol=1e-4, atol=1e-7)
    shares = said.uncertainty(ensemble.spans)
    assert shares is not None
    expected = planes.std(0).mean((1, 2)) / np.array(ensemble.spans)
    np.testing.assert_allclose(shares, expected, rtol=1e-4)


def test_a_single_network_cannot_disagree(folders: list[Path]) -> None:
    alone = load_ensemble(folders[:1])
    said = alone.predict(image_of_counts("a.png", np.ones((9, 9), np.uint16), None))
    assert said.deviation is None
    assert said.uncertainty(alone.spans) is None


def test_networks_of_other_stains_are_refused(
    folders: list[Path], squares: PairedStainSet, tmp_path: Path
) -> None:
    other = train_translator(TINY, tmp_path / "m", pairs=squares, stains=["edge"], device="cpu")
    with pytest.raises(InputError, match="cannot be used together"):
        load_ensemble([folders[0], other])
