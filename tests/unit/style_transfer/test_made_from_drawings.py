from pathlib import Path

import pytest

from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError, OutputError
from adaptoscope.style_transfer.made_from_drawings import pairs_with_drawings, refuse_own_drawings
from tests.unit.style_transfer.conftest import write_set


@pytest.fixture
def drawings(tmp_path: Path) -> CountedImageSet:
    return write_set(tmp_path / "drawings", 3)


def made_from(
    folder: Path, drawings: CountedImageSet, layouts: list[str | None]
) -> CountedImageSet:
    """Images with the pixels and points of the drawings, which name others as theirs."""
    writer = CountedImageWriter(folder, {}, "Made")
    for record, layout in zip(drawings, layouts, strict=True):
        pixels = drawings.read(record).pixels
        writer.add(f"made_{record.stem}", pixels, points=drawings.points(record), layout=layout)
    return writer.finish("Made for a test.")


def test_every_image_has_its_drawing(tmp_path: Path, drawings: CountedImageSet) -> None:
    made = made_from(tmp_path / "made", drawings, [record.name for record in drawings])
    assert pairs_with_drawings(made, drawings) == list(
        zip(made.records, drawings.records, strict=True)
    )


@pytest.mark.parametrize("layout", ["other.png", None])
def test_a_missing_drawing_is_named(
    tmp_path: Path, drawings: CountedImageSet, layout: str | None
) -> None:
    names = [record.name for record in drawings]
    made = made_from(tmp_path / "made", drawings, [layout, *names[1:]])
    with pytest.raises(InputError, match=r"drawing of made_field_00\.png") as caught:
        pairs_with_drawings(made, drawings)
    assert (layout or "none named") in str(caught.value)


def test_a_drawing_with_other_cells_is_refused(tmp_path: Path, drawings: CountedImageSet) -> None:
    names = [record.name for record in drawings]
    made = made_from(tmp_path / "made", drawings, [names[1], *names[1:]])
    with pytest.raises(InputError, match="not made from"):
        pairs_with_drawings(made, drawings)


def test_drawings_are_not_written_over_under_any_name(tmp_path: Path) -> None:
    drawings = tmp_path / "drawings"
    drawings.mkdir()
    (tmp_path / "linked").symlink_to(drawings)
    for out in (drawings, tmp_path / "linked", drawings / ".." / "drawings"):
        with pytest.raises(OutputError, match="that of the drawings"):
            refuse_own_drawings(out, drawings)
    refuse_own_drawings(tmp_path / "other", drawings)
