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

:mod:`adaptoscope.pipeline` runs them one after the other. The names below are what a person does;
the commands call the same functions. Importing the package loads none of them: each is fetched
when it is first used, and what it needs is imported when it is called.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from adaptoscope.errors import AdaptoscopeError, missing_extra

if TYPE_CHECKING:
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.datasets.paired_stains import open_paired_stains
    from adaptoscope.imageio.files import read_image
    from adaptoscope.pipeline.adapt_stain import adapt_stain, sweep_stain
    from adaptoscope.pipeline.compare_sets import compare
    from adaptoscope.pipeline.convert_set import convert
    from adaptoscope.pipeline.count_folder import count_folder
    from adaptoscope.pipeline.counter_training import train_counter
    from adaptoscope.pipeline.counters import evaluate_counter, load_counter
    from adaptoscope.pipeline.demo import demo
    from adaptoscope.pipeline.drawings import simulate, simulate_pairs, synthesise
    from adaptoscope.pipeline.run import run
    from adaptoscope.pipeline.stain_evaluation import evaluate_stain
    from adaptoscope.pipeline.stains import predict_stain, train_stain
    from adaptoscope.pipeline.styles import learn_style, screen, stylise

__version__ = "0.1.0"

__all__ = [
    "AdaptoscopeError",
    "__version__",
    "adapt_stain",
    "compare",
    "convert",
    "count_folder",
    "demo",
    "evaluate_counter",
    "evaluate_stain",
    "learn_style",
    "load_counter",
    "open_counted_images",
    "open_paired_stains",
    "predict_stain",
    "read_image",
    "run",
    "screen",
    "simulate",
    "simulate_pairs",
    "stylise",
    "sweep_stain",
    "synthesise",
    "train_counter",
    "train_stain",
]

_HOMES = {
    "adapt_stain": "adaptoscope.pipeline.adapt_stain",
    "compare": "adaptoscope.pipeline.compare_sets",
    "convert": "adaptoscope.pipeline.convert_set",
    "count_folder": "adaptoscope.pipeline.count_folder",
    "demo": "adaptoscope.pipeline.demo",
    "evaluate_counter": "adaptoscope.pipeline.counters",
    "evaluate_stain": "adaptoscope.pipeline.stain_evaluation",
    "learn_style": "adaptoscope.pipeline.styles",
    "load_counter": "adaptoscope.pipeline.counters",
    "open_counted_images": "adaptoscope.datasets.counted_images",
    "open_paired_stains": "adaptoscope.datasets.paired_stains",
    "predict_stain": "adaptoscope.pipeline.stains",
    "read_image": "adaptoscope.imageio.files",
    "run": "adaptoscope.pipeline.run",
    "screen": "adaptoscope.pipeline.styles",
    "simulate": "adaptoscope.pipeline.drawings",
    "simulate_pairs": "adaptoscope.pipeline.drawings",
    "stylise": "adaptoscope.pipeline.styles",
    "sweep_stain": "adaptoscope.pipeline.adapt_stain",
    "synthesise": "adaptoscope.pipeline.drawings",
    "train_counter": "adaptoscope.pipeline.counter_training",
    "train_stain": "adaptoscope.pipeline.stains",
}


def __getattr__(name: str) -> object:
    """Fetch a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        raise missing_extra(error, f"`{name}`") or error from error


def __dir__() -> list[str]:
    """List the public names without loading what is behind them."""
    return sorted(__all__)
