"""What every video model must do: the public checks of the contract.

A check that needs something the model does not give is left out. Each takes a generation or a gradient, so a real
checkpoint needs a GPU and some minutes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from antibench.contracts import Denoised, FramesU8, ImageU8, ModelSpec, VideoModel
from antibench.pixels import to_float
from antibench.testing.check import Check, attempt
from antibench.testing.facts import fact_checks, moved_generators
from antibench.testing.purification_contract import sample_photo

PROMPT = "a person turns the head and smiles"
OTHER_PROMPT = "the person looks down"  # another from the first byte on, which is all that some tiny models read
_REVISION = re.compile(r"[0-9a-f]{40}")


def checks(spec_cls: type[Any], device: str = "cpu", weights: Path | None = None, **params: Any) -> Iterator[Check]:
    """Check a model: its facts, its clips, its encoders and its denoiser.

    Args:
        spec_cls: A class that follows `antibench.contracts.ModelSpec`.
        device: Where to load the model.
        weights: A local folder or file to load it from, for a model that takes one.
        params: Its parameters, where not the defaults.
    """
    yield from fact_checks(spec_cls, **params)
    if weights is None:
        yield attempt("weights are pinned to a commit, or embedded", lambda: _pinned(spec_cls))
    try:
        spec = spec_cls(**params)
        model: VideoModel = spec.load(device) if weights is None else spec.load(device, weights)
    except Exception as error:
        yield Check("loads", False, f"{type(error).__name__}: {error}")
        return
    yield Check("loads", True)
    probe = _Probe(model)
    yield attempt("loaded model repeats the facts of its class", lambda: _facts(spec_cls, model))
    yield attempt("clip has the declared length and size, in 8 bits", probe.clip_shape)
    yield attempt("same seed, same clip; another seed, another clip", probe.seeds)
    yield attempt("photo matters, and is fitted when it has another size", probe.photos)
    yield attempt("photo untouched", probe.photo_untouched)
    yield attempt("global generators untouched", probe.generators)
    if "image_latents" in model.gives:
        yield attempt("latents carry a gradient, and decode to an image", probe.latents)
    if "vae_features" in model.gives:
        yield attempt("every layer of the VAE can be captured, with a gradient", probe.vae_features)
    if "still_latents" in model.gives:
        yield attempt("latents of a clip that stands still are those of that clip, with a gradient", probe.still)
    yield attempt("image tokens are there if they are promised, with a gradient", probe.tokens)
    if "diffusion_loss" in model.gives:
        yield attempt("loss is finite at every noise level and repeatable", probe.loss)
        yield attempt("gradient of the loss reaches the photo by each promised path", probe.paths)
        yield attempt("clean clip and noise of a pass make up what it saw", probe.parts)
        yield attempt("prompt moves both the clip and the prediction if text is promised, else neither", probe.prompt)
        yield attempt("an encoding that is handed over changes nothing but rounding", probe.handed_over)
        yield attempt("gradients leave the weights as they were", probe.weights)
    if "guidance" in model.gives:
        yield attempt("guidance moves the prediction and passes a gradient", probe.guidance)
    if "features" in model.gives:
        yield attempt("every layer of the denoiser can be captured, with a gradient", probe.features)
        yield attempt("maps of attention are there if they are promised, with a gradient", probe.attention)
        yield attempt("an unknown layer is refused, and no hook stays behind", probe.hooks)


class _Probe:
    """The checks of one loaded model; clips are made once and shared."""

    def __init__(self, model: VideoModel) -> None:
        self.model = model
        self.photo = sample_photo(0, model.size)
        self._clips: dict[tuple[str, int], FramesU8] = {}

    def clip(self, prompt: str = PROMPT, seed: int = 0) -> FramesU8:
        if (prompt, seed) not in self._clips:
            self._clips[prompt, seed] = self.model.generate(self.photo.copy(), prompt, seed)
        return self._clips[prompt, seed]

    def image(self) -> torch.Tensor:
        return to_float(self.photo).requires_grad_()

    def denoise(self, image: torch.Tensor, prompt: str = PROMPT, t: float = 0.5, **options: Any) -> Denoised:
        clip = self.model.encode_clip(self.clip())
        noise = torch.randn(clip.shape, generator=torch.Generator("cpu").manual_seed(1)).to(clip)
        return self.model.denoise(image, prompt, clip_latents=clip, t=t, noise=noise, **options)

    def clip_shape(self) -> str | None:
        clip, expected = self.clip(), (self.model.frames, *self.model.size, 3)
        return None if clip.shape == expected and clip.dtype == np.uint8 else f"{clip.shape} {clip.dtype}"

    def seeds(self) -> str | None:
        if not np.array_equal(self.clip(), self.model.generate(self.photo, PROMPT, 0)):
            return "two clips of one seed differ"
        return "two seeds give one clip" if np.array_equal(self.clip(), self.clip(seed=1)) else None

    def photos(self) -> str | None:
        height, width = self.model.size
        other = self.model.generate(sample_photo(1, (height + 6, width + 10)), PROMPT, 0)
        if other.shape != self.clip().shape:
            return f"a larger photo gives a clip of {other.shape}"
        return "two photos give one clip" if np.array_equal(other, self.clip()) else None

    def photo_untouched(self) -> str | None:
        photo: ImageU8 = self.photo.copy()
        photo.flags.writeable = False
        self.model.generate(photo, PROMPT, 0)
        image = to_float(self.photo)
        self.model.encode(image)
        return None if torch.equal(image, to_float(self.photo)) else "encode wrote into its input"

    def generators(self) -> str | None:
        def act() -> None:
            self.model.generate(self.photo, PROMPT, 0)
            self.model.encode_clip(self.clip())
            if "diffusion_loss" in self.model.gives:
                torch.autograd.backward(self.denoise(self.image()).loss)

        return moved_generators(act)

    def latents(self) -> str | None:
        image = self.image()
        latents = self.model.encode(image).latents
        fault = _no_gradient(latents, image, "latents")
        if fault:
            return fault
        leaf = latents.detach().requires_grad_()
        decoded = self.model.decode_image(leaf)
        if decoded.shape != image.shape:
            return f"decodes to {tuple(decoded.shape)}"
        if decoded.min() < 0 or decoded.max() > 1:
            return "decodes to values outside [0, 1]"
        return _no_gradient(decoded, leaf, "decoded image")

    def vae_features(self) -> str | None:
        image, names = self.image(), self.model.vae_layers
        return _all_carry_gradient(names, self.model.encode(image, capture=names).features, image)

    def still(self) -> str | None:
        image = self.image()
        still = self.model.encode_still(image)
        wanted = self.model.encode_clip(np.stack([self.photo] * self.model.frames))
        if still.shape != wanted.shape:
            return f"of shape {tuple(still.shape)}, those of the clip {tuple(wanted.shape)}"
        apart = float((still.detach() - wanted).norm() / wanted.norm())
        return f"apart by a share of {apart:.3g}" if apart > 1e-2 else _no_gradient(still, image, "still latents")

    def tokens(self) -> str | None:
        image, promised = self.image(), "image_tokens" in self.model.gives
        tokens = self.model.encode(image).tokens
        if tokens is None:
            return "promised, but None" if promised else None
        return _no_gradient(tokens, image, "tokens") if promised else "not promised, but there"

    def loss(self) -> str | None:
        image = self.image()
        for t in (0.0, 0.5, 0.999):
            one, other = self.denoise(image, t=t).loss, self.denoise(image, t=t).loss
            if one.shape != () or not torch.isfinite(one):
                return f"loss {one} at t = {t}"
            if not torch.equal(one, other):
                return f"loss {one} and then {other} at t = {t}"
        return None

    def paths(self) -> str | None:
        """What does not come through the latent must come through the tokens."""
        image = self.image()
        seen = self.denoise(image)
        (whole,) = torch.autograd.grad(seen.loss, image, retain_graph=True)
        (at_latents,) = torch.autograd.grad(seen.loss, seen.image_latents, retain_graph=True)
        (by_latents,) = torch.autograd.grad(seen.image_latents, image, at_latents)
        if not torch.isfinite(whole).all():
            return "a gradient that is not finite"
        if not by_latents.any():
            return "nothing comes through the latent"
        rest = (whole - by_latents).norm() / whole.norm()
        if "image_tokens" in self.model.gives:
            return None if rest > 1e-4 else "nothing comes through the tokens"
        return None if rest < 1e-3 else f"share {float(rest):.3g} comes by a path that `gives` does not name"

    def parts(self) -> str | None:
        """Denoised again at the same level, the two must give the same prediction; and a gradient passes them."""
        image = self.image()
        for t in (0.1, 0.5, 0.999):
            seen = self.denoise(image, t=t)
            known = replace(self.model.encode(image), conditioned=seen.image_latents)
            again = self.model.denoise(image, PROMPT, clip_latents=seen.clean, t=t, noise=seen.noise, encoded=known)
            share = float(((again.prediction - seen.prediction).norm() / seen.prediction.norm()).detach())
            if share > 1e-3:
                return f"prediction moved by a share of {share:.3g} at t = {t}"
        return _no_gradient(seen.clean, image, "clean clip")

    def prompt(self) -> str | None:
        image = self.image()
        one, other = self.denoise(image).prediction, self.denoise(image, OTHER_PROMPT).prediction
        predicts, animates = not torch.equal(one, other), not np.array_equal(self.clip(), self.clip(OTHER_PROMPT))
        promised = "text" in self.model.gives
        if predicts == animates == promised:
            return None
        return f"promised {promised}, prediction {predicts}, clip {animates}"

    def handed_over(self) -> str | None:
        image = self.image()
        alone, shared = self.denoise(image), self.denoise(image, encoded=self.model.encode(image))
        (wanted,), (found,) = (torch.autograd.grad(seen.loss, image) for seen in (alone, shared))
        pairs = {
            "prediction": (alone.prediction, shared.prediction),
            "image latents": (alone.image_latents, shared.image_latents),
            "gradient": (wanted, found),
        }
        apart = {name: float(((one - other).norm() / one.norm()).detach()) for name, (one, other) in pairs.items()}
        return next((f"{name} moved by a share of {share:.3g}" for name, share in apart.items() if share > 1e-3), None)

    def weights(self) -> str | None:
        networks = _networks(self.model)
        if not networks:
            return "no network found among the model's attributes"
        before = _fingerprint(networks)
        guided = "guidance" in self.model.gives
        torch.autograd.backward(self.denoise(self.image(), guided=guided).loss)
        if _fingerprint(networks) != before:
            return "a weight or its requires_grad changed"
        held = [p for network in networks for p in network.parameters() if p.grad is not None or p.requires_grad]
        return f"{len(held)} weights take gradients" if held else None

    def guidance(self) -> str | None:
        image = self.image()
        plain, guided = self.denoise(image), self.denoise(image, guided=True)
        if torch.equal(plain.prediction, guided.prediction):
            return "predicts the same with and without"
        return _no_gradient(guided.loss, image, "guided loss")

    def features(self) -> str | None:
        image, names = self.image(), self.model.layers
        return _all_carry_gradient(names, self.denoise(image, capture=names).features, image)

    def attention(self) -> str | None:
        names, promised = self.model.attentions, "attention" in self.model.gives
        if not promised or not names:
            return "promised and named do not agree" if promised or names else None
        image = self.image()
        for guided in (False, "guidance" in self.model.gives):
            maps = self.denoise(image, capture=names, guided=guided).features
            for name, value in maps.items():
                rows = torch.allclose(value.sum(-1), torch.ones(()).to(value), atol=1e-4)
                if value.ndim != 4 or value.shape[0] != 1 or value.shape[2] != value.shape[3] or not rows:
                    return f"{name} is {tuple(value.shape)}, and its rows {'do' if rows else 'do not'} sum to 1"
        return _all_carry_gradient(names, maps, image)

    def hooks(self) -> str | None:
        """Hooks that a library puts on its own networks, once, are there before."""
        networks = _networks(self.model)
        self.denoise(self.image())
        before = _hooks(networks)
        self.denoise(self.image(), capture=[*self.model.layers, *self.model.attentions])
        try:
            self.denoise(self.image(), capture=[*self.model.layers, "no-such-layer"])
        except ValueError:
            left = [name for name, count in _hooks(networks).items() if count > before[name]]
            return f"hooks left on {', '.join(left)}" if left else None
        return "accepted"


def _pinned(spec_cls: type[Any]) -> str | None:
    card = spec_cls.card
    if card.world == "small" or _REVISION.fullmatch(card.revision):
        return None
    return f"revision {card.revision!r} is not 40 hex digits"


def _facts(spec_cls: type[ModelSpec], model: VideoModel) -> str | None:
    names = ("name", "version", "size", "frames", "gives")
    wrong = [name for name in names if getattr(model, name) != getattr(spec_cls, name)]
    return f"{', '.join(wrong)} differ" if wrong else None


def _no_gradient(value: torch.Tensor, of: torch.Tensor, what: str) -> str | None:
    """What is wrong with the gradient of the value's squares; None if it is finite and not zero everywhere."""
    if not value.requires_grad:
        return f"{what} carry no gradient"
    (gradient,) = torch.autograd.grad((value.float() ** 2).sum(), of, retain_graph=True, allow_unused=True)
    if gradient is None or not gradient.any():
        return f"gradient of the {what} is zero"
    return None if torch.isfinite(gradient).all() else f"gradient of the {what} is not finite"


