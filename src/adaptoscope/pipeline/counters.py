"""Front door of stage 3: load a counter, count arrays with it, test it on counted images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from adaptoscope.imageio.microscopy_image import image_of_array
from adaptoscope.pipeline.front_door import (
    DeviceName,
    Images,
    Place,
    Plane,
    open_images,
    path_of,
)
from adaptoscope.training.settings import settings_from

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from adaptoscope.counting.evaluation_result import Evaluation
    from adaptoscope.counting.model_folder import CountingModel
    from adaptoscope.counting.paired_counters import OtherCounter
    from adaptoscope.counting.predict import CountedImage

Edges = Literal["visible", "centres"]
Blurred = Literal["count", "skip"]

_SEEN = "Images that a counter was trained on were not refused: on those it looks better."


@dataclass(frozen=True)
class CountedArray:
    """What a counter says of one image.

    Parameters
    ----------
    count
        Number of cells; a sum of densities need not be whole.
    points
        Shape (N, 2), centres as (row, column) in pixels, (0, 0) being the centre of the top-left
        pixel; None where the counter gives a number alone.
    interval
        The count's 90 % interval (lower, upper); None where the counter has none.
    flag
        Why the count may be wrong, as in the column `flag` of ``counts.csv``; empty where nothing
        speaks against it.
    diameter_px
        Cell diameter in pixels that was measured or given; None where the counter needs none.
    per_mm2
        Cells per square millimetre; None where the pixel size is not known.
    """

    count: float
    points: NDArray[np.floating] | None = field(repr=False)
    interval: tuple[float, float] | None
    flag: str
    diameter_px: float | None
    per_mm2: float | None = None


@dataclass(frozen=True)
class Counter:
    """A counter that is ready to count; `load_counter` gives one.

    Parameters
    ----------
    model
        The counter with what is known of it.
    """

    model: CountingModel

    @property
    def name(self) -> str:
        """Name of the bundled counter, or of its folder."""
        return self.model.name

    def count(
        self,
        array: NDArray[np.generic],
        *,
        pixel_size_um: float | None = None,
        diameter_px: float | None = None,
    ) -> CountedArray:
        """Count the cells of one image.

        Parameters
        ----------
        array
            One channel, shape (H, W): uint8 or uint16 counts, or floats from 0 to 1.
        pixel_size_um
            Edge of a pixel in micrometres, if known.
        diameter_px
            Cell diameter in pixels, in place of what is measured; at least 1.

        Raises
        ------
        InputError
            If the array is no such image, or cannot be counted.
        SettingsError
            If the counter has no use for a diameter.
        """
        from adaptoscope.counting.predict import count_image
        from adaptoscope.counting.settings import PredictSettings

        given = {"pixel_size_um": pixel_size_um, "diameter_px": diameter_px}
        settings = settings_from(given, PredictSettings)
        image = image_of_array(array, pixel_size_um=settings.pixel_size_um)
        return _counted_array(count_image(self.model, image, settings))


def _counted_array(counted: CountedImage) -> CountedArray:
    row = counted.row
    if row.count is None:
        raise AssertionError("an image that was counted has a count")
    known = row.lower is not None and row.upper is not None
    return CountedArray(
        count=row.count,
        points=counted.found.points,
        interval=(row.lower, row.upper) if known else None,  # type: ignore[arg-type]
        flag=row.flag,
        diameter_px=row.diameter_px,
        per_mm2=row.per_mm2,
    )


def load_counter(
    model: Place = "nuclei",
    *,
    device: DeviceName = "auto",
    edges: Edges | None = None,
    blurred: Blurred | None = None,
    window: int | None = None,
) -> Counter:
    """Load a counter by the name of a bundled one, or from its model folder.

    Parameters
    ----------
    model
        ``nuclei``, ``dog``, ``otsu_watershed``, or a model folder of `train_counter`.
    device
        Where a network runs; ``auto`` takes a GPU if there is one.
    edges
        Which cells cut by the border count: all that are ``visible``, or those whose ``centres``
        lie inside. None: as the counter does. Only for density networks.
    blurred
        Whether cells ``count`` that are blurred or faint beside the others of their image, or are
        left out (``skip``). None: as the counter does. Only for density networks.
    window
        Side in pixels of a regressor's windows, at least 32. None: as it was trained.

    Returns
    -------
    Counter
        Its method `count` takes an array.

    Raises
    ------
    InputError
        If there is no such counter, or its folder is not complete.
    """
    from adaptoscope.counting.model_folder import load_counter as load

    loaded = Counter(load(str(Path(model)), device=device))
    return _counter_of(loaded, device, edges, blurred, window)


def _counter_of(
    model: Place | Counter,
    device: DeviceName,
    edges: Edges | None = None,
    blurred: Blurred | None = None,
    window: int | None = None,
) -> Counter:
    """Return a counter that may be loaded already, with other borders or windows."""
    from adaptoscope.counting.conventions import Conventions, by_conventions
    from adaptoscope.counting.settings import PredictSettings

    if not isinstance(model, Counter):
        return load_counter(model, device=device, edges=edges, blurred=blurred, window=window)
    chosen = settings_from({"edges": edges, "blurred": blurred}, PredictSettings)
    loaded = model.model if window is None else model.model.with_window(window)
    return Counter(by_conventions(loaded, Conventions(chosen.edges, chosen.blurred)))


@dataclass(frozen=True, eq=False)
class CounterEvaluation:
    """How far a counter is from counted images.

    Parameters
    ----------
    errors
        Errors, intervals, and a row for every image.
    against
        Another counter on the same images; None where there is none.
    left_out
        Number of images without marked cells, which take no part.
    images
        Number of images in all.
    """

    errors: Evaluation
    against: OtherCounter | None
    left_out: int
    images: int

    def as_dict(self) -> dict[str, object]:
        """Return the figures by name, as ``count evaluate --json`` prints them."""
        return self.errors.as_dict() | (self.against.as_dict() if self.against else {})

    def in_words(self) -> dict[str, str]:
        """Return the same for a person: every figure with its unit."""
        return self.errors.in_words() | (self.against.in_words() if self.against else {})


def evaluate_counter(
    model: Place | Counter,
    images: Images,
    *,
    split: str | None = None,
    against: Place | Counter | None = None,
    window: int | None = None,
    edges: Edges | None = None,
    blurred: Blurred | None = None,
    table: Place | None = None,
    report: Place | None = None,
    allow_training_images: bool = False,
    seed: int = 0,
    device: DeviceName = "auto",
    root: Place | None = None,
    channel: int | None = None,
    z: Plane = None,
) -> CounterEvaluation:
    """Compare a counter with counted images: errors and their 95 % interval.

    Parameters
    ----------
    model
        A counter, the name of a bundled one, or a model folder.
    images
        Counted images.
    split
        Only the images of this split, as ``test``.
    against
        Another counter, compared on the same images.
    window, edges, blurred
        As in `load_counter`.
    table
        CSV file to write, one row per image.
    report
        HTML file to write, with plots and the worst images.
    allow_training_images
        Do not refuse images that the counter has seen; on those it looks better.
    seed
        Of the bootstrap.
    device
        Where networks run.
    root, channel, z
        How the images are found and read.

    Raises
    ------
    InputError
        If no image has its cells marked.
    LeakageError
        If the counter was trained on one of the images.
    """
    opened = open_images(images, root=root, channel=channel, z=z)
    opened = opened.split(split) if split else opened

    from adaptoscope.counting.evaluate import evaluate_counter as evaluate
    from adaptoscope.counting.paired_counters import compare_evaluations

    counter = _counter_of(model, device, edges, blurred, window)
    how = {"seed": seed, "allow_training_images": allow_training_images}
    rival = None if against is None else _counter_of(against, device)
    found = evaluate(counter.model, opened, **how)  # type: ignore[arg-type]
    other = None
    if rival is not None:
        second = evaluate(rival.model, opened, **how)  # type: ignore[arg-type]
        name = str(against) if rival.name == counter.name else rival.name
        other = compare_evaluations(found, second, name=name, seed=seed)
    if table is not None:
        found.write_table(Path(table))
    if (page := path_of(report)) is not None:
        from adaptoscope.pipeline.evaluation_report import write_evaluation_report

        remark = _SEEN if allow_training_images else ""
        write_evaluation_report(
            page, counter.name, found, opened, other=other, remark=remark, seed=seed
        )
    return CounterEvaluation(found, other, len(opened) - found.errors.n, len(opened))
