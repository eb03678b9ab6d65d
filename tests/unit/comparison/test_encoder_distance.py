from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adaptoscope.comparison.encoder_distance import EncoderDistance, measure_encoder_distance
from adaptoscope.comparison.facts import measure_facts
from adaptoscope.comparison.settings import ComparisonSettings
from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.images.degradation import blur
from adaptoscope.inference.network import Network

Write = Callable[..., CountedImageSet]

QUICK = ComparisonSettings(tile=64, halvings=4)


def look(a: CountedImageSet, b: CountedImageSet, encoder: Network) -> EncoderDistance:
    facts = (measure_facts(a, len(a), ""), measure_facts(b, len(b), ""))
    return measure_encoder_distance((a, b), facts, QUICK, encoder=encoder)


def test_images_of_one_kind_lie_within_the_floor_of_their_halves(
    original: CountedImageSet, encoder: Network
) -> None:
    a = original.with_records(original.records[:4])
    found = look(a, original.with_records(original.records[2:]), encoder)
    assert found.kernel is not None
    assert found.floor is not None
    assert found.kernel.value < found.floor
    assert found.auc is not None
    assert found.auc.value < 0.75
    assert found.tiles == (16, 16)


def test_an_image_under_another_name_is_known_as_the_same(
    original: CountedImageSet, encoder: Network, tmp_path: Path
) -> None:
    folder = tmp_path / "renamed"
    folder.mkdir()
    for record in original:
        (folder / f"other_{record.name}").write_bytes(original.path(record).read_bytes())
    found = look(original, open_counted_images(folder), encoder)
    assert found.auc is not None
    assert found.auc.value == pytest.approx(0.5)


def test_exposure_and_magnification_change_the_look_far_less_than_blur_does(
    original: CountedImageSet, encoder: Network, write: Write, tmp_path: Path
) -> None:
    doubled = write(tmp_path / "1", lambda p: 0.5 * np.kron(p, np.ones((2, 2))), marked=False)
    blurred = write(tmp_path / "2", lambda p: blur(p.astype(np.float32), 3.0))
    one, other = (look(original, images, encoder) for images in (doubled, blurred))
    assert one.tiles == (24, 24)
    assert one.kernel is not None
    assert other.kernel is not None
    assert one.kernel.value < 0.2 * other.kernel.value


def test_few_images_have_no_floor(original: CountedImageSet, encoder: Network) -> None:
    three = original.with_records(original.records[:3])
    assert look(three, original, encoder).floor is None
    alone = original.with_records(original.records[:1])
    found = look(alone, original, encoder)
    assert (found.kernel, found.auc) == (None, None)
