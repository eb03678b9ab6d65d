"""Whether cells stay where they were drawn: F1 on stylised images against F1 on their drawings.

Both are found by one detector, which takes no part in making or choosing the images. The figures
are read from the run folder of a study of styles, or of a counting experiment with `looks`; the
study in `experiments/style_transfer/idcia_structure.yaml` is run where no folder is there.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from adaptoscope.pipeline.rows import FOLDERS, NAMES

sys.path.insert(0, str(Path(__file__).parent))
from finished_runs import FinishedRun, benchmark_run, refusal, run_options, stylised_sets

SCREENED = {FOLDERS[kind]: NAMES[kind] for kind in FOLDERS}


def structure_of(found: FinishedRun, layout: str) -> dict[str, dict[str, Any]]:
    """Return F1, share of kept images and lost cells of every stylised set, by its name."""
    if layout:
        return {
            row["variant"]: {**row["structure"], "yield": row["yield"]}
            for row in found.results["rows"]
            if row["layout"] == layout
        }
    yields = {
        SCREENED[name]: summary["yield"] for name, summary in found.results["screening"].items()
    }
    rows = found.looks["structure"].items()
    return {name: {**row, "yield": yields.get(name)} for name, row in rows}


def measure(found: FinishedRun, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the F1 of our images beside that of the drawings, and a row for every set."""
    names = stylised_sets(found, arguments.variant, arguments.layout)
    rows = structure_of(found, names.layout)
    if names.ours not in rows:
        raise refusal(found, f"the structure of {names.ours}", ", ".join(rows) or "none")
    ours, plain = rows[names.ours], rows.get(names.adain)
    kept = ("f1", "relative_f1", "f1_kept", "yield", "invented", "lost", "merged")
    return {
        "figure": ours["f1"],
        "reference": ours["f1_drawings"],
        "ratio": ours["relative_f1"],
        "interval": ours["relative_interval"],
        "yield": ours["yield"],
        "unit": f"F1 of {ours['n']} images, kept and rejected together; higher is better",
        "figure_name": f"{names.ours}, {names.layout}" if names.layout else names.ours,
        "reference_name": "the drawings, seen by the same detector",
        "ratio_to_adain": ours["f1"] / plain["f1"] if plain and plain["f1"] else None,
        "table": {name: {key: row[key] for key in kept} for name, row in rows.items()},
    }


def main() -> None:
    """Print the figures."""
    parser = run_options(__doc__.splitlines()[0], "style_transfer/idcia_structure.yaml")
    parser.add_argument("--variant", help="of a study; by default its first")
    parser.add_argument("--layout", help="of a study; by default its first")
    benchmark_run(parser, measure)


if __name__ == "__main__":
    main()
