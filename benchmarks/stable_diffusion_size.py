"""Networks of the size of Stable Diffusion 1.x with random weights, for its speed and memory."""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from adaptoscope.style_transfer.backbones.stable_diffusion.backbone import StableDiffusionBackbone
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import StableDiffusionSettings
from adaptoscope.style_transfer.backbones.stable_diffusion.token_injection import PromptReader

BEGIN, END, PLACEHOLDER = 49406, 49407, 265


@dataclass(frozen=True)
class NetworkSizes:
    """Sizes of the networks; the defaults are those of Stable Diffusion 1.x.

    Parameters
    ----------
    unet_widths
        Channels of the U-Net from full to eighth size of the latent.
    autoencoder_widths
        Channels of the autoencoder from full to eighth size of the image.
    width
        Of the text tower's states, which the U-Net attends to.
    text_layers
        Layers of the text tower.
    heads
        Attention heads of the U-Net; the text tower has one for every 64 channels.
    groups
        Groups of the norms.
    """

    unet_widths: tuple[int, int, int, int] = (320, 640, 1280, 1280)
    autoencoder_widths: tuple[int, int, int, int] = (128, 256, 512, 512)
    width: int = 768
    text_layers: int = 12
    heads: int = 8
    groups: int = 32


class OneWord:
    """A tokeniser that knows the placeholder alone: what is read does not change the time."""

    all_special_ids = (BEGIN, END)

    def __call__(
        self, text: str, *, max_length: int = 0, add_special_tokens: bool = True, **_: object
    ) -> SimpleNamespace:
        """Return the ids of a text, as a tensor where they are padded."""
        words = [PLACEHOLDER] if text else []
        if not add_special_tokens:
            return SimpleNamespace(input_ids=words)
        ids = [BEGIN, *words]
        return SimpleNamespace(input_ids=torch.tensor([ids + [END] * (max_length - len(ids))]))


def stable_diffusion_size(
    dtype: torch.dtype, sizes: NetworkSizes | None = None
) -> StableDiffusionBackbone:
    """Return our Stable Diffusion backbone with random weights, on the processor.

    Parameters
    ----------
    dtype
        In which the networks are held.
    sizes
        By default those of Stable Diffusion 1.x.
    """
    chosen = sizes or NetworkSizes()
    unet = UNet2DConditionModel(
        block_out_channels=chosen.unet_widths,
        cross_attention_dim=chosen.width,
        attention_head_dim=chosen.heads,
        norm_num_groups=chosen.groups,
    )
    autoencoder = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=chosen.autoencoder_widths,
        layers_per_block=2,
        norm_num_groups=chosen.groups,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            hidden_size=chosen.width,
            intermediate_size=4 * chosen.width,
            num_hidden_layers=chosen.text_layers,
            num_attention_heads=max(1, chosen.width // 64),
        )
    )
    prompt = PromptReader(text, OneWord(), "*", "*")  # type: ignore[arg-type]
    settings = StableDiffusionSettings(model="random weights")
    backbone = StableDiffusionBackbone(unet, autoencoder, prompt, settings)
    return backbone.to(dtype)
