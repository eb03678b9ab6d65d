"""Make a synthetic data set for release, from settings to checksums."""

from dataclasses import asdict
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_json, write_text
from adaptoscope.pipeline.real_images import open_real_images, open_style_images
from adaptoscope.pipeline.run_context import RunContext
from adaptoscope.pipeline.style_steps import (
    learn_style_once,
    screen_once,
    style_inputs,
    stylise_once,
)
from adaptoscope.reporting.figures import display_image
from adaptoscope.reporting.html import Gallery, GalleryColumn, Paragraph, Report, settings_listing
from adaptoscope.reporting.tables import markdown
from adaptoscope.style_transfer.style_file import load_style
from adaptoscope.style_transfer.style_tokens.density_groups import divide_by_density
from adaptoscope.style_transfer.stylise_set import StylisationJob
from adaptoscope.synthesis.write import synthesise
from experiments.release.pack import ReleasedClass, class_table, pack
from experiments.release.settings import ReleaseSettings

_SHOWN = 4


def run_release(settings: ReleaseSettings, context: RunContext) -> Path:
    """Draw, stylise by density class, screen and pack; what is finished is not done again.

    Parameters
    ----------
    settings
        The release.
    context
        Where and with what it runs.

    Returns
    -------
    pathlib.Path
        The report, ``report.html`` in the run folder.

    Raises
    ------
    InputError
        If no image passes the screen.
    """
    place = context.path
    real = open_real_images(settings.real, place / "real", overwrite=context.overwrite)
    style_images = open_style_images(settings.style, settings.real, real)
    context.folder.keep_named_inputs(
        style_inputs(settings.style, settings.real, real, style_images)
    )
    context.record_environment()
    classes = divide_by_density(style_images, settings.density.rule())
    shares = _shares(settings.images, {name: len(members) for name, members in classes.items()})
    parts = {
        name: _made(
            place / name,
            # Equal names would share their noise: every class has seeds of its own.
            settings.changed(seed=settings.seed + number),
            members,
            real,
            shares[name],
            context,
        )
        for number, (name, members) in enumerate(classes.items())
    }
    if not any(part.screening.kept for part in parts.values()):
        raise InputError(
            "No image passed the screen, so there is nothing to release.",
            expected="at least one image that kept its cells",
            found=f"{settings.images} rejected images",
            remedy="look at the reasons in metadata.csv of each class, and change `stylisation`",
        )
    pack(place / "dataset", settings, parts)
    return _report(place, settings, parts)


def _shares(total: int, members: dict[str, int]) -> dict[str, int]:
    """Divide a number in the proportion of some others, at least one for each, exactly."""
    everything = sum(members.values())
    shares = {name: max(1, total * number // everything) for name, number in members.items()}
    largest = max(members, key=lambda name: members[name])
    shares[largest] += total - sum(shares.values())
    return shares


def _made(
    place: Path,
    settings: ReleaseSettings,
    members: CountedImageSet,
    real: CountedImageSet,
    count: int,
    context: RunContext,
) -> ReleasedClass:
    """Draw, stylise and screen one density class."""
    drawings = synthesise(
        place / "drawings",
        settings.drawings,
        count=count,
        seed=settings.seed,
        like=members,
        held_out=[real],
    )
    style = learn_style_once(
        place / "style.safetensors",
        settings.style,
        members,
        real,
        seed=settings.seed,
        stylisation=settings.stylisation,
        tokens=settings.tokens,
        device=context.device,
    )
    job = StylisationJob(
        out=place / "stylised",
        drawings=drawings.folder,
        style=style,
        backbone=settings.style.backbone,
        settings=settings.stylisation.changed(seed=settings.stylisation.seed + settings.seed),
        device=context.computes_on,
    )
    made = stylise_once(job, context.workers)
    summary = screen_once(
        place / "screening.json", made, drawings, settings.screening, context.workers
    )
    judged = open_counted_images(made.folder, include_rejected=True)
    kept = judged.with_records([record for record in judged if record.kept is not False])
    return ReleasedClass(kept, load_style(style), summary, tuple(members.hashes().items()))


def _report(
    out: Path,
    settings: ReleaseSettings,
    parts: dict[str, ReleasedClass],
) -> Path:
    table = class_table(parts)
    write_text(out / "results.md", markdown(table) + "\n")
    found = {
        name: {**asdict(part.screening), "yield": part.screening.kept_share}
        for name, part in parts.items()
    }
    drawn, kept = (sum(entry[name] for entry in found.values()) for name in ("n", "kept"))
    whole = {"n": drawn, "kept": kept, "yield": kept / drawn}
    write_json(out / "results.json", {**whole, "classes": found})
    columns = []
    for name, part in parts.items():
        pictures = [
            display_image(
                part.images.read(record).pixels,
                alt=f"synthetic image {record.name}",
                caption=f"{record.count} cells",
            )
            for record in list(part.images)[:_SHOWN]
        ]
        columns.append(GalleryColumn(name, pictures, "no image was kept"))
    report = Report(settings.title, f"Experiment {settings.name}, seed {settings.seed}.")
    text = f"The data set lies in {out.name}/dataset; its README.md is the card."
    report.add("The data set", Paragraph(text), table)
    report.add(
        "What it looks like", Gallery(columns, caption="The first kept images of each class.")
    )
    report.add("Settings", settings_listing(settings.model_dump(mode="json"), "settings.yaml"))
    path = out / "report.html"
    report.write(path)
    return path
