"""The noise schedule and its sampler against recorded values and diffusers' scheduler."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler
from safetensors import safe_open
from safetensors.torch import load_file

from antibench.models.dynamicrafter.config import DiffusionConfig
from antibench.models.dynamicrafter.ddim import DDIM, Guidance, Spacing
from antibench.models.dynamicrafter.presets import PRESETS
from antibench.models.dynamicrafter.schedule import Schedule, schedule_buffers

GOLDEN = Path(__file__).with_name("golden")
EVERY = 37
"""Of the long buffers the recorded file keeps every 37th entry."""
SHAPE = (2, 4, 3, 4, 6)


def test_buffers_are_the_recorded_ones_to_the_last_bit() -> None:
    recorded = load_file(GOLDEN / "schedule_1024.safetensors")
    ours = schedule_buffers(PRESETS["1024"].config.diffusion)
    kept = {name: value for name, value in recorded.items() if not name.startswith("ddim")}
    assert kept.keys() == ours.keys()
    for name, value in kept.items():
        assert torch.equal(ours[name][::EVERY], value), name
    assert ours["scale_arr"].shape == (1400,)
    assert float(ours["alphas_cumprod"][-1]) == 0


@pytest.mark.parametrize("spacing", ["uniform", "uniform_trailing"])
def test_steps_are_the_recorded_ones(spacing: Spacing) -> None:
    recorded = load_file(GOLDEN / "schedule_1024.safetensors")
    ddim = DDIM.of(Schedule.of(PRESETS["1024"].config.diffusion), 25, spacing)
    for field in ("timesteps", "alphas", "alphas_prev", "scale", "scale_prev"):
        assert torch.equal(getattr(ddim, field), recorded[f"ddim_{spacing}_25.{field}"]), field
    torch.testing.assert_close(ddim.sigmas, recorded[f"ddim_{spacing}_25.sigmas_eta1"], rtol=0, atol=1e-7)


def test_one_step_is_the_recorded_one_with_guidance_and_both_rescales() -> None:
    with safe_open(GOLDEN / "ddim_steps.safetensors", framework="pt") as file:
        runs, steps = (json.loads(file.metadata()[name]) for name in ("runs", "steps"))
    recorded = load_file(GOLDEN / "ddim_steps.safetensors")
    for name, k in steps.items():
        run = runs[name]
        seen = {key.removeprefix(f"{name}."): value for key, value in recorded.items() if key.startswith(name)}
        ddim = DDIM.of(Schedule.of(DiffusionConfig()), run["steps"], run["timestep_spacing"], run["eta"])
        guidance = Guidance(run["cfg_scale"], run["guidance_rescale"])
        prediction = guidance(seen["v_cond"], seen["v_uncond"])
        if run["guidance_rescale"]:
            torch.testing.assert_close(prediction, seen["v_rescaled"], rtol=0, atol=2e-6)
            assert (seen["v_rescaled"] - seen["v_guided"]).abs().max() > 0.5
        step = ddim.step(len(ddim.timesteps) - 1 - k, seen["x"], prediction, seen["noise"])
        torch.testing.assert_close(step.clean, seen["pred_x0"], rtol=0, atol=2e-6)
        torch.testing.assert_close(step.previous, seen["x_prev"], rtol=0, atol=2e-6)


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("parameterization", ["v", "eps"])
def test_steps_are_those_of_diffusers_without_the_dynamic_rescale(parameterization: str, eta: float) -> None:
    zero_snr = parameterization == "v"
    config = DiffusionConfig(
        parameterization=parameterization,
        rescale_betas_zero_snr=zero_snr,
        use_dynamic_rescale=False,  # type: ignore[arg-type]
    )
    ddim = DDIM.of(Schedule.of(config), 8, "uniform_trailing", eta)
    theirs = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction" if parameterization == "v" else "epsilon",
        rescale_betas_zero_snr=zero_snr,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=False,
    )
    theirs.set_timesteps(8)
    assert theirs.timesteps.tolist() == ddim.timesteps.flip(0).tolist()
    noised, prediction, noise = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0))
    for index, timestep in zip(reversed(range(8)), theirs.timesteps, strict=True):
        expected = theirs.step(prediction, timestep, noised, eta=eta, variance_noise=noise)
        step = ddim.step(index, noised, prediction, noise)
        torch.testing.assert_close(step.previous, expected.prev_sample, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(step.clean, expected.pred_original_sample, rtol=1e-4, atol=1e-4)


def test_no_number_of_trailing_steps_takes_a_root_of_less_than_nothing() -> None:
    """At zero signal and eta 1 the radicand is zero, and rounding takes it below for some numbers of steps.

    For which depends on the processor, so it is taken below on purpose as well.
    """
    schedule = Schedule.of(DiffusionConfig())
    for steps in range(1, 101):
        ddim = DDIM.of(schedule, steps)
        below = dataclasses.replace(ddim, sigmas=(1 - ddim.alphas_prev).sqrt() * (1 + 1e-6))
        assert ((1 - below.alphas_prev - below.sigmas**2) < 0).any()
        for sampler in (ddim, below):
            for index in {0, len(ddim.timesteps) - 1}:
                assert sampler.step(index, *torch.ones(3, 1, 4, 1, 1, 1)).previous.isfinite().all(), steps


@pytest.mark.parametrize("steps", [3, 9, 27, 36, 37])
def test_uniform_steps_that_leave_the_schedule_are_refused(steps: int) -> None:
    with pytest.raises(ValueError, match="reach timestep 1000, one too many"):
        DDIM.of(Schedule.of(DiffusionConfig()), steps, "uniform")
    with pytest.raises(ValueError, match="takes 1 to 1000"):
        DDIM.of(Schedule.of(DiffusionConfig()), 0)


@pytest.mark.parametrize("name", PRESETS)
def test_a_perfect_prediction_is_split_into_what_it_was_made_of(name: str) -> None:
    schedule = Schedule.of(PRESETS[name].config.diffusion)
    clean, noise = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    timesteps = torch.tensor([90, 700])
    noised, target = schedule.noised(clean, noise, timesteps), schedule.target(clean, noise, timesteps)
    found_clean, found_noise = schedule.split(noised, target, timesteps)
    scale = schedule.scales[timesteps].double()[:, None, None, None, None]
    torch.testing.assert_close(found_clean, clean * scale)
    torch.testing.assert_close(found_noise, noise)


def test_sampling_with_a_network_that_knows_the_clip_returns_it() -> None:
    schedule = Schedule.of(DiffusionConfig())
    clean, start = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    ddim = DDIM.of(schedule, 20, eta=1.0)

    def predict(noised: torch.Tensor, timestep: int) -> torch.Tensor:
        at = torch.tensor([timestep, timestep])
        a = schedule.alphas_cumprod[timestep]
        noise = (noised - a.sqrt() * schedule.scales[timestep] * clean) / (1 - a).sqrt()
        return schedule.target(clean, noise, at)

    samples = ddim.sample(start, predict, lambda: torch.randn(SHAPE, generator=generator))
    # What remains: the last step leads to the lowest level, 0.1 % of noise, and not back to full scale.
    torch.testing.assert_close(samples, clean * ddim.scale[0] * ddim.alphas_prev[0].sqrt(), rtol=0, atol=0.15)
