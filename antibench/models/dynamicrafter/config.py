"""The configurations of DynamiCrafter's parts, under the names that its configuration files use.

A field typed `Literal` has one supported value: it is there so that a file that asks for another architecture is
refused instead of being built wrongly.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt


class Config(BaseModel):
    """Frozen parameters; an unknown name or a wrong value is a `pydantic.ValidationError`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class UNetConfig(Config):
    """The 3D U-Net. The defaults are those of the 512 checkpoint."""

    in_channels: PositiveInt = 8
    """Channels of the noised latent plus those of the image latent."""
    out_channels: PositiveInt = 4
    model_channels: PositiveInt = 320
    """Base width; a multiple of 32, the number of groups of every normalisation."""
    attention_resolutions: tuple[PositiveInt, ...] = (4, 2, 1)
    """Down-sampling factors at which the blocks have transformers."""
    num_res_blocks: PositiveInt = 2
    channel_mult: tuple[PositiveInt, ...] = Field(default=(1, 2, 4, 4), min_length=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    num_head_channels: PositiveInt = 64
    """Width of an attention head."""
    transformer_depth: PositiveInt = 1
    context_dim: PositiveInt = 1024
    use_linear: bool = True
    """Project into the transformers by a linear layer, not by a convolution of width 1; the same but for the shape."""
    temporal_conv: bool = True
    temporal_attention: bool = True
    addition_attention: bool = True
    """A temporal transformer after the first convolution (`init_attn`)."""
    image_cross_attention: bool = True
    """Read the image tokens, with keys and values of their own; otherwise only the text is read."""
    image_cross_attention_scale_learnable: bool = False
    """Weigh what comes of the image tokens by tanh(alpha) + 1; only the 256 checkpoint does."""
    fs_condition: bool = True
    """Take a number of frames per second (256: a frame stride) beside the timestep."""
    default_fs: PositiveInt = 24
    temporal_length: PositiveInt = 16
    """Frames of the checkpoint's clips; the network itself takes any number."""
    text_tokens: int = Field(default=77, ge=0)
    """Leading tokens of a context that are text."""
    image_tokens_per_frame: PositiveInt = 16
    """A context with just so many image tokens for each frame gives every frame its own."""
    use_checkpoint: bool = False
    """Whether training recomputed activations; does not change the network."""
    conv_resample: Literal[True] = True
    dims: Literal[2] = 2
    use_scale_shift_norm: Literal[False] = False
    resblock_updown: Literal[False] = False
    tempspatial_aware: Literal[False] = False
    temporal_selfatt_only: Literal[True] = True
    use_relative_position: Literal[False] = False
    use_causal_attention: Literal[False] = False


class ResamplerConfig(Config):
    """The image projector. The defaults are those of the checkpoints."""

    dim: PositiveInt = 1024
    depth: PositiveInt = 4
    dim_head: PositiveInt = 64
    heads: PositiveInt = 12
    num_queries: PositiveInt = 16
    """Tokens for each frame."""
    embedding_dim: PositiveInt = 1280
    """Width of the image encoder's tokens."""
    output_dim: PositiveInt = 1024
    ff_mult: PositiveInt = 4
    video_length: PositiveInt = 16


class AutoencoderConfig(Config):
    """`ddconfig` of the image autoencoder."""

    double_z: Literal[True] = True
    z_channels: PositiveInt = 4
    resolution: PositiveInt = 256
    """Size of the training pictures; does not change the network."""
    in_channels: PositiveInt = 3
    out_ch: PositiveInt = 3
    ch: PositiveInt = 128
    ch_mult: tuple[PositiveInt, ...] = Field(default=(1, 2, 4, 4), min_length=1)
    num_res_blocks: PositiveInt = 2
    attn_resolutions: tuple[()] = ()
    dropout: float = Field(default=0.0, ge=0, le=0)


class FirstStageConfig(Config):
    """The image autoencoder with its latent space."""

    embed_dim: PositiveInt = 4
    """Channels of a latent."""
    ddconfig: AutoencoderConfig = AutoencoderConfig()


class ClipVisionConfig(Config):
    """The image tower. The defaults are those of OpenCLIP's ViT-H-14."""

    image_size: PositiveInt = 224
    layers: PositiveInt = 32
    width: PositiveInt = 1280
    head_width: PositiveInt = 80
    patch_size: PositiveInt = 14
    mlp_ratio: PositiveFloat = 4.0


class ClipTextConfig(Config):
    """The text tower. The defaults are those of OpenCLIP's ViT-H-14."""

    context_length: PositiveInt = 77
    vocab_size: PositiveInt = 49408
    width: PositiveInt = 1024
    heads: PositiveInt = 16
    layers: int = Field(default=24, ge=2)
    """The last one is not run."""
    mlp_ratio: PositiveFloat = 4.0


class ClipConfig(Config):
    """Both towers of OpenCLIP."""

    embed_dim: PositiveInt = 1024
    vision: ClipVisionConfig = ClipVisionConfig()
    text: ClipTextConfig = ClipTextConfig()


class DiffusionConfig(Config):
    """Noise schedule and conditioning. The defaults are those of the 512 checkpoint."""

    parameterization: Literal["v", "eps"] = "v"
    rescale_betas_zero_snr: bool = True
    linear_start: PositiveFloat = 0.00085
    linear_end: PositiveFloat = 0.012
    timesteps: PositiveInt = 1000
    use_dynamic_rescale: bool = True
    base_scale: PositiveFloat = 0.7
    """What the clean latent is multiplied by after `turning_step`."""
    turning_step: PositiveInt | None = 400
    scale_factor: PositiveFloat = 0.18215
    """What a latent of the autoencoder is multiplied by."""
    channels: PositiveInt = 4
    image_size: tuple[PositiveInt, PositiveInt] = (40, 64)
    """(height, width) of a latent."""
    conditioning_key: Literal["hybrid"] = "hybrid"
    uncond_type: Literal["empty_seq"] = "empty_seq"
    fps_condition_type: Literal["fps", "fs"] = "fps"
    perframe_ae: bool = True


class DynamiCrafterConfig(Config):
    """All five networks and the schedule. The defaults are those of the 512 checkpoint."""

    diffusion: DiffusionConfig = DiffusionConfig()
    unet: UNetConfig = UNetConfig()
    first_stage: FirstStageConfig = FirstStageConfig()
    clip: ClipConfig = ClipConfig()
    image_projector: ResamplerConfig = ResamplerConfig()
