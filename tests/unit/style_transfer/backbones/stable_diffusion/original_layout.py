"""Names and shapes of an original Stable Diffusion checkpoint, for the tiny networks."""

import re
from pathlib import Path

import torch
from safetensors.torch import load_file

UNET = "model.diffusion_model."
AUTOENCODER = "first_stage_model."
TEXT = "cond_stage_model.transformer.text_model."

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}


def original_unet_name(name: str) -> str:
    """The name of a tensor of the tiny U-Net (one layer per block) in an original checkpoint."""
    for ours, theirs in UNET_ENDS.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, theirs, 1)
    side, block, kind, number, rest = re.fullmatch(
        r"(down|mid|up)_blocks?\.(?:(\d+)\.)?(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)",
        name,
    ).groups()
    place = 2 * int(block or 0) + int(number)
    if kind == "resnets":
        part, _, end = rest.partition(".")
        rest = f"{RESNET[part]}.{end}"
    if side == "mid":
        return f"middle_block.{1 if kind == 'attentions' else 2 * int(number)}.{rest}"
    if kind == "downsamplers":
        return f"input_blocks.{2 * int(block) + 2}.0.{rest.replace('conv', 'op', 1)}"
    if kind == "upsamplers":
        return f"output_blocks.{2 * int(block) + 1}.1.{rest}"
    stem = f"input_blocks.{place + 1}" if side == "down" else f"output_blocks.{place}"
    return f"{stem}.{1 if kind == 'attentions' else 0}.{rest}"


def original_autoencoder_name(name: str) -> str:
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{3 - int(m[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    if "mid_block.attentions.0" in name:
        for ours, theirs in ATTENTION.items():
            name = name.replace(f"attentions.0.{ours}.", f"attentions.0.{theirs}.")
        name = name.replace("mid_block.attentions.0", "mid.attn_1")
    return name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")


def original_checkpoint(folder: Path) -> dict[str, torch.Tensor]:
    """The tensors of a diffusers folder under the names and shapes of an original checkpoint."""
    unet = load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")
    autoencoder = load_file(folder / "vae" / "diffusion_pytorch_model.safetensors")
    text = load_file(folder / "text_encoder" / "model.safetensors")
    table = {UNET + original_unet_name(name): tensor for name, tensor in unet.items()}
    for name, tensor in autoencoder.items():
        shown = original_autoencoder_name(name)
        square = "attn_1" in shown and tensor.ndim == 2
        table[AUTOENCODER + shown] = tensor[..., None, None].contiguous() if square else tensor
    for name, tensor in text.items():
        table[TEXT + name.removeprefix("text_model.")] = tensor
    table[f"{TEXT}embeddings.position_ids"] = torch.arange(12)[None]
    return table
