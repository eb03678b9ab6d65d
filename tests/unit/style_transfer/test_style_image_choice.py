import numpy as np
import pytest

from adaptoscope.style_transfer.style_image_choice import nearest_by_density

DENSITIES = [100.0 * number for number in range(12)]


def generators(number: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(number)]


def test_the_reference_is_among_the_five_nearest_in_density() -> None:
    near = {nearest_by_density(DENSITIES, 620.0, generator) for generator in generators(60)}
    assert near == {4, 5, 6, 7, 8}
    anywhere = {nearest_by_density(DENSITIES, None, generator) for generator in generators(200)}
    assert len(anywhere) == 12


def test_only_candidates_are_chosen() -> None:
    some = [0, 2, 11, 9, 3, 10]
    near = {nearest_by_density(DENSITIES, 620.0, each, some) for each in generators(60)}
    assert near == {2, 3, 9, 10, 11}
    assert {nearest_by_density(DENSITIES, None, each, [7]) for each in generators(5)} == {7}


@pytest.mark.parametrize("density", [None, 0.0, 450.0, 620.0])
def test_one_number_is_drawn_and_decides(density: float | None) -> None:
    """Equal distances keep the order of the images."""
    for generator, same in zip(generators(20), generators(20), strict=True):
        chosen = nearest_by_density(DENSITIES, density, generator)
        order = list(range(12))
        if density is not None:
            order = sorted(order, key=lambda index: abs(DENSITIES[index] - density))[:5]
        assert chosen == order[int(same.random() * len(order))]
        assert generator.bit_generator.state == same.bit_generator.state
