"""What a worker keeps of what it read: each key read once, within a limit, safe from whoever writes into it."""

from __future__ import annotations

import numpy as np

from antibench.engine.recent import Pixels, Recent


class Reader:
    """Counts the keys it is asked for; each is an image of 12 bytes."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, key: str) -> Pixels:
        self.asked.append(key)
        return np.full((2, 2, 3), int(key), np.uint8)


def test_a_key_is_read_once() -> None:
    recent, read = Recent(), Reader()
    for key in ("1", "2", "1", "2"):
        np.testing.assert_array_equal(recent.get(key, read), np.full((2, 2, 3), int(key)))
    assert read.asked == ["1", "2"]


def test_whoever_writes_into_pixels_spoils_his_own_copy() -> None:
    recent, read = Recent(), Reader()
    for _ in range(2):
        recent.get("1", read)[:] = 99
    np.testing.assert_array_equal(recent.get("1", read), np.full((2, 2, 3), 1))


def test_the_least_recently_used_goes_first() -> None:
    recent, read = Recent(limit_bytes=24), Reader()
    for key in ("1", "2", "1", "3", "1", "2"):
        recent.get(key, read)
    assert read.asked == ["1", "2", "3", "2"]


def test_what_is_larger_than_the_limit_is_handed_out_all_the_same() -> None:
    recent, read = Recent(limit_bytes=5), Reader()
    for key in ("1", "1", "2", "1"):
        assert recent.get(key, read)[0, 0, 0] == int(key)
    assert read.asked == ["1", "2", "1"]
