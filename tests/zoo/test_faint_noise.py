"""Faint shades on training photos: how strong, how coarse, and that they are not the control's."""

from __future__ import annotations

import torch

from antibench.zoo.training.faint_noise import with_faint_noise


def shades(count: int, levels: float) -> torch.Tensor:
    """The changes of mid-grey photos (count, 3, 64, 64), in 8-bit levels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return with_faint_noise(torch.zeros(count, 1, 3, 64, 64), levels)[:, 0] * 127.5


def test_strengths_are_spread_evenly_up_to_the_most() -> None:
    strength = shades(400, 10.0).std((1, 2, 3))
    assert 9 < float(strength.max()) <= 10.01
    assert float(strength.min()) < 0.5
    assert abs(float(strength.mean()) - 5) < 0.5


def test_shades_are_smooth_and_of_many_values() -> None:
    """White noise of one deviation differs by 1.13 between neighbours; the control has but two values."""
    change = shades(100, 10.0)
    strength = change.std((1, 2, 3))
    steps = (change[..., 1:] - change[..., :-1]).abs().mean((1, 2, 3)) / strength
    assert float(steps.max()) < 0.5
    assert len(change[0].unique()) > 1000


def test_frames_of_a_clip_get_the_same_shades_and_stay_in_range() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        clip = with_faint_noise(torch.full((4, 3, 3, 16, 16), 0.98), 10.0)
    assert all(torch.equal(clip[:, 0], clip[:, frame]) for frame in (1, 2))
    assert float(clip.max()) == 1.0
