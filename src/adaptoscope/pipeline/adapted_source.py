"""A counter that is adapted to the images before it counts them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptoscope.counting.conventions import AS_IT_DOES, by_conventions
from adaptoscope.counting.counter_source import CounterSource, StoredCounter
from adaptoscope.counting.settings import PredictSettings
from adaptoscope.errors import SettingsError

if TYPE_CHECKING:
    from adaptoscope.counting.model_folder import CountingModel
    from adaptoscope.pipeline.verdict import Verdict


@dataclass(frozen=True)
class AdaptedCounter:
    """A counter that was adapted to the images.

    Parameters
    ----------
    measured
        What was measured in it, which no other adaptation repeats.
    """

    before: StoredCounter
    folder: Path
    seed: int
    measured: tuple[float, ...]

    def load(self) -> "CountingModel":
        """Load it."""
        from adaptoscope.pipeline.counter_adaptation import adapted_counter

        before = replace(self.before, told=AS_IT_DOES)
        adapted = adapted_counter(before.load(), self.folder, self.seed)
        return by_conventions(adapted, self.before.told)

    def identity(self) -> dict[str, object]:
        """Return that of the counter before, and what came of adapting it."""
        place = str(self.folder.resolve())
        return {**self.before.identity(), "adapted": place, "measured": list(self.measured)}

    def located(self) -> "AdaptedCounter":
        """Return it with the device that it runs on."""
        return replace(self, before=self.before.located())


def refuse_to_adapt(
    source: CounterSource, places: Sequence[Path], calibrated_by: object = None
) -> StoredCounter:
    """Refuse what no counter can be adapted with or to."""
    if not isinstance(source, StoredCounter):
        raise SettingsError(
            "A counter that is loaded already cannot be adapted.",
            expected="the name or the folder of a counter beside adapt",
            found="a loaded counter",
        )
    if calibrated_by is not None:
        raise SettingsError(
            "A counter is adapted without labels, or calibrated by hand counts.",
            expected="adapt or calibrated_by",
            found="both",
            remedy="leave one out",
        )
    if len(places) != 1 or not places[0].is_dir():
        raise SettingsError(
            "A counter is adapted to a folder of images.",
            expected="one folder of PNG or TIFF images beside --adapt",
            found=", ".join(map(str, places)),
            remedy="give the folder, or leave --adapt out",
        )
    return source


def adapted_source(
    source: StoredCounter,
    images: Path,
    folder: Path,
    settings: PredictSettings,
    *,
    overwrite: bool,
) -> "tuple[StoredCounter | AdaptedCounter, Verdict]":
    """Adapt a counter to images, and take it if that helped.

    Parameters
    ----------
    folder
        Where the adaptation is kept.
    overwrite
        Discard an adaptation to other images or with other settings.
    """
    from adaptoscope.datasets.counted_images import open_counted_images
    from adaptoscope.pipeline.counter_adaptation import AdaptSettings, adapt_counter

    opened = open_counted_images(images, channel=settings.channel, z=settings.z)
    how = AdaptSettings(cell_diameter_px=settings.diameter_px)
    device: Any = source.device
    _, verdict = adapt_counter(
        source.model, opened, folder, how, device=device, overwrite=overwrite
    )
    if not verdict.kept:
        return source, verdict
    measured = (verdict.before, *verdict.after, verdict.moved)
    return AdaptedCounter(source, folder, verdict.seed, measured), verdict
