"""A network that is still in torch, used as a finished one is: arrays in, arrays out."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Arrays = npt.NDArray[np.float32]


class TorchNetwork:
    """Runs a module on arrays, in the mode that the module is in.

    Parameters
    ----------
    module
        Maps (B, C, H, W) to its output, on its device.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module: Any = module.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def __call__(self, images: Arrays) -> Arrays:
        """Compute a batch; see `adaptoscope.inference.network.Network`."""
        place = next(iter((*self.module.parameters(), *self.module.buffers())), torch.empty(0))
        batch = torch.from_numpy(np.ascontiguousarray(images))
        output = self.module(batch.to(place.device, memory_format=torch.channels_last))
        return np.asarray(output.float().cpu().numpy(), dtype=np.float32)
