"""Protections of the image encoders: each objective is its equation, worked out on a surrogate of known answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import pytest
import torch
from following import Followed, followed
from linear_surrogate import LinearSurrogate, latent
from recorder import Recorder
from torch.nn.functional import cosine_similarity

from antibench.attacks.dct_shield import DCTShield
from antibench.attacks.editshield import EditShield
from antibench.attacks.encoder_target import EncoderTarget
from antibench.attacks.photoguard import PhotoGuard
from antibench.attacks.random_sign import RandomSign
from antibench.attacks.vgmshield import VGMShield
from antibench.budget import settle
from antibench.contracts import Protection, VideoModel
from antibench.perturb import auxiliary
from antibench.perturb.encoder_terms import EncodedNorm
from antibench.perturb.objective import Objective, View
from antibench.perturb.pattern import contrast_pattern
from antibench.pixels import to_float
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo

PHOTO_U8 = sample_photo(size=(16, 16))
PHOTO = to_float(PHOTO_U8)
MOVED = to_float(sample_photo(1, size=(16, 16)))
LINEAR = cast(VideoModel, LinearSurrogate())
TARGET = sample_context(LINEAR).target_photo
PROTECTIONS: list[Protection] = [PhotoGuard(), EncoderTarget(), EditShield(), VGMShield(), DCTShield()]


def on_linear(plugin: Protection) -> Followed:
    return followed(plugin, PHOTO, sample_context(LINEAR))


def squares(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Mean squared difference, written out."""
    return ((one - other) ** 2).sum() / one.numel()


@pytest.mark.parametrize("plugin", [PhotoGuard(), DCTShield()])
def test_the_latent_is_taken_to_zero(plugin: Protection) -> None:
    torch.testing.assert_close(on_linear(plugin)(MOVED), (latent(MOVED) ** 2).sum().sqrt())


@pytest.mark.parametrize(
    ("plugin", "wanted"),
    [
        (PhotoGuard(target="photo"), latent(TARGET)),
        (PhotoGuard(target="grey"), torch.zeros(1, 3, 8, 8)),  # of the linear encoder, the latent of mid-grey
        (EncoderTarget(), latent(TARGET)),
        (EncoderTarget(target="pattern"), latent(contrast_pattern(16, 16))),
    ],
)
def test_the_latent_is_taken_to_a_target(plugin: Protection, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(on_linear(plugin)(MOVED), squares(latent(MOVED), wanted))


@pytest.mark.parametrize("fidelity", [0.2, 0.0, 3.0])
def test_editshield_leaves_the_latent_and_stays_near_in_pixels(fidelity: float) -> None:
    wanted = -squares(latent(MOVED), latent(PHOTO)) + fidelity * squares(MOVED, PHOTO)
    torch.testing.assert_close(on_linear(EditShield(fidelity=fidelity))(MOVED), wanted)


def corner(image: torch.Tensor) -> torch.Tensor:
    """In the place of CLIP."""
    return image[..., :3, :3].flatten(1)


def differences(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """In the place of LPIPS."""
    return (one - other).abs().mean()


@pytest.fixture
def known_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auxiliary, "clip_embedding", lambda device: corner)
    monkeypatch.setattr(auxiliary, "lpips_distance", lambda device: differences)


@pytest.mark.usefixtures("known_networks")
@pytest.mark.parametrize(
    ("mode", "sign", "reference"), [("directed", 1, TARGET), ("undirected", -1, PHOTO)], ids=["directed", "undirected"]
)
def test_vgmshield_is_the_sum_of_three_distances(mode: Any, sign: int, reference: torch.Tensor) -> None:
    """LPIPS is that to the clean photo in both; the other two are to the target or to the photo."""
    plugin = VGMShield(mode=mode, auxiliary="pretrained", noise=0.0)
    clip = 1 - cosine_similarity(corner(MOVED), corner(reference)).squeeze()
    vae = 1 - cosine_similarity(latent(MOVED).flatten(), latent(reference).flatten(), dim=0)
    torch.testing.assert_close(on_linear(plugin)(MOVED), sign * (differences(MOVED, PHOTO) + clip + vae))


def test_vgmshield_adds_noise_to_both_pictures_of_the_vae() -> None:
    recorder = Recorder(LINEAR)
    objective = followed(VGMShield(noise=0.05), PHOTO, sample_context(cast(VideoModel, recorder)))
    recorder.encoded.clear()
    objective(MOVED, seed=1)
    objective(MOVED, seed=2)
    clean, one, again, other = (call["image"] for call in recorder.encoded)
    assert torch.equal(clean, MOVED)
    assert torch.equal(again, MOVED)
    assert float((one - MOVED).std()) == pytest.approx(0.05, rel=0.1)
    assert not torch.equal(one, other)


def test_vgmshield_without_image_tokens_has_two_terms(cogvideox: VideoModel) -> None:
    context = sample_context(cogvideox)
    value = followed(VGMShield(noise=0.0), PHOTO, context)(PHOTO)
    seen, wanted = (cogvideox.encode(image).latents.flatten() for image in (PHOTO, context.target_photo))
    torch.testing.assert_close(value, 1 - cosine_similarity(seen, wanted, dim=0))  # LPIPS is 0 at the photo


@pytest.mark.parametrize("plugin", PROTECTIONS, ids=lambda plugin: plugin.name)
def test_the_denoiser_and_references_are_left_alone(plugin: Protection, svd: VideoModel) -> None:
    recorder = Recorder(svd)
    objective = followed(plugin, PHOTO, sample_context(cast(VideoModel, recorder)))
    image = MOVED.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(image), image)
    assert gradient.abs().max() > 0
    assert recorder.denoised == []
    assert "references" not in plugin.needs


