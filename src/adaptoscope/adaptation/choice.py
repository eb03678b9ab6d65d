"""Choose how to adapt without one stain of the target.

Every criterion gives each candidate a score, higher for the better one. Candidates of which a seed
ran away are not chosen where another is healthy, and have no vote where two others have one.

- `uncertainty`: how little the seeds of a candidate differ (SIT-ADDA-Auto, the follow-up of the
  paper's group).
- `separability`: how hard its outputs are to tell from those of the source domain (proxy
  A-distance).
- `turned`: how well a network agrees with itself on turned and mirrored images.
- `consensus` (ours): how well its outputs agree with those of the other candidates. Networks that
  are right agree with each other; those that are wrong are so in ways of their own. The network as
  it was before can be chosen too, so that an adaptation that does harm is not kept, but its opinion
  does not count: the first layers change little and would agree with it for that alone.
- `look` (ours): restyled pairs where the look of the target is clear, else `consensus`. If one
  contrast brings restyled images much nearer to the target than the other, they are like it in
  more than sizes and intensities, and a network that learnt from them needs no vote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from adaptoscope.adaptation.label_free import Outputs, disagreement, mean_agreement
from adaptoscope.adaptation.restyling import Contrast

Criterion = Literal["uncertainty", "separability", "turned", "consensus", "look"]
CRITERIA: tuple[Criterion, ...] = ("uncertainty", "separability", "turned", "consensus", "look")

_CLEAR = 2.0
"""Above any agreement."""


class Way(NamedTuple):
    """A way to adapt; with neither part, the network as it was.

    Parameters
    ----------
    layers
        Layers that are matched.
    restyled
        Contrast of the restyled pairs that are learnt first; empty without them.
    """

    layers: tuple[int, ...] = ()
    restyled: Contrast | Literal[""] = ""

    @property
    def words(self) -> str:
        """As tables and messages say it."""
        layers = ", ".join(map(str, self.layers))
        parts = [f"layer {layers}"] if layers else []
        if self.restyled:
            parts.insert(0, "restyled" if self.restyled == "same" else "restyled, inverted")
        return ", then ".join(parts) or "unadapted"

    @property
    def slug(self) -> str:
        """As folders are named."""
        layers = "-".join(f"{layer:02d}" for layer in self.layers)
        parts = [f"restyled_{self.restyled}"] if self.restyled else []
        return "_".join([*parts, *([f"layer{layers}"] if layers else [])]) or "unadapted"


UNADAPTED = Way()


@dataclass(frozen=True, eq=False)
class Candidate:
    """The networks of one way to adapt, one for each seed.

    Parameters
    ----------
    way
        How they were adapted.
    outputs
        Of each seed, on the same unlabelled target fields, shape (N, S, H, W).
    measures
        Of each seed, by name: ``separability`` and ``turned``.
    healthy
        Of each seed, whether it did not run away.
    votes
        Whether its outputs count in the consensus; not those of the network as it was before. What
        has no vote can be chosen by `consensus` and `look` only.
    clear
        Whether it learnt from restyled pairs, and only one contrast is plausible.
    """

    way: Way
    outputs: Sequence[Outputs]
    measures: Sequence[Mapping[str, float]]
    healthy: Sequence[bool]
    votes: bool = True
    clear: bool = False

    @property
    def settled(self) -> bool:
        """Whether `look` chooses it, whatever the others say."""
        return self.clear and all(self.healthy)


def scores_of(candidates: Sequence[Candidate], criterion: Criterion) -> dict[Way, float]:
    """Score candidates by one criterion.

    Parameters
    ----------
    candidates
        At least one; at least two for `consensus` and `look`, and each of at least two seeds for
        `uncertainty`.
    criterion
        Which.

    Returns
    -------
    dict
        By way, higher for the better; minus infinity for a candidate of which a seed ran away,
        if another is healthy.
    """
    whole = any(all(candidate.healthy) for candidate in candidates)
    found = {}
    for candidate in candidates:
        value = _score(candidate, candidates, criterion)
        unfit = whole and not all(candidate.healthy)
        found[candidate.way] = -np.inf if unfit or np.isnan(value) else value
    return found


def choose_way(candidates: Sequence[Candidate], criterion: Criterion = "look") -> Way:
    """Return the way of the best candidate; the earlier one of equals.

    Parameters
    ----------
    candidates, criterion
        As in `scores_of`.
    """
    found = scores_of(candidates, criterion)
    return max(found, key=lambda way: found[way])


def _score(candidate: Candidate, candidates: Sequence[Candidate], criterion: Criterion) -> float:
    if criterion not in ("consensus", "look") and not candidate.votes:
        return -np.inf
    if criterion == "uncertainty":
        return -disagreement(candidate.outputs)
    if criterion == "separability":
        return -float(np.mean([each["separability"] for each in candidate.measures]))
    if criterion == "turned":
        return float(np.mean([each["turned"] for each in candidate.measures]))
    if criterion == "look" and candidate.clear:
        return _CLEAR
    voters = [other for other in candidates if other.votes and all(other.healthy)]
    if len(voters) < 2:
        voters = [other for other in candidates if other.votes]
    others = [
        np.asarray(np.mean(other.outputs, axis=0), dtype=np.float32)
        for other in voters
        if other is not candidate
    ]
    return float(
        np.mean(
            [
                np.median([mean_agreement(own, [other]) for other in others])
                for own in candidate.outputs
            ]
        )
    )
