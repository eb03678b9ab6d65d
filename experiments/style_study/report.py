"""The report of a study of styles: tables, the plot of structure against realism, pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord
from adaptoscope.imageio.files import write_json, write_text
from adaptoscope.reporting.figures import Picture, display_image
from adaptoscope.reporting.html import (
    Facts,
    Gallery,
    GalleryColumn,
    Paragraph,
    Report,
    settings_listing,
)
from adaptoscope.reporting.tables import (
    NO_VALUE,
    Table,
    markdown,
    number,
    share,
    with_bounds,
)
from adaptoscope.style_transfer.screening.structure import misses
from experiments.style_study.settings import LayoutSet
from experiments.style_study.study import Measured, StyleStudy
from experiments.style_study.trade_off import Dot, trade_off_panels

_DISTANCES = {
    "kid": ("KID", "trade_off.svg"),
    "cell_kid": ("KID at cells", "trade_off_at_cells.svg"),
}

COLUMNS = (
    "Variant",
    "Evaluations",
    "F1",
    "Relative to drawings [95 % interval]",
    "Invented (divided)",
    "Lost (merged)",
    "Moved by",
    "Kept",
    "F1 of kept",
)
_CAPTION = (
    "{n} drawings, kept and rejected together. F1: drawn cells found again within half a diameter "
    "by a detector that takes no part in screening or choosing; the same detector's F1 on the "
    "drawings is {ceiling}. Invented and lost are shares of the cells drawn, and in brackets those "
    "that are a part of a drawn cell, or are seen as one with a neighbour; moved by is in cell "
    "diameters. Evaluations: how often the network is run for one image."
)
_SHOWN = 3


def write_study(
    study: StyleStudy, measured: Sequence[Measured], realism: Mapping[str, dict[str, Any]]
) -> Path:
    """Write ``report.html``, ``results.json``, ``results.md`` and, with curves, ``trade_off.svg``.

    Parameters
    ----------
    study
        The study, everything made.
    measured, realism
        As `StyleStudy.measure` returns them.

    Returns
    -------
    pathlib.Path
        ``report.html``.
    """
    settings, out = study.settings, study.out
    tables = {
        layout.name: structure_table([m for m in measured if m.layout == layout.name])
        for layout in settings.layouts
    }
    parts = []
    for name, table in tables.items():
        parts += [f"## {name}", markdown(table).rstrip(), table.caption]
        if name in realism:
            table = realism_table(realism[name])
            parts += [markdown(table).rstrip(), table.caption, realism[name]["verdict"]]
    write_text(out / "results.md", "\n\n".join(parts) + "\n")
    write_json(
        out / "results.json",
        {
            "rows": [
                {
                    **_plain(each),
                    "yield": each.screening.kept_share,
                    **{name: distance_of(each, realism, name) for name in _DISTANCES},
                }
                for each in measured
            ],
            "realism": {name: _without_table(found) for name, found in realism.items()},
        },
    )
    report = Report(
        settings.title,
        f"Experiment {settings.name}, seed {settings.seed}; realism is measured against the real "
        f"images of the split {settings.compare_with}.",
    )
    for field, (words, file_name) in _DISTANCES.items():
        picture = _trade_off(study, measured, realism, field)
        if picture is not None:
            write_text(out / file_name, picture.content.decode("utf-8"))
            report.add(f"Structure against {words}", picture)
    for layout in settings.layouts:
        blocks: list[Any] = [tables[layout.name]]
        if layout.name in realism:
            found = realism[layout.name]
            blocks += [realism_table(found), Paragraph(found["verdict"])]
        report.add(f"Drawings {layout.name}", *blocks, _gallery(study, layout))
    report.add("Settings", settings_listing(settings.model_dump(mode="json"), "settings.yaml"))
    report.add("Where everything came from", Facts(_provenance(study)))
    path = out / "report.html"
    report.write(path)
    return path


def structure_table(measured: Sequence[Measured]) -> Table:
    """Lay out structure and yield of the variants on one set of drawings."""
    rows = tuple(
        (
            each.variant,
            str(each.evaluations),
            number(each.structure.f1, digits=3),
            with_bounds(each.structure.relative_f1, each.structure.relative_interval),
            *misses(each.structure),
            number(each.structure.shift_in_diameters, digits=3),
            share(each.screening.kept_share),
            NO_VALUE
            if each.structure.f1_kept is None
            else number(each.structure.f1_kept, digits=3),
        )
        for each in measured
    )
    first = measured[0].structure
    caption = _CAPTION.format(n=first.n, ceiling=number(first.f1_drawings, digits=3))
    return Table(COLUMNS, rows, caption=caption)


def realism_table(found: Mapping[str, Any]) -> Table:
    """Return the table of a realism report as `StyleStudy.measure` keeps it."""
    plain = found["table"]
    return Table(tuple(plain["columns"]), tuple(map(tuple, plain["rows"])), plain["caption"])


def distance_of(
    measured: Measured, realism: Mapping[str, dict[str, Any]], name: str
) -> float | None:
    """Return a kernel distance of a variant's images, or none where it was not measured."""
    sets = realism.get(measured.layout, {"sets": []})["sets"]
    found = next((each[name] for each in sets if each["name"] == measured.variant), None)
    return None if found is None else float(found["value"])


