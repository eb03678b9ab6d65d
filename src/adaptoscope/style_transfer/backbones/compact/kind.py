"""How the compact backbone is named and opened: bundled, or trained on own images."""

import torch

from adaptoscope.pretrained.bundled import hash_of_weights, locate_backbone
from adaptoscope.style_transfer.backbones.compact.network import CompactBackbone


class CompactKind:
    """``compact``, or a folder that ``style train-backbone`` wrote."""

    def recognises(self, name: str) -> bool:
        """Take any name."""
        return True

    def open(self, name: str, device: str | torch.device) -> CompactBackbone:
        """Read the folder's weights."""
        return CompactBackbone.load(locate_backbone(name)).to(device)

    def hash(self, name: str) -> str:
        """Return the hash of the folder's weight files."""
        return hash_of_weights(locate_backbone(name))

    def backbone_class(self) -> type[CompactBackbone]:
        """Return the class."""
        return CompactBackbone
