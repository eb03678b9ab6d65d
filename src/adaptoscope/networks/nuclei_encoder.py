"""The encoder that counting starts from: EfficientNet-B0 on one channel."""

import timm
import torch
from torch import nn

# Channels of the last feature map of EfficientNet-B0.
FEATURES = 1280


class NucleiEncoder(nn.Module):
    """EfficientNet-B0 (Tan and Le, 2019) that looks at one channel and keeps its feature map.

    The features have a stride of 32 pixels and 1280 channels.
    """

    architecture = "efficientnet_b0"

    def __init__(self) -> None:
        super().__init__()
        self.network = timm.create_model(
            self.architecture, pretrained=False, in_chans=1, num_classes=0, global_pool=""
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return features of shape (B, 1280, ceil(H / 32), ceil(W / 32)).

        Parameters
        ----------
        images
            Shape (B, 1, H, W), normalised so that the background is near 0 and cells near 1.
        """
        features: torch.Tensor = self.network(images)
        return features

    def with_stages(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the features of `forward`, and those of three stages on the way to them.

        Parameters
        ----------
        images
            As for `forward`.

        Returns
        -------
        tuple
            The features; and maps of 24, 40 and 112 channels with strides of 4, 8 and 16 pixels,
            which see a cell and its surroundings rather than how many cells there are.
        """
        features, stages = self.network.forward_intermediates(images, indices=[1, 2, 3])
        return features, stages


class LiteEncoder(NucleiEncoder):
    """EfficientNet-Lite0: B0 without squeeze-and-excite, as it was trained on ImageNet.

    Its maps have the strides and channels of EfficientNet-B0's, at the end of each stage.
    """

    architecture = "tf_efficientnet_lite0"

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return features as `NucleiEncoder.forward`; 0 to 1 becomes -1 to 1, as on ImageNet."""
        return super().forward(2 * images - 1)

    def with_stages(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return features and stages as `NucleiEncoder.with_stages`."""
        return super().with_stages(2 * images - 1)
