import os
from pathlib import Path

import pytest

from adaptoscope.counting.images_to_count import FileToCount
from adaptoscope.counting.output_places import CountOutputs, refuse_outputs
from adaptoscope.errors import OutputError

KEPT = {"images/a.png", "file", "old/x.png", "t.csv", "p/points.csv"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in KEPT:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("precious")
    return tmp_path


def refuse(home: Path, *, begun: bool = False, **places: object) -> None:
    given = {name: home / value if isinstance(value, str) else value
             for name, value in places.items()}  # fmt: skip
    image = home / "images" / "a.png"
    outputs = CountOutputs(**given)  # type: ignore[arg-type]
    refuse_outputs(outputs, [FileToCount("a.png", image)], [home / "images"], begun=begun)


WRONG = [
    ({"table": "images"}, "a folder"),
    ({"table": "t.csv"}, "there already"),
    ({"table": "file/t.csv"}, "Nothing can be written"),
    ({"table": "images/a.png", "overwrite": True}, "one of the images"),
    ({"points": "p"}, "points.csv is there already"),
    ({"points": "images"}, "beside the images"),
    ({"table": "n/points.csv", "points": "n"}, "another option"),
    ({"overlays": "old"}, "holds something else"),
    ({"overlays": "file"}, "holds something else"),
    ({"overlays": "file", "overwrite": True}, "Nothing can be written"),
    ({"overlays": "images", "overwrite": True}, "beside the images"),
    ({"plot": "plot.svg"}, "ends in .png"),
    ({"plot": "old"}, "a folder"),
]


@pytest.mark.parametrize(("places", "words"), WRONG, ids=lambda value: str(value))
def test_places_that_cannot_be_are_refused(home: Path, places: dict, words: str) -> None:
    with pytest.raises(OutputError) as caught:
        refuse(home, **places)
    assert words in str(caught.value)
    for name in KEPT:
        assert (home / name).read_text() == "precious"


def test_free_places_are_made_and_left_empty(home: Path) -> None:
    places = {"table": "new/a/t.csv", "points": "new/p", "overlays": "new/o", "plot": "new/p.png"}
    refuse(home, **places)
    assert [file for file in (home / "new").rglob("*") if file.is_file()] == []
    refuse(home, table="t.csv", points="p", overlays="old", overwrite=True)
    refuse(home, table="t.csv", points="p", overlays="old", begun=True)


def test_a_disk_without_room_is_noticed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="Nothing can be written") as caught:
        refuse(home, table="new/t.csv")
    assert caught.value.found == "No space left on device"
    assert list((home / "new").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write")
def test_a_folder_that_is_read_only_is_noticed(home: Path) -> None:
    (home / "old").chmod(0o500)
    with pytest.raises(OutputError, match="Nothing can be written"):
        refuse(home, table="old/t.csv")
