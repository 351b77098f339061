"""The three published models: their configurations, and how they are sampled by default."""

from __future__ import annotations

from dataclasses import dataclass

from antibench.models.dynamicrafter.config import DiffusionConfig, DynamiCrafterConfig, UNetConfig
from antibench.models.dynamicrafter.ddim import Guidance, Spacing

FILE = "model.ckpt"
"""What the repositories call their weights."""


@dataclass(frozen=True)
class Preset:
    """A published model.

    Attributes:
        repo_id: Repository on the hub; the weights are its file `FILE`, float32, about 10.4 GB.
        config: Its networks.
        size: (height, width) of its clips in pixels.
        fs: Frames per second it is told (256: frame stride); smaller (256: larger) gives more motion.
        guidance: Weight and rescale of classifier-free guidance.
        spacing: How DDIM steps are chosen.
        steps: DDIM steps.
        eta: Share of the noise of ancestral sampling.
        save_fps: Frames per second at which clips are shown.
    """

    repo_id: str
    config: DynamiCrafterConfig
    size: tuple[int, int]
    fs: int
    guidance: Guidance
    spacing: Spacing
    steps: int = 50
    eta: float = 1.0
    save_fps: float = 8.0


PRESETS = {
    "512": Preset(
        "Doubiiu/DynamiCrafter_512", DynamiCrafterConfig(), (320, 512), 24, Guidance(7.5, 0.7), "uniform_trailing"
    ),
    "1024": Preset(
        "Doubiiu/DynamiCrafter_1024",
        DynamiCrafterConfig(
            diffusion=DiffusionConfig(base_scale=0.3, image_size=(72, 128)), unet=UNetConfig(default_fs=10)
        ),
        (576, 1024),
        10,
        Guidance(7.5, 0.7),
        "uniform_trailing",
    ),
    "256": Preset(
        "Doubiiu/DynamiCrafter",
        DynamiCrafterConfig(
            diffusion=DiffusionConfig(
                parameterization="eps",
                rescale_betas_zero_snr=False,
                use_dynamic_rescale=False,
                turning_step=None,
                image_size=(32, 32),
                fps_condition_type="fs",
            ),
            unet=UNetConfig(default_fs=3, image_cross_attention_scale_learnable=True),
        ),
        (256, 256),
        3,
        Guidance(7.5, 0.0),
        "uniform",
    ),
}
"""By the width that the models are named after."""
