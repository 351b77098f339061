"""The models of flow matching. Planning reads this file, so nothing heavy is imported before a model is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from antibench.contracts import Gives, ModelCard, VideoModel
from antibench.models.specs import ALL_GIVE, PIPELINE_INDEX, Dtype

WAN21_REVISION = "b184e23a8a16b20f108f727c902e769e873ffc73"
WAN22_A14B_REVISION = "596658fd9ca6b7b71d5057529bbf319ecbc61d74"
WAN22_TI2V_REVISION = "b8fff7315c768468a5333511427288870b2e9635"
LTX_REVISION = "8984fa25007f376c1a299016d0957a37a2f797bb"

_WAN_CITATION = """@article{wan2025,
  title = {Wan: Open and Advanced Large-Scale Video Generative Models},
  author = {{Wan Team}}, journal = {arXiv:2503.20314}, year = {2025}}"""
_LTX_CITATION = """@article{hacohen2024ltx,
  title = {LTX-Video: Realtime Video Latent Diffusion},
  author = {HaCohen, Yoav and others}, journal = {arXiv:2501.00103}, year = {2024}}"""
_SKYREELS_CITATION = """@article{chen2025skyreels,
  title = {SkyReels-V2: Infinite-length Film Generative Model},
  author = {Chen, Guibin and others}, journal = {arXiv:2504.13074}, year = {2025}}"""
_HUNYUAN_CITATION = """@article{kong2024hunyuanvideo,
  title = {HunyuanVideo: A Systematic Framework For Large Video Generative Models},
  author = {Kong, Weijie and others}, journal = {arXiv:2412.03603}, year = {2024}}"""
_ON_TOP = (
    "activations come on top, unmeasured. Commit, sampling values, licence and sizes were not checked against the "
    "repository."
)


@dataclass(frozen=True)
class FlowSpec:
    """What the models of flow matching share.

    Attributes:
        steps: Sampling steps.
        guidance: Guidance scale of the caption.
        negative_prompt: What the unconditional branch reads.
        dtype: Type of the weights; images and losses stay in float32.
        revision: Commit of the weights.
    """

    steps: int = 50
    guidance: float = 5.0
    negative_prompt: str = ""
    dtype: Dtype = "bfloat16"
    revision: str = ""

    name: ClassVar[str] = ""
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard]
    size: ClassVar[tuple[int, int]]
    frames: ClassVar[int]
    fps: ClassVar[float]
    gives: ClassVar[frozenset[Gives]] = ALL_GIVE | {"text"}
    local_files: ClassVar[tuple[str, ...]] = (PIPELINE_INDEX,)


@dataclass(frozen=True)
class Wan21(FlowSpec):
    """Wan 2.1 I2V 14B at 480 lines, 81 frames.

    Attributes:
        shift: Of the sampler's levels towards noise.
    """

    shift: float = 3.0
    revision: str = WAN21_REVISION

    name: ClassVar[str] = "wan2.1-i2v-14b"
    card: ClassVar[ModelCard] = ModelCard(
        "Wan 2.1 image-to-video 14B, 480P",
        source="Wan Team; pipeline of diffusers, its defaults, shift of the model card for 480 lines",
        year=2025,
        arxiv="2503.20314",
        citation=_WAN_CITATION,
        licence="Apache-2.0",
        repo_id="Wan-AI/Wan2.1-I2V-14B-480P-Diffusers",
        revision=WAN21_REVISION,
        deviations=("The negative prompt is empty; the authors' is a list of faults in Chinese.",),
        weights_gb=47.0,
        notes=f"The weights take about 47 GB: transformer 33, text encoder 11, CLIP and VAE in float32 3; {_ON_TOP}",
    )
    size: ClassVar[tuple[int, int]] = (480, 832)
    frames: ClassVar[int] = 81
    fps: ClassVar[float] = 16.0
    gives: ClassVar[frozenset[Gives]] = ALL_GIVE | {"text", "image_tokens"}

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache."""
        from antibench.models.real_flow import load_wan

        return load_wan(self, device, weights)


@dataclass(frozen=True)
class Wan22A14B(FlowSpec):
    """Wan 2.2 I2V A14B at 480 lines, 81 frames: one transformer for high levels of noise, one for low ones.

    Attributes:
        guidance_2: Guidance scale below the boundary between the transformers.
        shift: Of the sampler's levels towards noise.
    """

    steps: int = 40
    guidance: float = 3.5
    guidance_2: float = 3.5
    shift: float = 5.0
    revision: str = WAN22_A14B_REVISION

    name: ClassVar[str] = "wan2.2-i2v-a14b"
    card: ClassVar[ModelCard] = ModelCard(
        "Wan 2.2 image-to-video A14B",
        source="Wan Team; pipeline of diffusers, steps, shift, scales and boundary of the authors' configuration",
        year=2025,
        arxiv="2503.20314",
        citation=_WAN_CITATION,
        licence="Apache-2.0",
        repo_id="Wan-AI/Wan2.2-I2V-A14B-Diffusers",
        revision=WAN22_A14B_REVISION,
        deviations=(
            "The negative prompt is empty; the authors' is a list of faults in Chinese.",
            "The shift is the authors' 5; the scheduler that was saved with the checkpoint for diffusers has 3.",
        ),
        weights_gb=69.0,
        notes=(
            "The weights take about 69 GB: two transformers of 29, text encoder 11, VAE in float32 1; activations come "
            "on top, unmeasured. Sampling values were checked against the authors' configuration and the conversion to "
            "diffusers; licence and sizes were not checked against the repository."
        ),
    )
    size: ClassVar[tuple[int, int]] = (480, 832)
    frames: ClassVar[int] = 81
    fps: ClassVar[float] = 16.0

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache."""
        from antibench.models.real_flow import load_wan

        return load_wan(self, device, weights, guidance_scale_2=self.guidance_2)


@dataclass(frozen=True)
class Wan22TI2V(FlowSpec):
    """Wan 2.2 TI2V 5B, 121 frames: the photo's latent is the first frame of the clip.

    Attributes:
        shift: Of the sampler's levels towards noise.
    """

    shift: float = 5.0
    revision: str = WAN22_TI2V_REVISION

    name: ClassVar[str] = "wan2.2-ti2v-5b"
    card: ClassVar[ModelCard] = ModelCard(
        "Wan 2.2 text-and-image-to-video 5B",
        source="Wan Team; image-to-video pipeline of diffusers",
        year=2025,
        arxiv="2503.20314",
        citation=_WAN_CITATION,
        licence="Apache-2.0",
        repo_id="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
        revision=WAN22_TI2V_REVISION,
        deviations=("The negative prompt is empty; the authors' is a list of faults in Chinese.",),
        weights_gb=24.0,
        notes=f"The weights take about 24 GB: transformer 10, text encoder 11, VAE in float32 3; {_ON_TOP}",
    )
    size: ClassVar[tuple[int, int]] = (704, 1280)
    frames: ClassVar[int] = 121
    fps: ClassVar[float] = 24.0

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache."""
        from antibench.models.real_flow import load_wan

        return load_wan(self, device, weights)


