"""How many sampling steps a strength stands for; the knob of style transfer."""

import math

from adaptoscope.errors import SettingsError


def steps_for_strength(strength: float, steps: int) -> int:
    """Return how many of the sampling steps a strength runs: ``round(strength * steps)``.

    Parameters
    ----------
    strength
        Share of the noise schedule, in [0, 1]; 0 runs no step, 1 starts from noise.
    steps
        Number of DDIM steps over the whole schedule.
    """
    if not 0.0 <= strength <= 1.0:
        raise SettingsError(
            "The strength of style transfer is out of range.",
            expected="a number from 0 (no step) to 1 (all style)",
            found=str(strength),
            remedy="change `strength`; the paper takes 0.7",
        )
    return math.floor(strength * steps + 0.5)
