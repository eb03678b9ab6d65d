import imagecodecs
import numpy as np
import pytest

from adaptoscope.errors import InputError
from adaptoscope.reporting.count_plot import (
    CountToPlot,
    _short_names,
    _some_have_an_interval,
    plot_counts,
)

BLUE, ORANGE = np.array([11, 110, 153]), np.array([180, 84, 10])


def pixels_of(picture, colour):
    decoded = imagecodecs.png_decode(picture.content)[..., :3].astype(int)
    return int((np.abs(decoded - colour).max(axis=2) < 12).sum())


@pytest.mark.parametrize("number", [1, 3, 45, 46, 500])
def test_any_number_of_images_is_drawn(number):
    counts = [
        CountToPlot(f"f{place}.png", 10.0 + place, 5.0, 20.0 + place) for place in range(number)
    ]
    picture = plot_counts(counts)
    height, width, _ = imagecodecs.png_decode(picture.content).shape
    assert width < 1500
    assert height < 1500
    assert pixels_of(picture, BLUE) > 8 * number
    assert picture.alt.startswith(f"Counts of {number} images")


def test_the_legend_says_what_no_line_means_only_where_others_have_one():
    bare, lined = CountToPlot("a.png", 10.0), CountToPlot("b.png", 20.0, 15.0, 25.0)
    failed = CountToPlot("c.png", None)
    assert _some_have_an_interval([bare, lined])
    assert not _some_have_an_interval([bare, failed])
    assert not _some_have_an_interval([lined, failed])
    assert len(plot_counts([bare, lined]).content) > len(plot_counts([lined, lined]).content)


def test_flagged_images_look_different():
    plain = [CountToPlot("a.png", 10.0), CountToPlot("b.png", 20.0)]
    flagged = [CountToPlot("a.png", 10.0, flagged=True), CountToPlot("b.png", 20.0)]
    assert pixels_of(plot_counts(plain), ORANGE) == 0
    assert pixels_of(plot_counts(flagged), ORANGE) > 20


def test_images_that_failed_do_not_stop_the_plot():
    picture = plot_counts([CountToPlot("a.png", None), CountToPlot("b.png", None)])
    assert "2 failed" in picture.alt


def test_nothing_to_draw_is_refused():
    with pytest.raises(InputError):
        plot_counts([])


def test_long_names_keep_what_tells_them_apart():
    names = [f"220909_GFP-AHPC_{well}_DAPI_ND1_20x_maximum.tif" for well in ("A_F1", "B_F22")]
    assert _short_names(names) == ["…A_F1…", "…B_F22…"]
    assert _short_names(["a.png", "ab.png"]) == ["a.png", "ab.png"]
    long = "IXMtest_with_the_name_of_a_screen"
    code = "051DAA7C-7042-435F-99F0-1E847D9B42CB"
    assert _short_names([f"{long}_{w}_s1_w1{code}.tif" for w in ("A02", "A03")]) == [
        "…A02…", "…A03…",
    ]  # fmt: skip
    hashes = [f"{long}_{n}_{n * 16}.png" for n in "ab"]
    assert _short_names(hashes) == ["…a…", "…b…"]
    sites = [f"{w}_{s}" for w in ("A01", "A02") for s in ("s1", "s2")]
    assert _short_names([f"{long}_{site}_w1{code}.tif" for site in sites]) == [
        f"…{site}…" for site in sites
    ]
    plates = [f"{'plate' * n} of a screen with a long name_A0{n}_s1.tif" for n in (3, 4)]
    assert all(f"A0{n}…" in name for n, name in zip((3, 4), _short_names(plates), strict=True))
    (alone,) = _short_names(["x" * 30 + "middle" + "y" * 30])
    assert len(alone) <= 34
    assert alone.startswith("xxx")
    assert alone.endswith("yyy")


@pytest.mark.parametrize("number", [3, 60])
def test_names_are_shown_as_text(number):
    names = [r"w$\frac$2", "$x_1$", "\x1b]0;x\x07", "caf\udce9", "細胞"]
    counts = [CountToPlot(f"{names[n % 5]}{n}.png", 10.0) for n in range(number)]
    picture = plot_counts(counts, title=r"Counted with $\frac$")
    assert imagecodecs.png_decode(picture.content).ndim == 3


def test_a_thousand_images_stay_apart():
    counts = [CountToPlot(f"{n}.png", 50.0 + n % 50, 40.0, 110.0, n % 50 == 0) for n in range(1000)]
    assert pixels_of(plot_counts(counts), ORANGE) > 15 * 20
