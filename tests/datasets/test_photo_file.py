"""Files of every mode and many faults, made by hand, with the pixels they must give."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from antibench.contracts import ImageU8
from antibench.datasets.photo_file import MAX_PIXELS, MIN_SIDE, UnreadablePhotoError, read_photo

SIDE = 20


def saved(path: Path, image: Image.Image, **options: Any) -> ImageU8:
    image.save(path, **options)
    photo = read_photo(path)
    assert photo.dtype == np.uint8
    assert photo.flags.writeable
    return photo


def gradient() -> ImageU8:
    """(SIDE, SIDE + 4, 3), every pixel another colour."""
    rows, columns = np.mgrid[0:SIDE, 0 : SIDE + 4]
    return np.stack([rows * 12, columns * 10, rows + columns], axis=2).astype(np.uint8)


def reason(path: Path) -> str:
    with pytest.raises(UnreadablePhotoError) as caught:
        read_photo(path)
    return str(caught.value)


def test_rgb(tmp_path: Path) -> None:
    assert np.array_equal(saved(tmp_path / "a.png", Image.fromarray(gradient())), gradient())


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tga", ".ppm"])
def test_lossless_formats(tmp_path: Path, suffix: str) -> None:
    assert np.array_equal(saved(tmp_path / f"a{suffix}", Image.fromarray(gradient())), gradient())


def test_greyscale(tmp_path: Path) -> None:
    grey = gradient()[..., 0]
    photo = saved(tmp_path / "a.png", Image.fromarray(grey))
    assert np.array_equal(photo, np.stack([grey] * 3, axis=2))


def test_one_bit(tmp_path: Path) -> None:
    photo = saved(tmp_path / "a.png", Image.fromarray(gradient()[..., 0] > 100))
    assert set(np.unique(photo)) == {0, 255}


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_greyscale_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    levels = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE) * 164
    photo = saved(tmp_path / f"a{suffix}", Image.fromarray(levels))
    assert np.array_equal(photo[..., 1], np.round(levels / 257).astype(np.uint8))


def test_sixteen_bit_extremes_are_black_and_white(tmp_path: Path) -> None:
    levels = np.zeros((SIDE, SIDE), dtype=np.uint16)
    levels[0] = 65535
    photo = saved(tmp_path / "a.png", Image.fromarray(levels))
    assert photo[0].min() == 255
    assert photo[1:].max() == 0


def test_palette(tmp_path: Path) -> None:
    image = Image.fromarray(gradient()).quantize(16)
    assert np.array_equal(saved(tmp_path / "a.png", image), np.array(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_shown_on_white(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 255)).convert(mode)
    image.putalpha(
        Image.fromarray(np.array([[0, 51, 255]], dtype=np.uint8).repeat(SIDE, axis=0).repeat(8, axis=1)[:, :SIDE])
    )
    photo = saved(tmp_path / "a.png", image)
    assert photo[0, 0].tolist() == [255] * 3  # transparent
    assert photo[0, 8].tolist() == [204] * 3  # a fifth of black
    assert photo[0, 16].tolist() == [0] * 3


def test_a_transparent_palette_entry_is_shown_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (SIDE, SIDE), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.paste(0, (0, 0, 5, 5))
    photo = saved(tmp_path / "a.png", image, transparency=0)
    assert photo[0, 0].tolist() == [255] * 3
    assert photo[10, 10].tolist() == [200, 0, 0]


def test_a_transparent_colour_without_alpha_channel_is_shown_on_white(tmp_path: Path) -> None:
    image = Image.new("RGB", (SIDE, SIDE), (10, 20, 30))
    image.paste((1, 2, 3), (0, 0, 5, 5))
    photo = saved(tmp_path / "a.png", image, transparency=(1, 2, 3))
    assert photo[0, 0].tolist() == [255] * 3
    assert photo[10, 10].tolist() == [10, 20, 30]


def test_cmyk(tmp_path: Path) -> None:
    photo = saved(tmp_path / "a.tif", Image.new("CMYK", (SIDE, SIDE), (0, 255, 255, 0)))
    assert photo[5, 5].tolist() == [255, 0, 0]


def test_cmyk_jpeg(tmp_path: Path) -> None:
    photo = saved(tmp_path / "a.jpg", Image.new("CMYK", (SIDE, SIDE), (255, 0, 255, 0)), quality=95)
    assert np.abs(photo[5, 5].astype(int) - [0, 255, 0]).max() <= 3


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: a[::-1].transpose(1, 0, 2)),
        (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda a: a[:, ::-1].transpose(1, 0, 2)),
    ],
)
def test_exif_orientation(tmp_path: Path, orientation: int, upright: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = saved(tmp_path / "a.png", Image.fromarray(gradient()), exif=exif)
    assert np.array_equal(photo, upright(gradient()))


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (SIDE, SIDE), colour) for colour in ("red", "blue")]
    photo = saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert photo[5, 5].tolist() == [255, 0, 0]


def test_a_text_file_is_no_photo(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not a photo")
    assert reason(tmp_path / "a.png") == "not an image in a format that Pillow reads"


def test_an_empty_file_is_no_photo(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert reason(tmp_path / "a.png") == "not an image in a format that Pillow reads"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".gif"])
def test_every_cut_through_a_file_gives_a_photo_or_a_reason(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    data = path.read_bytes()
    reasons = set()
    for part in range(1, 10):
        path.write_bytes(data[: len(data) * part // 10])
        try:
            assert read_photo(path).shape == (64, 64, 3)
        except UnreadablePhotoError as error:
            reasons.add(str(error))
    assert reasons
    assert all(text.isprintable() and str(tmp_path) not in text for text in reasons)


def test_a_missing_file_has_a_reason_without_its_path(tmp_path: Path) -> None:
    assert reason(tmp_path / "a.png") == "cannot be opened: No such file or directory"


@pytest.mark.parametrize("size", [(1, 1), (MIN_SIDE - 1, 500), (500, MIN_SIDE - 1)])
def test_a_photo_that_is_too_small(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size).save(tmp_path / "a.png")
    found = reason(tmp_path / "a.png")
    assert found == f"too small: {size[0]}x{size[1]} pixels, each side must have at least {MIN_SIDE}"


def test_the_smallest_photo(tmp_path: Path) -> None:
    assert saved(tmp_path / "a.png", Image.new("RGB", (MIN_SIDE, MIN_SIDE))).shape == (MIN_SIDE, MIN_SIDE, 3)


def test_ten_thousand_by_ten_thousand_is_read_without_a_warning(tmp_path: Path) -> None:
    Image.new("1", (10_000, 10_000), 1).save(tmp_path / "a.png")
    limit = Image.MAX_IMAGE_PIXELS
    filters = list(warnings.filters)
    photo = read_photo(tmp_path / "a.png")
    assert photo.shape == (10_000, 10_000, 3)
    assert photo[-1, -1].tolist() == [255] * 3
    assert limit == Image.MAX_IMAGE_PIXELS
    assert filters == list(warnings.filters)


@pytest.mark.parametrize("side", [11_000, 20_000])
def test_a_photo_that_is_too_large_is_not_decoded(tmp_path: Path, side: int) -> None:
    """The larger one is beyond Pillow's own limit too."""
    Image.new("1", (side, side)).save(tmp_path / "a.png")
    assert reason(tmp_path / "a.png").startswith("too large: ")
    assert f"more than {MAX_PIXELS:,} pixels" in reason(tmp_path / "a.png")


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_thirty_two_bits_have_no_known_range(tmp_path: Path, dtype: type[Any]) -> None:
    Image.fromarray(np.zeros((SIDE, SIDE), dtype=dtype)).save(tmp_path / "a.tif")
    assert reason(tmp_path / "a.tif").startswith("32-bit pixels have no known range")
