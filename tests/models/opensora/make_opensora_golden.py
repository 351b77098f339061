"""Makes the reference files of `golden/opensora`: ``python tests/models/opensora/make_opensora_golden.py FOLDER``.

They hold what the networks computed at small sizes once the parity command had found them to agree with data of the
original, so that a later change that moves a number is seen. Configurations differ from the published one on purpose.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from antibench.models.opensora.config import Config, SpatialVAEConfig, STDiT3Config, TemporalVAEConfig, VAEConfig
from antibench.models.opensora.mask_strategy import apply_to_all
from antibench.models.opensora.rflow import RectifiedFlow, guided, timesteps
from antibench.models.opensora.stdit3 import STDiT3
from antibench.models.opensora.temporal_vae import TemporalVAE
from antibench.models.opensora.vae import Gaussian, OpenSoraVAE
from antibench.testing.tiny_opensora import redrawn

Tensors = dict[str, torch.Tensor]

STDIT3 = STDiT3Config(
    depth=1, hidden_size=8, num_heads=2, caption_channels=6, model_max_length=5, mlp_ratio=1.5, in_channels=2,
    input_sq_size=64,
)  # fmt: skip
TEMPORAL = TemporalVAEConfig(
    filters=2, num_res_blocks=1, channel_multipliers=(1, 2), temporal_downsample=(True,), num_groups=2
)
VAE = VAEConfig(
    spatial_vae=SpatialVAEConfig(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(4, 4),
        layers_per_block=1,
        norm_num_groups=2,
        sample_size=16,
    ),
    temporal_vae=TEMPORAL,
    micro_frame_size=5,
    micro_batch_size=2,
)
EPS = {"stdit3": r"\.attn\.qkv\.", "vae_temporal": r"\.conv\d*\.conv\.|conv_in\.conv|conv_blocks\.\d+\.conv\."}
EPS_SCALE = 0.003
TRACED = ("t_embedder", "x_embedder", "spatial_blocks.0.attn", "spatial_blocks.0", "temporal_blocks.0.mlp")
STRATEGIES = {"i2v": "0", "edit": "0;0,0,0,2,1,0.4"}


def save(folder: Path, name: str, tensors: Tensors, **metadata: str) -> None:
    whole = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
    save_file(whole, folder / f"{name}.safetensors", metadata=metadata)


def described(config: Config, **more: Any) -> dict[str, str]:
    return {"config": config.model_dump_json(), **{name: json.dumps(value) for name, value in more.items()}}


def weights_of(module: nn.Module) -> Tensors:
    return {f"weights.{name}": value for name, value in module.state_dict().items()}


def with_small_weights(network: nn.Module, pattern: str) -> nn.Module:
    for name, parameter in network.named_parameters():
        if re.search(pattern, name):
            parameter.mul_(EPS_SCALE)
    return network


def traced(network: nn.Module, names: tuple[str, ...], act: Callable[[], object]) -> Tensors:
    trace: Tensors = {}

    def keep(name: str, module: nn.Module, args: object, output: torch.Tensor) -> None:
        trace[name] = output

    handles = [network.get_submodule(name).register_forward_hook(partial(keep, name)) for name in names]
    act()
    for handle in handles:
        handle.remove()
    return trace


def handed_out(of_frames: list[torch.Tensor], of_chunks: list[torch.Tensor]) -> Gaussian:
    """Noise for the micro-batches of frames, and for the chunks of latent frames."""
    return lambda mean: (of_frames if mean.ndim == 4 else of_chunks).pop(0)


def stdit3_file(folder: Path) -> None:
    network, double = redrawn(STDiT3(STDIT3)), redrawn(STDiT3(STDIT3)).double()
    g = torch.Generator().manual_seed(1)
    x, y = torch.randn(2, 2, 3, 5, 4, generator=g), torch.randn(2, 1, 5, 6, generator=g)
    steps, mask = torch.tensor([873.5, 120.0]), torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    told = {"fps": torch.tensor([24.0, 24.0]), "height": torch.full((2,), 40.0), "width": torch.full((2,), 32.0)}
    masks = {
        "nomask": None,
        "firstframe": torch.tensor([[False, True, True]] * 2),
        "mixed": torch.tensor([[True, True, True], [True, False, False]]),
    }
    tensors = weights_of(network) | {f"inputs.{name}": value for name, value in told.items()}
    tensors |= {"inputs.x": x, "inputs.y": y, "inputs.timestep": steps, "inputs.mask": mask}
    for case, x_mask in masks.items():
        if x_mask is not None:
            tensors[f"inputs_{case}.x_mask"] = x_mask
        tensors[f"outputs_{case}.y"] = network(x, steps, y, mask, x_mask, **told)
        twice = {name: value.double() for name, value in told.items()}
        tensors[f"outputs_{case}_fp64.y"] = double(x.double(), steps.double(), y.double(), mask, x_mask, **twice)
    tensors["outputs_nomask_fulltext.y"] = network(x, steps, y, None, None, **told)
    trace = traced(network, TRACED, lambda: network(x, steps, y, mask, masks["firstframe"], **told))
    tensors |= {f"trace_firstframe.{name}": value for name, value in trace.items()}
    small = with_small_weights(redrawn(STDiT3(STDIT3)), EPS["stdit3"])
    tensors["outputs_eps.y"] = small(x, steps, y, mask, masks["firstframe"], **told)
    save(folder, "stdit3_golden", tensors, **described(STDIT3, eps_case={"regex": EPS["stdit3"], "scale": EPS_SCALE}))


def vae_temporal_file(folder: Path) -> None:
    network, double = redrawn(TemporalVAE(TEMPORAL)), redrawn(TemporalVAE(TEMPORAL)).double()
    small = with_small_weights(redrawn(TemporalVAE(TEMPORAL)), EPS["vae_temporal"])
    tensors = weights_of(network)
    for frames in (1, 4):
        x = torch.randn(1, 4, frames, 3, 2, generator=torch.Generator().manual_seed(frames))
        posterior = network.encode(x)
        tensors |= {
            f"inputs_T{frames}.x": x,
            f"outputs_T{frames}.moments": posterior.parameters,
            f"outputs_T{frames}.mean": posterior.mean,
            f"outputs_T{frames}.decoded_mode": network.decode(posterior.mean, frames),
            f"outputs_fp64_T{frames}.moments": double.encode(x.double()).parameters,
            f"outputs_fp64_T{frames}.decoded_mode": double.decode(posterior.mean.double(), frames),
            f"outputs_eps_T{frames}.moments": small.encode(x).parameters,
            f"outputs_eps_T{frames}.decoded_of_mean": small.decode(posterior.mean, frames),
        }
    case = {"regex": EPS["vae_temporal"], "scale": EPS_SCALE}
    save(folder, "vae_temporal_golden", tensors, **described(TEMPORAL, eps_case=case))


def vae_pipeline_file(folder: Path) -> None:
    network = redrawn(OpenSoraVAE(VAE), seed=1)
    network.temporal_vae.load_state_dict(redrawn(TemporalVAE(TEMPORAL)).state_dict())
    tensors = {name: value for name, value in weights_of(network).items() if "temporal_vae" not in name}
    for name, frames in (("image", 1), ("video", 7)):
        g = torch.Generator().manual_seed(frames)
        pixels = torch.rand(1, 3, frames, 6, 9, generator=g) * 2 - 1
        t, h, w = network.latent_size(frames, 6, 9)
        spatial, temporal = torch.randn(frames, 4, h, w, generator=g), torch.randn(1, 4, t, h, w, generator=g)
        of_frames = list(spatial.split(VAE.micro_batch_size or frames))
        of_chunks = list(temporal.split(VAE.latent_chunk or t, dim=2))
        latent = network.encode(pixels)
        tensors |= {
            f"inputs.{name}": pixels,
            f"inputs.{name}_spatial_noise": spatial,
            f"inputs.{name}_temporal_noise": temporal,
            f"outputs.{name}_spatial_latent_mode": network.spatial_latents(pixels),
            f"outputs.{name}_latent_mode": latent,
            f"outputs.{name}_latent_noise": network.encode(pixels, handed_out(of_frames, of_chunks)),
            f"outputs.{name}_decoded_of_latent_mode": network.decode(latent, frames),
        }
    sizes = {str(frames): network.latent_size(frames, 18, 13) for frames in (1, 4, 5, 6, 9, 10, 11)}
    save(
        folder, "vae_pipeline_golden", tensors, temporal_weights_from="vae_temporal_golden.safetensors",
        **described(VAE, latent_sizes_18x13=sizes),
    )  # fmt: skip


def rflow_file(folder: Path) -> None:
    network = redrawn(STDiT3(STDIT3))
    g = torch.Generator().manual_seed(2)
    noise, reference, *noises = torch.randn(5, 1, 2, 3, 4, 4, generator=g)
    y, mask = torch.randn(1, 1, 5, 6, generator=g), torch.tensor([[1, 1, 1, 0, 0]])
    told = {"fps": torch.tensor([24.0]), "height": torch.tensor([32.0]), "width": torch.tensor([48.0])}
    inputs = {"z_noise": noise, "reference_latent": reference[:, :, :1], "y": y, "mask": mask, **told}
    inputs |= {"num_frames": torch.tensor([17.0])} | {f"noise{k}": value for k, value in enumerate(noises)}
    tensors = {f"inputs.{name}": value for name, value in inputs.items()}
    text = torch.cat([y, network.y_embedder.y_embedding[None, None]])
    twice = {name: value.repeat(2) for name, value in told.items()}
    for name, strategy in STRATEGIES.items():
        z, kept = apply_to_all([strategy], noise, [[reference[0, :, :1]]], align=None)
        flow = RectifiedFlow(timesteps(3, (32, 48), 17), kept)
        tensors |= {f"{name}.z_init": z, f"{name}.mask": kept}
        for k in range(3):
            z = flow.enter(k, z, lambda step: noises[step])
            t, active = flow.timesteps[k : k + 1], flow.active(k)
            pred = network(z.repeat(2, 1, 1, 1, 1), t.repeat(2), text, mask, active.repeat(2, 1), **twice)
            tensors |= {f"{name}.step{k}.z": z, f"{name}.step{k}.t": t, f"{name}.step{k}.x_mask": active}
            tensors[f"{name}.step{k}.pred"] = pred
            z = flow.advance(k, z, guided(pred, 7.0, 2))
        tensors[f"{name}.samples"] = z
    save(
        folder, "rflow_golden", tensors, weights_from="stdit3_golden.safetensors", steps="3", cfg_scale="7.0",
        strategies=json.dumps(STRATEGIES),
    )  # fmt: skip


MAKERS = (stdit3_file, vae_temporal_file, vae_pipeline_file, rflow_file)

if __name__ == "__main__":
    with torch.no_grad():
        for make in MAKERS:
            make(Path(sys.argv[1]))
