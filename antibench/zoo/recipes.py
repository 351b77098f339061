"""The recipes of the small models: configurations of the real models' classes, and how each is trained and sampled.

A recipe is what `python -m antibench.zoo.train NAME` follows. Where weights are shipped it is theirs: `training.json`
beside them says how many of its steps they took and on how many clips (four were cut short, at 57 to 86 percent).
The first rounds of `dynamicrafter-small` saw heads that turn twice as far as `motion.YAW` says now; so did the VAE and
the first round of `cogvideox-small`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Family = Literal["cogvideox", "cogvideox-tokens", "dynamicrafter", "opensora"]
Storage = Literal["fp16", "int8"]


@dataclass(frozen=True)
class Training:
    """How one network is trained.

    Attributes:
        steps: How many.
        batch: Clips a step.
        learning_rate: The highest; see `session.Session`.
        seed: Of weights and draws.
        ema: Decay of the moving average, which is what is kept.
        kl: Of a VAE: weight of the KL divergence a latent element.
        adversarial: Of a VAE: share of a critic of patches in the gradient, see `critic`; 0 trains without one.
        denoised_by: Of a decoder: name of the model whose predicted latents it learns to read as well, see `predicted`.
    """

    steps: int
    batch: int
    learning_rate: float
    seed: int
    ema: float = 0.9995
    kl: float = 1e-4
    adversarial: float = 0.0
    denoised_by: str = ""


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
        drop: Share of training clips whose conditions are dropped or noised, by what.
        storage: How the denoiser's weights are written: in 16 bits, or large matrices in 8 (`eight_bit`).
        vae_storage: The same of the VAE's.
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
    storage: Storage = "fp16"
    vae_storage: Storage = "fp16"

    @property
    def vae_name(self) -> str:
        """Folder of the VAE's weights."""
        return self.vae_of or self.name


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

_TOKENS_VAE = {**_COG_VAE, "temporal_compression_ratio": 1}
_TOKENS_TRANSFORMER = {**_COG_TRANSFORMER, "temporal_compression_ratio": 1, "max_text_seq_length": 12 + 16}
# Guidance 4 over the image tokens alone: the caption under guidance turns heads too far (docs/world.md).
_TOKENS_SAMPLING = {"steps": 8, "guidance": 4.0, "caption_guided": False, "fps": 8}

