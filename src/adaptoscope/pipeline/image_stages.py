"""Stages 0 to 2 of an experiment: real images, drawings, style, stylised images, screening."""

from pathlib import Path
from typing import cast

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.leakage import refuse_held_out_images
from adaptoscope.pipeline.matched_simulation import simulate_alike
from adaptoscope.pipeline.real_images import open_other, open_style_images
from adaptoscope.pipeline.rows import FOLDERS
from adaptoscope.pipeline.settings import ExperimentSettings, OtherFolder
from adaptoscope.pipeline.style_steps import (
    Controls,
    draw_once,
    learn_style_once,
    screen_once,
    stylise_once,
)
from adaptoscope.simulation.write import simulate
from adaptoscope.style_transfer.controls import Method
from adaptoscope.style_transfer.screening.screen import ScreeningSummary
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.stylise_set import StylisationJob
from adaptoscope.training.progress import progress_display
from adaptoscope.training.step_loop import Device, start_fabric

CONTROL = FOLDERS["adain"]


class ImageStages:
    """The folders of one run, or of one fold of it, each made once and then only read.

    Parameters
    ----------
    shared
        Folder of what does not follow the real images; `out` if not given.
    device
        Where style transfer runs.
    """

    def __init__(
        self,
        settings: ExperimentSettings,
        out: Path,
        *,
        shared: Path | None = None,
        workers: int = 1,
        device: Device = "cpu",
    ) -> None:
        self.settings = settings
        self.out = out
        self.shared = shared or out
        self.workers = workers
        self.device: Device = device
        self._controls: Controls | None = None

    def drawings(self, real: CountedImageSet) -> CountedImageSet:
        """Draw cells whose number is known."""
        chosen = self.settings.drawings
        return draw_once(
            self.out / "drawings",
            chosen.settings,
            count=chosen.images,
            seed=self.settings.seeds[0],
            like=real.split("train") if chosen.like_real else None,
            real=real,
        )

    def style(self, real: CountedImageSet) -> Path:
        """Read the style off the real training images; train its tokens if asked to."""
        return learn_style_once(
            self.out / "style.safetensors",
            self.settings.style,
            self.style_images(real),
            real,
            seed=self.settings.seeds[0],
            stylisation=self.settings.stylisation,
            tokens=self.settings.tokens,
            classes=self.settings.density,
            device=self.device,
        )

    def style_images(self, real: CountedImageSet) -> CountedImageSet:
        """Open the images whose look is taken: a folder's own, else the real training images."""
        return open_style_images(self.settings.style, self.settings.real, real)

    def stylised(self, style: Path) -> CountedImageSet:
        """Give the drawings the look of the real images."""
        return self._stylise("stylised", style, self.settings.stylisation)

    def adain_control(self, style: Path) -> CountedImageSet:
        """Match latent statistics only; no diffusion, all else equal."""
        return self._stylise(CONTROL, style, self.settings.stylisation.changed(inversion="none"))

    def matched(self, real: CountedImageSet, method: Method) -> CountedImageSet:
        """Make the drawings like the real training images by a simple rule."""
        if self._controls is None:
            images, seed = self.style_images(real), self.settings.seeds[0]
            self._controls = Controls(images, real, seed=seed, workers=self.workers)
        return self._controls.match_once(self.out / FOLDERS[method], self.drawings(real), method)

    def simulated_alike(self, real: CountedImageSet) -> CountedImageSet:
        """Simulate the cells of the drawings under a microscope like that of the real images."""
        return simulate_alike(
            self.out / FOLDERS["simulation"],
            real,
            self.drawings(real),
            held_out=[real],
            seed=self.settings.seeds[0],
        )

    def other(self, name: str, real: CountedImageSet) -> CountedImageSet:
        """Open the images of another simulator that the experiment names, or make them."""
        chosen = self.settings.others[name]
        if isinstance(chosen, OtherFolder):
            images = open_other(chosen)
            refuse_held_out_images(images, [real], "train a counter")
            return images
        place = self.shared / "others" / name
        with progress_display(f"simulate {name}", chosen.images, unit="image") as advance:
            return simulate(
                place,
                chosen.simulation,
                count=chosen.images,
                seed=chosen.seed,
                on_image=advance,
            )

    def synthetic(self, kind: str, real: CountedImageSet) -> CountedImageSet:
        """Make one kind of synthetic images unless it stands, without those that were rejected."""
        if kind in self.settings.others:
            return self.other(kind, real)
        if kind == "drawings":
            self.drawings(real)
        elif kind == "stylised":
            self.stylised(self.style(real))
        elif kind == "adain":
            self.adain_control(self.style(real))
        elif kind == "simulation":
            self.simulated_alike(real)
        else:
            self.matched(real, cast("Method", kind))
        return open_counted_images(self.out / FOLDERS[kind])

    def screened(self, stylised: CountedImageSet, drawings: CountedImageSet) -> ScreeningSummary:
        """Judge stylised images; the verdicts go to their ``metadata.csv``, the summary beside."""
        path = stylised.folder.with_name(f"{stylised.folder.name}_screening.json")
        return screen_once(path, stylised, drawings, self.settings.screening, self.workers)

    def _stylise(self, name: str, style: Path, how: StylisationSettings) -> CountedImageSet:
        job = StylisationJob(
            out=self.out / name,
            drawings=self.out / "drawings",
            style=style,
            backbone=self.settings.style.backbone,
            settings=how,
            device=str(start_fabric(self.device).device),
        )
        return stylise_once(job, self.workers)
