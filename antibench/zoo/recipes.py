"""The recipes of the small models: configurations of the real models' classes, and how each is trained and sampled.

A recipe is what `python -m antibench.zoo.train NAME` follows. Where weights are shipped it is theirs: `training.json`
beside them says how many of its steps they took and on how many clips (four were cut short, at 57 to 86 percent).
The first rounds of `svd-small` and `dynamicrafter-small` saw heads that turn twice as far as `motion.YAW` says now; so
did everything of `cogvideox-small`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Family = Literal["svd", "cogvideox", "cogvideox-tokens", "dynamicrafter"]


@dataclass(frozen=True)
class Training:
    """How one network is trained.

    Attributes:
        steps: How many.
        batch: Clips a step.
        learning_rate: The highest; see `session.Session`.
        seed: Of weights and draws.
        ema: Decay of the moving average, which is what is kept.
        adversarial: Of a VAE: share of a critic of patches in the gradient, see `critic`; 0 trains without one.
    """

    steps: int
    batch: int
    learning_rate: float
    seed: int
    ema: float = 0.9995
    adversarial: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """One small model.

    Attributes:
        name: Registered name, and folder of the weights.
        family: Whose classes and pipeline.
        size: Height and width in pixels.
        frames: Frames a clip.
        vae: Arguments of the VAE class.
        denoiser: Arguments of the U-Net or transformer class.
        scheduler: Arguments of the scheduler class, or of the noise schedule.
        sampling: What `generate` uses: steps, guidance, frame rate and so on.
        train_vae: Rounds of training, each from the weights of the one before, with a learning rate of its own; none
            if the VAE of `vae_of` is used.
        train_decoder: Further training of the VAE's decoder alone, which leaves every latent as it is.
        train_denoiser: Training of the denoiser with its text or image projection.
        vae_of: Name of the model whose VAE this one shares.
        projector: Arguments of the image projector, where there is one.
    """

    name: str
    family: Family
    size: int
    frames: int
    vae: dict[str, Any]
    denoiser: dict[str, Any]
    scheduler: dict[str, Any]
    sampling: dict[str, Any]
    train_denoiser: tuple[Training, ...]
    train_vae: tuple[Training, ...] = ()
    train_decoder: tuple[Training, ...] = ()
    vae_of: str = ""
    projector: dict[str, Any] = field(default_factory=dict)
    drop: dict[str, float] = field(default_factory=dict)
    """Share of training clips whose conditions are dropped or noised; see `train_denoiser`."""
    faint_noise: float = 0.0
    """Strength in 8-bit levels of what half of the photos are changed by in training; see `training.faint_noise`."""

    @property
    def vae_name(self) -> str:
        """Folder of the VAE's weights."""
        return self.vae_of or self.name


_SVD_FRAMES, _SVD_LATENT = 8, 32
_SVD_VAE = {
    "block_out_channels": (32, 64, 96, 128),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "latent_channels": _SVD_LATENT,
    "layers_per_block": 1,
    "sample_size": 64,
}
_TOKEN_WIDTH = 96


_SVD_UNET = {
    "sample_size": 8,
    "in_channels": 2 * _SVD_LATENT,
    "out_channels": _SVD_LATENT,
    "down_block_types": ("CrossAttnDownBlockSpatioTemporal",),
    "up_block_types": ("CrossAttnUpBlockSpatioTemporal",),
    "block_out_channels": (96,),
    "num_attention_heads": (3,),
    "layers_per_block": 1,
    "cross_attention_dim": _TOKEN_WIDTH,
    "addition_time_embed_dim": 32,
    "projection_class_embeddings_input_dim": 96,
    "num_frames": _SVD_FRAMES,
}
_SVD_SCHEDULER = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "prediction_type": "v_prediction",
    "timestep_type": "continuous",
    "timestep_spacing": "leading",
    "steps_offset": 1,
    "use_karras_sigmas": True,
    "interpolation_type": "linear",
    "sigma_min": 0.02,
    "sigma_max": 80.0,
}
# Motion bucket 50: a calm clip (the median of the training clips is 101). More motion costs identity: on 10 tuning
# portraits ISM0 is 0.68 at 50, 0.59 at 60 and 0.47 at 80, of 0.80 (docs/results/clean-clips.txt).
_SVD_SAMPLING = {
    "steps": 8,
    "min_guidance": 1.0,
    "max_guidance": 3.0,
    "fps": 7,
    "motion_bucket_id": 50,
    "noise_aug_strength": 0.02,
}
# Measured before: without clips that have tokens but no latent the tokens are ignored, and nothing can be attacked.
_SVD_DROP = {"both": 0.12, "latent": 0.25, "noised_latent": 0.25, "tokens": 0.05}

