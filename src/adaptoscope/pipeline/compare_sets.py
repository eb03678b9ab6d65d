"""Front door of the domain-gap check: how two sets of images differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from adaptoscope.pipeline.front_door import (
    DeviceName,
    GivenSettings,
    Images,
    Place,
    Plane,
    open_images,
    settings_of,
)

if TYPE_CHECKING:
    from adaptoscope.comparison.compare import Comparison


def compare(
    set_a: Images,
    set_b: Images,
    *,
    images: int | None = None,
    settings: GivenSettings = None,
    report: Place | None = None,
    seed: int | None = None,
    device: DeviceName = "auto",
    root: Place | None = None,
    channel: int | None = None,
    z: Plane = None,
) -> Comparison:
    """Say how two sets of images differ and what to do about it; labels are not needed.

    Parameters
    ----------
    set_a
        Images that a counter knows.
    set_b
        Images that it is to count.
    images
        Images of each set to measure at most, at least 1; 30 if not given.
    settings
        ComparisonSettings: names and values, a YAML file, or an object.
    report
        HTML file to write, with tables, tiles and histograms.
    seed
        In place of that of the settings, 0.
    device
        Where the encoder runs.
    root, channel, z
        How the images are found and read.

    Returns
    -------
    Comparison
        Its ``verdict``, ``rows`` and ``advice``.

    Raises
    ------
    InputError
        If an image cannot be read or is smaller than 32 pixels.
    """
    from adaptoscope.comparison.settings import ComparisonSettings

    chosen = settings_of(settings, ComparisonSettings, most_images=images, seed=seed)
    a, b = (open_images(each, root=root, channel=channel, z=z) for each in (set_a, set_b))
    from adaptoscope.comparison.compare import compare as compare_sets

    found = compare_sets(a, b, chosen, device=device)
    if report is not None:
        from adaptoscope.pipeline.comparison_report import write_comparison_report

        write_comparison_report(Path(report), found, a, b)
    return found
