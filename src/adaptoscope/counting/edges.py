"""Another rule for cells cut by the border of an image, for counters that know densities."""

import dataclasses

from adaptoscope.counting.density_counter import DensityCounter
from adaptoscope.counting.model_folder import CountingModel
from adaptoscope.counting.reading import Edges
from adaptoscope.errors import SettingsError


def at_edges(model: CountingModel, edges: Edges | None) -> CountingModel:
    """Return a counter that counts cells cut by the border in a certain way.

    Parameters
    ----------
    edges
        As in `DensityReading`; None leaves the counter as it is.
    """
    if edges is None:
        return model
    if not isinstance(model.counter, DensityCounter):
        raise SettingsError(
            f"The counter {model.name} has one way of counting at the border.",
            expected="a counter of the kind centres or fcrn_a, or the bundled nuclei",
            found=f"--edges {edges} with a counter of the kind {model.record.kind}",
            remedy="leave --edges out, or choose another --model",
        )
    return dataclasses.replace(model, counter=model.counter.with_edges(edges))
