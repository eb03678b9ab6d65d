"""Stages 0 to 2 of an experiment: real images, drawings, style, stylised images, screening."""

import json
from dataclasses import asdict
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.images.files import write_json, write_text
from adaptoscope.pipeline.settings import (
    FOLDERS,
    ExperimentSettings,
    RealFolder,
    Synthetic,
    expand_data_path,
)
from adaptoscope.simulation.likeness import measure_real_fields, simulation_like
from adaptoscope.simulation.settings import SimulationSettings
from adaptoscope.simulation.write import simulate
from adaptoscope.style_transfer.learn_style import learn_style
from adaptoscope.style_transfer.open_backbone import hash_of_backbone, open_backbone
from adaptoscope.style_transfer.realism.controls import Method, stylise_by_control
from adaptoscope.style_transfer.screening.screen import ScreeningSummary, screen_set
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.stylise_set import StylisationJob, stylise_set
from adaptoscope.synthesis.write import synthesise
from adaptoscope.training.settings import load_settings, settings_text

CONTROL = FOLDERS["adain"]
CULTURES = 16


class ImageStages:
    """The folders of one run, each made once and then only read.

    Parameters
    ----------
    settings
        The experiment.
    out
        Its run folder.
    workers
        Processes for stylising.
    overwrite
        Make the simulated images anew.
    device
        Where style transfer runs, as PyTorch names it.
    """

    def __init__(
        self,
        settings: ExperimentSettings,
        out: Path,
        *,
        workers: int = 1,
        overwrite: bool = False,
        device: str = "cpu",
    ) -> None:
        self.settings = settings
        self.out = out
        self.workers = workers
        self.overwrite = overwrite
        self.device = device

    def real(self) -> CountedImageSet:
        """Open the real images, or make the simulated ones that stand for them.

        Raises
        ------
        InputError
            If a split is missing.
        """
        chosen = self.settings.real
        if isinstance(chosen, RealFolder):
            real = open_counted_images(
                chosen.path(), root=self._root(), channel=chosen.channel, z=chosen.z
            )
        else:
            real = simulate(
                self.out / "real",
                chosen.simulation,
                count=chosen.images,
                seed=chosen.seed,
                fractions=chosen.fractions,
                overwrite=self.overwrite,
            )
        missing = [split for split in ("train", "test") if not real.images_of(split)]
        if missing:
            raise InputError(
                f"The images of {real.folder} are not divided into splits.",
                expected="a column split with train, test and if possible val",
                found=f"no image in {' or '.join(missing)}",
                remedy="add a column split to metadata.csv or split.csv",
            )
        return real

    def drawings(self, real: CountedImageSet) -> CountedImageSet:
        """Draw cells whose number is known."""
        chosen = self.settings.drawings
        like = real.split("train") if chosen.like_real else None
        return synthesise(
            self.out / "drawings",
            chosen.settings,
            count=chosen.images,
            seed=self.settings.seeds[0],
            like=like,
            held_out=[real],
        )

    def style(self, real: CountedImageSet) -> Path:
        """Read the style off the real training images, without their labels."""
        path = self.out / "style.safetensors"
        if path.exists():
            return path
        chosen = self.settings.style
        learn_style(
            path,
            self.style_images(real),
            open_backbone(chosen.backbone, self.device),
            hash_of_backbone(chosen.backbone),
            held_out=[real],
            limit=chosen.limit,
            seed=self.settings.seeds[0],
        )
        return path

    def style_images(self, real: CountedImageSet) -> CountedImageSet:
        """Open the images whose look is taken: a folder's own, else the real training images."""
        if self.settings.style.images is None:
            return real.split("train")
        folder = expand_data_path(self.settings.style.images)
        return open_counted_images(
            folder, root=self._root(), channel=real.channel, z=real.z
        ).training_part()

    def stylised(self, style: Path) -> CountedImageSet:
        """Give the drawings the look of the real images."""
        return self._stylise("stylised", style, self.settings.stylisation)

    def adain_control(self, style: Path) -> CountedImageSet:
        """Match latent statistics only; no diffusion, all else equal."""
        return self._stylise(CONTROL, style, self.settings.stylisation.changed(inversion="none"))

    def matched(self, real: CountedImageSet, method: Method) -> CountedImageSet:
        """Make the drawings like the real training images by a simple rule."""
        return stylise_by_control(
            self.out / FOLDERS[method],
            self.drawings(real),
            self.style_images(real),
            method,
            self.settings.seeds[0],
            held_out=[real],
            workers=self.workers,
        )

    def simulated_alike(self, real: CountedImageSet) -> CountedImageSet:
        """Simulate fields of the drawings' size that follow the real training images."""
        drawn = self.settings.drawings
        path = self.out / "simulation.yaml"
        if not path.exists():
            canvas = SimulationSettings(height=drawn.settings.height, width=drawn.settings.width)
            found = simulation_like(measure_real_fields(real), canvas)
            write_text(path, settings_text(found))
        return simulate(
            self.out / FOLDERS["simulation"],
            load_settings(path, SimulationSettings),
            count=drawn.images,
            seed=self.settings.seeds[0],
            cultures=min(CULTURES, drawn.images),
        )

    def synthetic(self, kind: Synthetic, real: CountedImageSet) -> CountedImageSet:
        """Make one kind of synthetic images, or open it; stylised ones are screened apart."""
        if kind == "drawings":
            return self.drawings(real)
        if kind == "stylised":
            return self.stylised(self.style(real))
        if kind == "adain":
            return self.adain_control(self.style(real))
        if kind == "simulation":
            return self.simulated_alike(real)
        return self.matched(real, kind)

    def screened(self, stylised: CountedImageSet, drawings: CountedImageSet) -> ScreeningSummary:
        """Judge stylised images; the verdicts go to their ``metadata.csv``, the summary beside."""
        path = stylised.folder.with_name(f"{stylised.folder.name}_screening.json")
        if path.exists():
            return ScreeningSummary(**json.loads(path.read_text("utf-8")))
        summary = screen_set(stylised, drawings, self.settings.screening)
        write_json(path, asdict(summary))
        return summary

    def _root(self) -> Path | None:
        chosen = self.settings.real
        root = chosen.root if isinstance(chosen, RealFolder) else None
        return None if root is None else expand_data_path(root)

    def _stylise(self, name: str, style: Path, how: StylisationSettings) -> CountedImageSet:
        folder = self.out / name
        if (folder / "metadata.csv").exists() and not (folder / "records").exists():
            return open_counted_images(folder, include_rejected=True)
        job = StylisationJob(
            out=folder,
            drawings=self.out / "drawings",
            style=style,
            backbone=self.settings.style.backbone,
            settings=how,
            device=self.device,
        )
        return stylise_set(job, workers=self.workers)