_DYNAMI_FRAMES, _DYNAMI_LATENT, _DYNAMI_QUERIES, _TOKEN_WIDTH = 8, 32, 4, 96
_DYNAMI_VAE = {
    "block_out_channels": (32, 64, 96, 128),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "latent_channels": _DYNAMI_LATENT,
    "layers_per_block": 1,
    "sample_size": 64,
}
# One residual block a level where the published models have two: with two the file has 14.3 MB.
_DYNAMI_UNET = {
    "in_channels": 2 * _DYNAMI_LATENT,
    "out_channels": _DYNAMI_LATENT,
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
# fs 5 is motion bucket 40 (`training.clips.clip_speed`): a calm clip. Without added noise (eta 0): in few steps
# ancestral sampling leaves some of it in the clip (Song et al. 2021, table 1). 8 steps keep the person as well as 16
# and 32. Guidance 4, not the published 7.5: clean clips keep the person nearly as well as at 3, where less can be taken
# from them. All in docs/results/clean-clips.txt and guidance.md.
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
# "both" and "tokens" are apart from what happens to the latent, which guidance never drops.
_DYNAMI_DROP = {"both": 0.12, "tokens": 0.0, "latent": 0.3, "noised_latent": 0.25}
# Fewer spoiled latents: what is sampled has a whole one. So the sixth round; the first four dropped as
# `dynamicrafter-small` does (the third and fourth saw half of the photos with faint shades of colour, which changed
# nothing), the fifth spoiled as many latents as that one.
_TOKENS_DROP = {"both": 0.02, "tokens": 0.12, "latent": 0.12, "noised_latent": 0.12}

# One latent a frame and 4 pixels a place, as `cogvideox-tokens-small` has: what the VAE folds or leaves out, no small
# denoiser finds again. A clip is one chunk. `shift` and `scale` are measured after training and go with the weights.
_SORA_FRAMES, _SORA_LATENT, _SORA_IMAGE_LATENT, _SORA_TEXT = 8, 16, 32, 64
_SORA_VAE = {
    "spatial_vae": {
        "block_out_channels": (32, 64, 96),
        "down_block_types": ("DownEncoderBlock2D",) * 3,
        "up_block_types": ("UpDecoderBlock2D",) * 3,
        "latent_channels": _SORA_IMAGE_LATENT,
        "layers_per_block": 1,
        "norm_num_groups": 16,
        "sample_size": 64,
    },
    "temporal_vae": {
        "in_out_channels": _SORA_IMAGE_LATENT,
        "latent_embed_dim": _SORA_LATENT,
        "embed_dim": _SORA_LATENT,
        "filters": 64,
        "num_res_blocks": 1,
        "channel_multipliers": (1,),
        "temporal_downsample": (),
        "num_groups": 16,
    },
    "micro_batch_size": None,
    "micro_frame_size": None,
    "spatial_scaling": 1.0,
    "shift": (0.0,) * _SORA_LATENT,
    "scale": (1.0,) * _SORA_LATENT,
}
_SORA_DENOISER = {
    "depth": 6,
    "hidden_size": 160,
    "num_heads": 5,
    "in_channels": _SORA_LATENT,
    "caption_channels": _SORA_TEXT,
    "model_max_length": 12,
    "pred_sigma": False,  # what it adds is not used
}
# A portrait of 64 pixels is a whole picture of this world, so the network and its noise levels are told of one of 512.
# Told of 64, half of all noise levels would have a share of noise below 0.15, and the person is decided above.
_SORA_SAMPLING = {"steps": 10, "guidance": 2.0, "fps": 8, "told_side": 512}

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="cogvideox-small",
            family="cogvideox",
            size=64,
            frames=9,
            vae=_COG_VAE,
            denoiser=_COG_TRANSFORMER,
            scheduler=_COG_SCHEDULER,
            sampling={"steps": 8, "guidance": 3.0, "fps": 8},
            train_vae=(Training(steps=2_825, batch=24, learning_rate=1.2e-3, seed=31, ema=0.998),),
            train_decoder=(
                Training(
                    steps=6_984,
                    batch=24,
                    learning_rate=3e-4,
                    seed=33,
                    ema=0.998,
                    adversarial=0.5,
                    denoised_by="cogvideox-tokens-small",
                ),
            ),
            train_denoiser=(
                Training(steps=8_392, batch=192, learning_rate=1.2e-3, seed=32),
                Training(steps=33_742, batch=128, learning_rate=1e-3, seed=34),
            ),
            drop={"text": 0.1},
            storage="int8",
        ),
        Recipe(
            name="dynamicrafter-small",
            family="dynamicrafter",
            size=64,
            frames=_DYNAMI_FRAMES,
            vae=_DYNAMI_VAE,
            denoiser=_DYNAMI_UNET,
            projector=_DYNAMI_PROJECTOR,
            scheduler=_DYNAMI_SCHEDULE,
            sampling=_DYNAMI_SAMPLING,
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
            vae=_TOKENS_VAE,
            denoiser=_TOKENS_TRANSFORMER,
            scheduler=_COG_SCHEDULER,
            sampling=_TOKENS_SAMPLING,
            vae_of="cogvideox-small",
            train_denoiser=(
                Training(steps=15_615, batch=64, learning_rate=1e-3, seed=55),
                Training(steps=11_952, batch=64, learning_rate=1e-3, seed=56),
                Training(steps=21_356, batch=64, learning_rate=1e-3, seed=57),
                Training(steps=19_497, batch=64, learning_rate=8e-4, seed=58),
                Training(steps=24_508, batch=64, learning_rate=8e-4, seed=59),
                Training(steps=31_262, batch=64, learning_rate=8e-4, seed=60),
            ),
            drop=_TOKENS_DROP,
        ),
        # The twins: another seed and another width, and of the transformer another depth, for what a perturbation made
        # on the first does to a model it has not seen.
        Recipe(
            name="dynamicrafter-small-holdout",
            family="dynamicrafter",
            size=64,
            frames=_DYNAMI_FRAMES,
            vae=_DYNAMI_VAE,
            denoiser={**_DYNAMI_UNET, "model_channels": 64},
            projector={**_DYNAMI_PROJECTOR, "dim": 64, "heads": 2},
            scheduler=_DYNAMI_SCHEDULE,
            sampling=_DYNAMI_SAMPLING,
            vae_of="dynamicrafter-small",
            train_denoiser=(
                Training(steps=11_166, batch=64, learning_rate=1.2e-3, seed=142),
                Training(steps=11_008, batch=64, learning_rate=1e-3, seed=143),
                Training(steps=22_478, batch=64, learning_rate=1e-3, seed=144),
                Training(steps=16_682, batch=64, learning_rate=8e-4, seed=145),
            ),
            drop=_DYNAMI_DROP,
            storage="int8",
        ),
        Recipe(
            name="cogvideox-tokens-small-holdout",
            family="cogvideox-tokens",
            size=64,
            frames=9,
            vae=_TOKENS_VAE,
            denoiser={**_TOKENS_TRANSFORMER, "num_attention_heads": 3, "num_layers": 7},
            scheduler=_COG_SCHEDULER,
            sampling=_TOKENS_SAMPLING,
            vae_of="cogvideox-small",
            train_denoiser=(
                Training(steps=29_160, batch=64, learning_rate=1.2e-3, seed=155),
                Training(steps=29_795, batch=64, learning_rate=1e-3, seed=156),
                Training(steps=57_328, batch=64, learning_rate=1e-3, seed=157),
                Training(steps=39_477, batch=64, learning_rate=8e-4, seed=158),
            ),
            drop={**_TOKENS_DROP, "both": 0.06, "tokens": 0.1},
            storage="int8",
        ),
        Recipe(
            name="opensora-small",
            family="opensora",
            size=64,
            frames=_SORA_FRAMES,
            vae=_SORA_VAE,
            denoiser=_SORA_DENOISER,
            scheduler={},
            sampling=_SORA_SAMPLING,
            train_vae=(Training(steps=4_191, batch=24, learning_rate=1.2e-3, seed=71, ema=0.998, kl=1e-6),),
            train_denoiser=(Training(steps=20_382, batch=64, learning_rate=1e-3, seed=73),),
            drop={"text": 0.1},
            storage="int8",
            vae_storage="int8",
        ),
        Recipe(
            name="opensora-small-holdout",
            family="opensora",
            size=64,
            frames=_SORA_FRAMES,
            vae=_SORA_VAE,
            denoiser={**_SORA_DENOISER, "depth": 5, "hidden_size": 96, "num_heads": 3},
            scheduler={},
            sampling=_SORA_SAMPLING,
            vae_of="opensora-small",
            train_denoiser=(Training(steps=39_944, batch=64, learning_rate=1.2e-3, seed=173),),
            drop={"text": 0.1},
            storage="int8",
        ),
    )
}
