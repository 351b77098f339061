"""Training of the small purifiers: what each sees, its loss, and what is measured on people held out from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from antibench.zoo.purifier_networks import PixelDiffusion
from antibench.zoo.purifiers import PEOPLE, PEOPLE_HELD_OUT, SIZE, Purifier
from antibench.zoo.recipes import Training
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.degradation import eight_bits, halved, spoiled
from antibench.zoo.training.draws import Batch, Draws
from antibench.zoo.training.session import Session
from antibench.zoo.training.step import Losses, Step

SLOPE = 0.6
"""Weight of the difference of neighbouring pixels in the VAE's loss, as in `vae`."""
LEVELS_MEASURED = (50, 100, 150, 300)
"""Levels at which a photo is noised and denoised in one pass to measure a diffusion model."""


class PurifierObjective(nn.Module):
    """A network with its loss. `draw` makes a batch, outside of any CUDA graph; `forward` is the loss of it."""

    def __init__(self, network: nn.Module, plan: Training) -> None:
        super().__init__()
        self.network = network
        self.plan = plan

    def draw(self, photos: Tensor, draws: Draws) -> Batch:
        """A batch of photos (B, 3, H, W) in [0, 1] as the network sees them: `x`, and what belongs to it."""
        raise NotImplementedError

    def forward(self, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar."""
        raise NotImplementedError

    def figures(self, photos: Tensor, draws: Draws) -> dict[str, float]:
        """What is measured on photos (N, 3, H, W) in [0, 1] of people held out, beside `held_out_loss`."""
        raise NotImplementedError


class _Diffusion(PurifierObjective):
    """The mean squared error of the predicted noise (Ho et al. 2020, equation 14). Half of the levels are drawn from
    the lowest quarter: purification starts there."""

    @property
    def _diffusion(self) -> PixelDiffusion:
        return cast(PixelDiffusion, self.network)

    def draw(self, photos: Tensor, draws: Draws) -> Batch:
        levels = len(self._diffusion.alphas_cumprod)
        level = (draws.uniform(len(photos)).square() * levels).long()
        noise = draws.normal(*photos.shape)
        return {"x": self._diffusion.noised(2 * photos - 1, level, noise), "level": level, "noise": noise}

    def forward(self, batch: Batch) -> Tensor:
        found: Tensor = self.network(batch["x"], batch["level"])
        return (found.float() - batch["noise"]).square().mean()

    def figures(self, photos: Tensor, draws: Draws) -> dict[str, float]:
        found = {}
        for at in LEVELS_MEASURED:
            level = torch.full((len(photos),), at, device=photos.device)
            noised = self._diffusion.noised(2 * photos - 1, level, draws.normal(*photos.shape))
            found[f"psnr_level_{at}"] = psnr(self._diffusion.clean(noised, level) / 2 + 0.5, photos)
        return found


class _Denoiser(PurifierObjective):
    """The mean squared error of the mended photo (Zhang et al. 2017, equation 1)."""

    def draw(self, photos: Tensor, draws: Draws) -> Batch:
        return {"x": spoiled(photos, draws), "photos": photos}

    def forward(self, batch: Batch) -> Tensor:
        found: Tensor = self.network(batch["x"])
        return (found.float() - batch["photos"]).square().mean()

    def figures(self, photos: Tensor, draws: Draws) -> dict[str, float]:
        x = spoiled(photos, draws)
        signs = eight_bits(photos + (2 * draws.uniform(*photos.shape) - 1).sign() * 8 / 255)
        return {
            "psnr": psnr(self.network(x), photos),
            "psnr_before": psnr(x, photos),
            "psnr_signs_8": psnr(self.network(signs), photos),
            "psnr_signs_8_before": psnr(signs, photos),
            "psnr_clean": psnr(self.network(photos), photos),
        }


class _SuperResolution(PurifierObjective):
    """The mean absolute error of the enlarged photo (Lim et al. 2017)."""

    def draw(self, photos: Tensor, draws: Draws) -> Batch:
        return {"x": halved(photos, draws), "photos": photos}

    def forward(self, batch: Batch) -> Tensor:
        found: Tensor = self.network(batch["x"])
        return (found.float() - batch["photos"]).abs().mean()

    def figures(self, photos: Tensor, draws: Draws) -> dict[str, float]:
        small = eight_bits(nn.functional.interpolate(photos, scale_factor=0.5, mode="bicubic", antialias=True))
        noisy = eight_bits(small + draws.normal(*small.shape) * 0.05)
        found: dict[str, float] = {}
        for name, x in (("clean", small), ("noise_0.05", noisy)):
            bicubic = nn.functional.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)
            found |= {f"psnr_{name}": psnr(self.network(x), photos), f"psnr_{name}_bicubic": psnr(bicubic, photos)}
        return found


class _VAE(PurifierObjective):
    """Absolute errors of pixels and of their slopes, and a little KL divergence. No feature loss: the features at hand
    are those of the victims' own encoder."""

    def draw(self, photos: Tensor, draws: Draws) -> Batch:
        vae = cast(Any, self.network)
        fold = 2 ** (len(vae.config.block_out_channels) - 1)
        places = (len(photos), vae.config.latent_channels, photos.shape[-2] // fold, photos.shape[-1] // fold)
        return {"x": 2 * photos - 1, "noise": draws.normal(*places)}

    def forward(self, batch: Batch) -> Tensor:
        vae, x = cast(Any, self.network), batch["x"]
        posterior = vae.encode(x).latent_dist
        mean, logvar = posterior.mean.float(), posterior.logvar.float()
        y = vae.decode(mean + torch.exp(0.5 * logvar) * batch["noise"]).sample.float()
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        slopes = sum((y - x).diff(dim=axis).abs().mean() for axis in (-2, -1))
        loss: Tensor = (y - x).abs().mean() + SLOPE * slopes + self.plan.kl * kl
        return loss

    def figures(self, photos: Tensor, draws: Draws) -> dict[str, float]:
        vae = cast(Any, self.network)
        latents = vae.encode(2 * photos - 1).latent_dist.mean
        return {"psnr": psnr(vae.decode(latents).sample / 2 + 0.5, photos), "latent_std": float(latents.std())}


OBJECTIVES: dict[str, type[PurifierObjective]] = {
    "diffusion": _Diffusion,
    "denoiser": _Denoiser,
    "super-resolution": _SuperResolution,
    "vae": _VAE,
}


def train_purifier(objective: PurifierObjective, pool: Pool, session: Session, *, compiled: bool) -> None:
    """Take the session's steps on `objective`, which is the session's module."""
    device = pool.frames.device
    draws = Draws(session.plan.seed + session.step, device)
    error: Callable[[Batch], Tensor] = torch.compile(objective) if compiled else objective

    def losses_of(batch: Batch) -> Losses:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            return {"loss": error(batch)}

    step = Step(session, losses_of)
    while session.running():
        step(objective.draw(photos_of(pool, draws.index(len(pool), session.plan.batch)), draws))


@torch.no_grad()
def measure_purifier(objective: PurifierObjective, pool: Pool) -> dict[str, float]:
    """The loss and the other figures on a held-out pool, in float32, from fixed draws."""
    draws = Draws(objective.plan.seed, pool.frames.device)
    photos = photos_of(pool, torch.arange(len(pool), device=pool.frames.device))
    losses = [objective(objective.draw(part, draws)) for part in torch.split(photos, 64)]
    return {"held_out_loss": float(torch.stack(losses).mean()), **objective.figures(photos, draws)}


SEES: dict[str, str] = {
    "diffusion": "photos with Gaussian noise at the levels of its schedule",
    "denoiser": "photos with Gaussian, uniform or random-sign noise of up to 16 levels, a quarter of them through JPEG",
    "super-resolution": "photos at half their size, three quarters of them with Gaussian noise of up to 26 levels",
    "vae": "photos",
}


def card_of(purifier: Purifier, network: nn.Module, figures: dict[str, float]) -> dict[str, Any]:
    """The facts that go with the weights."""
    return {
        "network": purifier.name,
        "task": purifier.task,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "trained_on": f"{SEES[purifier.task]}, {SIZE} px, rendered, of the training people from batch {PEOPLE:,}",
        "held_out": f"rendered photos of the training people from batch {PEOPLE_HELD_OUT:,}",
        "protections_seen": [],
        "victims_shared": "no weight, no person, no loss term",
        "figures": {name: round(value, 4) for name, value in figures.items()},
    }


def photos_of(pool: Pool, index: Tensor) -> Tensor:
    """The photos of `index`, (B, 3, H, W) in [0, 1]."""
    return pool.frames[index, 0].float() / 255


def psnr(found: Tensor, photos: Tensor) -> float:
    """Peak signal-to-noise ratio in dB over all photos, both in [0, 1]."""
    return -10 * math.log10(float((found.clamp(0, 1) - photos).square().mean()))