def _trade_off(
    study: StyleStudy,
    measured: Sequence[Measured],
    realism: Mapping[str, dict[str, Any]],
    field: str,
) -> Picture | None:
    """Plot structure against realism, one panel per layout, where variants belong to curves."""
    variants = {variant.name: variant for variant in study.settings.variants if variant.curve}
    panels: dict[str, list[Dot]] = {}
    for each in measured:
        distance = distance_of(each, realism, field)
        variant = variants.get(each.variant)
        if distance is not None and variant is not None:
            dot = Dot(
                variant.curve,
                variant.mark or variant.name,
                1000 * distance,
                each.structure.relative_f1,
                each.structure.relative_interval,
            )
            panels.setdefault(each.layout, []).append(dot)
    if not panels:
        return None
    floors = {
        name: 1000 * found["floor"][field]["value"]
        for name, found in realism.items()
        if found["floor"] is not None and found["floor"][field] is not None
    }
    return trade_off_panels(panels, floors, f"{_DISTANCES[field][0]} x 1000")


def _gallery(study: StyleStudy, layout: LayoutSet) -> Gallery:
    drawings = study.drawings(layout)
    names = [record.name for record in drawings][:_SHOWN]
    by_name = {record.name: record for record in drawings}
    columns = [
        GalleryColumn("Drawing", [_picture(drawings, by_name[name], "drawing") for name in names])
    ]
    for variant in study.settings.variants:
        images = study.images(layout, variant)
        made = {record.layout: record for record in images}
        pictures = [_picture(images, made[name], variant.name) for name in names if name in made]
        columns.append(GalleryColumn(variant.name, pictures))
    return Gallery(columns, caption="The same drawings in every column, the first of the set.")


def _picture(images: CountedImageSet, record: ImageRecord, kind: str) -> Picture:
    verdict = f"rejected: {record.reject_reason}" if record.reject_reason else ""
    return display_image(
        images.read(record).pixels,
        alt=f"{kind}, {record.name}",
        caption=" ".join(filter(None, (f"{record.count} cells", verdict))),
    )


def _provenance(study: StyleStudy) -> dict[str, str]:
    facts = {
        f"real images, {split}": f"{len(records)} images"
        for split in ("train", "val", "test")
        if (records := study.real.images_of(split))
    }
    return facts | {name: sha for name, sha in study.inputs.items() if name.startswith("backbone")}


def _without_table(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "table"}


def _plain(measured: Measured) -> dict[str, Any]:
    return {**asdict(measured), "structure": measured.structure.as_dict()}
