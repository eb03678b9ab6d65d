"""Turn what a run left on disk into its report."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord, open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_json, write_text
from adaptoscope.pipeline.counting_stage import RowResult
from adaptoscope.pipeline.image_stages import CONTROL
from adaptoscope.pipeline.protocols import Round
from adaptoscope.pipeline.provenance import origins_of_weights
from adaptoscope.pipeline.realism_of_sets import Looks
from adaptoscope.pipeline.recommendation import recommendation
from adaptoscope.pipeline.results import (
    RunResults,
    comparison_tables,
    counted_images,
    curve_points,
    initial_weights,
    plain_results,
    protocol_remarks,
)
from adaptoscope.pipeline.rows import NAMES
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.reporting.counting_report import CountingRun, counting_report
from adaptoscope.reporting.figures import MethodCounts, Picture, display_image
from adaptoscope.reporting.label_curve import label_curve_plot, label_curve_table
from adaptoscope.reporting.tables import (
    CountingRow,
    ScreeningRow,
    counting_table,
    markdown,
    screening_table,
)
from adaptoscope.style_transfer.screening.screen import ScreeningSummary
from adaptoscope.style_transfer.style_file import load_style

_SHOWN = 3
_ALIKE = ("method", "init", "steps", "labelled", "changes")


def write_report(
    settings: ExperimentSettings, out: Path, made: RunResults, looks: Looks | None = None
) -> Path:
    """Write ``report.html``, ``results.json`` and ``results.md`` of a finished run.

    Parameters
    ----------
    looks
        How real the synthetic images look, if that was measured.

    Returns
    -------
    pathlib.Path
        ``report.html``.
    """
    _refuse_empty(made)
    results, points = made.results, curve_points(made.results)
    rows = [_counting_row(settings, result) for result in results]
    screened = [_screening_row(name, summary) for name, summary in made.screening.items()]
    write_json(out / "results.json", plain_results(settings, made))
    compared = comparison_tables(settings, results)
    tables = [counting_table(rows), *compared, *([screening_table(screened)] if screened else [])]
    tables += [label_curve_table(points)] if points else []
    tables += [looks.realism, looks.structure] if looks else []
    advice = recommendation(results)
    parts = [*([f"{advice}\n"] if advice else []), *map(markdown, tables)]
    write_text(out / "results.md", "\n\n".join(parts) + "\n")
    run = CountingRun(
        title=settings.title,
        subtitle=_subtitle(settings),
        images=counted_images(settings, results),
        results=rows,
        counts=[
            MethodCounts(r.row.name, r.true, r.predicted.mean(axis=0), r.errors().mae)
            for r in results
        ],
        comparisons=compared,
        curves=[label_curve_plot(points), label_curve_table(points)] if points else (),
        screening=screened,
        settings=settings.model_dump(mode="json"),
        provenance=_provenance(settings, made),
        styles=_styles(made),
        looks=[looks.realism, looks.structure] if looks else (),
        verdict=looks.verdict if looks else "",
        published=settings.published,
        advice=advice,
        remarks=[
            *protocol_remarks(settings, made),
            *_remarks(results, made.screening),
            *map(_untrained, made.untrained),
        ],
        **_gallery(made.rounds[0]),
    )
    path = out / "report.html"
    counting_report(run).write(path)
    return path


def _refuse_empty(made: RunResults) -> None:
    if not made.results:
        raise InputError(
            "No row of the experiment was trained.",
            expected="at least one row that has images to learn from",
            found=f"screening kept no stylised image for {', '.join(made.untrained)}",
            remedy="screen with looser settings, or add a row without stylised images",
        )


def _counting_row(settings: ExperimentSettings, result: RowResult) -> CountingRow:
    return CountingRow(
        method=result.row.name,
        init=initial_weights(settings, result),
        labels=round(result.labels),
        seeds=len(result.predicted),
        errors=result.errors(),
        mae_interval=result.interval() if result.enough else None,
    )


def _screening_row(name: str, summary: ScreeningSummary) -> ScreeningRow:
    folder, _, fold = name.partition(", ")
    title = NAMES["adain" if folder == CONTROL else "stylised"]
    return ScreeningRow(
        method=f"{title}, {fold}" if fold else title,
        images=summary.n,
        precision=_or_nan(summary.precision),
        recall=_or_nan(summary.recall),
        f1=_or_nan(summary.f1),
        kept=summary.kept,
        rejects=dict(summary.rejects),
    )


def _subtitle(settings: ExperimentSettings) -> str:
    seeds = ", ".join(str(seed) for seed in settings.seeds)
    return f"Experiment {settings.name}; networks trained with seeds {seeds}."


def _remarks(results: Sequence[RowResult], screening: dict[str, ScreeningSummary]) -> list[str]:
    remarks = []
    learnt = [result for result in results if len(result.predicted) > 1]
    if learnt:
        each = "; ".join(
            f"{result.row.name}: {', '.join(f'{mae:.1f}' for mae in result.mae_by_seed)}"
            for result in learnt
        )
        remarks.append(f"MAE of each seed, in cells: {each}.")
    remarks += _verdict(results)
    for name, summary in screening.items():
        folder, _, fold = name.partition(", ")
        kind = "AdaIN without diffusion" if folder == CONTROL else "Style transfer"
        said = f"{kind}, {fold}" if fold else kind
        remarks.append(
            f"{said}: {summary.kept} of {summary.n} images kept; F1 {_shown(summary.f1)} over all, "
            f"{_shown(summary.f1_kept)} over the kept ones, {_shown(summary.f1_drawings)} with the "
            "same detector on the drawings."
        )
    return remarks


def _verdict(results: Sequence[RowResult]) -> list[str]:
    """Say whether stylised images helped, where a row without them differs in nothing else."""
    networks = [one for one in results if one.row.learns and one.row.uses_labels]
    stylised = next(
        (
            one
            for one in networks
            if one.row.synthetic == "stylised" and one.row.regime == "fine_tuned"
        ),
        None,
    )
    plain = next(
        (
            one
            for one in networks
            if stylised
            and one.row.synthetic is None
            and all(getattr(one.row, name) == getattr(stylised.row, name) for name in _ALIKE)
        ),
        None,
    )
    if stylised is None or plain is None:
        return []
    first, second = stylised.errors().mae, plain.errors().mae
    return [
        f"Training on stylised images first {'helped' if first < second else 'did not help'} here: "
        f"{first:.1f} cells off, against {second:.1f} on real images only. Compare the intervals "
        "before you rely on it."
    ]


def _styles(made: RunResults) -> dict[str, str] | None:
    facts: dict[str, str] = {}
    for one in made.rounds:
        path = one.folder / "style.safetensors"
        if path.exists():
            facts |= _style_facts(path, f", {one.name}" if one.name else "")
    return facts or None


def _style_facts(path: Path, where: str) -> dict[str, str]:
    facts = load_style(path).facts
    diameters = sorted(image.cell_diameter_px for image in facts.images)
    training = f", {facts.steps} steps" if facts.steps else ""
    classes = f", each for {facts.density_class}" if facts.density_class else ""
    return {
        f"{path.name}{where}": f"{facts.token_mode.replace('_', '-')}{training}{classes}, "
        f"from {len(facts.images)} images, "
        f"{facts.bit_depth}-bit, median cell diameter {diameters[len(diameters) // 2]:.1f} px; "
        f"backbone {facts.backbone} {facts.backbone_sha256[:12]}",
        f"style images{where}": ", ".join(
            f"{image.name} ({image.split})" for image in facts.images
        ),
    }


def _provenance(settings: ExperimentSettings, made: RunResults) -> dict[str, str]:
    facts: dict[str, str] = {}
    for one in made.rounds:
        where = f", {one.name}" if one.name else ""
        facts |= {
            f"real images, {split}{where}": f"{len(records)} images"
            for split in ("train", "val", "test")
            if (records := one.real.images_of(split))
        }
        path = one.folder / "style.safetensors"
        if path.exists():
            facts["backbone"] = load_style(path).facts.backbone_sha256
    facts |= origins_of_weights(settings, [result.row for result in made.results])
    for one in made.rounds:
        where = f", {one.name}" if one.name else ""
        for name, sha256 in sorted(one.real.split("test").hashes().items()):
            facts[f"test image {Path(name).name}{where}"] = sha256
    return facts


def _gallery(one: Round) -> dict[str, list[Picture]]:
    real, out = one.real, one.folder
    columns: dict[str, list[Picture]] = {
        "real": [_picture(real, record, "real") for record in list(real.split("train"))[:_SHOWN]]
    }
    if not (out / "stylised" / "metadata.csv").exists():
        return columns
    drawings = open_counted_images(out / "drawings")
    by_name = {record.name: record for record in drawings}
    stylised = open_counted_images(out / "stylised", include_rejected=True)
    kept = [record for record in stylised if record.kept is not False][:_SHOWN]
    rejected = [record for record in stylised if record.kept is False][:_SHOWN]
    columns["drawn"] = [
        _picture(drawings, by_name[record.layout], "drawing") for record in kept if record.layout
    ]
    columns["stylised"] = [_picture(stylised, record, "stylised") for record in kept]
    columns["rejected"] = [_picture(stylised, record, "rejected") for record in rejected]
    return columns


def _picture(images: CountedImageSet, record: ImageRecord, kind: str) -> Picture:
    cells = "unknown number of" if record.count is None else str(record.count)
    reason = f", {record.reject_reason}" if record.reject_reason else ""
    return display_image(
        images.read(record).pixels,
        alt=f"{kind} image {record.name} with {cells} cells",
        caption=f"{record.name}: {cells} cells{reason}",
        points=images.points(record) if kind in {"drawing", "rejected"} else None,
    )


def _untrained(name: str) -> str:
    return f"{name} was not trained: screening kept no stylised image."


def _or_nan(share: float | None) -> float:
    return math.nan if share is None else share


def _shown(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.3f}"


def read_results(out: Path) -> dict[str, object]:
    """Read ``results.json`` of a finished run."""
    results: dict[str, object] = json.loads((out / "results.json").read_text("utf-8"))
    return results
