"""Training of a VAE: L1, image gradients, features of EfficientNet-Lite0, a little KL, and a critic if asked for."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antibench.zoo.networks import load_backbone
from antibench.zoo.recipes import Recipe, Training
from antibench.zoo.training.autoencoders import (
    decode_clips,
    encode_clips,
    encoder_parts,
    folds,
    last_weight,
    posterior,
)
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.critic import PatchCritic, adversarial_losses
from antibench.zoo.training.draws import Batch
from antibench.zoo.training.session import Session
from antibench.zoo.training.step import Losses, Step

GRADIENT, PERCEPTUAL = 0.6, 0.1
FEATURE_BLOCKS = (0, 2, 4)
"""Blocks of the backbone whose features are compared: strides 2, 4 and 8."""
FEATURE_IMAGES = 96
SINGLE_EVERY = 4
"""Each so many steps the batch is single images: a photo is a clip of one frame."""
CRITIC_ALONE = 300
"""Steps before a critic is listened to, and steps in which its weight then rises: a fresh one has nothing to say."""


class FeatureLoss(nn.Module):
    """Distance of two images in early features of the frozen backbone, each scaled to unit power a position."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone: Any = load_backbone()

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Mean distance of images (N, 3, H, W) in [-1, 1]; no gradient in `b`."""
        loss = a.new_zeros(())
        for x, y in zip(self._features(a), self._features(b.detach()), strict=True):
            loss = loss + (_unit(x) - _unit(y)).square().mean()
        return loss

    def _features(self, images: Tensor) -> list[Tensor]:
        size = (2 * images.shape[-2], 2 * images.shape[-1])
        x = F.interpolate(images, size=size, mode="bilinear", align_corners=False)
        net = self.backbone
        x = net._swish(net._bn0(net._conv_stem(x)))
        found = []
        for index, block in enumerate(net._blocks[: FEATURE_BLOCKS[-1] + 1]):
            x = block(x)
            if index in FEATURE_BLOCKS:
                found.append(x)
        return found


def _unit(x: Tensor) -> Tensor:
    x = x.float()
    return x / (x.square().mean(1, keepdim=True).sqrt() + 1e-3)


def autoencode(vae: Any, clips: Tensor, sample: bool) -> tuple[Tensor, Tensor]:
    """Clips (B, T, 3, H, W) in [-1, 1] through the VAE and back; also the KL divergence per latent element."""
    learns = any(_learns(part) for part in encoder_parts(vae))
    with torch.set_grad_enabled(torch.is_grad_enabled() and learns):
        mean, logvar = posterior(vae, clips)
    logvar = logvar.clamp(-20, 5)
    z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean) if sample else mean
    kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
    return decode_clips(vae, z), kl


def _learns(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def _slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., 1:, :] - x[..., :-1, :], x[..., 1:] - x[..., :-1]


class Autoencoder(nn.Module):
    """A VAE in training, and the critic it is trained against if there is one."""

    def __init__(self, vae: nn.Module, critic: PatchCritic | None) -> None:
        super().__init__()
        self.vae = vae
        self.critic = critic


def vae_losses(trained: Autoencoder, features: FeatureLoss, plan: Training, batch: Batch) -> Losses:
    """The loss of clips `x` (B, T, 3, H, W) in [-1, 1] and its parts.

    Args:
        trained: What is trained.
        features: The feature distance.
        plan: Has `kl`, and `adversarial`, the critic's part in the decoder's gradient as a multiple of the rest's.
        batch: `x`; `chosen`, which frames `features` sees; `ramp`, 0 to 1, how much of the critic counts yet; `z`
            (B, T', C, h, w) if `x` is to be decoded from other latents than its own.
    """
    x, chosen = batch["x"], batch["chosen"]
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=x.is_cuda):
        if "z" in batch:
            y, kl = decode_clips(trained.vae, batch["z"]), x.new_zeros(())
        else:
            y, kl = autoencode(trained.vae, x, sample=True)
        seen = features(y.flatten(0, 1)[chosen], x.flatten(0, 1)[chosen])
    l1 = (y - x).abs().mean()
    slope = sum(((p - q).abs().mean() for p, q in zip(_slopes(y), _slopes(x), strict=True)), y.new_zeros(()))
    losses = {"loss": l1 + GRADIENT * slope + PERCEPTUAL * seen + plan.kl * kl, "l1": l1, "features": seen, "kl": kl}
    if trained.critic is None:
        return losses
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=x.is_cuda):
        told = adversarial_losses(
            trained.critic, y.flatten(0, 1), x.flatten(0, 1), losses["loss"], last_weight(trained.vae)
        )
    total = losses["loss"] + plan.adversarial * batch["ramp"] * told.decoder + told.critic
    return {**losses, "loss": total, "critic": told.critic, "weight": told.weight}


def train_vae(
    trained: Autoencoder, pool: Pool, recipe: Recipe, session: Session, predicted: Tensor | None = None
) -> None:
    """Take the session's steps: clips, and now and then as many single frames of other people.

    Where no weight of the encoder asks for a gradient, the decoder alone is trained. With `predicted` (N, T', C, h, w),
    unscaled latents of the pool's clips, every second step decodes those; as single frames where they have one latent a
    frame and the VAE folds several into one.
    """
    device = pool.frames.device
    features = FeatureLoss().to(device)
    draw = torch.Generator(device).manual_seed(session.plan.seed + session.step)
    batch = session.plan.batch
    losses_of = partial(vae_losses, trained, features, session.plan)
    clips, singles, told = (Step(session, losses_of) for _ in range(3))
    while session.running():
        if predicted is not None and session.step % 2 == 0:  # single frames have odd steps
            i = torch.randint(0, len(pool), (batch,), generator=draw, device=device)
            x, z = pool.pixels(i), predicted[i].float()
            if folds(trained.vae) and z.shape[1] == x.shape[1]:
                x, z = x.flatten(0, 1)[:, None], z.flatten(0, 1)[:, None]
            told({"x": x, "z": z, **_weighed(session.step, batch * recipe.frames, draw, device)})
            continue
        single = session.step % SINGLE_EVERY == SINGLE_EVERY - 1
        count = batch * recipe.frames if single else batch
        x = pool.pixels(torch.randint(0, len(pool), (count,), generator=draw, device=device))
        if single:
            frame = session.step // SINGLE_EVERY % recipe.frames
            x = x[:, frame : frame + 1].contiguous()
        weighed = _weighed(session.step, batch * recipe.frames, draw, device)
        (singles if single else clips)({"x": x, **weighed})


def _weighed(step: int, frames: int, draw: torch.Generator, device: torch.device) -> Batch:
    """Which of so many frames `features` sees, and how much of the critic counts yet."""
    chosen = torch.rand(frames, generator=draw, device=device).argsort()[:FEATURE_IMAGES]
    return {"chosen": chosen, "ramp": torch.tensor(min(1.0, max(0.0, step / CRITIC_ALONE - 1)), device=device)}


@torch.no_grad()
def measure_vae(vae: nn.Module, pool: Pool) -> dict[str, float]:
    """Held-out figures: PSNR of clips and of single photos, and the scaling factor that gives latents unit variance."""
    x = pool.pixels(torch.arange(min(128, len(pool)), device=pool.frames.device))
    psnr = {}
    for name, part in (("psnr_clip", x), ("psnr_photo", x[:, :1])):
        y, _ = autoencode(vae, part, sample=False)
        psnr[name] = -10 * math.log10(float((y.clamp(-1, 1) - part).square().mean()) / 4)
    latents = encode_clips(vae, x)
    return {**psnr, "scaling_factor": 1 / float(latents.std())}
