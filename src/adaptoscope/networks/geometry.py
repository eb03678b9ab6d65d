"""How densities lie on images, by kind of network: what counting needs to know without torch."""

from typing import NamedTuple


class Geometry(NamedTuple):
    """Where a place of a density lies, and what it depends on."""

    stride: int
    """Image pixels per place."""

    reach: int
    """A place depends on no pixel farther away than this many, along either axis."""


# Read off the layers of each network.
CENTRES = Geometry(stride=2, reach=96)
FCRN_A = Geometry(stride=1, reach=64)
