from pathlib import Path

import numpy as np
import pytest

from adaptoscope.datasets.writing import CountedImageWriter
from adaptoscope.errors import InputError
from adaptoscope.style_transfer.exemplars import measure_exemplars
from tests.unit.style_transfer.conftest import write_set


def test_an_image_without_cells_gets_the_usual_height_and_blur(tmp_path: Path) -> None:
    real = write_set(tmp_path / "real", 3)
    writer = CountedImageWriter(tmp_path / "mixed", {}, "Mixed")
    writer.add("dark", np.full((64, 64), 0.2), points=None, pixel_size_um=0.5)
    for record in real:
        writer.add(record.stem, real.read(record).pixels, points=None)
    exemplars = measure_exemplars(writer.finish("Mixed."))
    dark, *others = exemplars
    assert dark.look.cells - dark.look.background == pytest.approx(
        np.median([one.look.cells - one.look.background for one in others])
    )
    assert dark.look.background == pytest.approx(0.2, abs=0.001)
    assert dark.look.edge_width == np.median([one.look.edge_width for one in others])
    assert (dark.bit_depth, dark.pixel_size_um, others[0].pixel_size_um) == (8, 0.5, None)


def test_images_without_any_cell_are_refused(tmp_path: Path) -> None:
    writer = CountedImageWriter(tmp_path / "dark", {}, "Dark")
    writer.add("dark", np.full((64, 64), 0.2), points=None)
    with pytest.raises(InputError, match="No nucleus"):
        measure_exemplars(writer.finish("Dark."))
