"""The real checkpoints, arranged so that a gradient fits on one GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from diffusers import CogVideoXImageToVideoPipeline, I2VGenXLPipeline, StableVideoDiffusionPipeline
from transformers import AutoTokenizer, T5EncoderModel

from antibench.models.cogvideox import CogVideoX
from antibench.models.cogvideox_arranged import arranged_cogvideox
from antibench.models.dynamicrafter.adapter import DynamiCrafter
from antibench.models.dynamicrafter.arranged import arranged_dynamicrafter
from antibench.models.dynamicrafter.checkpoint import load_networks
from antibench.models.dynamicrafter.presets import PRESETS
from antibench.models.hub import dtype_of, fetch_file, load_pipeline, load_pretrained, require_commit
from antibench.models.i2vgen_xl import I2VGenXL, I2VGenXLSettings
from antibench.models.opensora.adapter import OpenSora
from antibench.models.opensora.arranged import arranged_opensora
from antibench.models.opensora.checkpoint import load_stdit3, load_vae
from antibench.models.opensora.networks import OpenSoraNetworks
from antibench.models.opensora.text import T5Text
from antibench.models.svd import SVD, SVDSettings

if TYPE_CHECKING:
    from antibench.models.dynamicrafter.specs import DynamiCrafterSpec
    from antibench.models.opensora.specs import OpenSora12
    from antibench.models.specs import SVDXT, CogVideoX5BI2V
    from antibench.models.specs_i2vgen_xl import I2VGenXLSpec

FILE = "model.safetensors"
"""What Open-Sora's repositories call their weights."""


def load_svd(spec: SVDXT, device: str, **sampling: Any) -> SVD:
    """Stable Video Diffusion; `sampling` are fields of `SVDSettings`.

    Raises:
        UserError: if the weights are neither cached nor within reach.
    """
    pipe = load_pipeline(StableVideoDiffusionPipeline, spec.card.repo_id, spec.revision, spec.dtype, device)
    pipe.unet.enable_gradient_checkpointing()
    return SVD(pipe, SVDSettings(size=spec.size, frames=spec.frames, **sampling), spec)


def load_cogvideox(spec: CogVideoX5BI2V, device: str, **sampling: Any) -> CogVideoX:
    """CogVideoX; `sampling` are fields of `CogVideoXSettings`.

    Raises:
        UserError: if the weights are neither cached nor within reach.
    """
    pipe = load_pipeline(
        CogVideoXImageToVideoPipeline,
        spec.card.repo_id,
        spec.revision,
        spec.dtype,
        device,
        on_host=("text_encoder",) if spec.low_memory else (),
    )
    return arranged_cogvideox(pipe, spec, **sampling)


def load_dynamicrafter(spec: DynamiCrafterSpec, device: str, **sampling: Any) -> DynamiCrafter:
    """DynamiCrafter from its published checkpoint; `sampling` are fields of `DynamiCrafterSettings`.

    Raises:
        UserError: if the weights are neither cached nor within reach, or are those of another model.
    """
    preset, dtype = PRESETS[spec.preset], dtype_of(spec.dtype, spec.card.repo_id)
    path = fetch_file(spec.card.repo_id, "model.ckpt", spec.revision)
    return arranged_dynamicrafter(load_networks(path, preset.config, dtype, device), spec, **sampling)


def load_i2vgen_xl(spec: I2VGenXLSpec, device: str, **sampling: Any) -> I2VGenXL:
    """I2VGen-XL; `sampling` are fields of `I2VGenXLSettings`. Its U-Net has no way to compute activations again.

    Raises:
        UserError: if the weights are neither cached nor within reach.
    """
    pipe = load_pipeline(I2VGenXLPipeline, spec.card.repo_id, spec.revision, spec.dtype, device)
    return I2VGenXL(pipe, I2VGenXLSettings(size=spec.size, frames=spec.frames, **sampling), spec)


def load_opensora(spec: OpenSora12, device: str, **sampling: Any) -> OpenSora:
    """Open-Sora 1.2 from its three repositories; `sampling` are fields of `OpenSoraSettings`.

    Raises:
        UserError: if a commit is not given, or weights are neither cached nor within reach, or are of another model.
    """
    dtype, text_dtype = dtype_of(spec.dtype, spec.card.repo_id), dtype_of(spec.text_dtype, spec.text_repo)
    commit = require_commit(spec.card.repo_id, spec.revision, "revision")
    vae_commit = require_commit(spec.vae_repo, spec.vae_revision, "vae_revision")
    text_commit = require_commit(spec.text_repo, spec.text_revision, "text_revision")
    denoiser = load_stdit3(fetch_file(spec.card.repo_id, FILE, commit), spec.denoiser_config(), dtype, device)
    vae = load_vae(fetch_file(spec.vae_repo, FILE, vae_commit), spec.vae_config(), dtype, device)
    tokenizer = load_pretrained(AutoTokenizer, spec.text_repo, text_commit)
    encoder = load_pretrained(T5EncoderModel, spec.text_repo, text_commit, dtype=text_dtype)
    text = T5Text(tokenizer, encoder if spec.low_memory else encoder.to(device), denoiser.config.model_max_length)
    return arranged_opensora(OpenSoraNetworks(denoiser, vae, text), spec, **sampling)
