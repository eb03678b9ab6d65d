"""Learning rate over a run: a linear rise, then a cosine fall to a twentieth."""

import math

# Share of the peak at the end: the last steps still move, and do no harm.
_FLOOR = 0.05


def learning_rate_at(index: int, steps: int, peak: float, warm_up: int) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    index
        Number of the step, from 0.
    warm_up
        Steps of the rise, at most a tenth of the run.
    """
    rise = max(1, min(warm_up, steps // 10))
    if index < rise:
        return peak * (index + 1) / rise
    share = (index - rise) / max(1, steps - rise)
    return peak * (_FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * share)))
