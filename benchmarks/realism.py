"""How near stylised images come to real ones: against drawings, and against AdaIN alone.

Kernel distances (KID) of tiles and at cells, and the distance between power spectra in dB, all to
the real test images: less is nearer. KID is an estimate without bias, which may fall below 0; a
ratio to one whose interval reaches 0 says little. They are read from the run folder of a study of
styles, or of a counting experiment with `looks`; the study in
`experiments/style_transfer/idcia_structure.yaml` is run where no folder is there.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptoscope.pipeline.rows import NAMES

sys.path.insert(0, str(Path(__file__).parent))
from finished_runs import (
    FinishedRun,
    benchmark_run,
    ratio,
    refusal,
    run_options,
    stylised_sets,
)

MEASURES = {"cell_kid": "KID at cells", "kid": "KID of tiles", "spectrum": "spectrum, dB"}


def value_of(made: Mapping[str, Any] | None, measure: str) -> float | None:
    """Return one measure of a set as a realism report has it; none where it was not taken."""
    found = None if made is None else made[measure]
    if found is None:
        return None
    return float(found["total"] if measure == "spectrum" else found["value"])


def bounds_of(made: Mapping[str, Any], measure: str) -> list[float] | None:
    """Return the 95 % interval of a kernel distance; spectra have none."""
    if measure == "spectrum":
        return None
    return [made[measure]["lower"], made[measure]["upper"]]


def realism_of(found: FinishedRun, layout: str) -> dict[str, Any]:
    """Return the realism report of a run."""
    known = found.results["realism"].get(layout) if layout else found.looks["realism"]
    if known is None:
        measured = ", ".join(found.results["realism"]) or "none"
        raise refusal(found, f"a layout whose realism is measured, not {layout}", measured)
    report: dict[str, Any] = known
    return report


def measure(found: FinishedRun, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return one measure of our images beside that of the drawings, and a row for every pair."""
    names = stylised_sets(found, arguments.variant, arguments.layout)
    report = realism_of(found, names.layout)
    made = {each["name"]: each for each in report["sets"]}
    references = {"drawings": made.get(NAMES["drawings"]), "AdaIN alone": made.get(names.adain)}
    table = {}
    for kind, title in MEASURES.items():
        figure = value_of(made.get(names.ours), kind)
        for against, other in references.items():
            reference = value_of(other, kind)
            if figure is None or reference is None:
                continue
            table[f"{title}, against {against}"] = {
                "figure": figure,
                "reference": reference,
                "ratio": ratio(figure, reference),
                "interval": bounds_of(made[names.ours], kind),
                "reference_interval": bounds_of(other, kind),
                "real_halves": value_of(report["floor"], kind),
            }
    chosen = f"{MEASURES[arguments.measure]}, against drawings"
    if chosen not in table:
        raise refusal(
            found, f"{MEASURES[arguments.measure]} of stylised images and drawings", "none"
        )
    return {
        **table[chosen],
        "unit": f"{MEASURES[arguments.measure]}, to {report['real_images']} real test images; "
        "lower is better",
        "figure_name": f"{names.ours}, {names.layout}" if names.layout else names.ours,
        "reference_name": "the drawings, before style transfer",
        "table": table,
    }


def main() -> None:
    """Print the figures."""
    parser = run_options(__doc__.splitlines()[0], "style_transfer/idcia_structure.yaml")
    parser.add_argument("--measure", choices=tuple(MEASURES), default="cell_kid")
    parser.add_argument("--variant", help="of a study; by default its first")
    parser.add_argument("--layout", help="of a study; by default its first")
    benchmark_run(parser, measure)


if __name__ == "__main__":
    main()
