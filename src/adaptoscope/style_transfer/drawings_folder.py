"""The folder of the drawings, which stays as it is whatever is made from them."""

from pathlib import Path

from adaptoscope.errors import OutputError


def refuse_own_drawings(out: Path, drawings: Path) -> None:
    """Refuse to write what is made from drawings over the drawings.

    Parameters
    ----------
    out
        Folder that is about to be written.
    """
    if out.resolve() == drawings.resolve():
        raise OutputError(
            f"The output folder {out} is that of the drawings.",
            expected="another folder, so that the drawings stay",
            found="the same folder twice",
            remedy="choose another output folder",
        )
