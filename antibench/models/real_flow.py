"""The real checkpoints of flow matching, arranged so that a gradient needs little memory.

Each loads from the hub, or from the folder `weights` in its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffusers import (
    Cosmos2VideoToWorldPipeline,
    HunyuanVideoImageToVideoPipeline,
    LTXImageToVideoPipeline,
    SkyReelsV2ImageToVideoPipeline,
    WanImageToVideoPipeline,
)

from antibench.models.cosmos import Cosmos
from antibench.models.flow import FlowSettings
from antibench.models.guardrail import Guardrail
from antibench.models.hub import load_pipeline
from antibench.models.hunyuan_video import HunyuanVideo, HunyuanVideoSettings
from antibench.models.ltx import LTX
from antibench.models.origin import origin_of
from antibench.models.wan import Wan, WanSettings

if TYPE_CHECKING:
    from antibench.models.specs_cosmos import CosmosPredict2
    from antibench.models.specs_flow import FlowSpec, HunyuanVideoI2V, LTXVideo, SkyReelsV2, Wan21, Wan22A14B, Wan22TI2V

WAN_FLOAT32 = ("vae", "image_encoder")
"""Parts that the documentation of diffusers loads in float32."""


def load_wan(spec: Wan21 | Wan22A14B | Wan22TI2V, device: str, weights: Path | None = None, **sampling: Any) -> Wan:
    """Wan 2.1 or 2.2; `sampling` are further fields of `WanSettings`.

    Raises:
        UserError: if the weights are neither cached nor within reach.
    """
    return _wan(WanImageToVideoPipeline, spec, device, weights, **sampling)


def load_skyreels(spec: SkyReelsV2, device: str, weights: Path | None = None) -> Wan:
    """SkyReels-V2, which takes the photo in as Wan 2.1 does.

    Raises:
        UserError: if no commit is given, or the weights are neither cached nor within reach.
    """
    return _wan(SkyReelsV2ImageToVideoPipeline, spec, device, weights)


def load_ltx(spec: LTXVideo, device: str, weights: Path | None = None) -> LTX:
    """LTX-Video.

    Raises:
        UserError: if the weights are neither cached nor within reach.
    """
    pipe = load_pipeline(LTXImageToVideoPipeline, origin_of(spec, weights), spec.dtype, device)
    pipe.transformer.enable_gradient_checkpointing()
    return LTX(pipe, FlowSettings(**_sampling(spec)), spec)


def load_hunyuan_video(spec: HunyuanVideoI2V, device: str, weights: Path | None = None) -> HunyuanVideo:
    """HunyuanVideo-I2V, one branch under distilled guidance.

    Raises:
        UserError: if no commit is given, or the weights are neither cached nor within reach.
    """
    pipe = load_pipeline(HunyuanVideoImageToVideoPipeline, origin_of(spec, weights), spec.dtype, device)
    pipe.transformer.enable_gradient_checkpointing()
    sampling = {**_sampling(spec), "guidance_scale": 1.0, "embedded_guidance": spec.guidance}
    return HunyuanVideo(pipe, HunyuanVideoSettings(**sampling), spec)


def load_cosmos(spec: CosmosPredict2, device: str, weights: Path | None = None) -> Cosmos:
    """Cosmos-Predict2, whose guardrail is loaded when the first clip is asked for.

    Raises:
        UserError: if the weights are neither cached nor within reach.
    """
    pipe = load_pipeline(
        Cosmos2VideoToWorldPipeline,
        origin_of(spec, weights),
        spec.dtype,
        device,
        on_host=("text_encoder",) if spec.low_memory else (),
        given={"safety_checker": Guardrail()},
    )
    pipe.transformer.enable_gradient_checkpointing()
    return Cosmos(pipe, FlowSettings(**_sampling(spec)), spec)


def _wan(
    kind: type[Any],
    spec: Wan21 | Wan22A14B | Wan22TI2V | SkyReelsV2,
    device: str,
    weights: Path | None,
    **sampling: Any,
) -> Wan:
    pipe = load_pipeline(kind, origin_of(spec, weights), spec.dtype, device, float32=WAN_FLOAT32)
    pipe.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config, flow_shift=spec.shift)
    for transformer in (pipe.transformer, pipe.components.get("transformer_2")):
        if transformer is not None:
            transformer.enable_gradient_checkpointing()
    return Wan(pipe, WanSettings(**_sampling(spec), **sampling), spec)


def _sampling(spec: FlowSpec) -> dict[str, Any]:
    return {
        "size": spec.size,
        "frames": spec.frames,
        "fps": spec.fps,
        "steps": spec.steps,
        "guidance_scale": spec.guidance,
        "negative_prompt": spec.negative_prompt,
    }
