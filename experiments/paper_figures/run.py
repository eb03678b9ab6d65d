"""Make the figures of paper 1 from settings to report."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.datasets.output_folder import is_finished
from adaptoscope.imageio.files import atomic_path, write_json, write_text
from adaptoscope.pipeline.real_images import open_real_images, open_style_images
from adaptoscope.pipeline.run_context import RunContext
from adaptoscope.pipeline.style_steps import (
    draw_once,
    learn_style_once,
    screen_once,
    style_inputs,
    stylise_once,
)
from adaptoscope.reporting.figures import Picture
from adaptoscope.reporting.html import Paragraph, Report, settings_listing
from adaptoscope.reporting.tables import Table, markdown
from adaptoscope.style_transfer.backbones.table import open_backbone
from adaptoscope.style_transfer.settings import StylisationSettings
from adaptoscope.style_transfer.style_file import load_style, save_style
from adaptoscope.style_transfer.style_tokens.density_groups import divide_by_density
from adaptoscope.style_transfer.style_tokens.settings import TokenSettings
from adaptoscope.style_transfer.style_tokens.token_file import style_of_class
from adaptoscope.style_transfer.stylise_set import StylisationJob
from adaptoscope.synthesis.likeness import measure_set, settings_like
from adaptoscope.synthesis.settings import SynthesisSettings
from adaptoscope.training.settings import load_settings, settings_text
from experiments.paper_figures.figures import (
    figure_2,
    figure_3,
    figure_4,
    table_1,
)
from experiments.paper_figures.growing import growing_drawings, write_growing
from experiments.paper_figures.settings import PaperFigureSettings


def run_paper_figures(settings: PaperFigureSettings, context: RunContext) -> Path:
    """Make figures 2 to 4 and Table I; what an earlier call finished is not done again.

    Parameters
    ----------
    settings
        The experiment.
    context
        Where and with what it runs.

    Returns
    -------
    pathlib.Path
        The report, ``report.html`` in the run folder; the figures lie beside it as PNG.
    """
    place = context.path
    maker = _Maker(settings, context)
    context.record_environment()
    second, third, fourth = maker.figure_2(), maker.figure_3(), maker.figure_4()
    first = maker.table_1()
    figures = {"figure_2": second, "figure_3": third[0], "figure_4": fourth[0]}
    for name, picture in figures.items():
        if picture is not None:
            with atomic_path(place / f"{name}.png") as temporary:
                temporary.write_bytes(picture.content)
    tables = {"table_1": first, "figure_3": third[1], "figure_4": fourth[1]}
    text = "\n".join(
        f"## {name.replace('_', ' ').capitalize()}\n\n{markdown(table)}"
        for name, table in tables.items()
    )
    write_text(place / "results.md", text)
    write_json(place / "results.json", {name: asdict(table) for name, table in tables.items()})
    return _report(settings, place, figures, tables)


class _Maker:
    def __init__(self, settings: PaperFigureSettings, context: RunContext) -> None:
        self.settings = settings
        self.context = context
        self.out = context.path
        self.real = open_real_images(settings.real, self.out / "real", overwrite=context.overwrite)
        self.style_images = open_style_images(settings.style, settings.real, self.real)
        context.folder.keep_named_inputs(
            style_inputs(settings.style, settings.real, self.real, self.style_images)
        )

    def figure_2(self) -> Picture:
        rows = {}
        for name, members in divide_by_density(
            self.style_images, self.settings.density.rule()
        ).items():
            place = self.out / "figure_2" / name
            style = self._style_of_class(place / "style.safetensors", name, members)
            drawings = self._drawn(place / "drawings", self.settings.pairs, like=members)
            made = self._stylised(place / "stylised", drawings, style)
            rows[name] = (members, drawings.folder, made.folder)
        return figure_2(rows, self.settings.pairs)

    def figure_3(self) -> tuple[Picture, Table]:
        place, alike = self.out / "figure_3", self._alike()
        chosen, style = self.settings, self._style()
        if not is_finished(place / "stylised"):
            drawn = growing_drawings(alike, chosen.first_cells, chosen.steps, chosen.seed)
            backbone = open_backbone(chosen.style.backbone, self.context.computes_on)
            how = chosen.stylisation
            write_growing(place, drawn, alike, load_style(style), backbone, how)
        drawings, made = (open_counted_images(place / name) for name in ("drawings", "stylised"))
        return figure_3(drawings, made, alike.cell_diameter_px)

    def figure_4(self) -> tuple[Picture | None, Table]:
        place, style = self.out / "figure_4", self._style()
        drawings = self._drawn(place / "drawings", self.settings.attempts, like=self.style_images)
        made = {}
        for number, changes in enumerate(({}, *self.settings.failing)):
            name = f"failing_{number}" if number else "default"
            how = self.settings.stylisation.changed(**changes)
            images = self._stylised(place / name, drawings, style, how)
            path = place / f"{name}_screening.json"
            screen_once(path, images, drawings, self.settings.screening, self.context.workers)
            made[_in_words(changes)] = images.folder
        return figure_4(made, drawings)

    def table_1(self) -> Table:
        count = self.settings.table_images
        return table_1(
            {
                "Real": self.real.labelled(),
                "Syn-HC": self._drawn(self.out / "table_1", count),
            }
        )

    def _alike(self) -> SynthesisSettings:
        path = self.out / "alike.yaml"
        if not path.exists():
            measures = measure_set(self.style_images, held_out=[self.real])
            write_text(path, settings_text(settings_like(measures, self.settings.drawings)))
        return load_settings(path, SynthesisSettings)

    def _drawn(
        self, place: Path, count: int, *, like: CountedImageSet | None = None
    ) -> CountedImageSet:
        return draw_once(
            place,
            self.settings.drawings,
            count=count,
            seed=self.settings.seed,
            like=like,
            real=self.real,
        )

    def _style(self) -> Path:
        """Learn the style of figures 3 and 4, whose tokens, if trained, are those of figure 2."""
        return self._learnt(self.out / "style.safetensors", self.style_images, self.settings.tokens)

    def _style_of_class(self, path: Path, name: str, members: CountedImageSet) -> Path:
        if self.settings.tokens is None:
            return self._learnt(path, members, None)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            save_style(path, style_of_class(load_style(self._style()), name))
        return path

    def _learnt(self, path: Path, images: CountedImageSet, tokens: TokenSettings | None) -> Path:
        chosen = self.settings
        return learn_style_once(
            path,
            chosen.style,
            images,
            self.real,
            seed=chosen.seed,
            stylisation=chosen.stylisation,
            tokens=tokens,
            classes=chosen.density,
            device=self.context.device,
        )

    def _stylised(
        self,
        place: Path,
        drawings: CountedImageSet,
        style: Path,
        how: StylisationSettings | None = None,
    ) -> CountedImageSet:
        job = StylisationJob(
            out=place,
            drawings=drawings.folder,
            style=style,
            backbone=self.settings.style.backbone,
            settings=how or self.settings.stylisation,
            device=self.context.computes_on,
        )
        return stylise_once(job, self.context.workers)


def _in_words(changes: Mapping[str, Any]) -> str:
    """Say what was changed, as a settings file does."""
    return ", ".join(f"{field}: {str(value).lower()}" for field, value in changes.items()) or (
        "as for the other figures"
    )


def _report(
    settings: PaperFigureSettings,
    out: Path,
    figures: dict[str, Picture | None],
    tables: dict[str, Table],
) -> Path:
    report = Report(settings.title, f"Experiment {settings.name}; one seed, {settings.seed}.")
    note = [Paragraph(settings.published, role="note")] if settings.published else []
    report.add("Table I", tables["table_1"], *note)
    for name, title in (
        ("figure_2", "Figure 2: density classes"),
        ("figure_3", "Figure 3: one cell more at each step"),
        ("figure_4", "Figure 4: failures"),
    ):
        picture = figures[name]
        shown = (
            Paragraph("No image failed in one of the paper's ways.") if picture is None else picture
        )
        report.add(title, shown, *([tables[name]] if name in tables else []))
    report.add("Settings", settings_listing(settings.model_dump(mode="json"), "settings.yaml"))
    path = out / "report.html"
    report.write(path)
    return path
