"""What people who count differ in, told to a counter that knows densities.

Cells cut by the border, cells out of focus, how faint a cell may be: an image does not say what
its owner counts.
"""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptoscope.counting.post_processing import SKIPPED_BELOW, Blurred, DensityReading, Edges
from adaptoscope.errors import SettingsError

if TYPE_CHECKING:
    from adaptoscope.counting.density_counter import DensityCounter
    from adaptoscope.counting.model_folder import CountingModel


@dataclass(frozen=True)
class Conventions:
    """How somebody counts; None leaves a thing as the counter does it.

    Parameters
    ----------
    edges
        Which cells cut by the border count, as in `DensityReading`.
    blurred
        Whether cells count that are blurred or faint beside the others of their image.
    fitted
        A whole reading, fitted to hand counts; `edges` and `blurred` come before it.
    """

    edges: Edges | None = None
    blurred: Blurred | None = None
    fitted: DensityReading | None = None

    def __bool__(self) -> bool:
        """Tell whether anything is told."""
        return bool(self.changes())

    def changes(self) -> dict[str, object]:
        """Return the fields of a reading that are told."""
        told: dict[str, object] = {} if self.fitted is None else self.fitted.model_dump()
        if self.edges is not None:
            told["edges"] = self.edges
        if self.blurred is not None:
            told["least_sharpness"] = SKIPPED_BELOW if self.blurred == "skip" else 0.0
        return told

    def in_options(self) -> str:
        """Return the options that ask for this on the command line."""
        named = {"--edges": self.edges, "--blurred": self.blurred}
        options = [f"{name} {value}" for name, value in named.items() if value is not None]
        return " ".join([*options, *(["--calibrated-by"] if self.fitted else [])])


AS_IT_DOES = Conventions()
"""Nothing is told: the counter counts as it does."""


def by_conventions(model: "CountingModel", told: Conventions) -> "CountingModel":
    """Return a counter that counts as its user does.

    Raises
    ------
    SettingsError
        If something is told and the counter is no density network.
    """
    if not told:
        return model
    counter = density_counter_of(model, told.in_options())
    read = counter.with_reading(counter.reading.changed(**told.changes()))
    return dataclasses.replace(model, counter=read)


def density_counter_of(model: "CountingModel", asked: str) -> "DensityCounter":
    """Return the density network of a counter, or say that what was asked needs one."""
    if model.density is not None:
        return model.density
    raise SettingsError(
        f"The counter {model.name} has one way of counting, at the border as elsewhere.",
        expected="a counter of the kind centres or fcrn_a, or the bundled nuclei",
        found=f"{asked} with a counter of the kind {model.record.kind}",
        remedy=f"leave {asked.split(' ')[0]} out, or choose another --model",
    )
