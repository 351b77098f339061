"""One step of a sampler of flow matching beside the same step of its adapter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from antibench.contracts import Denoised
from antibench.models.cosmos import Cosmos
from antibench.models.flow import FlowModel
from antibench.models.hunyuan_video import HunyuanVideo
from antibench.models.wan import Wan
from antibench.pixels import to_float

PROMPT = "smile at me"


@dataclass(frozen=True)
class Step:
    """What the scheduler was handed at the first step of a generation, and the latents after it."""

    prediction: torch.Tensor
    sigma: float
    before: torch.Tensor
    after: torch.Tensor
    next_sigma: float


def sampled(model: FlowModel, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch, index: int = 0) -> Step:
    """A step of the pipeline itself, the first one unless `index` says so, in the frames that the sampler moves."""
    seen: list[Step] = []
    scheduler = model.pipe.scheduler
    step = scheduler.step

    def watch(output: torch.Tensor, timestep: Any, sample: torch.Tensor, **rest: Any) -> Any:
        found = step(output, timestep, sample, **rest)
        levels = scheduler.sigmas[scheduler.step_index - 1 : scheduler.step_index + 1].tolist()
        seen.append(Step(output.clone(), levels[0], sample.clone(), found[0].clone(), levels[1]))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(scheduler, "step", watch)
        model.generate(photo, PROMPT, 5)
    return along_a_line(seen[index]) if isinstance(model, Cosmos) else seen[index]


def along_a_line(step: Step) -> Step:
    """A step of a sampler of x = clip + S noise, which is told of (x - clean) / S, as one of flow matching.

    At s = S / (1 + S), x_s = x / (1 + S), and the velocity is noise - clean.
    """
    level, then = step.sigma, step.next_sigma
    clean = step.before - level * step.prediction
    return Step(
        step.prediction - clean, level / (1 + level), step.before / (1 + level), step.after / (1 + then),
        then / (1 + then),
    )  # fmt: skip


def uniform_level(model: FlowModel, sigma: float) -> float:
    """The t of a level."""
    if isinstance(model, Cosmos):
        low, high, level = (value ** (1 / 7) for value in (0.002, 80.0, sigma / (1 - sigma)))
        return (level - low) / (high - low)
    return sigma / (model._shift - (model._shift - 1) * sigma)


def repeated(model: FlowModel, photo: np.ndarray, step: Step) -> Denoised:
    """The same step by `denoise`: the latents of a step are any clip and the noise that is then left.

    What reads the photo at another size gets the pipeline's, rounded to 8 bits; `test_clip_view.py` has the adapter's.
    """
    moved = step.before
    if model.held and moved.shape[2] < latent_frames(model):  # a pipeline that hands over the moved frames alone
        moved = torch.cat([torch.zeros_like(moved[:, :, : model.held]), moved], dim=2)
    clip = torch.randn(moved.shape, generator=torch.Generator().manual_seed(0))
    # Of the rounding of t back and forth, a little is added, so that a timestep rounded down is the same.
    t = uniform_level(model, step.sigma) + 1e-7
    noise = (moved - (1 - model.sigma(t)) * clip) / model.sigma(t)
    image, rounded = to_float(photo), Image.fromarray(photo)
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        if isinstance(model, HunyuanVideo):
            read = model._read
            patch.setattr(model, "_read", lambda image, prompt: read(rounded, prompt))
        known = model.encode(image)
        if isinstance(model, Wan) and known.tokens is not None:
            known = replace(known, tokens=model.pipe.encode_image(rounded))
        return model.denoise(image, PROMPT, clip_latents=clip, t=t, noise=noise, guided=True, encoded=known)


def latent_frames(model: FlowModel) -> int:
    """F of a clip."""
    return model.encode_clip(np.zeros((model.frames, *model.size, 3), np.uint8)).shape[2]


def differences(
    model: FlowModel, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch, index: int = 0
) -> tuple[float, float]:
    """Largest difference of the prediction and of the latents one step on, over the frames that the sampler moves."""
    step = sampled(model, photo, monkeypatch, index)
    ours = repeated(model, photo, step)
    frames = ours.prediction.shape[2] - model.held
    after = (1 - step.next_sigma) * ours.clean + step.next_sigma * ours.noise
    pairs = ((ours.prediction, step.prediction), (after, step.after))
    return tuple(float((one[:, :, -frames:] - other[:, :, -frames:]).abs().max()) for one, other in pairs)  # type: ignore[return-value]
