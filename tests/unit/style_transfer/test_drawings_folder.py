from pathlib import Path

import pytest

from adaptoscope.errors import OutputError
from adaptoscope.style_transfer.drawings_folder import refuse_own_drawings


def test_drawings_are_not_written_over_under_any_name(tmp_path: Path) -> None:
    drawings = tmp_path / "drawings"
    drawings.mkdir()
    (tmp_path / "linked").symlink_to(drawings)
    for out in (drawings, tmp_path / "linked", drawings / ".." / "drawings"):
        with pytest.raises(OutputError, match="that of the drawings"):
            refuse_own_drawings(out, drawings)
    refuse_own_drawings(tmp_path / "other", drawings)
