"""Count with windows of another size than a regressor was trained on."""

import dataclasses

from adaptoscope.counting.counters import NetworkCounter
from adaptoscope.counting.model_folder import CountingModel
from adaptoscope.errors import SettingsError

LEAST_WINDOW = 32
"""Side in pixels of the smallest window: what one feature of EfficientNet-B0 stands for."""


def with_window(model: CountingModel, window: int) -> CountingModel:
    """Return a counter whose windows have another size.

    Parameters
    ----------
    model
        A regressor. Other counters see an image as a whole and have no windows.
    window
        Side of the windows in pixels, at least `LEAST_WINDOW`.
    """
    if not isinstance(model.counter, NetworkCounter):
        raise SettingsError(
            f"The counter {model.name} has no windows.",
            expected="a regressor, which sums the counts of windows",
            found=f"a counter of the kind {model.record.kind}, which sees an image as a whole",
            remedy="leave out --window",
        )
    if window < LEAST_WINDOW:
        raise SettingsError(
            "The window is too small.",
            expected=f"at least {LEAST_WINDOW} pixels",
            found=str(window),
            remedy="choose a larger --window",
        )
    return dataclasses.replace(model, counter=model.counter.with_window(window))
