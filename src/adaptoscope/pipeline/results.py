"""What a counting experiment came to, as its report and ``results.json`` tell it."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from adaptoscope.metrics.intervals import Interval
from adaptoscope.pipeline.counting_stage import RowResult
from adaptoscope.pipeline.fold_intervals import coverage_table, plain_coverage
from adaptoscope.pipeline.protocols import FoldProtocol, Round, protocol_in_words
from adaptoscope.pipeline.settings import ExperimentSettings
from adaptoscope.reporting.label_curve import CurvePoint
from adaptoscope.reporting.tables import NO_VALUE, Table, number, with_bounds
from adaptoscope.style_transfer.screening.screen import ScreeningSummary


@dataclass(frozen=True)
class RunResults:
    """What a finished run came to.

    Parameters
    ----------
    results
        One for each row that was trained, over the images of all rounds.
    screening
        Summary by name of the stylised folder, and of the fold where there are folds.
    untrained
        Names of the rows that had no stylised image to learn from.
    """

    rounds: tuple[Round, ...]
    results: tuple[RowResult, ...]
    screening: dict[str, ScreeningSummary]
    untrained: tuple[str, ...] = ()


def initial_weights(settings: ExperimentSettings, result: RowResult) -> str:
    """Say what a row's weights began with; nothing for methods without weights."""
    if result.row.method == "nuclei":
        return "nuclei, as shipped"
    return settings.training_of(result.row, settings.seeds[0]).init if result.row.learns else ""


def plain_results(settings: ExperimentSettings, made: RunResults) -> dict[str, object]:
    """Return the content of ``results.json``; None where an error is not defined."""
    reference = _reference(settings, made.results)
    return {
        "protocol": {
            **settings.protocol.model_dump(mode="json"),
            "seeds": list(settings.seeds),
            "learnt_from": [len(one.real.images_of("train")) for one in made.rounds],
            "counted": [len(one.real.images_of("test")) for one in made.rounds],
        },
        "rows": [_plain_row(settings, result, reference) for result in made.results],
        "screening": {
            name: {**asdict(summary), "yield": summary.kept_share}
            for name, summary in made.screening.items()
        },
    }


def _plain_row(
    settings: ExperimentSettings, result: RowResult, reference: RowResult | None
) -> dict[str, object]:
    row, against = result.row, None
    if reference is not None and reference is not result:
        difference = result.against(reference)
        against = {"row": reference.row.name, "difference": difference.value}
        against |= {"interval": _bounds(difference)}
    return {
        "name": row.name,
        "init": initial_weights(settings, result),
        "labels": round(result.labels),
        "steps": result.steps,
        **{
            name: value if math.isfinite(value) else None
            for name, value in result.errors().as_dict().items()
        },
        "mae_interval": _bounds(result.interval()),
        "mae_by_seed": list(result.mae_by_seed),
        "mae_spread": result.spread,
        "against": against,
        "intervals": plain_coverage(result),
        "published": row.published.model_dump(mode="json") if row.published else None,
    }


def counted_images(settings: ExperimentSettings, results: Sequence[RowResult]) -> str:
    """Say what was counted, as it stands in a sentence."""
    number_of = len(results[0].true)
    if isinstance(settings.protocol, FoldProtocol):
        return f"{number_of} images, each in the fold that did not learn from it"
    chosen_on = getattr(settings.protocol, "count", "test") == "val"
    return f"the {number_of} {'validation' if chosen_on else 'test'} images"


def protocol_remarks(settings: ExperimentSettings, made: RunResults) -> list[str]:
    """Say how images were divided, with which seeds, and for how many steps networks learnt."""
    remarks = [protocol_in_words(settings.protocol, made.rounds)]
    steps = {one.row.name: one.steps for one in made.results if one.row.learns}
    different = set(steps.values())
    if len(different) == 1:
        remarks.append(f"Every network took {different.pop()} optimiser steps in all.")
    elif steps:
        each = "; ".join(f"{name}: {taken}" for name, taken in steps.items())
        remarks.append(f"Optimiser steps of each network in all: {each}.")
    return remarks


def comparison_tables(settings: ExperimentSettings, results: Sequence[RowResult]) -> list[Table]:
    """Lay out our figures beside the published ones, and every row against the reference.

    Parameters
    ----------
    results
        One for each row.

    Returns
    -------
    list of Table
        Only those that there is something to say in.
    """
    tables = []
    if any(result.row.published for result in results):
        tables.append(_published_table(settings, results))
    reference = _reference(settings, results)
    if reference is not None and len(results) > 1:
        tables.append(_against_table(reference, results))
    covered = coverage_table(results)
    return [*tables, covered] if covered else tables


def curve_points(results: Sequence[RowResult]) -> list[CurvePoint]:
    """Return the points of the plot of error against labels; none where no row has a curve."""
    return [
        CurvePoint(result.row.curve, round(result.labels), result.mae_by_seed)
        for result in results
        if result.row.curve
    ]


def _reference(settings: ExperimentSettings, results: Sequence[RowResult]) -> RowResult | None:
    return next((one for one in results if one.row.name == settings.against), None)


def _published_table(settings: ExperimentSettings, results: Sequence[RowResult]) -> Table:
    rows = []
    for result in results:
        paper, errors = result.row.published, result.errors()
        if paper is None:
            continue
        interval = result.interval()
        bounds = (interval.lower, interval.upper) if result.enough else (math.nan, math.nan)
        rows.append(
            (
                result.row.name,
                initial_weights(settings, result) or NO_VALUE,
                with_bounds(errors.mae, bounds, digits=2),
                number(errors.rmse),
                number(paper.mae),
                NO_VALUE if paper.rmse is None else number(paper.rmse),
            )
        )
    return Table(
        columns=(
            "Method",
            "Our initial weights",
            "Our MAE [95\u00a0% interval]",
            "Our RMSE",
            "Published MAE",
            "Published RMSE",
        ),
        rows=tuple(rows),
        caption=f"Our figures beside those of the paper, which counted other images. Ours: "
        f"{counted_images(settings, results)}, the mean over {len(settings.seeds)} seeds.",
        text_columns=2,
    )


def _against_table(reference: RowResult, results: Sequence[RowResult]) -> Table:
    rows = []
    for result in results:
        if result is reference:
            continue
        difference = result.against(reference)
        seeds = result.mae_by_seed
        rows.append(
            (
                result.row.name,
                number(result.errors().mae),
                NO_VALUE if len(seeds) == 1 else number(result.spread),
                number(difference.value, sign=True),
                f"[{number(difference.lower, sign=True)}, {number(difference.upper, sign=True)}]"
                if result.enough
                else "too few images",
            )
        )
    name = reference.row.name
    return Table(
        columns=(
            "Method",
            "MAE",
            "Spread over seeds",
            f"MAE minus that of {name}",
            "95\u00a0% interval",
        ),
        rows=tuple(rows),
        caption=f"Paired bootstrap over images, seeds averaged for each image. An interval wholly "
        f"below 0 says that the method counts better than {name}. Spread: largest MAE of a seed "
        "minus the smallest.",
    )


def _bounds(interval: Interval) -> list[float]:
    return [interval.lower, interval.upper]
