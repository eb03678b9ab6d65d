"""Make a synthetic data set for release, from settings to checksums."""

import json
from dataclasses import asdict
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.images.files import write_json, write_text
from adaptoscope.pipeline.real_images import hashes_of_real, open_real_images, open_style_images
from adaptoscope.pipeline.release.pack import class_table, pack
from adaptoscope.pipeline.release.settings import ReleaseSettings
from adaptoscope.pipeline.settings import RealFolder
from adaptoscope.reporting.figures import display_image
from adaptoscope.reporting.html import Gallery, GalleryColumn, Paragraph, Report, settings_listing
from adaptoscope.reporting.tables import markdown
from adaptoscope.style_transfer.learn_style import learn_style
from adaptoscope.style_transfer.open_backbone import hash_of_backbone, open_backbone
from adaptoscope.style_transfer.refine_style import learn_refined_style
from adaptoscope.style_transfer.screening.screen import ScreeningSummary, screen_set
from adaptoscope.style_transfer.style_file import Style, load_style
from adaptoscope.style_transfer.stylise_set import StylisationJob, stylise_set
from adaptoscope.style_transfer.tokens.density_classes import divide_by_density
from adaptoscope.synthesis.write import synthesise
from adaptoscope.training.run_folder import RunFolder
from adaptoscope.training.step_loop import Device, start_fabric

PARTS = ("report.html", "results.json", "results.md", "dataset", "low", "medium", "high")
_SHOWN = 4


def run_release(
    settings: ReleaseSettings,
    out: Path | None = None,
    *,
    device: Device = "auto",
    workers: int = 1,
    overwrite: bool = False,
) -> Path:
    """Draw, stylise by density class, screen and pack; what is finished is not done again.

    Parameters
    ----------
    settings
        The release.
    out
        Run folder; by default ``runs/NAME``. The data set is its folder ``dataset``.
    device
        Where networks run.
    workers
        Processes for stylising.
    overwrite
        Begin anew.

    Returns
    -------
    pathlib.Path
        The report, ``report.html`` in the run folder.

    Raises
    ------
    InputError
        If no image passes the screen.
    """
    place = Path("runs") / settings.name if out is None else Path(out)
    folder = RunFolder.open(place, settings, overwrite=overwrite, parts=PARTS)
    real = open_real_images(settings.real, place / "real", overwrite=overwrite)
    backbone = settings.style.backbone
    inputs = {f"backbone {backbone}": hash_of_backbone(backbone)}
    if isinstance(settings.real, RealFolder):
        inputs |= hashes_of_real(real)
    folder.keep_named_inputs(inputs)
    if not (place / "report.html").exists():
        folder.record_environment(start_fabric(device).device)
    classes = divide_by_density(
        open_style_images(settings.style, settings.real, real), settings.density
    )
    shares = _shares(settings.images, {name: len(members) for name, members in classes.items()})
    parts = {
        name: _made(place / name, settings, members, real, shares[name], device, workers)
        for name, members in classes.items()
    }
    if not any(summary.kept for _, _, summary in parts.values()):
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
    device: Device,
    workers: int,
) -> tuple[CountedImageSet, Style, ScreeningSummary]:
    """Draw, stylise and screen one density class."""
    computes = str(start_fabric(device).device)
    path, summary = place / "style.safetensors", place / "screening.json"
    if not summary.exists():
        drawings = synthesise(
            place / "drawings",
            settings.drawings,
            count=count,
            seed=settings.seed,
            like=members,
            held_out=[real],
        )
        if not path.exists():
            _learn(path, settings, members, real, device)
        job = StylisationJob(
            out=place / "stylised",
            drawings=drawings.folder,
            style=path,
            backbone=settings.style.backbone,
            settings=settings.stylisation,
            device=computes,
        )
        made = stylise_set(job, workers=workers)
        write_json(summary, asdict(screen_set(made, drawings, settings.screening)))
    images = open_counted_images(place / "stylised", include_rejected=True)
    return images, load_style(path), ScreeningSummary(**json.loads(summary.read_text("utf-8")))


def _learn(
    path: Path,
    settings: ReleaseSettings,
    members: CountedImageSet,
    real: CountedImageSet,
    device: Device,
) -> None:
    backbone = open_backbone(settings.style.backbone, start_fabric(device).device)
    weights, limit = hash_of_backbone(settings.style.backbone), settings.style.limit
    if settings.tokens is None:
        learn_style(
            path, members, backbone, weights, held_out=[real], limit=limit, seed=settings.seed
        )
    else:
        learn_refined_style(
            path,
            members,
            backbone,
            weights,
            settings.tokens,
            held_out=[real],
            limit=limit,
            device=device,
        )


def _report(
    out: Path,
    settings: ReleaseSettings,
    parts: dict[str, tuple[CountedImageSet, Style, ScreeningSummary]],
) -> Path:
    table = class_table(parts)
    write_text(out / "results.md", markdown(table) + "\n")
    found = {
        name: {**asdict(summary), "yield": summary.kept_share}
        for name, (_, _, summary) in parts.items()
    }
    write_json(out / "results.json", {"classes": found})
    columns = []
    for name, (images, _, _) in parts.items():
        kept = [record for record in images if record.kept is not False][:_SHOWN]
        pictures = [
            display_image(
                images.read(record).pixels,
                alt=f"synthetic image {record.name}",
                caption=f"{record.count} cells",
            )
            for record in kept
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
