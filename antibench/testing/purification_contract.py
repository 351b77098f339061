"""What every purification must do: the public checks of the contract."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from antibench.contracts import ImageU8, Purification
from antibench.pixels import to_float
from antibench.testing.check import Check, attempt
from antibench.testing.facts import fact_checks, moved_generators

_SHAPES = ((37, 51), (64, 16), (2, 3), (1, 1))


def checks(plugin_cls: type[Any], **params: Any) -> Iterator[Check]:
    """Check a purification at every strength of its grid, on small photos made from fixed seeds.

    Args:
        plugin_cls: A class that follows `antibench.contracts.Purification`.
        params: Its parameters, where not the defaults.
    """
    yield from fact_checks(plugin_cls, **params)
    try:
        plugin: Purification = plugin_cls(**params)
    except Exception as error:
        yield Check("can be made with its parameters", False, repr(error))
        return
    yield from behaviour(plugin)


def behaviour(plugin: Purification) -> Iterator[Check]:
    """Check what a purification does, as opposed to what its class says of itself: all there is of a composition."""
    yield attempt("grid holds different numbers", lambda: _grid(plugin))
    yield attempt("backend begins with an installed distribution", lambda: _backend(plugin))
    yield attempt("8-bit image of the same shape out, odd sizes, 1x1 and grey included", lambda: _shapes(plugin))
    yield attempt("same seed, same bytes; another seed differs only if stochastic", lambda: _seeds(plugin))
    yield attempt("order, earlier calls and memory layout do not matter", lambda: _order(plugin))
    yield attempt("input untouched", lambda: _input(plugin))
    yield attempt("global generators untouched", lambda: _generators(plugin))
    yield attempt("each strength of the grid changes the photo more than the one before", lambda: _monotone(plugin))
    yield attempt("twin stays in range and passes a gradient", lambda: _gradient(plugin))
    yield attempt("twin is nearer the purified photo than the photo is", lambda: _closeness(plugin))


def sample_photo(seed: int = 0, size: tuple[int, int] = (48, 64)) -> ImageU8:
    """A photo-like image: the amplitude of its spectrum falls as 1/frequency, as that of photographs does."""
    height, width = size
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])[..., None]
    shaped = np.fft.ifft2(np.fft.fft2(noise, axes=(0, 1)) / np.maximum(frequency, 0.5 / max(size)), axes=(0, 1)).real
    spread = np.ptp(shaped) or 1.0
    return np.asarray(((shaped - shaped.min()) / spread * 255).round(), dtype=np.uint8)


def _apply(plugin: Purification, photo: ImageU8, strength: float, seed: int = 0) -> ImageU8:
    return plugin.apply(photo, strength=strength, rng=np.random.default_rng(seed))


def _distance(one: ImageU8, other: ImageU8) -> float:
    """Root of the mean squared difference, in levels."""
    return float(np.sqrt(np.mean((one.astype(np.float64) - other) ** 2)))


def _grid(plugin: Purification) -> str | None:
    grid = [float(strength) for strength in plugin.grid]
    return None if grid and len(set(grid)) == len(grid) else f"grid {plugin.grid}"


def _backend(plugin: Purification) -> str | None:
    words = plugin.backend.split()
    if not words:
        return "backend is empty"
    importlib.metadata.version(words[0])
    return None


def _shapes(plugin: Purification) -> str | None:
    photos = [sample_photo(size=size) for size in _SHAPES]
    photos += [np.full((40, 40, 3), level, dtype=np.uint8) for level in (0, 127, 255)]
    for photo in photos:
        for strength in plugin.grid:
            result = _apply(plugin, photo, strength)
            if not isinstance(result, np.ndarray) or result.dtype != np.uint8 or result.shape != photo.shape:
                found = f"{getattr(result, 'dtype', type(result).__name__)} {getattr(result, 'shape', '')}"
                return f"{found} for a photo of {photo.shape} at {strength}"
    return None


def _seeds(plugin: Purification) -> str | None:
    photo = sample_photo()
    for strength in plugin.grid:
        first = _apply(plugin, photo, strength)
        if not np.array_equal(first, _apply(plugin, photo, strength)):
            return f"two results from one seed at {strength}"
        if np.array_equal(first, _apply(plugin, photo, strength, seed=1)) == plugin.stochastic:
            return f"stochastic is {plugin.stochastic}, the results of two seeds at {strength} say otherwise"
    return None


def _order(plugin: Purification) -> str | None:
    photos = np.stack([sample_photo(seed) for seed in range(3)])
    for strength in plugin.grid:
        forward = [_apply(plugin, photo.copy(), strength) for photo in photos]
        backward = [_apply(plugin, photo, strength) for photo in photos[::-1]][::-1]
        columns = np.asfortranarray(photos[1])
        if not np.array_equal(forward, backward) or not np.array_equal(forward[1], _apply(plugin, columns, strength)):
            return f"results differ at {strength}"
    return None


def _input(plugin: Purification) -> str | None:
    for strength in plugin.grid:
        photo = sample_photo()
        result = _apply(plugin, photo, strength)
        if not np.array_equal(photo, sample_photo()) or np.shares_memory(photo, result):
            return f"the input was written to, or handed back, at {strength}"
    return None


def _generators(plugin: Purification) -> str | None:
    def use() -> None:
        for strength in plugin.grid:
            _apply(plugin, sample_photo(), strength)
            plugin.twin(to_float(sample_photo()), strength=strength, generator=torch.Generator().manual_seed(0))

    return moved_generators(use)


def _monotone(plugin: Purification) -> str | None:
    distances = []
    for strength in plugin.grid:
        pairs = [(photo, _apply(plugin, photo, strength)) for photo in map(sample_photo, range(4))]
        distances.append(float(np.mean([_distance(*pair) for pair in pairs])))
    rising = all(weak < strong for weak, strong in zip([0.0, *distances], distances, strict=False))
    return None if rising else f"distances in levels {[round(distance, 3) for distance in distances]}"


def _gradient(plugin: Purification) -> str | None:
    for photo in (sample_photo(), sample_photo(size=_SHAPES[0])):
        for strength in plugin.grid:
            image = to_float(photo).requires_grad_()
            out = plugin.twin(image, strength=strength, generator=torch.Generator().manual_seed(0))
            if out is None:
                return None
            if out.shape != image.shape or not bool(((out >= 0) & (out <= 1)).all()):
                return f"shape {tuple(out.shape)}, range {float(out.min()):.3g} to {float(out.max()):.3g} at {strength}"
            (gradient,) = torch.autograd.grad((out**2).sum(), image)
            if not bool(gradient.isfinite().all()) or not bool(gradient.any()):
                return f"gradient zero or not finite at {strength}"
    return None


def _closeness(plugin: Purification) -> str | None:
    """Half the distance or less; the draws of a stochastic twin are its own, so there is nothing to compare."""
    photo = sample_photo()
    for strength in plugin.grid:
        out = plugin.twin(to_float(photo), strength=strength, generator=torch.Generator().manual_seed(0))
        if out is None or plugin.stochastic:
            return None
        real = _apply(plugin, photo, strength)
        apart, whole = _distance(real, out[0].permute(1, 2, 0).numpy() * 255), _distance(real, photo)
        if apart > whole / 2:
            return f"at {strength} {apart:.2f} levels from the purified photo, the photo itself {whole:.2f}"
    return None
