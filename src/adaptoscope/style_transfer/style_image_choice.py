"""Which real image a drawing takes after: one of those nearest to it in density."""

from collections.abc import Sequence

import numpy as np

NEAREST = 5
"""Real images nearest in density among which is drawn."""


def nearest_by_density(
    densities: Sequence[float],
    cells_per_mpx: float | None,
    generator: np.random.Generator,
    candidates: Sequence[int] | None = None,
) -> int:
    """Draw among the five real images that are nearest to a drawing in density.

    Parameters
    ----------
    densities
        Density of every real image, in cells per million pixels.
    cells_per_mpx
        Density of the drawing; None draws among all.
    generator
        Source of the draw; exactly one number is drawn from it.
    candidates
        Indices of the images to choose from, at least one; all if not given. Of images equally far
        away those that stand first here are the nearer.

    Returns
    -------
    int
        Index into `densities`.
    """
    chosen = np.arange(len(densities)) if candidates is None else np.array(candidates)
    if cells_per_mpx is not None:
        distances = np.abs(np.asarray(densities, dtype=np.float64)[chosen] - cells_per_mpx)
        chosen = chosen[np.argsort(distances, kind="stable")[:NEAREST]]
    return int(chosen[int(generator.random() * len(chosen))])
