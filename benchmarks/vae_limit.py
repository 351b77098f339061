"""Is it the encoder or the decoder that loses the person?

``python benchmarks/vae_limit.py MODEL`` takes photos of the split for tuning through a VAE of single images twice: with
the latent that the encoder gives, and with one found by descending the decoder's error, which is as good a latent as
there is for this decoder. What the second gains is the encoder's loss; what it still lacks is the decoder's.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from torch import Tensor

from antibench.contracts import CellView, FramesU8
from antibench.metrics.ism0 import Ism0
from antibench.metrics.sharpness import Sharpness
from antibench.zoo.assemble import load_components
from antibench.zoo.portraits import portrait_clip
from antibench.zoo.recipes import RECIPES

SLOPE = 0.6
"""Weight of the error of image gradients, as in the training."""


def descended(vae: Any, pixels: Tensor, latent: Tensor, steps: int, rate: float = 0.03) -> Tensor:
    """The latent (1, C, h, w) after `steps` of Adam on the decoder's error for `pixels` (1, 3, H, W) in [-1, 1]."""
    found = latent.clone().requires_grad_()
    optimizer = torch.optim.Adam([found], lr=rate)
    for _ in range(steps):
        error = vae.decode(found, num_frames=1).sample - pixels
        slopes = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
        optimizer.zero_grad()
        torch.autograd.backward(error.abs().mean() + SLOPE * slopes)
        optimizer.step()
    return found.detach()


def scores(photo: FramesU8, decoded: Tensor, pixels: Tensor) -> list[float]:
    """ISM0[dlib], sharpness and PSNR in dB of one decoded photo; `photo` is (1, H, W, 3)."""
    clip = ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    view = CellView(photo[0], photo[0], photo[0], clip, clip, "", 0, "small")
    psnr = -10 * torch.log10((decoded.clamp(-1, 1) - pixels).square().mean() / 4)
    return [float(metric.score(view)) for metric in (Ism0(), Sharpness())] + [float(psnr)]  # type: ignore[arg-type]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=[name for name, recipe in RECIPES.items() if recipe.family == "dynamicrafter"])
    parser.add_argument("--portraits", type=int, default=12)
    parser.add_argument("--first", type=int, default=10, help="index of the first portrait")
    parser.add_argument("--steps", type=int, default=150)
    given = parser.parse_args()
    recipe = RECIPES[given.model]
    vae = load_components(given.model)["vae"]
    found: dict[str, list[list[float]]] = {"the encoder's latent": [], "the best latent": []}
    for index in range(given.first, given.first + given.portraits):
        photo = portrait_clip("tune", index, recipe.size, recipe.frames)[0][:1]
        pixels = torch.from_numpy(photo.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad():
            latent = vae.encode(pixels).latent_dist.mode()
        for name, steps in zip(found, (0, given.steps), strict=True):
            better = descended(vae, pixels, latent, steps)
            with torch.no_grad():
                found[name].append(scores(photo, vae.decode(better, num_frames=1).sample, pixels))
    print(f"{given.model}, {given.portraits} photos from {given.first}: ISM0[dlib], sharpness, PSNR (dB)")
    for name, rows in found.items():
        print(f"{name:<22}" + "  ".join(f"{value:.3f}" for value in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
