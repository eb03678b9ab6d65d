"""CutMix (Yun et al., 2019) for counting: a box of one image over another, with its cells."""

import numpy as np
import torch

from adaptoscope.images.cell_centres import Points, inside_window
from adaptoscope.images.windows import Window


def draw_box(height: int, width: int, alpha: float, generator: np.random.Generator) -> Window:
    """Draw the box that another image fills.

    Its sides are sqrt(1 - lambda) of the image's, with lambda from Beta(alpha, alpha) (paper 1:
    alpha 1); its middle is drawn evenly over the image, and what lies outside is cut off.

    Parameters
    ----------
    height, width
        Size of the image in pixels.
    alpha
        Both parameters of the Beta distribution, above 0.

    Returns
    -------
    Window
        Whole pixels; may be empty, or all of the image.
    """
    size = np.array([height, width])
    sides = size * np.sqrt(1.0 - generator.beta(alpha, alpha))
    middle = generator.uniform(0.0, 1.0, 2) * size
    top, left = np.clip(np.round(middle - sides / 2), 0, size).astype(int).tolist()
    bottom, right = np.clip(np.round(middle + sides / 2), 0, size).astype(int).tolist()
    return Window(top, left, bottom - top, right - left)


def paste(
    below: tuple[torch.Tensor, Points], above: tuple[torch.Tensor, Points], box: Window
) -> tuple[torch.Tensor, Points]:
    """Return one image with a box of another in it, with the cells that can be seen.

    Parameters
    ----------
    below, above
        Image of shape (1, H, W) and its cell centres, shape (N, 2), (row, column).
    box
        What is taken from ``above``, to the same place.

    Returns
    -------
    tuple
        The image, and the centres outside the box of ``below`` and inside the box of ``above``:
        every centre of either is either shown and listed, or hidden.
    """
    (image, points), (other, others) = below, above
    mixed = image.clone()
    rows = slice(box.top, box.top + box.height)
    columns = slice(box.left, box.left + box.width)
    mixed[:, rows, columns] = other[:, rows, columns]
    kept = points[~inside_window(points, *box)]
    return mixed, np.concatenate([kept, others[inside_window(others, *box)]])
