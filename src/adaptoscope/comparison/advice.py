"""What to do about the differences of two sets, in plain sentences with the commands."""

from collections.abc import Iterator, Sequence

from adaptoscope.comparison.quantities import Quantity
from adaptoscope.comparison.settings import ComparisonSettings

_EXPOSURE = ("background", "contrast", "histogram", "bit_depth")


def advice(
    rows: Sequence[Quantity], folders: tuple[str, str], settings: ComparisonSettings
) -> tuple[str, ...]:
    """Say what the differences mean for a counter that was trained on A and is to count B.

    `folders` are the names of A and B, for the commands. The last sentence says how to find out
    what the differences cost.
    """
    by_name = {row.name: row for row in rows}
    said = [
        *_saturation(by_name["saturation"], settings),
        *_scale(by_name, folders[1]),
        *_focus(by_name["focus"]),
        *_noise(by_name["noise"]),
        *_density(by_name["covered"], folders[1]),
        *_look(by_name, folders[1]),
        *_light(by_name),
    ]
    if not said:
        said = ["The sets are alike in everything that matters to a counter."]
    check = f"adaptoscope count check {folders[1]} --n 10"
    return (*said, f"How well a counter does on B, only counting tells: `{check}`.")


def differs(row: Quantity) -> bool:
    """Tell whether the sets differ in a quantity; what is not known does not."""
    return row.verdict in ("differs", "differs strongly")


def _saturation(row: Quantity, settings: ComparisonSettings) -> Iterator[str]:
    for which, share in (("A", row.a), ("B", row.b)):
        if isinstance(share, float) and share >= settings.saturation.differs:
            yield (
                f"{which} is saturated ({100 * share:.1f} % of the pixels at the top): nothing can "
                "restore what was cut off; expose less."
            )


def _scale(by_name: dict[str, Quantity], folder: str) -> Iterator[str]:
    row, pixels = by_name["cell_diameter"], by_name["pixel_size"]
    if not differs(row):
        return
    ratio = row.ratio()
    way = f"{ratio:.1f} times larger" if ratio > 1 else f"{1 / ratio:.1f} times smaller"
    text = (
        f"Cells are {way} in B ({row.b:.0f} px against {row.a:.0f} px): `nuclei` measures that "
        "in each image and needs no word of it. A counter that was trained on A has to be told, "
        f"unless the files state both pixel sizes: `adaptoscope count predict {folder} --model "
        f"MODEL --diameter {row.b:.0f}`."
    )
    if pixels.verdict != "not known":
        in_um = ratio * pixels.ratio()
        alike = 1 / 1.15 < in_um < 1.15
        text += (
            " The pixel size explains it."
            if alike
            else f" The pixel size does not explain it: in micrometres the ratio is {in_um:.2f}."
        )
    yield text


def _focus(row: Quantity) -> Iterator[str]:
    if not differs(row):
        return
    if row.ratio() < 1:
        yield (
            "B is blurrier: borders of cells are "
            f"{row.difference:.1f} times less steep. Refocus if the images can be taken again; "
            "else train on drawings in the style of B, which carry its blur."
        )
    else:
        yield (
            f"B is sharper: borders of cells are {row.difference:.1f} times steeper. This rarely "
            "harms a counter that was trained on A."
        )


def _noise(row: Quantity) -> Iterator[str]:
    if differs(row):
        word, remedy = (
            ("noisier", "more light or a longer exposure helps most, where there is room below")
            if row.ratio() > 1
            else ("less noisy", "this rarely harms")
        )
        yield f"B is {row.difference:.1f} times {word} relative to its contrast: {remedy}."


def _density(row: Quantity, folder: str) -> Iterator[str]:
    if differs(row):
        way = "more" if row.ratio() > 1 else "less"
        yield (
            f"Densities differ: cells cover {row.difference:.1f} times {way} area in B. Draw "
            f"training images as dense as B: `adaptoscope synthesise OUT --like {folder}`."
        )


def _look(by_name: dict[str, Quantity], folder: str) -> Iterator[str]:
    rows = (by_name["look"], by_name["told_apart"])
    known = [row for row in rows if row.verdict != "not known"]
    if known and all(differs(row) for row in known):
        yield (
            "Styles differ, also at one cell size: learn that of B, "
            f"`adaptoscope style learn b.safetensors --images {folder}`, and give it to drawings, "
            "`adaptoscope stylise DRAWINGS OUT --style b.safetensors`."
        )


def _light(by_name: dict[str, Quantity]) -> Iterator[str]:
    if differs(by_name["unevenness"]):
        worse = "B" if by_name["unevenness"].ratio() > 1 else "A"
        yield f"The background of {worse} is more uneven: correct the illumination, if you can."
    exposure = [by_name[name] for name in _EXPOSURE if differs(by_name[name])]
    if exposure:
        names = ", ".join(row.title for row in exposure)
        yield (
            f"Exposure differs ({names}). Networks normalise each image by default and do not mind "
            "it; a fitted `dog`, whose threshold is absolute, does."
        )
