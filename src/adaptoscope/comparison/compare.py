"""Compare two sets of images before anything is trained on one to count the other."""

from collections import Counter
from dataclasses import dataclass

from adaptoscope.comparison.advice import advice
from adaptoscope.comparison.encoder_distance import measure_encoder_distance
from adaptoscope.comparison.facts import SetFacts, measure_facts
from adaptoscope.comparison.quantities import Quantity, quantities
from adaptoscope.comparison.settings import ComparisonSettings, Verdict
from adaptoscope.datasets.counted_images import CountedImageSet
from adaptoscope.datasets.tiles import evenly_spread
from adaptoscope.errors import InputError
from adaptoscope.inference.network import Device, Network
from adaptoscope.realism.settings import SMALLEST
from adaptoscope.training.progress import progress

_MOST_HASHED = 300
"""Images of a set up to which all are compared pixel by pixel, not only those that are measured."""

_ORDER: tuple[Verdict, ...] = ("not known", "alike", "differs", "differs strongly")


@dataclass(frozen=True)
class Comparison:
    """How two sets differ, and what to do about it, in sentences.

    `same_images` counts the images of the smaller set that have the pixels of one in the other.
    """

    settings: ComparisonSettings
    a: SetFacts
    b: SetFacts
    rows: tuple[Quantity, ...]
    advice: tuple[str, ...]
    same_images: int = 0

    @property
    def verdict(self) -> Verdict:
        """The strongest verdict of all quantities but the size of the images."""
        verdicts = [row.verdict for row in self.rows if row.name != "image_size"]
        return max(verdicts, key=_ORDER.index)

    def as_dict(self) -> dict[str, object]:
        """Return everything as plain values under names that do not change."""
        return {
            "a": _summary(self.a),
            "b": _summary(self.b),
            "verdict": self.verdict,
            "same_images": self.same_images,
            "quantities": {row.name: row.as_dict() for row in self.rows},
            "advice": list(self.advice),
            "settings": self.settings.model_dump(mode="json"),
        }


def compare(
    a: CountedImageSet,
    b: CountedImageSet,
    settings: ComparisonSettings | None = None,
    *,
    device: Device = "auto",
    encoder: Network | None = None,
) -> Comparison:
    """Compare two sets of images of bright cells on a dark ground; labels are not needed.

    Equal images, settings and seed give equal results.

    Parameters
    ----------
    a, b
        The set that a counter knows or is to learn from, and the set that it is to count.
    encoder
        Frozen network whose features are compared, as for `measure_encoder_distance`.

    Raises
    ------
    InputError
        If an image cannot be read or is smaller than 32 pixels.
    """
    chosen = settings or ComparisonSettings()
    sets = [each.with_records(evenly_spread(each.records, chosen.most_images)) for each in (a, b)]
    for each in sets:
        _refuse_small(each)
    facts = [
        measure_facts(part, len(whole), f"measure {which}")
        for which, part, whole in zip("AB", sets, (a, b), strict=True)
    ]
    pair = (facts[0], facts[1])
    distance = measure_encoder_distance(
        (sets[0], sets[1]), pair, chosen, device=device, encoder=encoder
    )
    rows = quantities(pair, distance, chosen)
    said = advice(rows, (facts[0].folder, facts[1].folder), chosen)
    same, of = _same_pixels(a, b, pair)
    if same:
        # Where most images are the same ones, what differs is chance.
        whole = same == of and len(a) == len(b)
        said = (_same_pixels_said(same, of, whole), *(said if 2 * same < of else ()))
    return Comparison(chosen, *pair, rows=rows, advice=said, same_images=same)


def _same_pixels(
    a: CountedImageSet, b: CountedImageSet, facts: tuple[SetFacts, SetFacts]
) -> tuple[int, int]:
    """Count the images of the smaller set that are in the other one too, and all of the smaller."""
    if max(len(a), len(b)) <= _MOST_HASHED:
        hashes = [
            Counter(
                record.source_sha256 or images.read(record).sha256
                for record in progress(images.records, f"read {which}", unit="image")
            )
            for which, images in (("A", a), ("B", b))
        ]
    else:
        hashes = [Counter(image.sha256 for image in each.images) for each in facts]
    return (hashes[0] & hashes[1]).total(), min(each.total() for each in hashes)


def _same_pixels_said(same: int, of: int, whole: bool) -> str:
    if same == of:
        where = "are equal" if whole else "of the smaller one are in the other one too"
        return (
            f"Both sets hold the same pixels: all images, {of}, {where}. There is nothing to "
            "compare: name two different sets."
        )
    return (
        f"The sets share images: {same} of {of} have the same pixels in both. What a counter "
        "learnt from them it cannot be tested on."
    )


def _refuse_small(images: CountedImageSet) -> None:
    small = [record.name for record in images if min(images.size(record)) < SMALLEST]
    if small:
        raise InputError(
            f"An image of {images.folder} is too small to be compared: {small[0]}.",
            expected=f"at least {SMALLEST} pixels each side",
            found=f"{min(images.size(images.records[0]))} pixels in the smaller side"
            if len(images) == 1
            else f"{len(small)} smaller images",
            remedy="leave it out",
        )


def _summary(facts: SetFacts) -> dict[str, object]:
    return {
        "folder": facts.folder,
        "images": facts.available,
        "measured": len(facts.images),
        "labelled": facts.labelled,
    }
