import json

import pytest

from adaptoscope.imageio.json_values import read_json


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "too deep"),
        (f'{{"mean": {"9" * 400}}}', "400 digits"),
        ('{"mean": ', "Expecting value"),
    ],
    ids=["deep", "long", "cut"],
)
def test_what_cannot_be_used_is_one_kind_of_error(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_json(text)


def test_usual_values_come_back() -> None:
    values = {"a": [1, 2.5, None, True, "x"], "b": {"c": 10**20}}
    assert read_json(json.dumps(values)) == values
