"""Train the bundled weights again: `compact`, the `nuclei` encoder and the `nuclei` counter.

    python recipes/bundled_weights.py OUT --data FOLDER [--device cuda] [--only nuclei]

FOLDER holds `dsb2018` and `bbbc039` (both CC0), and for the counter `ccri-neuroblastoma` (CC0),
`salr-clumps` and `codex-tissue` (both MIT); only the training splits are read. The settings beside
this file train weights of the kind that is shipped, not the same bits: `compact` was trained in
three sittings, with other numbers of steps, which its card lists. On a GPU, give `--settings gpu`
for longer training in bfloat16. Every step is a public command and goes on where it was
interrupted.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).parent
SIMULATED_FIELDS = 900
SETS = ("dsb2018", "bbbc039")
MORE_SETS = ("ccri-neuroblastoma", "salr-clumps", "codex-tissue")


def adaptoscope(*arguments: object) -> None:
    """Run one command; an error ends the recipe."""
    command = [sys.executable, "-m", "adaptoscope", *map(str, arguments)]
    subprocess.run(command, check=True)


def main() -> None:
    """Read the options and run the commands in order."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"])
    parser.add_argument("--settings", default="cpu", choices=["cpu", "gpu"])
    parser.add_argument("--only", choices=["compact", "nuclei_encoder", "nuclei"])
    options = parser.parse_args()

    simulated = options.out / "simulated"
    adaptoscope("simulate", simulated, "--count", SIMULATED_FIELDS, "--randomise", "--seed", 7)
    images = [*(options.data / name for name in SETS), simulated]
    more = [options.data / name for name in MORE_SETS]
    for command, name, further in (
        ("style train-backbone", "compact", drawings),
        ("count train-encoder", "nuclei_encoder", lambda out, data: []),
        ("count pretrain", "nuclei", lambda out, data: [*more, *stylised(out, data)]),
    ):
        if options.only not in (None, name):
            continue
        folders = [*images, *further(options.out, options.data)]
        sets = [word for folder in folders for word in ("--images", folder)]
        settings = HERE / f"{name}_{options.settings}.yaml"
        rest = ["--settings", settings, "--device", options.device]
        adaptoscope(*command.split(), options.out / name, *sets, *rest)


def stylised(out: Path, data: Path) -> list[Path]:
    """Draw cells of several sizes and give them the looks of the training images of real sets."""
    folders = []
    kinds = yaml.safe_load((HERE / "stylised.yaml").read_text("utf-8"))
    for seed, (name, kind) in enumerate(kinds.items(), start=40):
        style = out / f"style_{kind['style']}.safetensors"
        if not style.exists():
            adaptoscope("style", "learn", style, "--images", data / kind["style"], "--limit", 48)
        drawn, looks = out / f"drawn_{name}", out / f"stylised_{name}"
        settings = out / f"drawn_{name}.yaml"
        settings.write_text(yaml.safe_dump(kind["settings"]), "utf-8")
        rest = ["--count", kind["images"], "--settings", settings, "--seed", seed]
        adaptoscope("synthesise", drawn, *rest)
        adaptoscope("stylise", drawn, looks, "--style", style, "--seed", seed)
        adaptoscope("screen", looks, "--drawings", drawn)
        folders.append(looks)
    return folders


def drawings(out: Path, data: Path) -> list[Path]:
    """Draw cells of several sizes and densities; return the folders."""
    out /= "drawings"
    kinds = yaml.safe_load((HERE / "drawings.yaml").read_text("utf-8"))
    for seed, (name, kind) in enumerate(kinds.items(), start=20):
        out.mkdir(parents=True, exist_ok=True)
        settings = out / f"{name}.yaml"
        settings.write_text(yaml.safe_dump(kind["settings"]), "utf-8")
        rest = ["--count", kind["images"], "--settings", settings, "--seed", seed]
        adaptoscope("synthesise", out / name, *rest)
    return [out / name for name in kinds]


if __name__ == "__main__":
    main()
