import numpy as np

from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.screening.best_of import best_attempt
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.stylise import Drawing, stylise_batch
from tests.unit.style_transfer.conftest import draw_discs
from tests.unit.style_transfer.test_style_file import made_up_style

CENTRES = np.array([[20.0, 20.0], [50.0, 60.0], [20.0, 60.0]])
SHAPE = (72, 80)
DIAMETER = 10.0


def a_drawing(name: str) -> Drawing:
    return Drawing(name, *draw_discs(SHAPE, CENTRES), 500.0)


def test_the_attempt_that_kept_its_cells_is_taken() -> None:
    attempts = [draw_discs(SHAPE, shown)[0] for shown in (CENTRES[:1], CENTRES, CENTRES[:2])]
    assert best_attempt(attempts, CENTRES, DIAMETER) == 1
    assert best_attempt([attempts[1]] * 3, CENTRES, DIAMETER) == 0


def test_attempts_differ_in_their_noise_alone(backbone: CompactBackbone) -> None:
    style = made_up_style(tuple(500.0 + number for number in range(5)))
    settings = StylisationSettings(steps=2, batch=8)
    drawings = [a_drawing(f"{number}.png") for number in range(8)]
    attempts = [
        stylise_batch(drawings, style, backbone, settings, attempt=attempt) for attempt in range(4)
    ]
    # Eight drawings share five style images: by chance alone no attempt would repeat the first.
    references = [[made.style_image for made in attempt] for attempt in attempts]
    assert references == [references[0]] * 4
    assert len(set(references[0])) > 1
    for tries in zip(*attempts, strict=True):
        assert len({made.pixels.tobytes() for made in tries}) == 4
