"""The card of a counter: what it was made from, what it must not be used for."""

from collections.abc import Mapping

LIMITS = (
    "Live and dead cells are not told apart: every stained nucleus counts.",
    "Cells that hide one another completely are counted as one.",
    "Images of another magnification than the training images need another counter; compare the "
    "cell diameter above with yours.",
)


def model_card(
    title: str, facts: Mapping[str, object], measured: Mapping[str, float] | None
) -> str:
    """Return the text of a model folder's ``README.md``.

    Parameters
    ----------
    title
        One line: what the counter is.
    facts
        What it was made from, in the order of the card; None is shown as unknown.
    measured
        Errors on the validation split, or None where there was none.

    Returns
    -------
    str
        Markdown: data, licence, measured error, limits.
    """
    lines = [f"# {title}", "", "## Data", ""]
    lines += [f"- {name}: {'unknown' if value is None else value}" for name, value in facts.items()]
    lines += ["", "## Licence", ""]
    lines += ["The licence of the training images applies; see the README of their folder.", ""]
    lines += ["## Measured error", ""]
    if measured is None:
        lines += ["Not measured: there were no validation images.", ""]
    else:
        lines += ["On the validation split, which was not trained on:", ""]
        lines += [f"- {name}: {value:.4g}" for name, value in measured.items()] + [""]
    lines += ["## Limits", ""] + [f"- {limit}" for limit in LIMITS]
    return "\n".join(lines) + "\n"
