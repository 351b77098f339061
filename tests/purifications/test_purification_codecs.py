"""WebP against OpenCV's encoder; AVIF and H.264 by what a codec of that quality must do to a portrait."""

from __future__ import annotations

import io
import re

import av
import cv2
import numpy as np
import pytest
from av.video.frame import PictureType
from PIL import features
from real_photos import decibels, portrait

from antibench.contracts import Purification
from antibench.purifications._x264 import decoded, encoded
from antibench.purifications.avif import Avif
from antibench.purifications.h264 import H264
from antibench.purifications.webp import WebP
from antibench.testing.purification_contract import sample_photo

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("quality", [90, 75, 50])
def test_webp_agrees_with_opencv(quality: int) -> None:
    """Measured: equal; a quality two steps off differs by 3 levels."""
    photo = sample_photo()
    stream = cv2.imencode(".webp", photo[..., ::-1].copy(), [cv2.IMWRITE_WEBP_QUALITY, quality])[1]
    other = cv2.imdecode(stream, cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(WebP().apply(photo, strength=quality, rng=RNG).astype(int) - other).mean() < 0.25


@pytest.mark.parametrize(
    ("plugin", "strength", "expected"),
    [
        (WebP(), 90, 35.5),
        (WebP(), 50, 30.9),
        (Avif(), 90, 36.6),
        (Avif(), 50, 32.2),
        (H264(), 23, 35.1),
        (H264(), 35, 30.2),
    ],
)
def test_damage_to_portraits_is_that_of_the_quality(plugin: Purification, strength: float, expected: float) -> None:
    """PSNR within a decibel and a half, either way: a quality that is lost on its way to the encoder shows."""
    found = [decibels(plugin.apply(portrait(i), strength=strength, rng=RNG), portrait(i)) for i in range(4)]
    assert abs(np.mean(found) - expected) < 1.5, np.mean(found)


@pytest.mark.parametrize(("plugin", "strength"), [(WebP(), 95), (Avif(), 95), (H264(), 5)])
def test_colour_is_halved_and_brightness_is_not(plugin: Purification, strength: float) -> None:
    """Columns that differ in colour alone become one colour; columns that differ in brightness stay."""
    colour, brightness = np.full((2, 32, 32, 3), 128, dtype=np.uint8)
    colour[:, ::2], colour[:, 1::2] = (178, 128, 23), (78, 128, 233)  # luma 130.9 and 125.1
    brightness[:, ::2] = 188
    mixed, kept = (plugin.apply(photo, strength=strength, rng=RNG).astype(int) for photo in (colour, brightness))
    assert np.abs(mixed[8:-8, 8:-8:2, 0] - mixed[8:-8, 9:-8:2, 0]).mean() < 25
    assert np.abs(kept[8:-8, 8:-8:2, 0] - kept[8:-8, 9:-8:2, 0]).mean() > 50


@pytest.mark.parametrize(("plugin", "strength"), [(WebP(), 75), (Avif(), 75), (H264(), 28)])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 60, 30), (20, 90, 220)])
def test_flat_colours_stay(plugin: Purification, strength: float, colour: tuple[int, int, int]) -> None:
    """A matrix or range that differs between the two ways is off by ten levels and more."""
    flat = np.full((33, 31, 3), colour, dtype=np.uint8)
    assert np.abs(plugin.apply(flat, strength=strength, rng=RNG).astype(int) - flat).max() <= 3


def test_h264_leaves_a_portrait_as_bright_as_it_was() -> None:
    """swscale's defaults take 1.0 to 1.4 levels off each channel."""
    shifts = [H264().apply(portrait(i), strength=23, rng=RNG).astype(int) - portrait(i) for i in range(8)]
    assert np.abs(np.mean(shifts, axis=(0, 1, 2))).max() < 0.5


@pytest.mark.parametrize("rate_factor", [23, 35])
def test_h264_is_what_the_stream_says(rate_factor: int) -> None:
    """x264 writes its settings into the stream; the frame that is taken is predicted from another."""
    stream = encoded(portrait(), rate_factor)
    assert re.search(rb"rc=crf mbtree=1 crf=([0-9.]+) ", stream)[1] == f"{rate_factor}.0".encode()  # type: ignore[index]
    with av.open(io.BytesIO(stream), "r", format="h264") as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        frames = list(container.decode(video=0))
    assert len(frames) == 8
    assert frames[4].pict_type == PictureType.P


def test_frame_four_is_taken() -> None:
    """Of a still clip all frames are all but equal, so it shows on one that gets brighter."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=8, options={"crf": "10", "threads": "1"})
        stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
        for index in range(8):
            grey = np.full((32, 32, 3), 20 + 25 * index, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode(None))
    assert abs(decoded(buffer.getvalue()).mean() - 120) < 5


def test_without_avif_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda feature: False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="pip install pillow-avif-plugin"):
        Avif().apply(portrait(), strength=75, rng=RNG)
