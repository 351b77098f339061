"""Tiny surrogates of the real classes."""

from __future__ import annotations

import pytest

from antibench.contracts import VideoModel
from antibench.testing.tiny_cogvideox import TinyCogVideoX
from antibench.testing.tiny_svd import TinySVD


@pytest.fixture(scope="session")
def svd() -> VideoModel:
    """Image tokens and latents, guidance over both."""
    return TinySVD().load("cpu")


@pytest.fixture(scope="session")
def cogvideox() -> VideoModel:
    """Text and latents, no image tokens."""
    return TinyCogVideoX().load("cpu")
