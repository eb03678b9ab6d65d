"""Learning from images without labels: an averaged copy of the network says what it sees in them.

After DACS (Tranheden et al., 2021), with CutMix in place of classes and densities in place of
segmentations: half of a batch is synthetic crops with their cells, the other half real crops with
boxes of the synthetic ones in them.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from adaptoscope.counting.crops import CropBatch, TrainingImages, changed_at_random
from adaptoscope.counting.cutmix import draw_box, paste
from adaptoscope.counting.settings import DensitySettings
from adaptoscope.images.cell_centres import no_points
from adaptoscope.images.windows import Window

# Streams of one seed, so that crops, boxes and appearances are drawn apart.
_SYNTHETIC_STREAM = 1
_BOX_STREAM = 3
_APPEARANCE_STREAM = 4
# Relative spread of a count over the views at which it is trusted by 1 / e.
_SPREAD = 0.2
_WARM_UP = 0.1
_VIEWS: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))


class Teacher:
    """Draws batches whose real part is labelled by an averaged network.

    Parameters
    ----------
    settings
        Size of the batch, share and size of the boxes, seed, steps.
    draw_density
        Draws the density of the cells of a batch, shape (B, 1, h, w).
    stride
        Pixels per place of the density.
    """

    def __init__(
        self,
        settings: DensitySettings,
        network: nn.Module,
        draw_density: Callable[[CropBatch], torch.Tensor],
        stride: int,
    ) -> None:
        self.settings = settings
        self.network = network
        self.draw_density = draw_density
        self.stride = stride

    def draw(self, synthetic: TrainingImages, real: TrainingImages, step: int) -> CropBatch:
        """Draw the batch of a step: synthetic crops, then mixtures with what the teacher sees.

        Parameters
        ----------
        real
            Crops whose cells, if any are known, are not read.

        Returns
        -------
        CropBatch
            With densities and, for each place, the weight that it has in the loss.
        """
        settings, half = self.settings, self.settings.batch // 2
        drawn = synthetic.draw(settings, batch=half, step=step, stream=_SYNTHETIC_STREAM)
        plain = real.draw(settings.changed(augment="flips"), batch=half, step=step)
        seen, trust = self.pseudo_labels(plain.images)
        trust = trust * warm_up(step, settings.steps)

        generator = np.random.default_rng([settings.seed, step, _BOX_STREAM])
        images, points, outside = [], [], torch.ones_like(seen)
        for index in range(half):
            box = self._box(generator)
            above = (drawn.images[index], drawn.points[index])
            mixed, kept = paste((plain.images[index], no_points()), above, box)
            images.append(mixed)
            points.append(kept)
            rows, columns = self._places(box)
            outside[index, :, rows, columns] = 0.0
        mixture = CropBatch(torch.stack(images), tuple(points))
        density = self.draw_density(mixture).to(seen) + outside * seen
        weights = torch.where(outside > 0, trust[:, None, None, None], torch.ones_like(seen))

        looks = np.random.default_rng([settings.seed, step, _APPEARANCE_STREAM])
        shown = changed_at_random(mixture.images, looks)
        own = self.draw_density(drawn).to(seen)
        return CropBatch(
            torch.cat([drawn.images, shown]),
            (*drawn.points, *mixture.points),
            torch.cat([own, density]),
            torch.cat([torch.ones_like(own), weights]),
        )

    @torch.no_grad()
    def pseudo_labels(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Say what is seen in crops, and how far that may be trusted.

        Parameters
        ----------
        images
            Shape (B, 1, H, W).

        Returns
        -------
        tuple
            The mean density over four flips, shape (B, 1, h, w), and trust in each crop, shape
            (B,): exp(-s / 0.2), with s the deviation of its count over the flips by the count + 1.
        """
        device = next(self.network.parameters()).device
        placed = images.to(device)
        views = torch.stack(
            [self.network(placed.flip(axes)).flip(axes).float() for axes in _VIEWS]
        ).cpu()
        counts = views.sum(dim=(2, 3, 4))
        spread = counts.std(dim=0, correction=0) / (counts.mean(dim=0) + 1.0)
        return views.mean(dim=0), torch.exp(-spread / _SPREAD)

    def _box(self, generator: np.random.Generator) -> Window:
        """Draw a box that is empty where nothing is mixed, and ends between places."""
        side = self.settings.crop
        chosen = generator.random() < self.settings.mix_share
        box = draw_box(side, side, self.settings.mix_alpha, generator)
        if not chosen:
            return Window(0, 0, 0, 0)
        return Window(*(self.stride * (edge // self.stride) for edge in box))

    def _places(self, box: Window) -> tuple[slice, slice]:
        top, left, height, width = (edge // self.stride for edge in box)
        return slice(top, top + height), slice(left, left + width)


def warm_up(step: int, steps: int) -> float:
    """Return 0 during the first tenth of the steps, then rise to 1 within another tenth."""
    tenth = _WARM_UP * steps
    return float(np.clip((step - tenth) / max(tenth, 1.0), 0.0, 1.0))
