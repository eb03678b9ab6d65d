"""The folders of a study of styles: every variant over the same drawings, then its measures."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_json
from adaptoscope.pipeline.matched_simulation import simulate_alike
from adaptoscope.pipeline.real_images import open_real_images, open_style_images
from adaptoscope.pipeline.rows import NAMES
from adaptoscope.pipeline.run_context import RunContext
from adaptoscope.pipeline.style_steps import (
    Controls,
    draw_once,
    learn_style_once,
    style_inputs,
    stylise_once,
)
from adaptoscope.realism.measure_realism import measure_realism
from adaptoscope.realism.realism_report import COLUMNS
from adaptoscope.reporting.tables import Table
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.diffusion.sampling import evaluations
from adaptoscope.style_transfer.screening.screen import ScreeningSummary, screen_set
from adaptoscope.style_transfer.screening.structure import Structure, judge_structure
from adaptoscope.style_transfer.style_tokens.density_groups import divide_by_density
from adaptoscope.style_transfer.stylise_set import StylisationJob
from experiments.style_study.settings import (
    Control,
    LayoutSet,
    StyleStudySettings,
    Variant,
)


@dataclass(frozen=True)
class Measured:
    """What was measured of one variant on one set of drawings.

    Parameters
    ----------
    layout, variant
        Their names.
    evaluations
        How often the network is evaluated for one image.
    structure
        Whether cells are where they were drawn, kept and rejected images together.
    screening
        What screening kept.
    """

    layout: str
    variant: str
    evaluations: int
    structure: Structure
    screening: ScreeningSummary


class StyleStudy:
    """The folders of one study, each made once and then only read.

    Parameters
    ----------
    settings
        The study.
    context
        Where and with what it runs.
    """

    def __init__(self, settings: StyleStudySettings, context: RunContext) -> None:
        self.settings = settings
        self.context = context
        self.out = context.path
        self.inputs: dict[str, str] = {}
        self._divided: dict[str, CountedImageSet] | None = None

    def open_images(self) -> None:
        """Open the real images and those of the style, and remember which they are.

        Raises
        ------
        OutputError
            If the study was begun with other images or weights.
        """
        chosen = self.settings
        with self.context.timed("real images"):
            self.real = open_real_images(
                chosen.real, self.out / "real", overwrite=self.context.overwrite
            )
            self.style_images = open_style_images(chosen.style, chosen.real, self.real)
            self.inputs = style_inputs(chosen.style, chosen.real, self.real, self.style_images)
            self.context.folder.keep_named_inputs(self.inputs)
        self._controls = Controls(
            self.style_images,
            self.real,
            seed=chosen.seed,
            workers=self.context.workers,
        )

    def measure(self) -> tuple[list[Measured], dict[str, dict[str, Any]]]:
        """Make and measure everything.

        Returns
        -------
        tuple
            What was measured of every variant on every layout, and by layout the realism report as
            plain values.
        """
        for layout in self.settings.layouts:
            for split in ("train", *([self.settings.compare_with] if layout.realism else [])):
                self._followed(layout, split)
        measured = []
        for layout in self.settings.layouts:
            drawings = self._drawings(layout)
            for variant in self.settings.variants:
                found = self._variant(layout, variant, drawings)
                cost = evaluations(NoiseSchedule(), self.settings.how(variant))
                measured.append(Measured(layout.name, variant.name, cost, *found))
        realism = {
            layout.name: self._realism(layout) for layout in self.settings.layouts if layout.realism
        }
        return measured, realism

    def images(self, layout: LayoutSet, variant: Variant) -> CountedImageSet:
        """Open the images that a variant made, rejected ones included."""
        return open_counted_images(self._place(layout, variant.slug), include_rejected=True)

    def drawings(self, layout: LayoutSet) -> CountedImageSet:
        """Open the drawings of a layout."""
        return open_counted_images(self._place(layout, "drawings"))

    def _place(self, layout: LayoutSet, name: str) -> Path:
        return self.out / layout.name / name

    def _followed(self, layout: LayoutSet, split: str) -> CountedImageSet:
        """Return the real images of a split that a layout follows or is compared with."""
        if layout.density_class is None:
            return self.real.split(split)
        if self._divided is None:
            self._divided = divide_by_density(self.real, self.settings.density.rule())
        members = self._divided.get(layout.density_class)
        if members is None or not members.images_of(split):
            raise InputError(
                f"No real image of the split {split} is of the density class of a layout.",
                expected=f"images of the class {layout.density_class}",
                found=", ".join(
                    f"{len(each.images_of(split))} {name}" for name, each in self._divided.items()
                ),
                remedy=f"leave {layout.name} out, or change the limits in `density`",
            )
        return members.split(split)

    def _drawings(self, layout: LayoutSet) -> CountedImageSet:
        with self.context.timed(f"{layout.name}, drawings"):
            return draw_once(
                self._place(layout, "drawings"),
                layout.settings,
                count=layout.images,
                seed=self.settings.seed,
                like=self._followed(layout, "train") if layout.like_real else None,
                real=self.real,
            )

    def _style(self, variant: Variant) -> Path:
        name = self.settings.style_of(variant)
        path = self.out / f"{name}.safetensors"
        if path.exists():
            return path
        with self.context.timed(name):
            return learn_style_once(
                path,
                self.settings.style,
                self.style_images,
                self.real,
                seed=self.settings.seed,
                stylisation=self.settings.how(variant),
                tokens=variant.tokens,
                device=self.context.device,
            )

    def _variant(
        self, layout: LayoutSet, variant: Variant, drawings: CountedImageSet
    ) -> tuple[Structure, ScreeningSummary]:
        place = self._place(layout, variant.slug)
        path = place.with_name(f"{variant.slug}.json")
        if not path.exists():
            job = StylisationJob(
                out=place,
                drawings=drawings.folder,
                style=self._style(variant),
                backbone=self.settings.style.backbone,
                settings=self.settings.how(variant),
                device=self.context.computes_on,
            )
            with self.context.timed(f"{layout.name}, {variant.name}"):
                made = stylise_once(job, self.context.workers)
                screening = screen_set(
                    made, drawings, self.settings.screening, workers=self.context.workers
                )
                structure = judge_structure(self.images(layout, variant), drawings)
            content = {"structure": structure.as_dict(), "screening": asdict(screening)}
            write_json(path, content)
        found = json.loads(path.read_text("utf-8"))
        return Structure.from_dict(found["structure"]), ScreeningSummary(**found["screening"])

    def _control(self, layout: LayoutSet, control: Control) -> CountedImageSet:
        place = self._place(layout, control)
        with self.context.timed(f"{layout.name}, {control}"):
            if control != "simulation":
                return self._controls.match_once(place, self.drawings(layout), control)
            return simulate_alike(
                place,
                self._followed(layout, "train"),
                self.drawings(layout),
                held_out=[self.real],
                seed=self.settings.seed,
            )

    def _realism(self, layout: LayoutSet) -> dict[str, Any]:
        """Compare all images of a layout, rejected ones included, with real ones kept back."""
        path = self._place(layout, "realism.json")
        if not path.exists():
            made = {v.name: self.images(layout, v) for v in self.settings.variants}
            made |= {NAMES[kind]: self._control(layout, kind) for kind in self.settings.controls}
            with self.context.timed(f"{layout.name}, realism"):
                report = measure_realism(
                    self._followed(layout, self.settings.compare_with),
                    {**made, NAMES["drawings"]: self.drawings(layout)},
                    self.settings.realism,
                    device=self.context.device,
                )
            table = Table(COLUMNS, tuple(report.rows), caption=report.method)
            write_json(path, report.as_dict() | {"table": asdict(table)})
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return found