def _all_carry_gradient(names: tuple[str, ...], features: dict[str, torch.Tensor], image: torch.Tensor) -> str | None:
    if not names:
        return "no layers"
    if set(features) != set(names):
        return f"captured {sorted(features)} of {sorted(names)}"
    faults = (_no_gradient(features[name], image, f"layer {name}") for name in names)
    return next((fault for fault in faults if fault), None)


def _networks(model: VideoModel) -> list[nn.Module]:
    """The networks an adapter holds, itself or in a pipeline."""
    held = list(vars(model).values())
    held += [part for value in held for part in getattr(value, "components", {}).values()]
    return [value for value in held if isinstance(value, nn.Module)]


def _hooks(networks: list[nn.Module]) -> dict[str, int]:
    """Number of hooks on the forward pass by module."""
    parts = [(f"{i}.{name}", part) for i, network in enumerate(networks) for name, part in network.named_modules()]
    return {name: len(part._forward_hooks) + len(part._forward_pre_hooks) for name, part in parts}


def _fingerprint(networks: list[nn.Module]) -> str:
    seen = hashlib.sha256()
    for network in networks:
        for name, value in network.state_dict(keep_vars=True).items():
            bits = value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
            seen.update(f"{name} {value.requires_grad}".encode() + bits)
    return seen.hexdigest()
