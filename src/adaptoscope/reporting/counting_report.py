"""The report of a counting run: the answer first, then how it was come by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adaptoscope.reporting.figures import STRETCH, MethodCounts, Picture, scatter_panels
from adaptoscope.reporting.html import (
    Facts,
    Gallery,
    GalleryColumn,
    Paragraph,
    Report,
    settings_listing,
)
from adaptoscope.reporting.tables import (
    CountingRow,
    ScreeningRow,
    Table,
    counting_table,
    main_result,
    screening_table,
)

_RESULTS_CAPTION = (
    "MAE: mean absolute error, in cells per image, with its bootstrap interval over images. "
    "RMSE: root of the mean squared error. Bias: mean of predicted minus true. Within 5 % and "
    "10 %: share of images counted that closely. Labels used: labelled real images, those of "
    "the validation split included where settings were chosen on it. All rows count the same "
    "images, each once."
)
_SCREENING_CAPTION = (
    "Cells are looked for again in each stylised image and matched one to one with the drawing. "
    "F1, precision and recall are pooled over all images; kept and rejected are shares of images."
)
_LIVE_AND_DEAD = "Live and dead cells are not told apart."


@dataclass(frozen=True)
class CountingRun:
    """What a counting run has to tell.

    Parameters
    ----------
    images
        What was counted, as it stands in a sentence: "the 19 test images".
    results
        One row per method, in the order shown.
    counts
        Counts behind the rows, one panel each.
    screening
        One row per set of stylised images.
    real, drawn, stylised, rejected
        Pictures of the gallery; the caption of a rejected one says why.
    looks
        Tables of how real the synthetic images look and whether they kept their cells.
    styles
        Style file or name to what it was made from, in words.
    settings
        The complete settings of the run, as plain values.
    provenance
        Name of an input or of weights to its hash or source.
    published
        Figures from a paper, in words, that are not comparable with the table; shown apart.
    remarks
        Further sentences below the main result.
    comparisons
        Tables that stand below the main one: beside published figures, or against one method.
    curves
        Plot and table of the error against the number of labels.
    advice
        What a reader should do with the result; stands first.
    """

    title: str
    images: str
    results: Sequence[CountingRow]
    counts: Sequence[MethodCounts]
    settings: Mapping[str, object]
    provenance: Mapping[str, str]
    subtitle: str = ""
    screening: Sequence[ScreeningRow] = ()
    real: Sequence[Picture] = ()
    drawn: Sequence[Picture] = ()
    stylised: Sequence[Picture] = ()
    rejected: Sequence[Picture] = ()
    looks: Sequence[Table] = ()
    verdict: str = ""
    styles: Mapping[str, str] | None = None
    published: str = ""
    remarks: Sequence[str] = ()
    comparisons: Sequence[Table] = ()
    curves: Sequence[Picture | Table] = ()
    advice: str = ""


def counting_report(run: CountingRun) -> Report:
    """Lay out a counting run.

    Parameters
    ----------
    run
        All that is shown. No date, duration or fact of the machine is among it, so the same run
        gives the same file.

    Returns
    -------
    Report
        To be written with `Report.write`.
    """
    report = Report(run.title, run.subtitle)
    found = [run.advice] if run.advice else []
    found += [main_result(run.results, run.images), *run.remarks, _LIVE_AND_DEAD]
    said = [Paragraph(text, "text" if place else "lead") for place, text in enumerate(found)]
    report.add("Result", *said)
    table = counting_table(run.results, caption=_RESULTS_CAPTION)
    note = [Paragraph(run.published, role="note")] if run.published else []
    report.add("How well each method counts", table, *run.comparisons, *note)
    if run.curves:
        report.add("How many labels it takes", *run.curves)
    if run.counts:
        report.add("Predicted against true counts", scatter_panels(run.counts))
    if run.real or run.drawn or run.stylised:
        report.add("What the images look like", _gallery(run))
    if run.screening:
        report.add(
            "Screening of the stylised images",
            screening_table(run.screening, caption=_SCREENING_CAPTION),
        )
    if run.looks:
        report.add("How real they look", Paragraph(run.verdict), *run.looks)
    styles = [Facts(run.styles, "Styles")] if run.styles else []
    report.add("Styles and settings", *styles, settings_listing(run.settings, "settings.yaml"))
    report.add("Where everything came from", Facts(run.provenance))
    return report


def _gallery(run: CountingRun) -> Gallery:
    low, high = STRETCH
    made = (
        GalleryColumn("Drawing", run.drawn, "no drawing"),
        GalleryColumn("Stylised", run.stylised, "no image was kept"),
        GalleryColumn("Rejected, and why", run.rejected, "no image was rejected"),
    )
    return Gallery(
        columns=(
            GalleryColumn("Real", run.real, "no real image"),
            *(made if any(column.pictures for column in made) else ()),
        ),
        caption=f"For display only, each image is stretched between its {low} and {high} "
        "percentiles; the range in brackets is what is shown as black and as white, in parts of "
        "the full range of the file. The drawing and the stylised image of a row share their "
        "cells. Dots mark known cell centres.",
    )
