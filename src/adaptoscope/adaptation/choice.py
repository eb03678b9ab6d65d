"""Choose the layer to match without one stain of the target.

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
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adaptoscope.adaptation.label_free import Outputs, disagreement, mean_agreement

Criterion = Literal["uncertainty", "separability", "turned", "consensus"]
CRITERIA: tuple[Criterion, ...] = ("uncertainty", "separability", "turned", "consensus")
Layers = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Candidate:
    """The networks of one choice of layers, one for each seed.

    Parameters
    ----------
    layers
        What was matched.
    outputs
        Of each seed, on the same unlabelled target fields, shape (N, S, H, W).
    measures
        Of each seed, by name: ``separability`` and ``turned``.
    healthy
        Of each seed, whether it did not run away.
    votes
        Whether its outputs count in the consensus; not those of the network as it was before. What
        has no vote can be chosen by consensus only.
    """

    layers: Layers
    outputs: Sequence[Outputs]
    measures: Sequence[Mapping[str, float]]
    healthy: Sequence[bool]
    votes: bool = True


def scores_of(candidates: Sequence[Candidate], criterion: Criterion) -> dict[Layers, float]:
    """Score candidates by one criterion.

    Parameters
    ----------
    candidates
        At least one; at least two for `consensus`, and each of at least two seeds for
        `uncertainty`.
    criterion
        Which.

    Returns
    -------
    dict
        By layers, higher for the better; minus infinity for a candidate of which a seed ran away,
        if another is healthy.
    """
    whole = any(all(candidate.healthy) for candidate in candidates)
    found = {}
    for candidate in candidates:
        value = _score(candidate, candidates, criterion)
        unfit = whole and not all(candidate.healthy)
        found[candidate.layers] = -np.inf if unfit or np.isnan(value) else value
    return found


def choose_layers(candidates: Sequence[Candidate], criterion: Criterion = "consensus") -> Layers:
    """Return the layers of the best candidate; the earlier one of equals.

    Parameters
    ----------
    candidates, criterion
        As in `scores_of`.
    """
    found = scores_of(candidates, criterion)
    return max(found, key=lambda layers: found[layers])


def _score(candidate: Candidate, candidates: Sequence[Candidate], criterion: Criterion) -> float:
    if criterion != "consensus" and not candidate.votes:
        return -np.inf
    if criterion == "uncertainty":
        return -disagreement(candidate.outputs)
    if criterion == "separability":
        return -float(np.mean([each["separability"] for each in candidate.measures]))
    if criterion == "turned":
        return float(np.mean([each["turned"] for each in candidate.measures]))
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