_COG_LATENT = 16
_COG_VAE = {
    "block_out_channels": (32, 64, 96),
    "down_block_types": ("CogVideoXDownBlock3D",) * 3,
    "up_block_types": ("CogVideoXUpBlock3D",) * 3,
    "latent_channels": _COG_LATENT,
    "layers_per_block": 1,
    "norm_num_groups": 16,
    "temporal_compression_ratio": 4,
    "sample_height": 64,
    "sample_width": 64,
}
_COG_TRANSFORMER = {
    "num_attention_heads": 6,
    "attention_head_dim": 32,
    "in_channels": 2 * _COG_LATENT,
    "out_channels": _COG_LATENT,
    "time_embed_dim": 64,
    "text_embed_dim": 64,
    "num_layers": 9,
    "sample_width": 16,
    "sample_height": 16,
    "sample_frames": 9,
    "patch_size": 2,
    "temporal_compression_ratio": 4,
    "max_text_seq_length": 12,
    "use_rotary_positional_embeddings": True,
    "use_learned_positional_embeddings": True,
}
_COG_SCHEDULER = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "snr_shift_scale": 1.0,
    "timestep_spacing": "trailing",
    "clip_sample": False,
    "set_alpha_to_one": True,
}

_DYNAMI_FRAMES, _DYNAMI_QUERIES = 8, 4
# One residual block a level where the published models have two: with two the file has 14.3 MB.
_DYNAMI_UNET = {
    "in_channels": 2 * _SVD_LATENT,
    "out_channels": _SVD_LATENT,
    "model_channels": 96,
    "attention_resolutions": (1,),
    "num_res_blocks": 1,
    "channel_mult": (1,),
    "dropout": 0.0,
    "num_head_channels": 32,
    "context_dim": _TOKEN_WIDTH,
    "default_fs": 10,
    "temporal_length": _DYNAMI_FRAMES,
    "text_tokens": 12,
    "image_tokens_per_frame": _DYNAMI_QUERIES,
}
_DYNAMI_PROJECTOR = {
    "dim": 96,
    "depth": 1,
    "dim_head": 32,
    "heads": 3,
    "num_queries": _DYNAMI_QUERIES,
    "embedding_dim": 1280,
    "output_dim": _TOKEN_WIDTH,
    "video_length": _DYNAMI_FRAMES,
}
# Zero terminal signal-to-noise ratio and v-prediction, as published; no dynamic rescale, which serves large pictures.
_DYNAMI_SCHEDULE = {"use_dynamic_rescale": False, "turning_step": None}
# fs 5 is motion bucket 40 (`training.clips.clip_speed`): a calm clip, as of svd-small. Without added noise (eta 0): in
# few steps ancestral sampling leaves some of it in the clip (Song et al. 2021, table 1). 8 steps keep the person as
# well as 16 and 32. Guidance 4, not the published 7.5: clean clips keep the person nearly as well as at 3, where
# less can be taken from them. All in docs/results/clean-clips.txt and guidance.md.
_DYNAMI_SAMPLING = {
    "steps": 8,
    "guidance": 4.0,
    "caption_guided": True,
    "guidance_rescale": 0.7,
    "spacing": "uniform_trailing",
    "eta": 0.0,
    "fs": 5,
    "fps": 8,
}
# "tokens": text and image tokens together, apart from what happens to the latent, which guidance never drops.
_DYNAMI_DROP = {"tokens": 0.12, "latent": 0.3, "noised_latent": 0.25}
# Somewhat beyond the budget at which random noise must do nothing.
_FAINT_NOISE = 10.0

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="svd-small",
            family="svd",
            size=64,
            frames=_SVD_FRAMES,
            vae=_SVD_VAE,
            denoiser=_SVD_UNET,
            scheduler=_SVD_SCHEDULER,
            sampling=_SVD_SAMPLING,
            train_vae=(
                Training(steps=2_040, batch=64, learning_rate=1.8e-3, seed=11, ema=0.998),
                Training(steps=4_300, batch=24, learning_rate=8e-4, seed=14, ema=0.999),
                Training(steps=2_753, batch=24, learning_rate=6e-4, seed=16, ema=0.999),
            ),
            train_decoder=(
                Training(steps=11_255, batch=24, learning_rate=8e-4, seed=13, ema=0.999),
                Training(steps=4_212, batch=24, learning_rate=3e-4, seed=17, ema=0.998, adversarial=0.5),
            ),
            train_denoiser=(
                Training(steps=5_061, batch=256, learning_rate=1.2e-3, seed=12),
                Training(steps=3_267, batch=128, learning_rate=1e-3, seed=15),
            ),
            drop=_SVD_DROP,
        ),
        Recipe(
            name="cogvideox-small",
            family="cogvideox",
            size=64,
            frames=9,
            vae=_COG_VAE,
            denoiser=_COG_TRANSFORMER,
            scheduler=_COG_SCHEDULER,
            sampling={"steps": 16, "guidance": 3.0, "fps": 8},
            train_vae=(Training(steps=2_825, batch=24, learning_rate=1.2e-3, seed=31, ema=0.998),),
            train_denoiser=(Training(steps=8_392, batch=192, learning_rate=1.2e-3, seed=32),),
            drop={"text": 0.1},
        ),
        Recipe(
            name="dynamicrafter-small",
            family="dynamicrafter",
            size=64,
            frames=_DYNAMI_FRAMES,
            vae=_SVD_VAE,
            denoiser=_DYNAMI_UNET,
            projector=_DYNAMI_PROJECTOR,
            scheduler=_DYNAMI_SCHEDULE,
            sampling=_DYNAMI_SAMPLING,
            vae_of="svd-small",
            train_denoiser=(
                Training(steps=10_299, batch=128, learning_rate=1.2e-3, seed=42),
                Training(steps=5_459, batch=128, learning_rate=1e-3, seed=43),
                Training(steps=9_446, batch=64, learning_rate=8e-4, seed=44),
                Training(steps=16_087, batch=64, learning_rate=8e-4, seed=45),
            ),
            drop=_DYNAMI_DROP,
        ),
        Recipe(
            name="cogvideox-tokens-small",
            family="cogvideox-tokens",
            size=64,
            frames=9,
            vae={**_COG_VAE, "temporal_compression_ratio": 1},
            denoiser={**_COG_TRANSFORMER, "temporal_compression_ratio": 1, "max_text_seq_length": 12 + 16},
            scheduler=_COG_SCHEDULER,
            sampling={"steps": 8, "guidance": 5.0, "caption_guided": False, "fps": 8},
            vae_of="cogvideox-small",
            train_denoiser=(
                Training(steps=15_615, batch=64, learning_rate=1e-3, seed=55),
                Training(steps=11_952, batch=64, learning_rate=1e-3, seed=56),
                Training(steps=21_356, batch=64, learning_rate=1e-3, seed=57),
                Training(steps=19_497, batch=64, learning_rate=8e-4, seed=58),
            ),
            drop=_DYNAMI_DROP,
            faint_noise=_FAINT_NOISE,
        ),
    )
}
