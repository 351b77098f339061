"""Feature vectors of whole clips: by hand, and I3D's file asked as StyleGAN-V's FVD asks it."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

from antibench.errors import UserError
from antibench.metrics.judges import fetched, video_features
from antibench.metrics.judges.deep_features import vgg_features
from antibench.metrics.judges.video_features import i3d_features, i3d_input, vgg_clip_features
from antibench.testing.metric_contract import portrait, sample_view


def test_vgg_features_of_a_clip_are_mean_and_spread_over_time() -> None:
    frames = sample_view().frames[:3]
    each = np.stack([vgg_features(frame) for frame in frames]).astype(np.float64)
    found = vgg_clip_features(frames)
    assert found.shape == (2560,)
    scale = np.sqrt(1280 / 3)  # three parts of unit length
    np.testing.assert_allclose(found[:1280], each.sum(axis=0) / 3 * scale, atol=1e-6)
    np.testing.assert_allclose(found[1280:] ** 2, each.var(axis=0) * scale**2, atol=1e-6)
    assert (found**2).mean() == pytest.approx(0.5, abs=0.01)


def test_a_frozen_clip_has_no_spread_and_one_frame_will_do() -> None:
    one, three = (vgg_clip_features(np.stack([portrait()] * count)) for count in (1, 3))
    np.testing.assert_allclose(one, three, atol=1e-5)
    assert np.abs(three[1280:]).max() < 1e-5


def test_tiny_clips_are_refused() -> None:
    with pytest.raises(UserError, match="too small"):
        vgg_clip_features(np.zeros((2, 8, 8, 3), dtype=np.uint8))


def test_i3d_sees_the_centre_from_minus_one_to_one() -> None:
    """A wide clip, black at the left and right fifth, which the cut leaves out, and white between."""
    frames = np.zeros((10, 64, 128, 3), dtype=np.uint8)
    frames[:, :, 30:98] = 255
    found = i3d_input(frames)
    assert found.shape == (1, 3, 10, 224, 224)
    assert found[..., 1:-1].min() == pytest.approx(1.0, abs=1e-5)
    order = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.array([1, 10, 20], dtype=np.uint8)
    flat = i3d_input(np.broadcast_to(order, (10, 96, 64, 3)).copy())
    np.testing.assert_allclose(flat[0, 1, :, 100, 100], np.arange(10) * 10 / 127.5 - 1, atol=1e-6)


def test_i3d_keeps_the_aspect() -> None:
    picture = skimage.data.chelsea()
    found = i3d_input(np.stack([picture] * 10))[0, :, 0]
    whole = torch.tensor(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
    width = 337  # 451 * 224 / 300 = 336.7, rounded up as the reference does
    whole = torch.nn.functional.interpolate(whole, (224, width), mode="bilinear", align_corners=False)
    left = (width - 224) // 2
    torch.testing.assert_close(found, whole[0, :, :, left : left + 224], atol=1e-5, rtol=0)


class TinyI3D(torch.nn.Module):
    """Answers the mean colour of the first and last frame, if it is asked as the real one has to be."""

    def forward(self, x: torch.Tensor, rescale: bool, resize: bool, return_features: bool) -> torch.Tensor:
        if rescale or resize or not return_features:
            return torch.zeros(1, 400)
        return x[:, :, [0, -1]].mean(dim=(3, 4)).flatten(1)


@pytest.fixture
def i3d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The hash of a small archive that lies where the real one would."""
    fetched.fetched_file.cache_clear()
    video_features.i3d_net.cache_clear()
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    path = tmp_path / "checkpoints" / video_features.I3D
    path.parent.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(torch.jit.script(TinyI3D()), str(path))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_i3d_is_asked_for_features_of_all_frames(i3d: str) -> None:
    frames = np.zeros((12, 32, 32, 3), dtype=np.uint8)
    frames[-1] = 255
    found = i3d_features(frames, i3d)
    np.testing.assert_allclose(found, [-1, 1] * 3)
    assert found.dtype == np.float64


def test_i3d_needs_ten_frames_and_the_whole_hash(i3d: str) -> None:
    frames = np.zeros((10, 32, 32, 3), dtype=np.uint8)
    with pytest.raises(UserError, match="at least 10 frames, the clips have 9"):
        i3d_features(frames[:9], i3d)
    with pytest.raises(UserError, match="holds code, so all 64"):
        i3d_features(frames, i3d[:8])
    with pytest.raises(UserError, match="parameter sha256"):
        i3d_features(frames, "")
    with pytest.raises(UserError, match="expected 0000"):
        i3d_features(frames, "0" * 64)
