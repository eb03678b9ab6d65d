"""Sets of images that are drawn, each from the seed and its number alone."""

from collections.abc import Callable, Mapping

from adaptoscope.datasets.output_folder import SetWriter
from adaptoscope.errors import SettingsError

SPLITS = ("train", "val", "test")


def check_numbers(count: int, seed: int, cultures: int = 1) -> None:
    """Check how many images a set is asked to hold."""
    if count < 1 or seed < 0 or cultures < 1:
        raise SettingsError(
            "A number is out of range.",
            expected="count and cultures of at least 1, seed of at least 0",
            found=f"count {count}, cultures {cultures}, seed {seed}",
            remedy="give other numbers",
        )


def divide(count: int, shares: Mapping[str, float]) -> list[str]:
    """Give every number a split so that shares, adding up to 1, hold as well as they can.

    The same for every run, spread evenly over the numbers.
    """
    unknown = set(shares) - set(SPLITS)
    negative = any(share < 0 for share in shares.values())
    if unknown or negative or abs(sum(shares.values()) - 1) > 1e-6:
        raise SettingsError(
            "The shares of the splits cannot be used.",
            expected="shares of train, val and test, none below 0, adding up to 1",
            found=", ".join(f"{name}: {share:g}" for name, share in shares.items()) or "none",
            remedy="for example train: 0.6, val: 0.2, test: 0.2",
        )
    splits: list[str] = []
    for number in range(1, count + 1):
        owed = {name: share * number - splits.count(name) for name, share in shares.items()}
        splits.append(max(owed, key=lambda name: owed[name]))
    return splits


def write_numbered(
    writer: SetWriter,
    prefix: str,
    count: int,
    draw: Callable[[str, int], None],
    on_image: Callable[[str], None] | None = None,
) -> None:
    """Draw and write every image that does not stand already, named by prefix and number.

    `draw` takes its name and number; `on_image` is called with the name of each once it stands.
    """
    for index in range(count):
        name = f"{prefix}_{index:05d}"
        if not writer.has(name):
            draw(name, index)
        if on_image is not None:
            on_image(name)
