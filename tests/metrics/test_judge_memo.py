"""The bounded memory of pictures."""

from __future__ import annotations

import numpy as np

from antibench.contracts import ImageU8
from antibench.metrics.judges.memo import PixelMemo


def picture(level: int, shape: tuple[int, int, int] = (2, 3, 3)) -> ImageU8:
    return np.full(shape, level, dtype=np.uint8)


def test_same_pixels_are_computed_once_whatever_the_array() -> None:
    seen: list[int] = []
    memo = PixelMemo(lambda image: seen.append(int(image[0, 0, 0])))
    for image in (picture(1), picture(1).copy(), np.asfortranarray(picture(1))):
        memo(image)
    assert seen == [1]


def test_shape_counts() -> None:
    memo = PixelMemo(lambda image: image.shape)
    assert memo(picture(1)) == (2, 3, 3)
    assert memo(picture(1, (3, 2, 3))) == (3, 2, 3)


def test_the_least_recently_used_is_forgotten() -> None:
    seen: list[int] = []
    memo = PixelMemo(lambda image: seen.append(int(image[0, 0, 0])), size=2)
    for level in (1, 2, 1, 3, 1, 2):
        memo(picture(level))
    assert seen == [1, 2, 3, 2]


def test_none_is_an_answer_too() -> None:
    seen: list[int] = []

    def nothing(image: ImageU8) -> None:
        seen.append(1)

    memo = PixelMemo(nothing)
    assert memo(picture(5)) is None
    assert memo(picture(5)) is None
    assert seen == [1]
