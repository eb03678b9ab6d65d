import itertools

from adaptoscope.images.randomness import generator_of


def test_randomness_is_a_function_of_seed_name_and_attempt() -> None:
    every = list(itertools.product((0, 1), ("a", "b"), (0, 1)))
    first = [generator_of(*each).random() for each in every]
    assert first == [generator_of(*each).random() for each in every]
    assert len(set(first)) == len(every)


def test_the_first_attempt_is_the_plain_one() -> None:
    assert generator_of(3, "a", 0).random() == generator_of(3, "a").random()
