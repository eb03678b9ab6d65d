"""What stylised images are good for: counting errors of a counter trained on them.

The mean absolute error on the real test images, against that of the difference of Gaussians
(`dog`), which trains no network, and of a counter trained on the drawings. They are read from the
run folder of a counting experiment; `experiments/style_transfer/idcia_looks.yaml` is run where
none is there.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from adaptoscope.pipeline.settings import ExperimentSettings

sys.path.insert(0, str(Path(__file__).parent))
from finished_runs import FinishedRun, benchmark_run, ratio, refusal, run_options

REFERENCES: dict[str, dict[str, object]] = {
    "dog": {"method": "dog"},
    "drawings": {"method": "regressor", "synthetic": "drawings"},
    "AdaIN alone": {"method": "regressor", "synthetic": "adain"},
}


def result_of(found: FinishedRun, **wanted: object) -> dict[str, Any] | None:
    """Return what the first row of the experiment with these fields came to, or none."""
    if not isinstance(found.settings, ExperimentSettings):
        raise refusal(found, "a counting experiment", "another kind")
    results = {row["name"]: row for row in found.results["rows"]}
    fitting = (
        row.name
        for row in found.settings.rows
        if all(getattr(row, field) == value for field, value in wanted.items())
    )
    return next((results[name] for name in fitting if name in results), None)


def measure(found: FinishedRun, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the error of a counter trained on stylised images, and a row for every reference."""
    wanted = {"name": arguments.row} if arguments.row else {"synthetic": "stylised"}
    ours = result_of(found, method="regressor", **wanted)
    if ours is None:
        words = arguments.row or "on stylised images"
        raise refusal(found, f"a row of a trained counter: {words}", "none")
    others = {name: result_of(found, **fields) for name, fields in REFERENCES.items()}
    table = {
        f"MAE, against {name}": {
            "figure": ours["mae"],
            "reference": other["mae"],
            "ratio": ratio(ours["mae"], other["mae"]),
        }
        for name, other in others.items()
        if other is not None
    }
    chosen, against = f"MAE, against {arguments.against}", others[arguments.against]
    if against is None:
        raise refusal(found, f"a row to compare with: {arguments.against}", "none")
    return {
        **table[chosen],
        "interval": ours["mae_interval"],
        "unit": f"cells, mean absolute error on {ours['n']} real test images; lower is better",
        "labels": ours["labels"],
        "figure_name": ours["name"],
        "reference_name": against["name"],
        "table": table,
    }


def main() -> None:
    """Print the figures."""
    parser = run_options(__doc__.splitlines()[0], "style_transfer/idcia_looks.yaml")
    parser.add_argument("--row", help="name of the row; by default the first on stylised images")
    parser.add_argument("--against", choices=tuple(REFERENCES), default="dog")
    benchmark_run(parser, measure)


if __name__ == "__main__":
    main()
