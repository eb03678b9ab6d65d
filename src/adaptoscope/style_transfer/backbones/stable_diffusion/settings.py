"""Settings of the Stable Diffusion backbone: where its parts are and how it is spoken to."""

from typing import Literal

from pydantic import Field

from adaptoscope.training.settings import Settings

ClipInput = Literal["correct", "legacy_uint8"]
ClipFit = Literal["squash", "crop"]


class StableDiffusionSettings(Settings):
    """Which weights make up the backbone; paper 1 takes Stable Diffusion 1.4."""

    model: str = Field(min_length=1)
    """The diffusion model: a diffusers folder, an original single-file checkpoint (.ckpt or
    .safetensors), or a hub id such as ``CompVis/stable-diffusion-v1-4``."""
    base: str = ""
    """Folder or hub id with configs and tokeniser; needed by a single-file checkpoint alone, which
    holds neither. Any diffusers folder of Stable Diffusion 1.x serves; its weights are not read."""
    clip: str = ""
    """Folder or hub id of CLIP ViT-L/14 (``openai/clip-vit-large-patch14``); needed by the token
    modes that look at images, not by ``direct``. Repositories of Stable Diffusion hold none."""
    encoder: str = ""
    """Style encoder that token learning wrote (``encoder.safetensors``) or that was imported from a
    published file; with it a style is read off images without training. Needs `clip`."""
    download: bool = False
    """Let missing files of hub ids be fetched; off, nothing ever asks the network."""
    prompt: str = "*"
    """What the style is told with; the published code knows the bare placeholder only."""
    placeholder: str = "*"
    """The word of the prompt whose embedding is the style's; it must be a single token."""
    clip_input: ClipInput = "correct"
    """How CLIP sees an image. ``legacy_uint8``: cast to whole numbers first, as the published code
    does, so that all but pure black and white becomes 0; its embedding files need this. Token
    learning is told apart from this, and an encoder knows how it was learnt."""
    clip_fit: ClipFit = "squash"
    """How a field becomes a square for CLIP: squashed whole, or its middle cut out (the processor
    of CLIP; a wide field loses its borders). Encoders are learnt so; `encoder` knows its own."""
    weights: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision in which the frozen networks are held; inputs and results are float32."""
    gradient_checkpointing: bool = False
    """Trade time for memory while tokens are learnt."""
