"""Paths in settings that begin with an environment variable, so that files suit any machine."""

import os
from pathlib import Path

from adaptoscope.errors import SettingsError

DATA_VARIABLE = "ADAPTOSCOPE_DATA"
VARIABLES = {
    DATA_VARIABLE: "the folder of your data sets",
    "ADAPTOSCOPE_STABLE_DIFFUSION": "a diffusers folder of Stable Diffusion 1.x",
    "ADAPTOSCOPE_CLIP": "a folder of CLIP ViT-L/14",
}
"""Variables that a path may begin with, and what they name."""


def expand_variable(text: str) -> str:
    """Replace a leading variable of `VARIABLES`, such as ``$ADAPTOSCOPE_DATA``, in a path.

    Parameters
    ----------
    text
        A path, or something else that may stand in its place; without a variable it comes back
        as it is.
    """
    first, *rest = Path(text).parts or ("",)
    name = first.removeprefix("$")
    if first == name or name not in VARIABLES:
        return text
    value = os.environ.get(name)
    if not value:
        raise SettingsError(
            f"The settings name a place in ${name}, which is not set.",
            expected=f"the environment variable {name}, {VARIABLES[name]}",
            found="no such variable",
            remedy=f"set {name}, or write the whole path into the settings",
        )
    return str(Path(value, *rest))


def expand_path(folder: str) -> Path:
    """Return a path with a leading variable replaced, as `expand_variable` does."""
    return Path(expand_variable(folder))