@dataclass(frozen=True)
class LTXVideo(FlowSpec):
    """LTX-Video 2B of version 0.9, 161 frames: the photo's latent is the first frame of the clip."""

    guidance: float = 3.0
    revision: str = LTX_REVISION

    name: ClassVar[str] = "ltx-video"
    card: ClassVar[ModelCard] = ModelCard(
        "LTX-Video 2B",
        source="HaCohen et al.; pipeline of diffusers, its defaults",
        year=2024,
        arxiv="2501.00103",
        citation=_LTX_CITATION,
        licence="LTX-Video open weights license, in their repository",
        repo_id="Lightricks/LTX-Video",
        revision=LTX_REVISION,
        deviations=("The photo's latent is the mean of the posterior in gradients; the pipeline draws it for a clip.",),
        weights_gb=14.0,
        notes=f"The weights take about 14 GB in bfloat16, text encoder included; {_ON_TOP}",
    )
    size: ClassVar[tuple[int, int]] = (512, 704)
    frames: ClassVar[int] = 161
    fps: ClassVar[float] = 25.0

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache."""
        from antibench.models.real_flow import load_ltx

        return load_ltx(self, device, weights)


@dataclass(frozen=True)
class SkyReelsV2(FlowSpec):
    """SkyReels-V2 I2V 14B at 540 lines, 97 frames.

    Attributes:
        shift: Of the sampler's levels towards noise.
    """

    shift: float = 5.0

    name: ClassVar[str] = "skyreels-v2-i2v-14b"
    card: ClassVar[ModelCard] = ModelCard(
        "SkyReels-V2 image-to-video 14B, 540P",
        source="Chen et al.; pipeline of diffusers, its defaults, shift of its documentation",
        year=2025,
        arxiv="2504.13074",
        citation=_SKYREELS_CITATION,
        licence="Skywork license, in their repository",
        repo_id="Skywork/SkyReels-V2-I2V-14B-540P-Diffusers",
        weights_gb=47.0,
        notes=(
            "No commit is known here, so none is pinned: it loads only with `revision` given, 40 hex digits. "
            f"The weights take about 47 GB, as those of Wan 2.1; {_ON_TOP}"
        ),
    )
    size: ClassVar[tuple[int, int]] = (544, 960)
    frames: ClassVar[int] = 97
    fps: ClassVar[float] = 24.0
    gives: ClassVar[frozenset[Gives]] = ALL_GIVE | {"text", "image_tokens"}

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache."""
        from antibench.models.real_flow import load_skyreels

        return load_skyreels(self, device, weights)


@dataclass(frozen=True)
class HunyuanVideoI2V(FlowSpec):
    """HunyuanVideo-I2V, 129 frames, in the form whose first latent frame is the photo's: one branch, no guidance run.

    Attributes:
        guidance: The distilled guidance scale that the transformer reads.
    """

    guidance: float = 6.0

    name: ClassVar[str] = "hunyuan-video-i2v"
    card: ClassVar[ModelCard] = ModelCard(
        "HunyuanVideo-I2V",
        source="Kong et al.; pipeline of diffusers, its defaults, scale of the model card",
        year=2024,
        arxiv="2412.03603",
        citation=_HUNYUAN_CITATION,
        licence="Tencent Hunyuan Community License, which leaves out the EU, the UK and South Korea",
        repo_id="hunyuanvideo-community/HunyuanVideo-I2V",
        weights_gb=43.0,
        notes=(
            "No commit is known here, so none is pinned: it loads only with `revision` given, 40 hex digits. Guidance "
            "with a negative prompt is not offered. The weights take about 43 GB in bfloat16: transformer 26, language "
            f"model 17; {_ON_TOP}"
        ),
    )
    size: ClassVar[tuple[int, int]] = (720, 1280)
    frames: ClassVar[int] = 129
    fps: ClassVar[float] = 24.0
    gives: ClassVar[frozenset[Gives]] = (ALL_GIVE - {"guidance"}) | {"text", "image_tokens"}

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache."""
        from antibench.models.real_flow import load_hunyuan_video

        return load_hunyuan_video(self, device, weights)