def test_a_term_that_turned_the_denoiser_off_cannot_read_it(svd: VideoModel) -> None:
    class Silent(EncodedNorm):
        def value(self, view: View) -> torch.Tensor:
            return view.denoised.loss

    with pytest.raises(ValueError, match="must not turn `denoises` off"):
        Objective(sample_context(svd), [(1.0, Silent())])(PHOTO)


Quantity = Callable[[VideoModel, torch.Tensor], float]


def norm(model: VideoModel, image: torch.Tensor) -> float:
    return float(model.encode(image).latents.norm())


def distance(model: VideoModel, image: torch.Tensor, other: torch.Tensor) -> float:
    return float(squares(model.encode(image).latents, model.encode(other).latents))


def astray(mode: Literal["directed", "undirected"]) -> Quantity:
    """What VGMShield minimises, without noise."""

    def value(model: VideoModel, image: torch.Tensor) -> float:
        return float(followed(VGMShield(mode=mode, noise=0.0), PHOTO, sample_context(model))(image))

    return value


MOVES: list[tuple[Protection, int, Quantity]] = [
    (PhotoGuard(steps=10), -1, norm),
    (DCTShield(steps=10), -1, norm),
    (EncoderTarget(steps=10), -1, lambda model, image: distance(model, image, TARGET)),
    (EditShield(steps=10), 1, lambda model, image: distance(model, image, PHOTO)),
    (VGMShield(steps=10), -1, astray("directed")),
    (VGMShield(steps=10, mode="undirected"), -1, astray("undirected")),
]


@pytest.mark.parametrize(("plugin", "direction", "quantity"), MOVES, ids=lambda value: getattr(value, "name", ""))
def test_the_saved_photo_moved_the_way_the_paper_says(
    svd: VideoModel, plugin: Protection, direction: int, quantity: Quantity
) -> None:
    """Beyond the photo itself and beyond what random signs of the same size do."""
    saved = to_float(settle(plugin.perturb(PHOTO, sample_context(svd)), PHOTO_U8, 8).image)
    with torch.no_grad():
        signs = [RandomSign().perturb(PHOTO, sample_context(svd, seed=seed)) for seed in range(5)]
        noise = [quantity(svd, image) * direction for image in signs]
        found = quantity(svd, saved) * direction
        assert found > quantity(svd, PHOTO) * direction
        assert found > max(noise)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: EditShield(fidelity=-0.1), "fidelity must be 0 or more"),
        (lambda: VGMShield(noise=-1.0), "noise must be 0 or more"),
        (lambda: VGMShield(mode="sideways"), "mode='sideways'"),
        (lambda: PhotoGuard(target="pattern"), "target='pattern'"),
        (lambda: PhotoGuard(steps=-1), "steps must be 0 or more"),
        (lambda: EncoderTarget(alpha=0.0), "alpha must be above 0"),
        (lambda: DCTShield(quality=0), "JPEG quality must be from 1 to 100"),
        (lambda: DCTShield(bound=0.0), "above 0 quantisation steps"),
    ],
)
def test_parameters_out_of_range_are_refused(make: Callable[[], Protection], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        make()
