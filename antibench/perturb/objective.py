"""One forward pass of the surrogate a step, and the terms that read it."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import torch
from torch.nn.functional import mse_loss

from antibench.contracts import Denoised, Encoded, PerturbContext, VideoModel


class FeaturesOf(Protocol):
    """Another pass of the denoiser under the same clip, noise level and noise."""

    def __call__(
        self,
        photo: torch.Tensor,
        known: Encoded,
        capture: Sequence[str],
        *,
        prompt: str | None = None,
        gradient: bool = False,
    ) -> dict[str, torch.Tensor]:
        """Features of a photo, the protected one or another.

        Args:
            photo: (1, 3, H, W) in [0, 1].
            known: Its encoding.
            capture: Names of layers and attentions.
            prompt: Another caption than the photo's.
            gradient: Whether a gradient goes through; the pass then costs as much as the first.
        """
        ...


@dataclass(frozen=True)
class View:
    """What the terms see of one step.

    Attributes:
        image: The protected photo as it would be saved, (1, 3, H, W) in [0, 1], part of the graph.
        passed: The denoiser's pass on it, or None if no term `denoises`.
        encoded: The image encoders' pass on it, or None if no term `encodes`.
        surrogate: The model, for terms that need another of its parts.
        features_of: Denoiser features of a photo, whose encoding is known, under the same clip, noise level and noise.
        draw: Number of this clip, noise level and noise, if they come again; what holds for them alone may be kept.
        clip: Latents of the reference clip that was noised.
    """

    image: torch.Tensor
    passed: Denoised | None
    encoded: Encoded | None
    surrogate: VideoModel
    features_of: FeaturesOf
    draw: int | None = None
    clip: torch.Tensor | None = None

    @property
    def denoised(self) -> Denoised:
        """The denoiser's pass.

        Raises:
            ValueError: if no term asked for it.
        """
        if self.passed is None:
            raise ValueError("a term that reads the denoiser must not turn `denoises` off")
        return self.passed

    def encoding(self) -> Encoded:
        """The image encoders' pass.

        Raises:
            ValueError: if no term asked for it.
        """
        if self.encoded is None:
            raise ValueError("a term that reads the image encoders must set `encodes`")
        return self.encoded


class Draw(NamedTuple):
    """What one call of an objective is evaluated at.

    Attributes:
        clip: Latents of a reference clip.
        t: Noise level.
        noise: Gaussian, shape of `clip`.
        number: Which draw it is, if draws come again.
    """

    clip: torch.Tensor
    t: float
    noise: torch.Tensor
    number: int | None


class Term(abc.ABC):
    """One part of an objective: a scalar that is minimised."""

    layers: tuple[str, ...] = ()
    """Denoiser layers to capture; read before each pass."""
    vae_layers: tuple[str, ...] = ()
    """VAE encoder stages to capture; used only if `encodes`."""
    encodes: bool = False
    """Whether the term reads `View.encoded`."""
    denoises: bool = True
    """Whether the term reads `View.denoised`. Where no term does, the denoiser does not run."""
    bounded: bool = False
    """Whether the value has a scale of its own, so that it is never divided by its first value (which may be 0)."""

    @abc.abstractmethod
    def value(self, view: View) -> torch.Tensor:
        """The scalar."""


class Objective:
    """A weighted sum of terms on one random noise level, noise and reference clip a call.

    Where no term reads the denoiser, neither it nor anything random is used, and no reference clip is needed.

    Args:
        context: Surrogate, caption, reference clips and randomness.
        terms: (weight, term) pairs.
        guided: Denoise through classifier-free guidance, where the surrogate gives it.
        t_range: Noise levels are uniform in [low, high).
        sampler_steps: With more than one, the loss is the mean squared error of the clean clip that so many steps of a
            deterministic sampler arrive at, evenly spaced from the drawn level towards 0 (DDIM; Song et al. 2021,
            equation 12). The other terms read the first pass.
        normalise: Divide each unbounded term by the size it had in the first call, so that unit weights mean something.
            That call takes the middle of `t_range`: a lucky first draw must not set the weights.
        draws: How many triples of clip, noise level and noise there are, each call taking one of them at random: a
            sample of fixed size in the place of the expectation, so that terms may keep what depends on the triple
            and not on the photo (`View.draw`). None: a new triple each call.

    Raises:
        ValueError: without a reference clip, or with less than one draw.
    """

    def __init__(
        self,
        context: PerturbContext,
        terms: Sequence[tuple[float, Term]],
        *,
        guided: bool = True,
        t_range: tuple[float, float] = (0.0, 1.0),
        sampler_steps: int = 1,
        normalise: bool = False,
        draws: int | None = None,
    ) -> None:
        if draws is not None and draws < 1:
            raise ValueError(f"draws must be 1 or more, or None, not {draws}")
        self._denoises = any(term.denoises for _, term in terms)
        if self._denoises and not context.references:
            raise ValueError("the objective needs a reference clip; add 'references' to the protection's `needs`")
        self._context = context
        self._terms = tuple(terms)
        self._guided = guided and "guidance" in context.surrogate.gives
        self._t_range = t_range
        self._sampler_steps = sampler_steps
        self._normalise = normalise
        self._scales: list[float] | None = None
        self._draws = draws
        self._drawn: dict[int, Draw] = {}
        clips = context.references if self._denoises else ()
        self._clips = [context.surrogate.encode_clip(frames) for frames in clips]
        self._reads_encoders = any(term.encodes for _, term in terms)

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        """The objective at a (1, 3, H, W) image in [0, 1]."""
        view = self._view(image) if self._denoises else self._encoders_only(image)
        values = [term.value(view) for _, term in self._terms]
        if self._scales is None:
            self._scales = [self._scale(term, value) for (_, term), value in zip(self._terms, values, strict=True)]
        weighted = zip(self._terms, values, self._scales, strict=True)
        return torch.stack([weight / scale * value for (weight, _), value, scale in weighted]).sum()

    def _encoders_only(self, image: torch.Tensor) -> View:
        surrogate, vae_layers = self._context.surrogate, _union(term.vae_layers for _, term in self._terms)
        encoded = surrogate.encode(image, capture=vae_layers) if self._reads_encoders else None
        return View(image, None, encoded, surrogate, _no_pass)

    def _view(self, image: torch.Tensor) -> View:
        context, surrogate = self._context, self._context.surrogate
        clip, t, noise, number = self._draw()

        def denoise(
            photo: torch.Tensor,
            known: Encoded | None,
            capture: Sequence[str],
            guided: bool,
            at: tuple[torch.Tensor, torch.Tensor, float] = (clip, noise, t),
            prompt: str | None = None,
        ) -> Denoised:
            clean, deviation, level = at
            return surrogate.denoise(
                photo,
                context.caption if prompt is None else prompt,
                clip_latents=clean,
                t=level,
                noise=deviation,
                guided=guided,
                capture=capture,
                encoded=known,
            )

        def sampled(seen: Denoised, known: Encoded | None) -> Denoised:
            """The first pass, with the error of the clip that the remaining steps lead to."""
            if self._sampler_steps == 1 or known is None:
                return seen
            last, known = seen, replace(known, conditioned=seen.image_latents)
            for left in range(self._sampler_steps - 1, 0, -1):
                at = (last.clean, last.noise, t * left / self._sampler_steps)
                last = denoise(image, known, (), self._guided, at)
            return replace(seen, loss=mse_loss(last.clean, clip.to(last.clean)))

        def features_of(
            photo: torch.Tensor,
            known: Encoded,
            capture: Sequence[str],
            *,
            prompt: str | None = None,
            gradient: bool = False,
        ) -> dict[str, torch.Tensor]:
            with torch.set_grad_enabled(gradient and torch.is_grad_enabled()):
                # Features come from the conditional branch, so the other one would be computed for nothing.
                return denoise(photo, known, capture, False, prompt=prompt).features

        layers = _union(term.layers for _, term in self._terms)
        vae_layers = _union(term.vae_layers for _, term in self._terms)
        shared = self._reads_encoders or self._sampler_steps > 1
        encoded = surrogate.encode(image, capture=vae_layers) if shared else None
        seen = sampled(denoise(image, encoded, layers, self._guided), encoded)
        return View(image, seen, encoded, surrogate, features_of, number, clip)

    def _draw(self) -> Draw:
        if self._draws is None:
            return self._new_draw(None)
        number = self._below(self._draws)
        if number not in self._drawn:
            self._drawn[number] = self._new_draw(number)
        return self._drawn[number]

    def _new_draw(self, number: int | None) -> Draw:
        generator = self._context.generator
        clip = self._clips[self._below(len(self._clips))]
        t = self._level(float(torch.rand(1, generator=generator, device=generator.device)))
        noise = torch.randn(clip.shape, generator=generator, device=generator.device).to(clip)
        return Draw(clip, t, noise, number)

    def _below(self, end: int) -> int:
        generator = self._context.generator
        return int(torch.randint(end, (1,), generator=generator, device=generator.device))

    def _level(self, uniform: float) -> float:
        low, high = self._t_range
        first = self._normalise and self._scales is None
        return low + (high - low) * (0.5 if first else uniform)

    def _scale(self, term: Term, value: torch.Tensor) -> float:
        size = abs(float(value.detach()))
        return size if self._normalise and not term.bounded and size > 0 else 1.0


def _no_pass(
    photo: torch.Tensor, known: Encoded, capture: Sequence[str], *, prompt: str | None = None, gradient: bool = False
) -> dict[str, torch.Tensor]:
    raise ValueError("a term that reads the denoiser must not turn `denoises` off")


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))
