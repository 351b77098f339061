"""What each term reads, and that descending it moves what it is named after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import mse_loss

from antibench.attacks.random_sign import RandomSign
from antibench.contracts import VideoModel
from antibench.perturb.auxiliary import ClipDistance, LpipsDistance, auxiliary_terms
from antibench.perturb.objective import Objective, Term, View
from antibench.perturb.pattern import contrast_pattern
from antibench.perturb.pgd import pgd
from antibench.perturb.terms import Anchor, Collapse, DiffusionLoss, LatentTarget, shallow_partners
from antibench.pixels import to_float
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo

SIZE = (16, 16)
PHOTO = to_float(sample_photo(size=SIZE))
TARGET = contrast_pattern(*SIZE)

Make = Callable[[VideoModel], Term]
TERMS: dict[str, Make] = {
    "raise the diffusion loss": lambda model: DiffusionLoss("+"),
    "lower the diffusion loss": lambda model: DiffusionLoss("-"),
    "latent target": lambda model: LatentTarget(model, TARGET),
    "collapse": lambda model: Collapse(model.layers),
    "anchor": lambda model: Anchor(model, TARGET, model.layers[-2:]),
    "clip distance": lambda model: ClipDistance(model, PHOTO, None),
    "lpips of the reconstruction": lambda model: LpipsDistance(model, PHOTO, None, "reconstruction"),
    "lpips of the photo": lambda model: LpipsDistance(model, PHOTO, None, "photo"),
}


def at_one_draw(model: VideoModel, term: Term) -> Callable[[torch.Tensor], torch.Tensor]:
    """The term at one draw of clip, noise level and noise: without training, draws differ more than photos do."""
    context = sample_context(model)
    objective = Objective(context, [(1.0, term)], guided=True, t_range=(0.4, 0.6))

    def value(image: torch.Tensor) -> torch.Tensor:
        context.generator.manual_seed(0)
        return objective(image)

    return value


@pytest.mark.parametrize("make", TERMS.values(), ids=TERMS.keys())
def test_descent_lowers_a_term_below_what_random_signs_do(svd: VideoModel, make: Make) -> None:
    value = at_one_draw(svd, make(svd))
    # A random start: at the photo itself, the distance to it has no gradient.
    found = pgd(PHOTO, value, epsilon=8 / 255, steps=10, start=torch.Generator().manual_seed(7))
    noise = [RandomSign().perturb(PHOTO, sample_context(svd, seed=seed)) for seed in range(3)]
    with torch.no_grad():
        at_noise = torch.stack([value(image) for image in noise])
        assert value(found) < at_noise.mean() - 5 * at_noise.std()
        assert value(found) < value(PHOTO)


def view(model: VideoModel, image: torch.Tensor, features: dict[str, torch.Tensor] | None = None) -> View:
    context = sample_context(model)
    clip = model.encode_clip(context.references[0])
    denoised = model.denoise(image, "", clip_latents=clip, t=0.5, noise=torch.ones_like(clip), capture=model.layers)
    encoded = model.encode(image, capture=model.vae_layers)
    return View(image, denoised, encoded, model, lambda photo, known, names: features or {})


def test_terms_are_the_equations(svd: VideoModel) -> None:
    seen = view(svd, PHOTO, {"mid_block": torch.full((3, 32, 4, 4), 2.0)})
    wanted = svd.encode(TARGET, capture=svd.vae_layers)
    assert DiffusionLoss("+").value(seen) == -seen.denoised.loss
    assert DiffusionLoss("-").value(seen) == seen.denoised.loss
    assert LatentTarget(svd, TARGET).value(seen) == mse_loss(seen.denoised.image_latents, wanted.latents)
    pairs = shallow_partners({name: seen.denoised.features[name].shape for name in svd.layers}, svd.layers)
    distances = [
        mse_loss(seen.denoised.features[deep], seen.denoised.features[shallow]) for deep, shallow in pairs.items()
    ]
    assert torch.allclose(Collapse(svd.layers).value(seen), sum(distances) / torch.tensor(len(distances)))
    vae = [
        (seen.encoding().features[name] - value).pow(2).sum() / value.pow(2).sum()
        for name, value in wanted.features.items()
    ]
    latents = (seen.encoding().latents - wanted.latents).pow(2).sum() / wanted.latents.pow(2).sum()
    denoiser = (seen.denoised.features["mid_block"] - 2).pow(2).mean() / 4
    expected = denoiser + sum(vae) / len(vae) + latents
    assert torch.allclose(Anchor(svd, TARGET, ["mid_block"]).value(seen), expected)


def test_collapse_leaves_the_shallow_side_alone(svd: VideoModel) -> None:
    seen = view(svd, PHOTO)
    features = {name: value.detach().requires_grad_() for name, value in seen.denoised.features.items()}
    seen.denoised.features.update(features)
    term = Collapse(svd.layers)
    value = term.value(seen)
    deep, shallow = zip(*shallow_partners({k: v.shape for k, v in features.items()}, svd.layers).items(), strict=True)
    given = torch.autograd.grad(value, [features[name] for name in (*deep, *shallow)], allow_unused=True)
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in given[: len(deep)])
    assert all(gradient is None for gradient in given[len(deep) :])
    assert set(term.layers) == {*deep, *shallow}


def test_distances_to_the_photo_are_zero_at_the_photo(svd: VideoModel) -> None:
    seen = view(svd, PHOTO)
    assert float(ClipDistance(svd, PHOTO, None).value(seen)) == pytest.approx(0, abs=1e-6)
    assert float(LpipsDistance(svd, PHOTO, None, "photo").value(seen)) == 0
    assert float(LpipsDistance(svd, PHOTO, None, "reconstruction").value(seen)) < 0


def test_networks_given_are_used_on_the_photo_or_its_reconstruction(svd: VideoModel) -> None:
    moved = (PHOTO + 0.1).clamp(0, 1)
    seen = view(svd, moved)
    corner = ClipDistance(svd, PHOTO, lambda image: image[..., :2, :2].flatten(1))
    cosine = torch.nn.functional.cosine_similarity(moved[..., :2, :2].flatten(1), PHOTO[..., :2, :2].flatten(1))
    assert torch.allclose(corner.value(seen), cosine - 1)
    for of, image in (("photo", moved), ("reconstruction", svd.decode_image(svd.encode(moved).latents))):
        term = LpipsDistance(svd, PHOTO, mse_loss, of)  # type: ignore[arg-type]
        assert torch.allclose(term.value(seen), -mse_loss(image, PHOTO))


def test_a_surrogate_without_tokens_has_no_clip_distance_of_its_own(cogvideox: VideoModel) -> None:
    terms = auxiliary_terms(cogvideox, PHOTO, "surrogate", "photo")
    assert [type(term) for term in terms] == [LpipsDistance]
    with pytest.raises(ValueError, match="no image tokens"):
        ClipDistance(cogvideox, PHOTO, None)


def test_a_transformer_pairs_its_third_layer_with_the_last_three() -> None:
    layers = [f"blocks.{i}" for i in range(42)]
    same = dict.fromkeys(layers, torch.Size((1, 5, 7)))
    assert shallow_partners(same, layers) == dict.fromkeys(["blocks.39", "blocks.40", "blocks.41"], "blocks.2")


def test_a_unet_pairs_layers_of_one_shape() -> None:
    high, low = torch.Size((3, 8, 8, 8)), torch.Size((3, 16, 4, 4))
    shapes = {"in.0": high, "in.1": high, "in.2": low, "in.3": low, "mid": low, "out.0": low, "out.1": high}
    assert shallow_partners(shapes, list(shapes)) == {"mid": "in.2", "out.0": "in.2", "out.1": "in.0"}


def test_layers_of_no_common_shape_cannot_collapse() -> None:
    shapes = {name: torch.Size((index + 1,)) for index, name in enumerate("abcdef")}
    with pytest.raises(ValueError, match="d, e, f has a shallow layer"):
        shallow_partners(shapes, list(shapes))


def test_the_pattern_is_black_and_white_in_equal_parts() -> None:
    pattern = contrast_pattern(96, 144)
    assert pattern.shape == (1, 3, 96, 144)
    assert set(pattern.unique().tolist()) == {0.0, 1.0}
    assert float(pattern.mean()) == pytest.approx(0.5, abs=0.05)


def test_features_in_half_precision_do_not_overflow(svd: VideoModel) -> None:
    seen = view(svd, PHOTO)
    large = {name: (1000 * value / value.abs().max()).half() for name, value in seen.denoised.features.items()}
    seen.denoised.features.update(large)
    assert torch.isfinite(Collapse(svd.layers).value(seen))
    anchor = Anchor(svd, TARGET, svd.layers[-1:]).value(replace(seen, features_of=lambda photo, known, names: large))
    assert torch.isfinite(anchor)
