"""Networks that count light, and crops to ask them about."""

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from adaptoscope.counting.consistency import Probe
from adaptoscope.counting.crops import TrainingImages
from adaptoscope.counting.settings import DensitySettings
from adaptoscope.imageio.intensity import IntensityRange
from adaptoscope.images.cell_centres import no_points


class Uneven(nn.Module):
    """Counts light, and the upper half of a crop `uneven` times more."""

    def __init__(self, uneven):
        super().__init__()
        self.uneven = nn.Parameter(torch.tensor(uneven), requires_grad=False)

    def forward(self, crops):
        rows = torch.linspace(0, 1, crops.shape[2]).view(1, 1, -1, 1)
        return (crops - 0.15).clamp(min=0) * (1 + self.uneven * (rows < 0.5))


class Same(Uneven):
    """Always says the same."""

    def forward(self, crops):
        return torch.full_like(crops, 1e-3) + 0 * self.uneven


def count(output):
    return output.sum(dim=(1, 2, 3))


def probe_of_spots():
    """Return a probe of dark images with a few bright spots."""
    generator = np.random.default_rng(0)
    pixels = []
    for _ in range(3):
        image = np.zeros((96, 96), np.float32)
        places = generator.integers(4, 92, (12, 2))
        image[places[:, 0], places[:, 1]] = 1.0
        pixels.append(ndimage.gaussian_filter(image, 2.0) * 8 * np.pi)
    images = TrainingImages(pixels, [no_points()] * 3, {}, IntensityRange(0.0, 1.0))
    return Probe(images, DensitySettings(init="random", crop=64))
