"""Whether a counter that was adapted without labels is to be used."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """Whether an adapted counter is to be used, and why.

    Parameters
    ----------
    before, after
        How far the counter contradicted itself as it was, and how far each seed does
        (`Contradiction.spread`).
    missed_before, missed_after
        What they miss where an image is laid over itself (`Contradiction.missed`).
    between_seeds
        How far the counts of the seeds are from one another, relative to their mean.
    """

    kept: bool
    before: float
    after: tuple[float, ...]
    missed_before: float
    missed_after: tuple[float, ...]
    between_seeds: float
    moved: float
    seed: int

    def in_words(self, counter: str) -> str:
        """Say it in one line, with the figures in brackets."""
        after = " and ".join(f"{each:.3f}" for each in self.after)
        figures = (
            f"it contradicts itself by {self.before:.3f} before and {after} after; "
            f"counts moved by {100 * self.moved:.1f} %, "
            f"the seeds are {100 * self.between_seeds:.1f} % apart"
        )
        if not self.kept:
            return f"Adapting did not help; your counts are those of {counter} ({figures})."
        return (
            "Adapting helped, as far as can be told without labels; your counts are those of "
            f"{counter}: count some by hand to know how far they are off ({figures})."
        )
