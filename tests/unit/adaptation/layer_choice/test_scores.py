import numpy as np
import pytest

from adaptoscope.adaptation.layer_choice.scores import (
    UNADAPTED,
    Candidate,
    Way,
    choose_way,
    score_candidates,
)

SHAPE = (4, 1, 32, 32)


def truth() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)


def candidate(
    layers: tuple[int, ...],
    noise: float,
    *,
    bias: int = 0,
    healthy: bool = True,
    turned: float = 0.5,
    separability: float = 0.6,
) -> Candidate:
    """Return two seeds that see the truth through noise, and a fault of their own layer."""
    fault = np.random.default_rng(100 + layers[0]).standard_normal(SHAPE)
    seeds = [np.random.default_rng([layers[0], seed]).standard_normal(SHAPE) for seed in (0, 1)]
    outputs = [(truth() + bias * fault + noise * each).astype(np.float32) for each in seeds]
    measures = {"turned": turned, "separability": separability}
    return Candidate(Way(layers), outputs, [measures] * 2, [healthy, True])


def test_those_that_are_right_agree_with_each_other() -> None:
    # Layer 3 errs least; layer 5 is as steady, but wrong in a way of its own.
    candidates = [
        candidate((2,), 0.8),
        candidate((3,), 0.3),
        candidate((5,), 0.3, bias=3),
        candidate((8,), 1.0),
    ]
    assert choose_way(candidates, "consensus") == Way((3,))
    scores = score_candidates(candidates, "consensus")
    assert min(scores, key=lambda way: scores[way]) == Way((5,))


def test_the_network_as_it_was_is_kept_if_adaptations_do_harm() -> None:
    # It sees the truth nearly; every layer has a fault of its own.
    before = Candidate(UNADAPTED, [truth()], [], [True], votes=False)
    harmed = [candidate((layer,), 0.5, bias=1) for layer in (2, 3, 5)]
    assert choose_way([before, *harmed], "consensus") == UNADAPTED
    assert choose_way([before, *harmed], "uncertainty") != UNADAPTED
    # Where adaptations agree and it does not, one of them is taken.
    away = Candidate(UNADAPTED, [truth()[::-1].copy()], [], [True], votes=False)
    helped = [candidate((layer,), 0.3) for layer in (2, 3, 5)]
    assert choose_way([away, *helped], "consensus") != UNADAPTED


def test_what_has_no_vote_changes_no_other_score() -> None:
    candidates = [candidate((layer,), 0.3 * layer) for layer in (2, 3, 5)]
    before = Candidate(UNADAPTED, [truth()], [], [True], votes=False)
    alone, beside = (
        score_candidates(each, "consensus") for each in (candidates, [before, *candidates])
    )
    assert alone == {way: score for way, score in beside.items() if way != UNADAPTED}


def test_what_ran_away_has_no_vote() -> None:
    # Three that ran away the same way would outvote two that are right.
    fault = np.random.default_rng(9).standard_normal(SHAPE).astype(np.float32)
    away = [
        Candidate(Way((layer,)), [fault, fault], [{}] * 2, [True, False]) for layer in (8, 9, 10)
    ]
    right = [candidate((2,), 0.3), candidate((3,), 0.3)]
    scores = score_candidates([*away, *right], "consensus")
    assert scores[Way((2,))] == pytest.approx(score_candidates(right, "consensus")[Way((2,))])
    assert choose_way([*away, *right], "consensus") in {Way((2,)), Way((3,))}


def test_uncertainty_is_the_difference_between_seeds() -> None:
    candidates = [candidate((2,), 0.8), candidate((3,), 0.3), candidate((5,), 0.1, bias=3)]
    assert choose_way(candidates, "uncertainty") == Way((5,))
    scores = score_candidates(candidates, "uncertainty")
    pair = candidates[0].outputs
    assert scores[Way((2,))] == pytest.approx(-np.abs(pair[0] - pair[1]).mean() / 2, rel=1e-5)


def test_measures_of_single_networks_are_averaged_over_seeds() -> None:
    candidates = [
        candidate((2,), 0.5, turned=0.9, separability=0.9),
        candidate((3,), 0.5, turned=0.8, separability=0.55),
    ]
    assert choose_way(candidates, "turned") == Way((2,))
    assert choose_way(candidates, "separability") == Way((3,))


