import json

import pytest

from adaptoscope.metrics.copies import CopyCheck
from adaptoscope.metrics.distributions import HistogramDistance, MedianDifference
from adaptoscope.metrics.intervals import Interval
from adaptoscope.metrics.spectra import SpectrumDistance
from adaptoscope.realism.realism_report import RealismReport, SetRealism


def entry(
    name: str,
    kid: float = 0.01,
    spectrum: float = 1.0,
    auc: float | None = 0.8,
    copied: str = "",
    cell_kid: float | None = 0.1,
    overlapping: int = 0,
) -> SetRealism:
    copies = None
    if copied:
        copies = CopyCheck(20, 0.99, 0.0, 50, 0.7, overlapping, 0.4, tuple(copied.split()))
    return SetRealism(
        name=name,
        images=10,
        tiles=20,
        kid=Interval(kid, kid - 0.004, kid + 0.004),
        cell_kid=None if cell_kid is None else Interval(cell_kid, cell_kid - 0.04, cell_kid + 0.04),
        spectrum=SpectrumDistance(spectrum, -0.5, 0.2, 16),
        histogram=HistogramDistance(0.01, float("nan")),
        sharpness=MedianDifference(0.2, 0.25, -0.05, -0.2),
        auc=None if auc is None else Interval(auc, auc - 0.1, min(auc + 0.1, 1.0)),
        cells_per_mpx=300.0,
        diameter=12.0,
        copies=copies,
    )


def report(*sets: SetRealism, floor: SetRealism | None = None) -> RealismReport:
    return RealismReport(
        settings={"tile": 256},
        encoder="nuclei",
        encoder_sha256="0123456789abcdef",
        tile=256,
        frequencies=(0.00962, 0.4512),
        real_images=9,
        real_tiles=54,
        real_cells_per_mpx=310.0,
        real_diameter=11.9,
        style_images=(9, 9),
        floor=floor,
        sets=sets,
    )


def test_where_every_set_is_told_apart_kid_and_spectrum_decide() -> None:
    verdict = report(entry("a", kid=0.02, auc=0.99), entry("b", spectrum=2.0, auc=0.97)).verdict
    assert "does not say which is nearer" in verdict
    assert "smallest AUC 0.970" in verdict
    assert "Nearest by KID: b, 10.00." in verdict
    assert "Nearest by spectrum: a, 1.00 dB." in verdict


def test_where_one_set_is_hard_to_tell_it_is_named() -> None:
    verdict = report(entry("a", auc=0.99), entry("b", auc=0.7), floor=entry("real", 0.001)).verdict
    assert "Hardest to tell from real: b (AUC 0.700)" in verdict
    assert "(floor 1.00)" in verdict
    assert "does not say" not in verdict


def test_sets_whose_interval_reaches_as_low_are_named_too() -> None:
    sets = (entry("a", kid=0.002), entry("b", kid=0.005), entry("c", kid=0.01))
    verdict = report(*sets, floor=entry("real", kid=0.001)).verdict
    assert "Nearest by KID: a, 2.00 (floor 1.00); the intervals of b reach as low." in verdict
    many = report(*(entry(name, kid=0.002) for name in "abcde")).verdict
    assert "Nearest by KID: a, 2.00; the intervals of 4 of the other sets reach as low." in many


def test_the_set_with_the_nearest_cells_is_named() -> None:
    sets = (entry("a", cell_kid=0.3), entry("b", cell_kid=0.2), entry("c", cell_kid=None))
    verdict = report(*sets, floor=entry("real", cell_kid=0.05)).verdict
    assert "Nearest by KID at cells: b, 200.00 (floor 50.00)." in verdict
    assert "at cells" not in report(entry("c", cell_kid=None)).verdict
    assert "Nearest by KID: a" in report(*sets, floor=entry("real", kid=0.003)).verdict


def test_copies_are_named() -> None:
    assert (
        "Copies of real images in a: 2 (x.png, y.png)."
        in report(entry("a", copied="y.png x.png"), entry("b")).verdict
    )
    assert "and more" in report(entry("a", copied="a b c d e f")).verdict
    assert "Copies" not in report(entry("a")).verdict


def test_real_tiles_that_pass_for_copies_are_told() -> None:
    verdict = report(entry("a", copied="x.png", overlapping=2)).verdict
    assert "Of 50 real tiles, 2 pass for copies of another real image" in verdict
    assert "pass for copies" not in report(entry("a", copied="x.png")).verdict


def test_json_holds_everything_and_no_nan() -> None:
    plain = json.loads(json.dumps(report(entry("a", auc=None)).as_dict(), allow_nan=False))
    assert plain["sets"][0]["histogram"]["relative"] is None
    assert plain["sets"][0]["auc"] is None
    assert plain["sets"][0]["kid"] == {"value": 0.01, "lower": 0.006, "upper": 0.014, "level": 0.95}
    assert plain["verdict"].startswith("Only ")
    assert "Nearest by KID" in plain["verdict"]
    assert plain["encoder_sha256"] == "0123456789abcdef"


def test_the_table_has_a_row_for_each_set_and_says_how_it_was_measured() -> None:
    text = report(
        entry("a", copied="x.png"), entry("b"), floor=entry("real against real")
    ).markdown()
    lines = text.splitlines()
    rows = [line.split("|")[1:-1] for line in lines if line.startswith("|")]
    assert [row[0].strip() for row in rows] == ["Set", "---", "real against real", "a", "b"]
    assert {len(row) for row in rows} == {len(rows[0])}
    assert [row[-1].strip() for row in rows[2:]] == ["–", "1", "–"]
    assert "KID over all pairs of different images" in text
    assert "Spectrum from 0.00962 to 0.451 cycles per pixel." in text
    assert "`nuclei`, weights 0123456789ab" in text


@pytest.mark.parametrize("floor", [None, entry("real against real")])
def test_a_report_without_sets_says_so(floor: SetRealism | None) -> None:
    assert report(floor=floor).verdict == "No set was compared."
    assert "54 tiles" in report(floor=floor).markdown()
