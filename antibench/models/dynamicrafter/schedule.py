"""The noise schedule: scaled-linear betas, rescaled to zero terminal signal-to-noise ratio, and the dynamic rescale.

Source: Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps are Flawed" (arXiv 2305.08891), algorithm 1;
the v-parameterisation of Salimans and Ho 2022 (arXiv 2202.00512).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from antibench.models.dynamicrafter.config import DiffusionConfig

SMALLEST_VARIANCE = 1e-20
"""Where the logarithm of the posterior variance is cut."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """What noising a clip and predicting it back need, by timestep; N levels, float32.

    Attributes:
        alphas_cumprod: (N,) share of signal variance; 0 at the end with zero terminal signal-to-noise ratio.
        scales: (N,) what the clean latent is multiplied by before it is noised (dynamic rescale); 1 without.
        parameterization: What the network predicts: "v" or "eps" (the noise).
    """

    alphas_cumprod: Tensor
    scales: Tensor
    parameterization: str

    @classmethod
    def of(cls, config: DiffusionConfig) -> Schedule:
        """The schedule of a configuration."""
        buffers = schedule_buffers(config)
        return cls.of_buffers(buffers, config.parameterization)

    @classmethod
    def of_buffers(cls, buffers: dict[str, Tensor], parameterization: str) -> Schedule:
        """The schedule that a checkpoint saved."""
        alphas_cumprod = buffers["alphas_cumprod"]
        scales = buffers.get("scale_arr", torch.ones_like(alphas_cumprod))[: alphas_cumprod.shape[0]]
        return cls(alphas_cumprod, scales, parameterization)

    def noised(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """sqrt(a)·s·clean + sqrt(1 - a)·noise for (B, C, T, h, w) latents and (B,) timesteps."""
        signal, deviation = self._coefficients(timesteps, clean)
        return signal * self._scaled(clean, timesteps) + deviation * noise

    def target(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network should predict for `noised`: v = sqrt(a)·noise - sqrt(1 - a)·s·clean, or the noise."""
        if self.parameterization == "eps":
            return noise
        signal, deviation = self._coefficients(timesteps, clean)
        return signal * noise - deviation * self._scaled(clean, timesteps)

    def split(self, noised: Tensor, prediction: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """The scaled clean latent and the noise that a prediction implies; the inverse of `noised` and `target`."""
        signal, deviation = self._coefficients(timesteps, noised)
        if self.parameterization == "eps":
            return (noised - deviation * prediction) / signal, prediction
        return signal * noised - deviation * prediction, signal * prediction + deviation * noised

    def unscaled(self, scaled: Tensor, timesteps: Tensor) -> Tensor:
        """A clean latent of `split` without the dynamic rescale, as `noised` takes it."""
        return scaled / _by_sample(self.scales, timesteps, scaled)

    def _coefficients(self, timesteps: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        a = _by_sample(self.alphas_cumprod, timesteps, like)
        return a.sqrt(), (1 - a).sqrt()

    def _scaled(self, clean: Tensor, timesteps: Tensor) -> Tensor:
        return _by_sample(self.scales, timesteps, clean) * clean


def schedule_buffers(config: DiffusionConfig) -> dict[str, Tensor]:
    """Everything that a checkpoint keeps of its schedule, under its names: float32, computed in float64.

    `scale_arr` has `turning_step` entries more than there are timesteps.
    """
    betas = np.linspace(config.linear_start**0.5, config.linear_end**0.5, config.timesteps) ** 2
    if config.rescale_betas_zero_snr:
        betas = _zero_terminal_snr(betas)
    alphas = 1 - betas
    cumulative = np.cumprod(alphas)
    before = np.append(1.0, cumulative[:-1])
    variance = betas * (1 - before) / (1 - cumulative)
    # At zero signal these two have no value; the checkpoints that predict v, which need neither, keep zeros.
    predicts_noise = config.parameterization == "eps"
    recip = np.sqrt(1 / cumulative) if predicts_noise else np.zeros_like(betas)
    recipm1 = np.sqrt(1 / cumulative - 1) if predicts_noise else np.zeros_like(betas)
    buffers = {
        "betas": betas,
        "alphas_cumprod": cumulative,
        "alphas_cumprod_prev": before,
        "sqrt_alphas_cumprod": np.sqrt(cumulative),
        "sqrt_one_minus_alphas_cumprod": np.sqrt(1 - cumulative),
        "log_one_minus_alphas_cumprod": np.log(1 - cumulative),
        "sqrt_recip_alphas_cumprod": recip,
        "sqrt_recipm1_alphas_cumprod": recipm1,
        "posterior_variance": variance,
        "posterior_log_variance_clipped": np.log(np.maximum(variance, SMALLEST_VARIANCE)),
        "posterior_mean_coef1": betas * np.sqrt(before) / (1 - cumulative),
        "posterior_mean_coef2": (1 - before) * np.sqrt(alphas) / (1 - cumulative),
    }
    if config.use_dynamic_rescale:
        falling = np.linspace(1.0, config.base_scale, config.turning_step or 0)
        buffers["scale_arr"] = np.append(falling, np.full(config.timesteps, config.base_scale))
    return {name: torch.tensor(values, dtype=torch.float32, device="cpu") for name, values in buffers.items()}


def _zero_terminal_snr(betas: Floats) -> Floats:
    """Shift and scale sqrt(a) so that it ends at zero and starts where it did."""
    root = np.sqrt(np.cumprod(1 - betas))
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    cumulative = root**2
    return np.append(1 - cumulative[0], 1 - cumulative[1:] / cumulative[:-1])


def _by_sample(values: Tensor, timesteps: Tensor, like: Tensor) -> Tensor:
    picked = values.to(like.device)[timesteps.to(like.device)].to(like.dtype)
    return picked.reshape(-1, *(1,) * (like.ndim - 1))