@pytest.mark.parametrize(
    "criterion", ["uncertainty", "separability", "turned", "consensus", "ranks", "look"]
)
def test_what_ran_away_is_chosen_only_if_everything_did(criterion: str) -> None:
    away = candidate((2,), 0.01, turned=1.0, separability=0.5, healthy=False)
    whole = [candidate((3,), 0.9), candidate((5,), 0.9)]
    assert choose_way([away, *whole], criterion) != Way((2,))
    assert choose_way([away, candidate((3,), 0.9, healthy=False)], criterion) in {
        Way((2,)),
        Way((3,)),
    }


def test_single_criteria_choose_among_those_that_ran_away_by_their_score() -> None:
    measures = {"turned": 0.1, "separability": 0.9}
    before = Candidate(UNADAPTED, [truth()], [measures], [True], votes=False)
    worse = candidate((2,), 0.5, turned=0.2, separability=0.8, healthy=False)
    better = candidate((3,), 0.1, turned=0.3, separability=0.7, healthy=False)
    for order in ([before, worse, better], [worse, better, before]):
        for criterion in ("uncertainty", "separability", "turned"):
            assert choose_way(order, criterion) == Way((3,))
        assert choose_way(order, "ranks") == UNADAPTED


def restyled(*, clear: bool, healthy: bool = True, turned: float = 0.1) -> Candidate:
    """Return two seeds that are wrong, and look it."""
    odd = [truth()[::-1].copy(), truth()[::-1] + 2]
    measures = {"turned": turned, "separability": 0.9}
    return Candidate(Way((), "same"), odd, [measures] * 2, [healthy, True], clear=clear)


def test_a_clear_look_needs_no_vote() -> None:
    layers = [candidate((2,), 0.3), candidate((3,), 0.3), candidate((5,), 0.3)]
    for clear in (True, False):
        taught = restyled(clear=clear)
        assert (choose_way([*layers, taught]) == taught.way) is clear
        for criterion in ("consensus", "ranks"):
            assert choose_way([*layers, taught], criterion) != taught.way
    assert choose_way([*layers, restyled(clear=True, healthy=False)]) != Way((), "same")


def test_ranks_are_the_mean_place_by_three_criteria() -> None:
    # Layer 2 is the steadiest, and second by both others; 3 and 5 win one each and lose another.
    candidates = [
        candidate((2,), 0.1, turned=0.8, separability=0.7),
        candidate((3,), 0.5, turned=0.9, separability=0.9),
        candidate((5,), 0.9, turned=0.7, separability=0.6),
    ]
    scores = score_candidates(candidates, "ranks")
    places = {(2,): (1, 2, 2), (3,): (2, 1, 3), (5,): (3, 3, 1)}
    for layers, expected in places.items():
        assert scores[Way(layers)] == pytest.approx(-np.mean(expected))
    assert choose_way(candidates, "ranks") == Way((2,))


def test_the_network_as_it_was_is_ranked_without_seeds() -> None:
    layers = [
        candidate((2,), 0.1, turned=0.8, separability=0.7),
        candidate((3,), 0.5, turned=0.7, separability=0.8),
    ]

    def before(turned: float) -> Candidate:
        measures = {"turned": turned, "separability": 0.6}
        return Candidate(UNADAPTED, [truth()], [measures], [True], votes=False)

    assert score_candidates([*layers, before(0.9)], "ranks")[UNADAPTED] == -1
    assert choose_way([*layers, before(0.9)], "ranks") in (UNADAPTED, Way((2,)))
    assert choose_way([*layers, before(0.1)], "ranks") == Way((2,))
    assert choose_way([*layers, before(0.9)], "turned") == Way((2,))


def test_criteria_that_are_defined_for_none_are_left_out() -> None:
    nan = float("nan")
    candidates = [
        candidate((2,), 0.5, turned=0.9, separability=nan),
        candidate((3,), 0.1, turned=nan, separability=nan),
    ]
    # By seeds layer 3 is first; turned images tell nothing of it, which is the worst.
    assert score_candidates(candidates, "ranks") == {Way((2,)): -1.5, Way((3,)): -1.5}


@pytest.mark.parametrize("criterion", ["uncertainty", "turned", "consensus", "ranks", "look"])
def test_networks_that_say_no_numbers_are_never_chosen(criterion: str) -> None:
    broken = [np.full(SHAPE, np.nan, np.float32)] * 2
    nan = dict.fromkeys(("turned", "separability"), float("nan"))
    away = Candidate(Way((8,)), broken, [nan] * 2, [False, False])
    candidates = [away, *(candidate((layer,), 0.5, healthy=False) for layer in (2, 3, 5))]
    assert choose_way(candidates, criterion) != Way((8,))
