"""Measure what the compact backbone's autoencoder loses, on images it was not trained on.

    python recipes/measure_weights.py --data FOLDER [--backbone compact]

Prints one JSON object: for the test splits of dsb2018 and bbbc039 and the validation split of
idcia-dapi (of which nothing was trained on), the mean and standard deviation over images of
Pearson's correlation between an image and its reconstruction, and of the share of the residual's
standard deviation in that of the image.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.pretrained.bundled import hash_of_weights, locate_backbone
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone
from adaptoscope.style_transfer.intensity_range import BackboneRange
from adaptoscope.style_transfer.preprocessing import as_batch

SETS = (("dsb2018", "test"), ("bbbc039", "test"), ("idcia-dapi", "val"))


@torch.no_grad()
def reconstruct(backbone: CompactBackbone, images: CountedImageSet) -> dict[str, object]:
    """Return statistics of the reconstruction over the images of a set."""
    correlations, shares = [], []
    for record in images:
        pixels = images.read(record).pixels
        seen = BackboneRange.of_image(pixels).to_model(pixels)
        latents = backbone.encode(as_batch([seen], backbone.multiple))
        height, width = seen.shape
        rebuilt = backbone.decode(latents)[0, 0, :height, :width].numpy()
        correlations.append(float(np.corrcoef(seen.ravel(), rebuilt.ravel())[0, 1]))
        shares.append(float((seen - rebuilt).std() / seen.std()))
    return {
        "images": len(images),
        "correlation": [float(np.mean(correlations)), float(np.std(correlations))],
        "residual_share": [float(np.mean(shares)), float(np.std(shares))],
    }


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", default="compact")
    options = parser.parse_args()

    folder = locate_backbone(options.backbone)
    backbone = CompactBackbone.load(folder)
    found = {
        f"{name} {split}": reconstruct(
            backbone, open_counted_images(options.data / name).split(split)
        )
        for name, split in SETS
    }
    print(json.dumps({"weights": hash_of_weights(folder), **found}, indent=2))


if __name__ == "__main__":
    main()
