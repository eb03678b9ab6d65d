"""Turn what a run left on disk into its report."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord, open_counted_images
from adaptoscope.images.files import write_json, write_text
from adaptoscope.pipeline.counting_stage import RowResult, row_settings
from adaptoscope.pipeline.image_stages import CONTROL
from adaptoscope.pipeline.looks import Looks
from adaptoscope.pipeline.provenance import encoder_origins
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.reporting.counting_report import CountingRun, counting_report
from adaptoscope.reporting.figures import MethodCounts, Picture, display_image
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


def write_report(
    settings: ExperimentSettings,
    out: Path,
    real: CountedImageSet,
    results: Sequence[RowResult],
    screening: dict[str, ScreeningSummary],
    untrained: Sequence[str] = (),
    looks: Looks | None = None,
) -> Path:
    """Write ``report.html``, ``results.json`` and ``results.md`` of a finished run.

    Parameters
    ----------
    settings
        The experiment.
    out
        Its run folder.
    real
        The real images.
    results
        One per row.
    screening
        Summary by name of the stylised folder.
    untrained
        Names of the rows that had no stylised image to learn from.
    looks
        How real the synthetic images look, if that was measured.

    Returns
    -------
    pathlib.Path
        ``report.html``.
    """
    rows = [_counting_row(settings, result, real) for result in results]
    screened = [_screening_row(name, summary) for name, summary in screening.items()]
    write_json(out / "results.json", _plain(results, rows, screening))
    tables = [counting_table(rows), *([screening_table(screened)] if screened else [])]
    tables += [looks.realism, looks.structure] if looks else []
    write_text(out / "results.md", "\n\n".join(markdown(table) for table in tables) + "\n")
    run = CountingRun(
        title=settings.title,
        subtitle=_subtitle(settings),
        images=f"the {len(results[0].true)} test images",
        results=rows,
        counts=[
            MethodCounts(r.row.name, r.true, r.predicted.mean(axis=0), r.errors().mae)
            for r in results
        ],
        screening=screened,
        settings=settings.model_dump(mode="json"),
        provenance=_provenance(settings, out, real, results),
        styles=_styles(out),
        looks=[looks.realism, looks.structure] if looks else (),
        verdict=looks.verdict if looks else "",
        published=settings.published,
        remarks=[*_remarks(results, screening), *map(_untrained, untrained)],
        **_gallery(out, real),
    )
    path = out / "report.html"
    counting_report(run).write(path)
    return path


def _counting_row(
    settings: ExperimentSettings, result: RowResult, real: CountedImageSet
) -> CountingRow:
    row = result.row
    used = ["train"] if row.real_labels or settings.labels_choose_style(row) else []
    used += ["val"] if row.real_labels and row.learns else []
    init = row_settings(settings, row, 0).init if row.learns else ""
    return CountingRow(
        method=row.name,
        init=init,
        labels=sum(len(real.split(split).labelled()) for split in used if real.images_of(split)),
        seeds=len(result.predicted),
        errors=result.errors(),
        mae_interval=result.interval(),
    )


def _screening_row(name: str, summary: ScreeningSummary) -> ScreeningRow:
    title = "AdaIN without diffusion" if name == CONTROL else "Stylised (AdaIN and diffusion)"
    return ScreeningRow(
        method=title,
        images=summary.n,
        precision=_or_nan(summary.precision),
        recall=_or_nan(summary.recall),
        f1=_or_nan(summary.f1),
        kept=summary.kept,
        rejects=dict(summary.rejects),
    )


def _plain(
    results: Sequence[RowResult],
    rows: Sequence[CountingRow],
    screening: dict[str, ScreeningSummary],
) -> dict[str, object]:
    return {
        "rows": [
            {
                "name": row.method,
                "init": row.init,
                "labels": row.labels,
                **row.errors.as_dict(),
                "mae_interval": [row.mae_interval.lower, row.mae_interval.upper]
                if row.mae_interval
                else None,
                "mae_by_seed": list(result.mae_by_seed),
            }
            for row, result in zip(rows, results, strict=True)
        ],
        "screening": {
            name: {**asdict(summary), "yield": summary.kept_share}
            for name, summary in screening.items()
        },
    }


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
        kind = "AdaIN without diffusion" if name == CONTROL else "Style transfer"
        remarks.append(
            f"{kind}: {summary.kept} of {summary.n} images kept; F1 {_shown(summary.f1)} over all, "
            f"{_shown(summary.f1_kept)} over the kept ones, {_shown(summary.f1_drawings)} with the "
            "same detector on the drawings."
        )
    return remarks


def _verdict(results: Sequence[RowResult]) -> list[str]:
    """Say whether stylised images helped, where a row without them differs in nothing else."""
    networks = [one for one in results if one.row.learns and one.row.real_labels]
    stylised = next((one for one in networks if one.row.synthetic == "stylised"), None)
    plain = next(
        (
            one
            for one in networks
            if stylised
            and one.row.synthetic is None
            and (one.row.method, one.row.init, one.row.steps)
            == (stylised.row.method, stylised.row.init, stylised.row.steps)
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


def _styles(out: Path) -> dict[str, str] | None:
    path = out / "style.safetensors"
    if not path.exists():
        return None
    facts = load_style(path).facts
    diameters = sorted(image.cell_diameter_px for image in facts.images)
    training = f", {facts.steps} steps" if facts.steps else ""
    classes = f", each for {facts.density_class}" if facts.density_class else ""
    return {
        path.name: f"{facts.token_mode.replace('_', '-')}{training}{classes}, "
        f"from {len(facts.images)} images, "
        f"{facts.bit_depth}-bit, median cell diameter {diameters[len(diameters) // 2]:.1f} px; "
        f"backbone {facts.backbone} {facts.backbone_sha256[:12]}",
        "style images": ", ".join(f"{image.name} ({image.split})" for image in facts.images),
    }


def _provenance(
    settings: ExperimentSettings, out: Path, real: CountedImageSet, results: Sequence[RowResult]
) -> dict[str, str]:
    facts = {
        f"real images, {split}": f"{len(records)} images"
        for split in ("train", "val", "test")
        if (records := real.images_of(split))
    }
    path = out / "style.safetensors"
    if path.exists():
        facts["backbone"] = load_style(path).facts.backbone_sha256
    facts |= encoder_origins(settings, [result.row for result in results])
    for name, sha256 in sorted(real.split("test").hashes().items()):
        facts[f"test image {Path(name).name}"] = sha256
    return facts


def _gallery(out: Path, real: CountedImageSet) -> dict[str, list[Picture]]:
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
