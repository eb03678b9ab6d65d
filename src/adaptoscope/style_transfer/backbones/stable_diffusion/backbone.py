"""Stable Diffusion 1.x behind the Protocol that style transfer asks for."""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from adaptoscope.errors import InputError, SettingsError
from adaptoscope.style_transfer.backbones.protocol import Reading
from adaptoscope.style_transfer.backbones.stable_diffusion.clip_input import clip_pixels
from adaptoscope.style_transfer.backbones.stable_diffusion.settings import (
    ClipFit,
    ClipInput,
    StableDiffusionSettings,
)
from adaptoscope.style_transfer.backbones.stable_diffusion.style_encoder import (
    EncoderFacts,
    StyleEncoder,
)
from adaptoscope.style_transfer.backbones.stable_diffusion.token_injection import PromptReader
from adaptoscope.style_transfer.backbones.stable_diffusion.weights_places import hash_of_clip
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.settings import Intensities, Posterior

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPVisionModelWithProjection

LATENT_SCALE = 0.18215
"""Factor on the autoencoder's latents, which brings them near unit variance."""


class StableDiffusionBackbone(nn.Module):
    """U-Net, autoencoder, text tower and optional image tower of CLIP, all frozen.

    Images have one channel: it is repeated to the three that the autoencoder knows, and the three
    that come back are averaged, so that no colour tint can occur. A style is a placeholder's
    embedding, shape (B, K, D); it is read with the rest of the prompt, and the reading is kept as
    long as the tokens stay the same. A layout condition is ignored: the model has no input for it.
    """

    name = "stable-diffusion"
    multiple = 64
    largest_tile = 768
    intensities: tuple[Intensities, ...] = ("stretched", "stored")
    posteriors: tuple[Posterior, ...] = ("mean", "sample")
    training_side = 512

    def __init__(
        self,
        unet: "UNet2DConditionModel",
        autoencoder: "AutoencoderKL",
        prompt: PromptReader,
        settings: StableDiffusionSettings,
        image_tower: "CLIPVisionModelWithProjection | None" = None,
    ) -> None:
        super().__init__()
        _refuse_other_shapes(unet.config, autoencoder.config, prompt.width, image_tower)
        self.settings = settings
        self.schedule = NoiseSchedule()
        self.unet = unet
        self.autoencoder = autoencoder
        self.prompt = prompt
        self.image_tower = image_tower
        self.style_encoder: StyleEncoder | None = None
        self.encoder_facts: EncoderFacts | None = None
        self.eval().requires_grad_(False)
        if settings.gradient_checkpointing:
            unet.enable_gradient_checkpointing()
        with torch.no_grad():
            self.register_buffer("empty_states", prompt.empty(), persistent=False)
        self.empty_states: torch.Tensor
        self._read: tuple[torch.Tensor, torch.Tensor] | None = None

    @property
    def device(self) -> torch.device:
        """Where the networks stand."""
        return self.empty_states.device

    @property
    def token_shape(self) -> tuple[int, int]:
        """Number and length of the tokens of a style."""
        return 1, self.prompt.width

    @property
    def placeholder(self) -> str:
        """The word of the prompt that a style's token replaces."""
        return self.settings.placeholder

    @property
    def clip_fit(self) -> ClipFit:
        """How a field becomes a square for CLIP."""
        return self.settings.clip_fit

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return latents, shape (B, 4, H / 8, W / 8): the posterior's mean.

        The published code draws from the posterior instead, as `posterior: sample` does.
        """
        return self.latent_moments(pixels)[0]

    def latent_moments(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation of the latents, shape (B, 4, H / 8, W / 8) each.

        Pixels beyond [-1, 1] are clipped, since the autoencoder has never seen any.
        """
        colours = pixels.to(self.autoencoder.dtype).clamp(-1.0, 1.0).expand(-1, 3, -1, -1)
        posterior = self.autoencoder.encode(colours).latent_dist
        return LATENT_SCALE * posterior.mean.float(), LATENT_SCALE * posterior.std.float()

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return images, shape (B, 1, H, W): the mean of the three colour channels."""
        scaled = latents.to(self.autoencoder.dtype) / LATENT_SCALE
        colours: torch.Tensor = self.autoencoder.decode(scaled).sample
        return colours.float().mean(dim=1, keepdim=True)

    def predict_noise(
        self,
        latents: torch.Tensor,
        timestep: int | torch.Tensor,
        tokens: torch.Tensor | None,
        layout: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the noise in noised latents.

        Parameters
        ----------
        latents
            Shape (B, 4, h, w).
        timestep
            One step, or one for each image, shape (B,).
        tokens
            Placeholder embeddings, shape (B, K, D), or none for the empty prompt.
        """
        if tokens is None:
            states = self.empty_states.expand(len(latents), -1, -1)
        else:
            states = self.prompt_states(tokens)
        dtype = self.unet.dtype
        noise: torch.Tensor = self.unet(
            latents.to(dtype), timestep, encoder_hidden_states=states.to(dtype)
        ).sample
        return noise.float()

    def prompt_states(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return what the U-Net is told, shape (B, 77, D); read anew only for other tokens."""
        if torch.is_grad_enabled() and tokens.requires_grad:
            states: torch.Tensor = self.prompt(tokens)
            return states
        if self._read is None or not _same(self._read[0], tokens):
            with torch.no_grad():
                self._read = tokens.detach().clone(), self.prompt(tokens)
        return self._read[1]

    def embed_style(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return style tokens of whole fields of one size, shape (B, 1, D); see `field_view`."""
        return self.tokens_of_views(
            torch.cat([self.field_view(field) for field in pixels.split(1)])
        )

    def reading(self) -> Reading:
        """Return how the style encoder reads."""
        facts = self._encoder()[1]
        return Reading(facts.token_mode, facts.clip_input)

    def field_view(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return CLIP's view of one field as the style encoder was shown it, shape (1, S, D)."""
        facts = self._encoder()[1]
        return self.clip_views(
            pixels,
            patches=facts.token_mode == "patch",
            clip_input=facts.clip_input,
            clip_fit=facts.clip_fit,
        )

    def tokens_of_views(self, views: torch.Tensor) -> torch.Tensor:
        """Return the tokens of fields, shape (R, 1, D), for views of shape (R, S, D)."""
        encoder, facts = self._encoder()
        if facts.token_mode == "encoder_mean":
            views = views.mean(0, keepdim=True).expand(len(views), -1, -1)
        tokens: torch.Tensor = encoder(views)
        return tokens

    def _encoder(self) -> tuple[StyleEncoder, EncoderFacts]:
        if self.style_encoder is None or self.encoder_facts is None:
            raise InputError(
                "Stable Diffusion reads no style off an image without training.",
                expected="a style encoder, learnt or imported, or tokens that were learnt",
                found="neither",
                remedy="learn tokens from the style images, or use `--backbone compact`",
            )
        return self.style_encoder, self.encoder_facts

    def clip_views(
        self,
        pixels: torch.Tensor,
        *,
        patches: bool,
        clip_input: ClipInput | None = None,
        clip_fit: ClipFit | None = None,
    ) -> torch.Tensor:
        """Return what CLIP makes of images: unit vectors, the pooled one first, shape (B, S, D).

        S is 1, or 257 with the tower's patches of ViT-L/14, each projected like the pooled vector.
        How CLIP sees the image is that of the backbone's settings if not given.
        """
        tower = self.require_clip()
        seen = clip_pixels(
            pixels,
            int(tower.vision_model.embeddings.image_size),
            clip_input=clip_input or self.settings.clip_input,
            fit=clip_fit or self.clip_fit,
        )
        states = tower.vision_model(seen.to(tower.dtype)).last_hidden_state
        kept = states if patches else states[:, :1]
        projected = tower.visual_projection(tower.vision_model.post_layernorm(kept))
        return nn.functional.normalize(projected.float(), dim=-1)

    def require_clip(self) -> "CLIPVisionModelWithProjection":
        """Return CLIP's image tower."""
        if self.image_tower is None:
            raise SettingsError(
                "CLIP's image tower is needed to read a style off images.",
                expected="a folder or hub id of CLIP ViT-L/14 as `clip`",
                found="none",
                remedy="set `clip`, or learn with `token_mode: direct`, which needs no CLIP",
            )
        return self.image_tower

    def clip_sha256(self) -> str:
        """Return the hash of CLIP's weights, as they lie in their file."""
        return hash_of_clip(self.settings)

    def initial_tokens(self, word: str, seed: int) -> torch.Tensor:
        """Return tokens to begin learning with, shape (1, K, D); see `PromptReader`."""
        generator = torch.Generator().manual_seed(seed)
        return self.prompt.initial_token(word, generator)[None, None]


def _same(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.device == second.device and torch.equal(first, second)


def _refuse_other_shapes(unet: Any, autoencoder: Any, width: int, image_tower: Any) -> None:
    vision = width if image_tower is None else image_tower.config.projection_dim
    found = (unet.in_channels, autoencoder.latent_channels, unet.cross_attention_dim, vision)
    if found != (4, 4, width, width):
        raise SettingsError(
            "These parts do not make a Stable Diffusion 1.x model.",
            expected=f"4 latent channels and text, U-Net and CLIP of one width, {width}",
            found=(
                f"U-Net of {found[0]} channels and width {found[2]}, autoencoder of {found[1]} "
                f"channels, CLIP of width {found[3]}"
            ),
            remedy="name Stable Diffusion 1.x as `model` and CLIP ViT-L/14 as `clip`",
        )
