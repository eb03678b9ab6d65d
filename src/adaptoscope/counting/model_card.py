"""The card of a counter: what it was made from, what it must not be used for."""

from collections.abc import Mapping

LIMITS = (
    "Live and dead cells are not told apart: every stained nucleus counts.",
    "Cells that hide one another completely are counted as one.",
    "Compare the cell diameter above with yours: a regressor needs images of the magnification of "
    "its training; other counters can be told the diameter (`--diameter`).",
)
_BY_SPLIT = "On the validation split, which was not trained on:"
_BY_FOLDS = "By cross-validation, each image counted by a counter that was not trained on it:"


def model_card(
    title: str,
    facts: Mapping[str, object],
    measured: Mapping[str, float] | None,
    *,
    by_folds: bool = False,
) -> str:
    """Return the text of a model folder's ``README.md``.

    Parameters
    ----------
    facts
        What it was made from, in the order of the card; None is shown as unknown.
    measured
        Errors on images that were not trained on, or None where there were none.
    by_folds
        Whether they come from cross-validation; otherwise from the validation split.
    """
    lines = [f"# {title}", "", "## Data", ""]
    lines += [f"- {name}: {'unknown' if value is None else value}" for name, value in facts.items()]
    lines += ["", "## Licence", ""]
    lines += ["The licence of the training images applies; see the README of their folder.", ""]
    lines += ["## Measured error", ""]
    if measured is None:
        lines += ["Not measured: there were no validation images.", ""]
    else:
        lines += [_BY_FOLDS if by_folds else _BY_SPLIT, ""]
        lines += [f"- {name}: {value:.4g}" for name, value in measured.items()] + [""]
    lines += ["## Limits", ""] + [f"- {limit}" for limit in LIMITS]
    return "\n".join(lines) + "\n"
