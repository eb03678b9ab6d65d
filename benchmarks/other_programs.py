"""Programs of others that count nuclei, where they are installed with their own weights.

Each function takes what its program was published with, loads it, and returns what counts an image
of shape (H, W), float32 in [0, 1]. Nothing is fetched here but what the program fetches itself.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
Count = Callable[[Pixels], float]


def stardist() -> Count:
    """StarDist (Schmidt et al., 2018), 2D_versatile_fluo, percentiles 1 and 99.8."""
    normalize = import_module("csbdeep.utils").normalize
    model = import_module("stardist.models").StarDist2D.from_pretrained("2D_versatile_fluo")
    return lambda pixels: float(model.predict_instances(normalize(pixels, 1, 99.8))[0].max())


def instanseg() -> Count:
    """InstanSeg (Goldsborough et al., 2024), fluorescence_nuclei_and_cells, pixels as they are."""
    model = import_module("instanseg").InstanSeg("fluorescence_nuclei_and_cells", verbosity=0)

    def count(pixels: Pixels) -> float:
        found = model.eval_small_image(pixels[..., None], None, target="nuclei")
        labels = found[0] if isinstance(found, tuple) else found
        return float(len(np.unique(np.asarray(labels))) - 1)

    return count


def cellpose() -> Count:
    """Cellpose (Stringer et al., 2021), its default model, diameter estimated by itself."""
    model = import_module("cellpose.models").CellposeModel(gpu=False)
    return lambda pixels: float(np.max(model.eval(pixels)[0]))


PROGRAMS: dict[str, tuple[str, Callable[[], Count]]] = {
    "StarDist": ("stardist", stardist),
    "InstanSeg": ("instanseg", instanseg),
    "Cellpose": ("cellpose", cellpose),
}
"""From the name of a program to the module that has to be installed, and what loads it."""


def is_installed(program: str) -> bool:
    """Tell whether a program is there."""
    return find_spec(PROGRAMS[program][0]) is not None
