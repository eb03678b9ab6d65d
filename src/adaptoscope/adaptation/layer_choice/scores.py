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
- `ranks` (ours): the mean of a candidate's places by `uncertainty`, `separability` and `turned`,
  those of them that are defined. Each of the three errs in its own way. The network as it was
  takes part with the last two.
- `look` (ours): restyled pairs where the look of the target is clear, else `ranks`. If one
  contrast brings restyled images much nearer to the target than the other, they are like it in
  more than sizes and intensities, and a network that learnt from them needs no vote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from scipy.stats import rankdata

from adaptoscope.adaptation.layer_choice.measures import Outputs, disagreement, mean_agreement
from adaptoscope.adaptation.layer_choice.settings import Criterion
from adaptoscope.adaptation.restyling import Contrast

CRITERIA: tuple[Criterion, ...] = get_args(Criterion)

_RANKED: tuple[Criterion, ...] = ("uncertainty", "separability", "turned")
_COMPARING: tuple[Criterion, ...] = ("consensus", "ranks", "look")
"""Criteria by which the network as it was can be chosen."""


class Way(NamedTuple):
    """A way to adapt; with neither part, the network as it was.

    Parameters
    ----------
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
    outputs
        Of each seed, on the same unlabelled target fields, shape (N, S, H, W).
    measures
        Of each seed, by name: ``separability`` and ``turned``.
    healthy
        Of each seed, whether it did not run away.
    votes
        Whether its outputs count in the consensus; not those of the network as it was before. What
        has no vote can be chosen by `consensus`, `ranks` and `look` only.
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
    def finite(self) -> bool:
        """Whether all outputs are numbers."""
        return all(bool(np.isfinite(each).all()) for each in self.outputs)

    @property
    def settled(self) -> bool:
        """Whether `look` chooses it, whatever the others say."""
        return self.clear and all(self.healthy)


def score_candidates(candidates: Sequence[Candidate], criterion: Criterion) -> dict[Way, float]:
    """Score candidates by one criterion, higher for the better.

    Minus infinity for a candidate of which a seed ran away, if another is healthy. `consensus`
    needs two candidates, `uncertainty` two seeds of each.
    """
    able = [
        candidate
        for candidate in candidates
        if candidate.finite and (candidate.votes or criterion in _COMPARING)
    ]
    whole = any(all(candidate.healthy) for candidate in able)
    fit = [candidate for candidate in able if all(candidate.healthy) or not whole]
    found = dict.fromkeys((candidate.way for candidate in candidates), -np.inf)
    if criterion in ("ranks", "look"):
        found |= _places(fit)
    else:
        found |= {each.way: _score(each, candidates, criterion) for each in fit}
    if criterion == "look":
        found |= {candidate.way: 0.0 for candidate in fit if candidate.clear}
    return {way: -np.inf if np.isnan(score) else score for way, score in found.items()}


def choose_way(candidates: Sequence[Candidate], criterion: Criterion = "look") -> Way:
    """Return the way of the best candidate; the earlier one of equals."""
    found = score_candidates(candidates, criterion)
    return max(found, key=lambda way: found[way])


def _places(candidates: Sequence[Candidate]) -> dict[Way, float]:
    """Return the mean place by the ranked criteria, negative: -1 for the first by all of them."""
    places: dict[Way, list[float]] = {candidate.way: [] for candidate in candidates}
    for criterion in _RANKED:
        # The network as it was has no seeds to be compared.
        judged = [each for each in candidates if each.votes or criterion != "uncertainty"]
        values = np.array([_score(each, candidates, criterion) for each in judged])
        if np.isnan(values).all():
            continue
        # Where others have a score, none is the worst.
        ranks = rankdata(-np.where(np.isnan(values), -np.inf, values))
        for each, rank in zip(judged, ranks, strict=True):
            places[each.way].append(float(rank))
    return {way: -float(np.mean(found)) if found else -np.inf for way, found in places.items()}


def _score(candidate: Candidate, candidates: Sequence[Candidate], criterion: Criterion) -> float:
    """Return the score of a candidate by one of the simple criteria; NaN where it has none."""
    if criterion == "uncertainty":
        return -disagreement(candidate.outputs) if len(candidate.outputs) > 1 else np.nan
    if criterion in ("separability", "turned"):
        sign = -1 if criterion == "separability" else 1
        found = [each[criterion] for each in candidate.measures]
        return sign * float(np.mean(found)) if found else np.nan
    able = [other for other in candidates if other.votes and other.finite]
    voters = [other for other in able if all(other.healthy)]
    if len(voters) < 2:
        voters = able
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
