"""What the table of a counting experiment tells a person to use."""

from collections.abc import Sequence

from adaptoscope.pipeline.counting_stage import RowResult

_WAYS = {
    "nuclei": "the counter `nuclei` as it is shipped "
    "(`adaptoscope count predict IMAGES --out counts.csv`)",
    "nuclei_fitted": "`nuclei` fitted to your labels "
    "(`adaptoscope count train MODEL --real SET --head nuclei`)",
    "dog": "`dog` fitted to your labels (`adaptoscope count train MODEL --real SET --head dog`)",
    "otsu_watershed": "`otsu_watershed` fitted to your labels "
    "(`adaptoscope count train MODEL --real SET --head otsu_watershed`)",
    "centres": "the default counter trained on your labels "
    "(`adaptoscope count train MODEL --real SET`)",
}
"""How a person uses what a row does, by its method."""


def recommendation(results: Sequence[RowResult]) -> str:
    """Say what to use on images like those that were counted, and why.

    The row that asks for the fewest labels is taken among those that no other one surely beats: a
    paired 95 % interval of the difference that holds 0 is no reason to mark images, and of too few
    images there is none.

    Parameters
    ----------
    results
        The rows of the experiment.

    Returns
    -------
    str
        One sentence; empty where `nuclei` as it is shipped is not among the rows.
    """
    shipped = next((one for one in results if one.row.method == "nuclei"), None)
    if shipped is None:
        return ""
    best = min(results, key=lambda one: one.errors().mae)
    equal = [
        one for one in results if one is best or not one.enough or one.against(best).lower <= 0
    ]
    usable = [one for one in equal if one.row.method in _WAYS and one.row.synthetic is None]
    chosen = min(usable or [best], key=lambda one: (one.labels, one.row.learns, one.errors().mae))
    way = _WAYS.get(chosen.row.method) if chosen in usable else None
    begin = f"On images like these use {way or chosen.row.name}, because it"
    if chosen is best:
        return f"{begin} came closest: {_off(chosen)}{_beside(chosen, shipped)}."
    if chosen is shipped:
        reason = f"needs no label and nothing is surely better: {_error(chosen)}"
    else:
        reason = f"needs few labels and nothing is surely better: {_off(chosen)}"
    return f"{begin} {reason}, against {best.errors().mae:.1f} of {_named(best)}."


def _off(one: RowResult) -> str:
    return f"{_error(one)}, with {_labels(one)}"


def _error(one: RowResult) -> str:
    return f"{one.errors().mae:.1f} cells off on average"


def _beside(chosen: RowResult, shipped: RowResult) -> str:
    if chosen is shipped:
        return ""
    return f"; `nuclei` as it is shipped, with none, is {shipped.errors().mae:.1f} cells off"


def _named(one: RowResult) -> str:
    return f"{one.row.name} with {_labels(one)}"


def _labels(one: RowResult) -> str:
    number = round(one.labels)
    return f"{number} labelled images" if number else "no labelled image"
