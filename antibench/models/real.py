"""The real checkpoints, arranged so that a gradient fits on one GPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffusers import CogVideoXImageToVideoPipeline, I2VGenXLPipeline, StableVideoDiffusionPipeline
from transformers import AutoTokenizer, T5EncoderModel

from antibench.models.cogvideox import CogVideoX
from antibench.models.cogvideox_arranged import arranged_cogvideox
from antibench.models.dynamicrafter.adapter import DynamiCrafter
from antibench.models.dynamicrafter.arranged import arranged_dynamicrafter
from antibench.models.dynamicrafter.checkpoint import load_networks
from antibench.models.dynamicrafter.presets import FILE, PRESETS
from antibench.models.hub import dtype_of, fetch_file, load_pipeline, load_pretrained, require_commit
from antibench.models.i2vgen_xl import I2VGenXL, I2VGenXLSettings
from antibench.models.opensora.adapter import OpenSora
from antibench.models.opensora.arranged import arranged_opensora
from antibench.models.opensora.checkpoint import NETWORK_FILE, load_stdit3, load_vae
from antibench.models.opensora.networks import OpenSoraNetworks
from antibench.models.opensora.text import T5Text
from antibench.models.origin import origin_of
from antibench.models.svd import SVD, SVDSettings

if TYPE_CHECKING:
    from antibench.models.dynamicrafter.specs import DynamiCrafterSpec
    from antibench.models.opensora.specs import OpenSora12
    from antibench.models.specs import SVDXT, CogVideoX5BI2V
    from antibench.models.specs_i2vgen_xl import I2VGenXLSpec


def load_svd(spec: SVDXT, device: str, weights: Path | None = None, **sampling: Any) -> SVD:
    """Stable Video Diffusion; `weights` are a folder instead of the hub, `sampling` fields of `SVDSettings`.

    Raises:
        UserError: if the weights are neither cached nor within reach.
    """
    pipe = load_pipeline(StableVideoDiffusionPipeline, origin_of(spec, weights), spec.dtype, device)
    pipe.unet.enable_gradient_checkpointing()
    return SVD(pipe, SVDSettings(size=spec.size, frames=spec.frames, **sampling), spec)


def load_cogvideox(spec: CogVideoX5BI2V, device: str, weights: Path | None = None, **sampling: Any) -> CogVideoX:
    """CogVideoX; `weights` are a folder instead of the hub, `sampling` fields of `CogVideoXSettings`.

    Raises:
        UserError: if the weights are neither cached nor within reach.
    """
    pipe = load_pipeline(
        CogVideoXImageToVideoPipeline,
        origin_of(spec, weights),
        spec.dtype,
        device,
        on_host=("text_encoder",) if spec.low_memory else (),
    )
    return arranged_cogvideox(pipe, spec, **sampling)


def load_dynamicrafter(
    spec: DynamiCrafterSpec, device: str, weights: Path | None = None, **sampling: Any
) -> DynamiCrafter:
    """DynamiCrafter from its published checkpoint, or from the file or folder `weights`.

    `sampling` are fields of `DynamiCrafterSettings`.

    Raises:
        UserError: if the weights are neither cached nor within reach, or are those of another model.
    """
    preset, dtype = PRESETS[spec.preset], dtype_of(spec.dtype, spec.card.repo_id)
    path = fetch_file(origin_of(spec, weights), FILE)
    return arranged_dynamicrafter(load_networks(path, preset.config, dtype, device), spec, **sampling)


def load_i2vgen_xl(spec: I2VGenXLSpec, device: str, weights: Path | None = None, **sampling: Any) -> I2VGenXL:
    """I2VGen-XL, whose U-Net has no way to compute activations again.

    `weights` are a folder instead of the hub, `sampling` fields of `I2VGenXLSettings`.

    Raises:
        UserError: if the weights are neither cached nor within reach.
    """
    pipe = load_pipeline(I2VGenXLPipeline, origin_of(spec, weights), spec.dtype, device)
    return I2VGenXL(pipe, I2VGenXLSettings(size=spec.size, frames=spec.frames, **sampling), spec)


def load_opensora(spec: OpenSora12, device: str, weights: Path | None = None, **sampling: Any) -> OpenSora:
    """Open-Sora 1.2 from its three repositories, or from a folder `weights` with one subfolder for each.

    `sampling` are fields of `OpenSoraSettings`.

    Raises:
        UserError: if a commit is not given, or weights are neither cached nor within reach, or are of another model.
    """
    dtype, text_dtype = dtype_of(spec.dtype, spec.card.repo_id), dtype_of(spec.text_dtype, spec.text_repo)
    whole = origin_of(spec, weights)
    of_denoiser = whole.part(spec.card.repo_id, spec.revision)
    of_vae = whole.part(spec.vae_repo, spec.vae_revision)
    of_text = whole.part(spec.text_repo, spec.text_revision, spec.card.text_gb or None)
    require_commit(of_denoiser, "revision")
    require_commit(of_vae, "vae_revision")
    require_commit(of_text, "text_revision")
    denoiser = load_stdit3(fetch_file(of_denoiser, NETWORK_FILE), spec.denoiser_config(), dtype, device)
    vae = load_vae(fetch_file(of_vae, NETWORK_FILE), spec.vae_config(), dtype, device)
    tokenizer = load_pretrained(AutoTokenizer, of_text)
    encoder = load_pretrained(T5EncoderModel, of_text, dtype=text_dtype)
    text = T5Text(tokenizer, encoder if spec.low_memory else encoder.to(device), denoiser.config.model_max_length)
    return arranged_opensora(OpenSoraNetworks(denoiser, vae, text), spec, **sampling)
