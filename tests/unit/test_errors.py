import pickle

from adaptoscope.errors import InputError, describe_differences


def test_only_what_differs_is_named_with_both_values() -> None:
    before = {"steps": 50, "how": {"strength": 0.7, "sampler": "ddim"}, "old": 1}
    now = {"steps": 50, "how": {"strength": 0.5, "sampler": "ddim"}, "new": [2]}

    said = describe_differences(before, now)

    assert said == (
        "how.strength: 0.7 before, 0.5 now; old: 1 before, absent now; new: absent before, [2] now"
    )


def test_an_entry_that_is_absent_differs_from_an_empty_one() -> None:
    assert describe_differences({}, {"tokens": None}) == "tokens: absent before, None now"


def test_equal_tables_differ_in_nothing_and_other_things_as_a_whole() -> None:
    assert describe_differences({"a": {"b": 1}}, {"a": {"b": 1}}) == ""
    assert describe_differences([1], {"a": 1}) == "all: [1] before, {'a': 1} now"


def test_many_differences_are_counted() -> None:
    said = describe_differences(dict.fromkeys("abcde", 0), dict.fromkeys("abcde", 1), most=2)

    assert said == "a: 0 before, 1 now; b: 0 before, 1 now; and 3 more"


def test_an_error_keeps_its_parts_on_the_way_between_processes() -> None:
    error = InputError("It is so.", expected="this", found="that", remedy="do")

    again = pickle.loads(pickle.dumps(error))

    assert str(again) == str(error) == "It is so.\n  expected: this\n  found: that\n  remedy: do"
