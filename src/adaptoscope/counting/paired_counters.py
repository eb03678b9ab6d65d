"""Two counters on the same images: which is nearer to the truth, and how sure that is."""

from dataclasses import dataclass

from adaptoscope.counting.evaluation_result import Evaluation
from adaptoscope.errors import InputError
from adaptoscope.metrics.paired import PairedDifference, compare_errors


@dataclass(frozen=True, eq=False)
class OtherCounter:
    """A counter that another one was compared with.

    Parameters
    ----------
    difference
        Mean absolute error of the counter that was evaluated minus that of this one.
    """

    name: str
    evaluation: Evaluation
    difference: PairedDifference

    def as_dict(self) -> dict[str, object]:
        """Return what ``count evaluate --against --json`` prints besides."""
        found = self.difference.difference
        return {
            "against": {
                "model": self.name,
                **self.evaluation.as_dict(),
                "mae_difference": found.value,
                "mae_difference_interval": [found.lower, found.upper],
                "interval_excludes_0": self.difference.excludes_zero,
            }
        }

    def in_words(self) -> dict[str, str]:
        """Return the same for a person: every figure with its unit."""
        found = self.difference.difference
        verdict = (
            "the interval excludes 0"
            if self.difference.tells_apart
            else "these images do not tell which is nearer"
        )
        return {
            f"MAE of {self.name}": self.evaluation.in_words()["MAE"],
            "difference": f"{found.value:+.2f} cells (95 % interval {found.lower:+.2f} to "
            f"{found.upper:+.2f}; negative: {self.name} is farther off); {verdict}",
        }


def compare_evaluations(
    first: Evaluation, second: Evaluation, *, name: str, seed: int
) -> OtherCounter:
    """Compare two counters that counted the same images, resampled within classes of density."""
    names = [[(row.image, row.true) for row in each.images] for each in (first, second)]
    if names[0] != names[1]:
        raise InputError(
            "The two counters were not compared with the same images.",
            expected="the same images and true counts in one order",
            found=f"{len(names[0])} and {len(names[1])} images, of which "
            f"{len(set(names[0]) & set(names[1]))} are in both",
            remedy="evaluate both on one set",
        )
    difference = compare_errors(
        [row.predicted for row in first.images],
        [row.predicted for row in second.images],
        [row.true for row in first.images],
        seed=seed,
        strata=[row.density_class for row in first.images],
    )
    return OtherCounter(name, second, difference)
