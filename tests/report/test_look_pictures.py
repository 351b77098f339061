"""Photos and clips as media of a page, decoded again and held to what they were made of."""

from __future__ import annotations

import base64
import io

import av
import numpy as np
import pytest
from film_frames import BAR, CountingModel, disc
from PIL import Image

from antibench.contracts import FramesU8, ImageU8
from antibench.report.html import films
from antibench.report.html.films import film, fitted
from antibench.report.html.medium import Medium
from antibench.report.html.pictures import amplified_difference, picture
from antibench.video import decode, encode, frame_rate


def content(medium: Medium) -> tuple[str, bytes]:
    head, _, body = medium.uri.partition(",")
    mime, _, coding = head.removeprefix("data:").partition(";")
    assert coding == "base64"
    return mime, base64.b64decode(body, validate=True)


def noise(*shape: int) -> ImageU8:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def filmed(medium: Medium) -> FramesU8:
    """The frames of a film, as a player shows them that reads the matrix of colours from the file."""
    mime, data = content(medium)
    assert mime == "video/mp4"
    with av.open(io.BytesIO(data)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        frames = list(container.decode(video=0))
        assert {frame.format.name for frame in frames} == {"yuv420p"}
        shown = [frame.reformat(format="rgb24", src_colorspace=frame.colorspace).to_ndarray() for frame in frames]
    return np.stack(shown)


@pytest.mark.parametrize("shape", [(32, 32, 3), (21, 33, 3), (256, 100, 3)])
def test_a_small_photo_is_kept_to_the_pixel(shape: tuple[int, int, int]) -> None:
    medium = picture(noise(*shape))
    mime, data = content(medium)
    assert (mime, data[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), noise(*shape))
    assert (medium.width, medium.height) == medium.original == (shape[1], shape[0])


def test_a_large_photo_is_scaled_to_512_and_looks_the_same() -> None:
    rows, columns = np.mgrid[:600, :1200]
    photo = np.stack([rows * 255 / 600, columns * 255 / 1200, 0 * rows + 90], axis=-1).astype(np.uint8)
    medium = picture(photo)
    mime, data = content(medium)
    shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)
    assert mime == "image/webp"
    assert shown.shape == (256, 512, 3)
    assert (medium.width, medium.height, medium.original) == (512, 256, (1200, 600))
    assert abs(shown[128, 256] - photo[300, 600]).max() < 4
    assert abs(shown[10, 10] - photo[24, 24]).max() < 4
    assert medium.size < photo.size / 20
    assert content(picture(noise(257, 20, 3)))[0] == "image/webp"  # the first that is large


def test_a_difference_is_its_eightfold_around_grey_and_cut_off() -> None:
    photo = np.array([[[100, 100, 100], [0, 255, 10], [50, 60, 70]]], np.uint8)
    other = np.array([[[101, 92, 100], [20, 235, 10], [66, 59, 55]]], np.uint8)
    expected = [[[136, 64, 128], [255, 0, 128], [255, 120, 8]]]
    assert amplified_difference(photo, other, 8).tolist() == expected
    assert amplified_difference(photo, other, 2).tolist()[0][0] == [130, 112, 128]


@pytest.mark.parametrize(
    ("size", "shown"),
    [((32, 32), (128, 128)), ((21, 33), (148, 232)), ((130, 129), (130, 130)), ((300, 700), (220, 512))],
)
def test_a_film_has_even_sides_that_a_player_keeps(size: tuple[int, int], shown: tuple[int, int]) -> None:
    clip = noise(3, *size, 3)
    medium = film(clip, 8.0)
    assert filmed(medium).shape == (3, *shown, 3)
    assert (medium.height, medium.width) == shown
    assert (medium.kind, medium.frames, medium.fps, medium.original) == ("video", 3, 8.0, (size[1], size[0]))


def test_enlarging_repeats_pixels_and_evens_by_the_edge() -> None:
    clip = noise(2, 21, 33, 3)
    large = fitted(clip)
    np.testing.assert_array_equal(large[:, 3:147:7, 3:231:7], clip)  # the middle of each block of 7 x 7
    np.testing.assert_array_equal(large[:, 147], large[:, 146])
    np.testing.assert_array_equal(large[:, :, 231], large[:, :, 230])


def test_a_film_has_the_frames_of_its_clip_in_order_and_colour() -> None:
    clip = CountingModel("m", (32, 32), 7, 6.0).generate(disc(0), "", 0)
    shown = filmed(film(clip, 6.0))
    assert len(shown) == 7
    assert abs(shown.astype(float) - clip.repeat(4, axis=1).repeat(4, axis=2)).mean() < 3  # measured 1.0
    for frame, image in enumerate(shown):
        white = image.min(axis=(0, 2)) > 150
        assert np.flatnonzero(white)[0] // 4 == BAR * frame
    # Saturated colours, which the wrong matrix of colours would shift by 10 levels and more.
    for colour in ((200, 30, 30), (20, 180, 40), (30, 40, 200)):
        flat = filmed(film(np.full((2, 32, 32, 3), colour, np.uint8), 6.0))
        assert abs(flat.astype(float) - colour).max() < 5


def test_a_film_says_how_its_colours_are_to_be_read_and_has_its_index_in_front() -> None:
    _, data = content(film(noise(3, 32, 32, 3), 23.976))
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        assert float(stream.average_rate) == pytest.approx(23.976, rel=1e-3)


def test_the_same_clip_makes_the_same_film() -> None:
    assert film(noise(4, 64, 64, 3), 8.0) == film(noise(4, 64, 64, 3), 8.0)


def test_without_an_encoder_a_film_is_an_animation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "has_encoder", lambda: False)
    clip = CountingModel("m", (32, 32), 7, 5.0).generate(disc(1), "", 0)
    medium = film(clip, 5.0)
    mime, data = content(medium)
    assert (mime, medium.kind, medium.frames, medium.width) == ("image/webp", "animation", 7, 128)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 7
        for frame in range(7):
            image.seek(frame)
            image.load()
            assert image.info["duration"] == 200
            row = np.asarray(image.convert("RGB"))[64].min(axis=-1)
            assert row.argmax() // (4 * BAR) == frame


@pytest.mark.parametrize("fps", [1.0, 7.0, 23.976])
def test_a_stored_clip_knows_its_rate(fps: float) -> None:
    for frames in (1, 5):
        assert frame_rate(encode(noise(frames, 8, 8, 3), fps)) == pytest.approx(fps, rel=1e-3)
        assert len(decode(encode(noise(frames, 8, 8, 3), fps))) == frames
