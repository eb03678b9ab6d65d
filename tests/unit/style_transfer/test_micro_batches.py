from hypothesis import given
from hypothesis import strategies as st

from adaptoscope.style_transfer.micro_batches import arrange, place_of


@given(st.lists(st.text("ab01.", min_size=1), unique=True, max_size=12), st.integers(1, 5))
def test_no_two_images_of_a_batch_share_a_place(names: list[str], batch: int) -> None:
    arranged = arrange(names, batch)
    assert sorted(name for group in arranged for name in group) == sorted(names)
    for group in arranged:
        assert len({place_of(name, batch) for name in group}) == len(group) <= batch


def test_numbered_images_fill_their_batches() -> None:
    names = [f"cells_{index:05d}.png" for index in range(16)]
    assert [len(group) for group in arrange(names, 8)] == [8, 8]
