"""What every protection must do: the public checks of the contract."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast, get_args

import numpy as np
import torch
from torch import nn

from antibench.budget import Settled, settle
from antibench.contracts import Denoised, Encoded, Gives, ImageU8, PerturbContext, Protection, VideoModel
from antibench.pixels import to_float
from antibench.testing.check import Check, attempt
from antibench.testing.facts import fact_checks, moved_generators
from antibench.testing.purification_contract import sample_photo

BUDGETS = (1, 2, 8, 16)
QUICK_STEPS = 3
_ODD_SIZES = ((1, 1), (7, 13), (32, 9))
_Fingerprint: TypeAlias = dict[str, tuple[str, bool, bool]]
"""Hash, `requires_grad` and presence of a gradient of every weight and buffer in a model's attributes."""


def checks(plugin_cls: type[Any], surrogate: VideoModel | None = None, **params: Any) -> Iterator[Check]:
    """Check a protection on a surrogate, with photos made from fixed seeds.

    Args:
        plugin_cls: A class that follows `antibench.contracts.Protection`.
        surrogate: A loaded model; by default a tiny one of random weights, of Stable Video Diffusion or, if text is
            needed, of CogVideoX with image tokens.
        params: Its parameters. A parameter `steps` that is not given is 3: the rules hold for any number.
    """
    if "steps" in {item.name for item in dataclasses.fields(plugin_cls)}:
        params.setdefault("steps", QUICK_STEPS)
    yield from fact_checks(plugin_cls, **params)
    try:
        plugin: Protection = plugin_cls(**params)
    except Exception as error:
        yield Check("can be made with its parameters", False, repr(error))
        return
    yield from behaviour(plugin, surrogate)


def behaviour(plugin: Protection, surrogate: VideoModel | None = None) -> Iterator[Check]:
    """Check what a protection does, as opposed to what its class says of itself: all there is of a modified one."""
    model = _tiny(plugin) if surrogate is None else surrogate
    weights = _fingerprint(model)
    yield attempt("needs and role are known ones", lambda: _declarations(plugin, model))
    yield attempt("card of a protection names its source and its own budget", lambda: _card(plugin))
    yield attempt("budget 0 gives the photo back, byte for byte", lambda: _nothing(plugin, model))
    yield attempt("a protection or control other than clean uses every budget", lambda: _budgets(plugin, model))
    yield attempt("float image of the same shape in [0, 1]; grey, black, white", lambda: _flat_photos(plugin, model))
    yield attempt("odd sizes, if it needs no surrogate", lambda: _odd_sizes(plugin, model))
    yield attempt("same seed, same bytes; another seed differs only if stochastic", lambda: _seeds(plugin, model))
    yield attempt("input untouched", lambda: _input(plugin, model))
    yield attempt("global generators untouched", lambda: moved_generators(lambda: _protect(plugin, model)))
    yield attempt("a gradient that is not a number raises ValueError", lambda: _nan(plugin, model))
    yield attempt("the surrogate's weights and their gradients untouched by all this", lambda: _weights(model, weights))


def sample_context(
    model: VideoModel, *, budget_levels: int = 8, seed: int = 0, size: tuple[int, int] | None = None
) -> PerturbContext:
    """A context with two reference clips and a target photo of noise, the same for every seed of the generator."""
    rng = np.random.default_rng(1)
    clips = [rng.integers(0, 256, (model.frames, *model.size, 3), dtype=np.uint8) for _ in range(2)]
    target = rng.integers(0, 256, (*(size or model.size), 3), dtype=np.uint8)
    generator = torch.Generator().manual_seed(seed)
    return PerturbContext("a person speaks", budget_levels, model, tuple(clips), to_float(target), generator)


@dataclass(frozen=True)
class OnSeveral:
    """A protection of an ensemble that is given its other models, whatever the context says."""

    protection: Protection
    others: tuple[VideoModel, ...]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.protection, name)

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        seed, budget = context.generator.initial_seed(), context.budget_levels
        others = (
            sample_context(model, budget_levels=budget, seed=seed + index)
            for index, model in enumerate(self.others, start=1)
        )
        return self.protection.perturb(image, dataclasses.replace(context, others=tuple(others)))


def _tiny(plugin: Protection) -> VideoModel:
    """Stable Video Diffusion has every path but a caption's; CogVideoX with image tokens has that too."""
    from antibench.testing.tiny_cogvideox_tokens import TinyCogVideoXTokens
    from antibench.testing.tiny_svd import TinySVD

    return TinyCogVideoXTokens().load("cpu") if "text" in plugin.needs else TinySVD().load("cpu")


def _protect(
    plugin: Protection, model: VideoModel, photo: ImageU8 | None = None, *, budget: int = 8, seed: int = 0
) -> Settled:
    photo = sample_photo(size=model.size) if photo is None else photo
    height, width = photo.shape[:2]
    context = sample_context(model, budget_levels=budget, seed=seed, size=(height, width))
    return settle(plugin.perturb(to_float(photo), context), photo, budget)


