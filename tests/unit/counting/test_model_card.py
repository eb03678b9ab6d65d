from adaptoscope.counting.model_card import model_card


def test_the_card_says_what_must_be_said():
    card = model_card("Cell counter", {"images": 5, "pixel size (um)": None}, {"mae": 3.14159})

    assert card.startswith("# Cell counter\n")
    assert "not told apart" in card
    assert "- mae: 3.142" in card
    assert "- pixel size (um): unknown" in card
    assert "## Licence" in card


def test_an_unmeasured_counter_says_so():
    assert "Not measured" in model_card("Cell counter", {}, None)
