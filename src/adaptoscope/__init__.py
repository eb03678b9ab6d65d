"""Make microscopy models work on your microscope when you have few or no labels.

The stages of cell counting, in the order in which they run:

0. :mod:`adaptoscope.simulation`: an invented specimen and microscope, the offline stand-in for
   real images.
1. :mod:`adaptoscope.synthesis`: draw cells whose number is known.
2. :mod:`adaptoscope.style_transfer`: give the drawings the look of real images; screen out those
   that lost or invented cells.
3. :mod:`adaptoscope.counting`: train a counter, test it on real images, count new ones.

And those of virtual staining:

4. :mod:`adaptoscope.translation`: learn light microscopy to stain, from pairs of one microscope.
5. :mod:`adaptoscope.adaptation`: learn its first layers anew for another one, without pairs.

:mod:`adaptoscope.pipeline` runs them one after the other. Importing the package loads none of
them: each name below is fetched when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.errors import AdaptoscopeError
    from adaptoscope.images.files import read_image
    from adaptoscope.pipeline.demo import demo
    from adaptoscope.pipeline.run import run

__version__ = "0.1.0"

__all__ = ["AdaptoscopeError", "__version__", "demo", "open_counted_images", "read_image", "run"]

_HOMES = {
    "AdaptoscopeError": "adaptoscope.errors",
    "demo": "adaptoscope.pipeline.demo",
    "open_counted_images": "adaptoscope.datasets.counted_images",
    "read_image": "adaptoscope.images.files",
    "run": "adaptoscope.pipeline.run",
}


def __getattr__(name: str) -> object:
    """Fetch a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names without loading what is behind them."""
    return sorted(__all__)
