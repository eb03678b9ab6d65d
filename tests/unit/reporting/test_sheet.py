import io

import numpy as np
import pytest
from PIL import Image

from adaptoscope.errors import InputError
from adaptoscope.reporting.sheet import Tile, sheet


def colours(tile: Tile) -> set[tuple[int, ...]]:
    content = sheet([[tile]], alt="a square").content
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    return {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}


def test_boxes_have_the_colour_of_their_kind() -> None:
    pixels = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    yellow, pink = (0xFF, 0xD6, 0x0A), (0xFF, 0x5D, 0x8F)
    assert not {yellow, pink} & colours(Tile(pixels))
    assert {yellow, pink} & colours(Tile(pixels, boxes=[(20, 20, 8, "invented")])) == {pink}
    assert {yellow, pink} & colours(Tile(pixels, boxes=[(20, 20, 8, "lost")])) == {yellow}


def test_a_place_may_stay_empty_and_a_sheet_may_not() -> None:
    tile = Tile(np.eye(32, dtype=np.float32), "one")
    shown = Image.open(io.BytesIO(sheet([[tile, None], [None, tile]], alt="two").content))
    pixels = np.asarray(shown.convert("L"), dtype=float)
    height, width = (side // 2 for side in pixels.shape)
    right, left = pixels[:height, width + 20 :], pixels[height + 20 :, : width - 20]
    assert pixels[:height, :width].min() < 50
    assert min(right.min(), left.min()) > 200
    with pytest.raises(InputError):
        sheet([], alt="nothing")
