"""Labelled images made for a folder without labels: drawings in its look, and simulation alike."""

import dataclasses
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.output_folder import is_finished
from adaptoscope.pipeline.matched_simulation import simulate_alike
from adaptoscope.pipeline.settings import StyleSettings
from adaptoscope.pipeline.style_steps import draw_once, learn_style_once, stylise_once
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.stylise_set import StylisationJob
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.step_loop import Device, start_fabric

# Holds tens of cells of the usual size.
_SIDE = 256


@dataclasses.dataclass(frozen=True)
class MadeFor:
    """Makes images for a folder, each kind once.

    Parameters
    ----------
    out
        Where everything is kept.
    bare
        Images that are followed, without labels.
    images
        The set that they are from, whose validation and test images must not be among them.
    drawings, style_images
        How many drawings are made, and of how many images the look is taken at most.
    """

    out: Path
    bare: CountedImageSet
    images: CountedImageSet
    drawings: int
    style_images: int
    seed: int
    device: Device

    def drawn(self) -> CountedImageSet:
        """Return drawings that follow the images in the size and number of cells."""
        return draw_once(
            self.out / "drawings",
            SynthesisSettings(height=_SIDE, width=_SIDE),
            count=self.drawings,
            seed=self.seed,
            like=self.bare,
            real=self.images,
        )

    def styled(self, how: StylisationSettings) -> CountedImageSet:
        """Return the drawings in the look of the images."""
        self.drawn()
        style = StyleSettings(limit=self.style_images)
        path = learn_style_once(
            self.out / "style.safetensors",
            style,
            self.bare,
            self.images,
            seed=self.seed,
            stylisation=how,
            device=self.device,
        )
        job = StylisationJob(
            out=self.out / "styled",
            drawings=self.out / "drawings",
            style=path,
            backbone=style.backbone,
            settings=how,
            device=str(start_fabric(self.device).device),
        )
        return stylise_once(job, 1)

    def simulated(self) -> CountedImageSet:
        """Return the cells of the drawings as a microscope like that of the images shows them.

        All are listed with the diameter of the drawn cells, which is that which real ones look to
        have: a counter of both kinds works at one size.
        """
        drawn = self.drawn()
        out = self.out / "simulated"
        fields = (
            open_counted_images(out)
            if is_finished(out)
            else simulate_alike(out, self.bare, drawn, held_out=[self.images], seed=self.seed)
        )
        known = [record.cell_diameter_px for record in drawn if record.cell_diameter_px]
        diameter = sorted(known)[len(known) // 2] if known else None
        return fields.with_records(
            dataclasses.replace(record, cell_diameter_px=diameter) for record in fields
        )