def _declarations(plugin: Protection, model: VideoModel) -> str | None:
    unknown = set(plugin.needs) - set(get_args(Gives)) - {"references"}
    if unknown:
        return f"needs {', '.join(sorted(unknown))}"
    lacking = set(plugin.needs) - model.gives - {"references"}
    if lacking:
        return f"{model.name} does not give {', '.join(sorted(lacking))}"
    return None if plugin.role in ("protection", "control", "degenerate") else f"role {plugin.role!r}"


def _card(plugin: Protection) -> str | None:
    if plugin.role != "protection":
        return None
    empty = [name for name in ("source", "native_budget") if not getattr(plugin.card, name).strip()]
    return f"empty: {', '.join(empty)}" if empty else None


def _nothing(plugin: Protection, model: VideoModel) -> str | None:
    photo = sample_photo(size=model.size)
    settled = _protect(plugin, model, photo, budget=0)
    return None if np.array_equal(settled.image, photo) else f"changes the photo by {settled.final_levels} levels"


def _budgets(plugin: Protection, model: VideoModel) -> str | None:
    if plugin.role == "degenerate" or plugin.name == "clean":
        return None
    used = {budget: _protect(plugin, model, budget=budget).final_levels for budget in BUDGETS}
    return None if all(0 < levels <= budget for budget, levels in used.items()) else f"budget -> levels used: {used}"


def _flat_photos(plugin: Protection, model: VideoModel) -> str | None:
    photos = [np.full((*model.size, 3), level, dtype=np.uint8) for level in (0, 128, 255)]
    return _shapes(plugin, model, [sample_photo(size=model.size), *photos])


def _odd_sizes(plugin: Protection, model: VideoModel) -> str | None:
    return None if plugin.needs else _shapes(plugin, model, [sample_photo(size=size) for size in _ODD_SIZES])


def _shapes(plugin: Protection, model: VideoModel, photos: list[ImageU8]) -> str | None:
    for photo in photos:
        height, width = photo.shape[:2]
        image = to_float(photo)
        result = plugin.perturb(image, sample_context(model, size=(height, width)))
        if not result.is_floating_point() or result.shape != image.shape:
            return f"{result.dtype} {tuple(result.shape)} for a photo of {tuple(image.shape)}"
        if not (torch.isfinite(result).all() and result.min() >= 0 and result.max() <= 1):
            return f"values from {float(result.min())} to {float(result.max())}"
    return None


def _seeds(plugin: Protection, model: VideoModel) -> str | None:
    first = _protect(plugin, model).image
    if not np.array_equal(first, _protect(plugin, model).image):
        return "two results from one seed"
    if np.array_equal(first, _protect(plugin, model, seed=1).image) == plugin.stochastic:
        return f"stochastic is {plugin.stochastic}, the results of two seeds say otherwise"
    return None


def _input(plugin: Protection, model: VideoModel) -> str | None:
    image = to_float(sample_photo(size=model.size))
    before = image.clone()
    plugin.perturb(image, sample_context(model))
    if not torch.equal(image, before):
        return "the photo was written to"
    return "the photo was made to require a gradient" if image.requires_grad else None


def _weights(model: VideoModel, before: _Fingerprint) -> str | None:
    changed = [name for name, state in _fingerprint(model).items() if before.get(name) != state]
    return f"changed: {', '.join(changed[:3])}" if changed else None


def _fingerprint(model: VideoModel) -> _Fingerprint:
    found = {}
    for name, value in vars(model).items():
        parts = getattr(value, "components", {name: value})
        for part, module in parts.items() if isinstance(parts, dict) else ():
            if isinstance(module, nn.Module):
                for key, tensor in (*module.named_parameters(), *module.named_buffers()):
                    data = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
                    state = (hashlib.sha256(data).hexdigest(), tensor.requires_grad, tensor.grad is not None)
                    found[f"{name}.{part}.{key}"] = state
    return found


def _nan(plugin: Protection, model: VideoModel) -> str | None:
    if not plugin.needs:
        return None
    try:
        _protect(plugin, cast(VideoModel, _Poisoned(model)))
    except ValueError:
        return None
    return "a photo came back"


_Answer = TypeVar("_Answer", Encoded, Denoised)


@dataclass
class _Poisoned:
    """A surrogate whose every differentiable answer is NaN."""

    model: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def encode(self, *args: Any, **kwargs: Any) -> Encoded:
        """NaN."""
        answer: Encoded = self.model.encode(*args, **kwargs)
        return _poison(answer)

    def denoise(self, *args: Any, **kwargs: Any) -> Denoised:
        """NaN."""
        answer: Denoised = self.model.denoise(*args, **kwargs)
        return _poison(answer)


def _poison(answer: _Answer) -> _Answer:
    def nan(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: nan(item) for name, item in value.items()}
        return None if value is None else value * float("nan")

    values = {item.name: nan(getattr(answer, item.name)) for item in dataclasses.fields(answer)}
    return dataclasses.replace(answer, **values)
