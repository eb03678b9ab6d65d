import pytest

from adaptoscope.errors import InputError
from experiments.style_study.trade_off import Dot, trade_off_panels

DOTS = [
    Dot("guard", "0.3", 12.0, 0.98, (0.95, 1.0)),
    Dot("guard", "0.9", 4.0, 0.85, (0.8, 0.9)),
    Dot("neither", "0.5", 8.0, 0.9, (0.88, 0.93)),
]


def test_every_dot_is_named_and_every_panel_has_its_axis() -> None:
    picture = trade_off_panels({"low": DOTS, "high": DOTS[:1]}, {"low": 2.0}, "KID x 1000")
    text = picture.content.decode("utf-8")
    assert picture.kind == "image/svg+xml"
    assert text.startswith("<?xml")
    assert "KID x 1000" in picture.alt
    for said in ("low", "high", "guard", "neither"):
        assert said in picture.alt


def test_the_same_dots_give_the_same_file() -> None:
    first, second = (trade_off_panels({"A": DOTS}, {}, "KID") for _ in range(2))
    assert first.content == second.content
    assert first.content != trade_off_panels({"A": DOTS[:2]}, {}, "KID").content


@pytest.mark.parametrize("panels", [{}, {"low": []}])
def test_nothing_is_no_plot(panels: dict[str, list[Dot]]) -> None:
    with pytest.raises(InputError, match="nothing to plot"):
        trade_off_panels(panels, {}, "KID")
