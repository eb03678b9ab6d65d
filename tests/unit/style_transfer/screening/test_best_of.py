import numpy as np
import pytest

from adaptoscope.style_transfer.compact.network import CompactBackbone
from adaptoscope.style_transfer.screening import best_of
from adaptoscope.style_transfer.screening.best_of import stylise_best
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.stylise import Drawing, Stylised, stylise_batch
from tests.unit.style_transfer.conftest import draw_discs
from tests.unit.style_transfer.test_style_file import made_up_style

CENTRES = np.array([[20.0, 20.0], [50.0, 60.0], [20.0, 60.0]])
SHAPE = (72, 80)
DIAMETER = 10.0


def a_drawing(name: str) -> Drawing:
    return Drawing(name, *draw_discs(SHAPE, CENTRES), 500.0)


def test_the_attempt_that_kept_its_cells_is_taken(
    backbone: CompactBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = {0: CENTRES[:1], 1: CENTRES, 2: CENTRES[:2]}

    def made_up(drawings: list[Drawing], *_: object, attempt: int) -> list[Stylised]:
        return [Stylised(draw_discs(SHAPE, shown[attempt])[0], str(attempt)) for _ in drawings]

    monkeypatch.setattr(best_of, "stylise_batch", made_up)
    settings = StylisationSettings(best_of=3)
    (chosen,) = stylise_best(
        [a_drawing("0.png")], [CENTRES], [DIAMETER], made_up_style(), backbone, settings
    )
    assert chosen.reference == "1"


def test_attempts_differ_in_their_noise_alone(backbone: CompactBackbone) -> None:
    style = made_up_style(tuple(500.0 + number for number in range(5)))
    settings = StylisationSettings(steps=2, batch=8)
    drawings = [a_drawing(f"{number}.png") for number in range(8)]
    attempts = [
        stylise_batch(drawings, style, backbone, settings, attempt=attempt) for attempt in range(4)
    ]
    # Eight drawings share five style images: by chance alone no attempt would repeat the first.
    references = [[made.reference for made in attempt] for attempt in attempts]
    assert references == [references[0]] * 4
    assert len(set(references[0])) > 1
    for tries in zip(*attempts, strict=True):
        assert len({made.pixels.tobytes() for made in tries}) == 4


def test_one_attempt_is_plain_stylisation_and_others_differ(backbone: CompactBackbone) -> None:
    drawings, settings = [a_drawing("0.png"), a_drawing("1.png")], StylisationSettings(steps=4)
    style = made_up_style()
    plain = stylise_batch(drawings, style, backbone, settings)
    best = stylise_best(drawings, [CENTRES] * 2, [DIAMETER] * 2, style, backbone, settings)
    other = stylise_batch(drawings, style, backbone, settings, attempt=1)
    for one, same, different in zip(plain, best, other, strict=True):
        assert one.reference == same.reference == different.reference
        np.testing.assert_array_equal(one.pixels, same.pixels)
        assert not np.array_equal(one.pixels, different.pixels)
