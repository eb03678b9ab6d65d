import pytest

from adaptoscope.errors import SettingsError
from adaptoscope.pipeline.rows import Row, slug_of
from adaptoscope.training.settings import settings_from


def row(**fields: object) -> Row:
    return settings_from({"name": "R", "method": "centres", **fields}, Row)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"method": "nuclei", "changes": {"crop": 64}}, "only for methods that are networks"),
        ({"method": "nuclei", "synthetic": "drawings"}, "only for methods that are networks"),
        ({"method": "dog", "labelled": 0}, "needs at least one"),
        ({"method": "dog", "real_labels": False}, "needs at least one"),
        ({"labelled": 0}, "needs synthetic images"),
        ({"labelled": -1}, "labelled"),
        ({"labelled": 5, "real_labels": False, "synthetic": "drawings"}, "real_labels is false"),
        ({"regime": "dual"}, "regime is only for rows"),
        ({"regime": "dual", "synthetic": "drawings", "labelled": 0}, "regime is only for rows"),
        ({"mode": "teacher", "synthetic": "drawings", "labelled": 0}, "only for regime dacs"),
        ({"mode": "teacher", "regime": "dacs", "labelled": 0}, "only for regime dacs"),
        ({"mode": "teacher", "regime": "dacs", "synthetic": "drawings"}, "set labelled to 0"),
        ({"changes": {"seed": 3}}, "changes cannot hold seed"),
        ({"changes": {"regime": "dual"}}, "changes cannot hold regime"),
        ({"published": {"mae": -1}}, "mae"),
    ],
)
def test_contradictions_are_named(fields: dict[str, object], found: str) -> None:
    with pytest.raises(SettingsError) as caught:
        row(**fields)
    assert found in caught.value.found


@pytest.mark.parametrize(
    ("fields", "learns", "labels", "varies"),
    [
        ({}, True, True, True),
        ({"synthetic": "drawings", "labelled": 0}, True, False, True),
        ({"synthetic": "drawings", "real_labels": False}, True, False, True),
        ({"method": "dog"}, False, True, False),
        ({"method": "dog", "labelled": 5}, False, True, True),
        ({"method": "nuclei"}, False, False, False),
        (
            {"regime": "dacs", "mode": "teacher", "synthetic": "drawings", "labelled": 0},
            True,
            False,
            True,
        ),
    ],
)
def test_a_row_knows_what_it_learns_from(
    fields: dict[str, object], learns: bool, labels: bool, varies: bool
) -> None:
    made = row(**fields)
    assert (made.learns, made.uses_labels, made.varies) == (learns, labels, varies)


def test_a_name_becomes_a_file_name() -> None:
    assert slug_of(" Syn-HC, then real (5) ") == "syn-hc-then-real-5"
