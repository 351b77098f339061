"""The flow: its timesteps, its straight line, and frames that are kept or join late."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from antibench.models.opensora.rflow import RectifiedFlow, guided, latent_length, noised, timesteps
from antibench.models.opensora.sizes import SIZES

SHAPE = (1, 2, 4, 3, 3)


def gaussian(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def unasked(step: int) -> torch.Tensor:
    raise AssertionError(f"noise of step {step} was asked for, where no frame joins")


def test_timesteps_are_moved_by_size_and_length() -> None:
    """r = sqrt(240 * 426 / 512^2) * sqrt(15) for 51 frames, which are three chunks of five latent frames."""
    r = math.sqrt(240 * 426 / 512**2 * 15)
    even = [1 - i / 10 for i in range(10)]
    expected = torch.tensor([1000 * r * u / (1 + (r - 1) * u) for u in even])
    torch.testing.assert_close(timesteps(10, (240, 426), 51), expected, rtol=1e-6, atol=1e-3)


def test_a_picture_of_512_pixels_has_even_timesteps() -> None:
    torch.testing.assert_close(timesteps(4, (512, 512), 1), torch.tensor([1000.0, 750.0, 500.0, 250.0]))


def test_bfloat16_rounds_the_area_and_the_number_of_frames() -> None:
    assert not torch.equal(timesteps(5, (240, 426), 51, torch.bfloat16), timesteps(5, (240, 426), 51))
    area_alone = timesteps(5, (512, 512), 289, torch.bfloat16)  # 288 in bfloat16: a chunk less
    assert torch.equal(area_alone, timesteps(5, (512, 512), 272, torch.bfloat16))


@pytest.mark.parametrize(("frames", "counted"), [(1, 1), (2, 1), (5, 2), (16, 4), (17, 5), (33, 5), (34, 10), (51, 15)])
def test_clips_shorter_than_a_chunk_have_timesteps_too(frames: int, counted: int) -> None:
    assert latent_length(frames) == counted
    found = timesteps(6, (240, 426), frames)
    assert torch.isfinite(found).all()
    assert (found.diff() < 0).all()


@pytest.mark.parametrize(("dtype", "lowest"), [(torch.float32, 999.99), (torch.bfloat16, 990)])
def test_no_timestep_is_noisier_than_noise(dtype: torch.dtype, lowest: float) -> None:
    """Unclamped, the first one is 1000.0001 at some of these sizes, and then no frame would be active."""
    beyond = 0
    for sizes in SIZES.values():
        for height, width in sizes.values():
            for frames in (1, 51, 102):
                first = timesteps(30, (height, width), frames, dtype)[:1]
                assert lowest < float(first) <= 1000
                assert bool(RectifiedFlow(first, torch.ones(1, 1)).active(0))
                area, length = torch.tensor([float(height)]) * width, float(latent_length(frames))
                r = (area / 512**2).sqrt() * math.sqrt(length)
                beyond += bool(r / (1 + (r - 1)) * 1000 > 1000)
    assert beyond > 0


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="0 steps"):
        timesteps(0, (240, 426), 51)


def test_noise_comes_in_along_a_straight_line() -> None:
    clean, noise = gaussian(), gaussian(1)
    torch.testing.assert_close(noised(clean, noise, torch.tensor([250.0])), 0.75 * clean + 0.25 * noise)
    assert torch.equal(noised(clean, noise, torch.tensor([0.0])), clean)
    assert torch.equal(noised(clean, noise, torch.tensor([1000.0])), noise)
    two = noised(clean.expand(2, -1, -1, -1, -1), noise, torch.tensor([0.0, 1000.0]))
    assert torch.equal(two, torch.cat([clean, noise]))


def test_guidance_goes_beyond_the_conditional_half_and_drops_the_unused_channels() -> None:
    both = gaussian(shape=(4, 4, 2, 3, 3))
    expected = both[2:, :2] + 7 * (both[:2, :2] - both[2:, :2])
    assert torch.equal(guided(both, 7.0, 2), expected)


@pytest.mark.parametrize("mask", [None, torch.ones(1, 4)])
def test_the_velocity_of_a_clip_leads_to_it_in_any_number_of_steps(mask: torch.Tensor | None) -> None:
    clean, noise = gaussian(), gaussian(1)
    seen: list[float] = []

    def predict(z: torch.Tensor, timestep: torch.Tensor, active: torch.Tensor | None) -> torch.Tensor:
        torch.testing.assert_close(z, noised(clean, noise, timestep), rtol=1e-4, atol=1e-5)
        assert (active is None) == (mask is None)
        seen.append(float(timestep))
        return clean - noise

    flow = RectifiedFlow(timesteps(5, (240, 426), 51), mask)
    torch.testing.assert_close(flow.sample(noise, predict, unasked), clean, rtol=1e-4, atol=1e-5)
    assert seen == flow.timesteps.tolist()


def kept_first(mask: list[float], steps: int = 5) -> RectifiedFlow:
    return RectifiedFlow(torch.linspace(1000, 0, steps + 1)[:-1], torch.tensor([mask]))


def test_a_kept_frame_never_moves() -> None:
    flow, start = kept_first([0.0, 1.0, 1.0, 1.0]), gaussian()
    out = flow.sample(start, lambda z, t, active: torch.ones_like(z), unasked)
    assert torch.equal(out[:, :, 0], start[:, :, 0])
    torch.testing.assert_close(out[:, :, 1:], start[:, :, 1:] + 1)


def test_an_edited_frame_joins_at_its_level_and_is_noised_once() -> None:
    """Timesteps 1000, 800 ... 200: at edit ratio 0.6 it joins at 600, the third step."""
    flow, start = kept_first([0.0, 1.0, 0.6, 1.0]), gaussian()
    active = [flow.active(k)[0].tolist() for k in range(5)]  # type: ignore[index]
    assert active == [[False, True, False, True]] * 2 + [[False, True, True, True]] * 3
    joining = [flow.joining(k)[0].tolist() for k in range(5)]  # type: ignore[index]
    assert joining == [[False] * 4] * 2 + [[False, False, True, False]] + [[False] * 4] * 2
    asked: list[int] = []

    def noise(step: int) -> torch.Tensor:
        asked.append(step)
        return gaussian(7)

    seen: list[torch.Tensor] = []

    def predict(z: torch.Tensor, timestep: torch.Tensor, active: torch.Tensor | None) -> torch.Tensor:
        seen.append(z)
        return torch.zeros_like(z)

    flow.sample(start, predict, noise)
    assert asked == [2]
    frame = [z[:, :, 2] for z in seen]
    assert torch.equal(frame[0], start[:, :, 2])
    assert torch.equal(frame[1], start[:, :, 2])
    torch.testing.assert_close(frame[2], 0.4 * start[:, :, 2] + 0.6 * gaussian(7)[:, :, 2])
    assert torch.equal(frame[4], frame[2])


def test_a_frame_that_is_edited_from_the_start_is_noised_at_the_first_step() -> None:
    flow = RectifiedFlow(torch.tensor([700.0, 300.0]), torch.tensor([[0.9, 1.0, 1.0, 1.0]]))
    start, other = gaussian(), gaussian(7)
    entered = flow.enter(0, start, lambda step: other)
    torch.testing.assert_close(entered[:, :, 0], 0.3 * start[:, :, 0] + 0.7 * other[:, :, 0])
    assert torch.equal(entered[:, :, 1:], start[:, :, 1:])


@pytest.mark.parametrize("mask", [[0.0, 1.0, 0.6, 1.0], [1.0] * 4])
def test_clips_of_a_batch_have_masks_of_their_own(mask: list[float]) -> None:
    other = [1.0, 1.0, 0.0, 0.6]
    both = RectifiedFlow(kept_first(mask).timesteps, torch.tensor([mask, other]))
    start, noise = gaussian(shape=(2, *SHAPE[1:])), gaussian(1, (2, *SHAPE[1:]))

    def walk(flow: RectifiedFlow, rows: slice, velocity: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        return flow.sample(start[rows], lambda z, t, active: velocity(z), lambda step: noise[rows])

    whole = walk(both, slice(0, 2), torch.sin)
    for row, own in enumerate((mask, other)):
        alone = walk(kept_first(own), slice(row, row + 1), torch.sin)
        torch.testing.assert_close(whole[row : row + 1], alone)
