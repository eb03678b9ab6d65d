"""The compact backbone: a small latent diffusion model for one-channel fluorescence."""

import itertools
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import nn

from adaptoscope.errors import InputError
from adaptoscope.imageio.files import write_json
from adaptoscope.imageio.json_values import read_json
from adaptoscope.pretrained.weights_files import read_weights, write_weights
from adaptoscope.style_transfer.diffusion.noise_schedule import NoiseSchedule
from adaptoscope.style_transfer.layout_condition import CHANNELS as LAYOUT_CHANNELS
from adaptoscope.style_transfer.settings import CompactSettings, Intensities, Posterior
from adaptoscope.training.settings import settings_from

# Of the group norms, and channels of an attention head: divides every width of the networks.
_GROUPS = 8
# Pixels along a block that the autoencoder sees as channels; changing it changes the weights.
_BLOCK = 2


class StatisticsEncoder(nn.Module):
    """Turns an image into a few tokens that say how it looks, not where its cells are.

    Channel means and standard deviations after each halving of the image are all that reaches the
    tokens. There is no normalisation layer, since brightness and noise are part of the style.
    """

    def __init__(self, settings: CompactSettings) -> None:
        super().__init__()
        widths = (1, *settings.style_widths)
        self.stages = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1)
            for before, after in itertools.pairwise(widths)
        )
        self.tokens = settings.style_tokens
        pooled = 2 * sum(settings.style_widths) + 2
        self.head = nn.Sequential(
            nn.LayerNorm(pooled),
            nn.Linear(pooled, 256),
            nn.SiLU(),
            nn.Linear(256, self.tokens * settings.token_width),
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return tokens of shape (B, K, D) for images of shape (B, 1, H, W) in [-1, 1]."""
        statistics = [pixels.mean((2, 3)), pixels.std((2, 3))]
        features = pixels
        for stage in self.stages:
            features = nn.functional.silu(stage(features))
            statistics += [features.mean((2, 3)), features.std((2, 3))]
        tokens: torch.Tensor = self.head(torch.cat(statistics, dim=1))
        return tokens.reshape(len(pixels), self.tokens, -1)


class CompactAutoencoder(nn.Module):
    """A variational autoencoder that works on 2 x 2 blocks of pixels, which halves its cost."""

    def __init__(self, settings: CompactSettings) -> None:
        super().__init__()
        levels = len(settings.autoencoder_widths)
        self.network = AutoencoderKL(
            in_channels=_BLOCK**2,
            out_channels=_BLOCK**2,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=settings.autoencoder_widths,
            latent_channels=settings.latent_channels,
            layers_per_block=1,
            norm_num_groups=_GROUPS,
            mid_block_add_attention=False,
        )

    def posterior(self, pixels: torch.Tensor) -> DiagonalGaussianDistribution:
        """Return the distribution of latents of images of shape (B, 1, H, W)."""
        blocks = nn.functional.pixel_unshuffle(pixels, _BLOCK)
        return self.network.encode(blocks).latent_dist

    def rebuild(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the images of raw latents of shape (B, C, H / 8, W / 8)."""
        blocks: torch.Tensor = self.network.decode(latents).sample
        return nn.functional.pixel_shuffle(blocks, _BLOCK)


class CompactBackbone(nn.Module):
    """Autoencoder, denoiser and style encoder of the compact backbone."""

    name = "compact"
    multiple = 32
    largest_tile = 1024
    intensities: tuple[Intensities, ...] = ("stretched",)
    posteriors: tuple[Posterior, ...] = ("mean",)

    def __init__(self, settings: CompactSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or CompactSettings()
        self.schedule = NoiseSchedule()
        self.autoencoder = CompactAutoencoder(self.settings)
        self.denoiser = _denoiser(self.settings)
        self.style_encoder = StatisticsEncoder(self.settings)
        self.no_style = nn.Parameter(
            torch.zeros(1, self.settings.style_tokens, self.settings.token_width)
        )
        channels = self.settings.latent_channels
        self.register_buffer("latent_mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("latent_sd", torch.ones(1, channels, 1, 1))
        self.latent_mean: torch.Tensor
        self.latent_sd: torch.Tensor

    @property
    def device(self) -> torch.device:
        """Where the networks stand."""
        return self.no_style.device

    @property
    def token_shape(self) -> tuple[int, int]:
        """Number and length of the tokens of a style."""
        return self.settings.style_tokens, self.settings.token_width

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return latents, shape (B, C, H / 8, W / 8), each channel near mean 0 and sd 1."""
        latents: torch.Tensor = self.autoencoder.posterior(pixels).mean
        return (latents - self.latent_mean) / self.latent_sd

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return images, shape (B, 1, H, W)."""
        return self.autoencoder.rebuild(latents * self.latent_sd + self.latent_mean)

    def embed_style(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return style tokens, shape (B, K, D)."""
        tokens: torch.Tensor = self.style_encoder(pixels)
        return tokens

    def predict_noise(
        self,
        latents: torch.Tensor,
        timestep: int | torch.Tensor,
        tokens: torch.Tensor | None,
        layout: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the noise in noised latents; no tokens give the unconditional prediction."""
        if tokens is None:
            tokens = self.no_style.expand(len(latents), -1, -1)
        if layout is None:
            layout = latents.new_zeros(len(latents), LAYOUT_CHANNELS, *latents.shape[2:])
        noise: torch.Tensor = self.denoiser(
            torch.cat([latents, layout], dim=1),
            timestep,
            encoder_hidden_states=tokens,
            class_labels=tokens.mean(1),
        ).sample
        return noise

    def save(self, folder: Path) -> None:
        """Write the backbone as three float16 weight files and ``backbone.json``."""
        parts = {
            "autoencoder": self.autoencoder.state_dict()
            | {"latent_mean": self.latent_mean, "latent_sd": self.latent_sd},
            "denoiser": self.denoiser.state_dict() | {"no_style": self.no_style.detach()},
            "style_encoder": self.style_encoder.state_dict(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name, tensors in parts.items():
            write_weights(folder / f"{name}.safetensors", tensors)
        write_json(folder / "backbone.json", self.settings.model_dump(mode="json"))

    @classmethod
    def load(cls, folder: Path) -> "CompactBackbone":
        """Read a backbone that `save` wrote; it comes back in float32, frozen, in eval mode."""
        parts = {
            name: read_weights(folder / f"{name}.safetensors")
            for name in ("autoencoder", "denoiser", "style_encoder")
        }
        try:
            shape = read_json((folder / "backbone.json").read_text("utf-8"))
            backbone = cls(settings_from(shape, CompactSettings, origin=str(folder)))
            backbone._fill(parts)
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(
                f"The backbone {folder} is damaged.",
                expected="weights and backbone.json as `style train-backbone` writes them",
                found=" ".join(str(error).split())[:200],
                remedy="copy the folder again, or use `--backbone compact`",
            ) from error
        return backbone.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def _fill(self, parts: dict[str, dict[str, torch.Tensor]]) -> None:
        self.latent_mean = parts["autoencoder"].pop("latent_mean")
        self.latent_sd = parts["autoencoder"].pop("latent_sd")
        self.no_style.data = parts["denoiser"].pop("no_style")
        for name, tensors in parts.items():
            self.get_submodule(name).load_state_dict(tensors)


def _denoiser(settings: CompactSettings) -> UNet2DConditionModel:
    attention = (False, *[True] * (len(settings.denoiser_widths) - 1))
    down = tuple("CrossAttnDownBlock2D" if here else "DownBlock2D" for here in attention)
    up = tuple("CrossAttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attention))
    return UNet2DConditionModel(
        in_channels=settings.latent_channels + LAYOUT_CHANNELS,
        out_channels=settings.latent_channels,
        down_block_types=down,
        up_block_types=up,
        block_out_channels=settings.denoiser_widths,
        layers_per_block=1,
        cross_attention_dim=settings.token_width,
        attention_head_dim=_GROUPS,
        norm_num_groups=_GROUPS,
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=settings.token_width,
        resnet_time_scale_shift="scale_shift",
    )
