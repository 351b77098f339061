"""The configurations of Open-Sora's networks, under the names that its configuration files use.

A field typed `Literal` has one supported value: it is there so that a file that asks for another architecture is
refused instead of being built wrongly.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

NonZero = Annotated[float, Field(gt=0)]


class Config(BaseModel):
    """Frozen parameters; an unknown name or a wrong value is a `pydantic.ValidationError`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class STDiT3Config(Config):
    """The denoiser. The defaults are those of the public checkpoint, STDiT3-XL/2."""

    depth: PositiveInt = 28
    """Pairs of a spatial and a temporal block."""
    hidden_size: PositiveInt = 1152
    patch_size: tuple[Literal[1], PositiveInt, PositiveInt] = (1, 2, 2)
    """Latent frames, rows and columns of a patch."""
    num_heads: PositiveInt = 16
    qk_norm: bool = True
    """Normalise queries and keys of self-attention."""
    in_channels: PositiveInt = 4
    """Channels of a latent."""
    caption_channels: PositiveInt = 4096
    """Width of the text encoder's tokens."""
    model_max_length: PositiveInt = 300
    """Text tokens that the null text has."""
    mlp_ratio: PositiveFloat = 4.0
    pred_sigma: bool = True
    """Twice as many channels come out as go in; the second half is not used."""
    input_sq_size: PositiveInt = 512
    """Pixels along a side at which positions count single patches."""
    class_dropout_prob: float = Field(default=0.1, ge=0, le=1)
    """How often training replaced the text by the null text; does not change the network."""
    drop_path: float = Field(default=0.0, ge=0, lt=1)
    """How often training left out a branch; does not change the network in evaluation mode."""
    skip_y_embedder: Literal[False] = False

    @property
    def out_channels(self) -> int:
        """Channels of a prediction: the velocity, and as many unused ones with `pred_sigma`."""
        return 2 * self.in_channels if self.pred_sigma else self.in_channels

    @model_validator(mode="after")
    def _heads_fit(self) -> STDiT3Config:
        if self.hidden_size % (2 * self.num_heads):
            raise ValueError(f"{self.num_heads} heads of even width do not make up {self.hidden_size}")
        if self.hidden_size % 4:
            raise ValueError(f"hidden_size {self.hidden_size}: positions need sines and cosines of rows and columns")
        return self


class SpatialVAEConfig(Config):
    """The image autoencoder, under the names of diffusers' `AutoencoderKL`. The defaults are SDXL's architecture."""

    in_channels: PositiveInt = 3
    out_channels: PositiveInt = 3
    down_block_types: tuple[Literal["DownEncoderBlock2D"], ...] = ("DownEncoderBlock2D",) * 4
    up_block_types: tuple[Literal["UpDecoderBlock2D"], ...] = ("UpDecoderBlock2D",) * 4
    block_out_channels: tuple[PositiveInt, ...] = (128, 256, 512, 512)
    layers_per_block: PositiveInt = 2
    act_fn: Literal["silu", "swish"] = "silu"
    latent_channels: PositiveInt = 4
    norm_num_groups: PositiveInt = 32
    sample_size: PositiveInt = 1024
    """Size of the training pictures; does not change the network."""
    scaling_factor: PositiveFloat = 0.13025
    """SDXL's own, which Open-Sora does not use (`VAEConfig.spatial_scaling`)."""
    force_upcast: bool = True
    """A hint to pipelines of SDXL; does not change the network."""


class TemporalVAEConfig(Config):
    """The causal autoencoder over frames of image latents. The defaults are those of the public checkpoint."""

    in_out_channels: PositiveInt = 4
    """Channels of an image latent."""
    latent_embed_dim: PositiveInt = 4
    embed_dim: PositiveInt = 4
    """Channels of a clip's latent."""
    filters: PositiveInt = 128
    """Base width."""
    num_res_blocks: PositiveInt = 4
    channel_multipliers: tuple[PositiveInt, ...] = Field(default=(1, 2, 2, 4), min_length=1)
    temporal_downsample: tuple[bool, ...] = (False, True, True)
    """After which levels, but for the last, the number of frames is halved."""
    num_groups: PositiveInt = 32
    """Groups of every normalisation."""
    activation: Literal["swish"] = Field(default="swish", validation_alias=AliasChoices("activation", "activation_fn"))

    @property
    def frames_per_latent(self) -> int:
        """Frames of the input that one frame of the latent stands for."""
        return int(2 ** sum(self.temporal_downsample))

    @model_validator(mode="after")
    def _levels_fit(self) -> TemporalVAEConfig:
        levels = len(self.channel_multipliers)
        if len(self.temporal_downsample) != levels - 1:
            raise ValueError(f"temporal_downsample has {len(self.temporal_downsample)} entries for {levels} levels")
        return self


class VAEConfig(Config):
    """Both autoencoders and what is between them. The defaults are those of the public checkpoint."""

    spatial_vae: SpatialVAEConfig = Field(
        default=SpatialVAEConfig(), validation_alias=AliasChoices("spatial_vae", "vae2d")
    )
    temporal_vae: TemporalVAEConfig = Field(
        default=TemporalVAEConfig(), validation_alias=AliasChoices("temporal_vae", "temporal")
    )
    micro_batch_size: PositiveInt | None = 4
    """Frames that go through the image autoencoder at once. None: all."""
    micro_frame_size: PositiveInt | None = 17
    """Frames of a chunk; chunks go through the temporal autoencoder on their own. None: a clip is one chunk."""
    spatial_scaling: PositiveFloat = 0.18215
    """What a latent of the image autoencoder is multiplied by."""
    shift: tuple[float, ...] = (-0.10, 0.34, 0.27, 0.98)
    """Mean of each channel of a clip's latent, which is subtracted."""
    scale: tuple[NonZero, ...] = (3.85, 2.32, 2.33, 3.06)
    """Deviation of each channel, which is divided by."""
    micro_z_frame_size: PositiveInt | None = None
    """Latent frames of a chunk. It follows from the rest; another value is refused."""

    @property
    def latent_chunk(self) -> int | None:
        """Latent frames of a whole chunk."""
        if self.micro_frame_size is None:
            return None
        return -(-self.micro_frame_size // self.temporal_vae.frames_per_latent)

    @model_validator(mode="after")
    def _parts_fit(self) -> VAEConfig:
        channels = self.temporal_vae.embed_dim
        if len(self.shift) != channels or len(self.scale) != channels:
            raise ValueError(f"shift and scale have {len(self.shift)} and {len(self.scale)} entries, not {channels}")
        if self.spatial_vae.latent_channels != self.temporal_vae.in_out_channels:
            raise ValueError("in_out_channels of the temporal VAE are not latent_channels of the spatial one")
        if self.micro_z_frame_size not in (None, self.latent_chunk):
            raise ValueError(f"micro_z_frame_size {self.micro_z_frame_size}, where chunks have {self.latent_chunk}")
        return self
