"""Protections made for video: what each optimises, on every family of models, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from recorder import Recorder
from torch.nn.functional import mse_loss

from antibench.attacks.anti_prompt import AntiPrompt
from antibench.attacks.dormant import Dormant
from antibench.attacks.i2vguard import I2VGuard
from antibench.attacks.immune2v import CHAOS, Immune2V
from antibench.attacks.random_sign import RandomSign
from antibench.attacks.vid_freeze import VidFreeze
from antibench.components import ModelFacts, ProtectionFacts
from antibench.contracts import VideoModel
from antibench.perturb.auxiliary import LpipsDistance
from antibench.perturb.descent import SurrogateDescent
from antibench.perturb.objective import Objective, Term
from antibench.perturb.pattern import contrast_pattern
from antibench.perturb.pgd import pgd
from antibench.pixels import frames_to_u8, to_float
from antibench.plan import Variant
from antibench.registry import MODELS, PROTECTIONS
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo
from antibench.testing.tiny_cogvideox import TinyCogVideoX
from antibench.testing.tiny_cogvideox_tokens import TinyCogVideoXTokens
from antibench.testing.tiny_dynamicrafter import TinyDynamiCrafter
from antibench.testing.tiny_opensora import TinyOpenSora
from antibench.testing.tiny_svd import TinySVD

PLUGINS: dict[str, Callable[..., SurrogateDescent]] = {
    "i2vguard": I2VGuard,
    "vid-freeze": VidFreeze,
    "dormant": Dormant,
    "immune2v": Immune2V,
    "anti-prompt": AntiPrompt,
}
FAMILIES: dict[str, Any] = {
    "cogvideox": TinyCogVideoX,
    "cogvideox-tokens": TinyCogVideoXTokens,
    "dynamicrafter": TinyDynamiCrafter,
    "opensora": TinyOpenSora,
    "svd": TinySVD,
}
TEXT = {"immune2v", "anti-prompt"}
MODELS_MADE: dict[str, VideoModel] = {}

Weighted = Sequence[tuple[float, Term]]


def model_of(family: str) -> VideoModel:
    if family not in MODELS_MADE:
        MODELS_MADE[family] = FAMILIES[family]().load("cpu")
    return MODELS_MADE[family]


def photo_of(model: VideoModel) -> torch.Tensor:
    return to_float(sample_photo(size=model.size))


def terms_of(plugin: Any, model: Any, monkeypatch: pytest.MonkeyPatch) -> Weighted:
    """The weighted terms that a protection hands to its descent."""
    taken: list[Weighted] = []

    def take(self: Any, image: torch.Tensor, context: Any, terms: Weighted, **options: Any) -> torch.Tensor:
        assert not options
        taken.append(terms)
        return image

    with monkeypatch.context() as patch:
        patch.setattr(SurrogateDescent, "descend", take)
        plugin.perturb(photo_of(model), sample_context(model))
    return taken[0]


def at_one_draw(plugin: SurrogateDescent, model: Any, terms: Weighted) -> Callable[[torch.Tensor], torch.Tensor]:
    """The objective at one draw of clip, noise level and noise."""
    context = sample_context(model)
    middle = (plugin.t_min + plugin.t_max) / 2
    objective = Objective(context, terms, guided=plugin.guided, t_range=(middle, middle + 1e-3))

    def value(image: torch.Tensor) -> torch.Tensor:
        context.generator.manual_seed(0)
        return objective(image)

    return value


CELLS = [(name, family) for name in PLUGINS for family in FAMILIES if not (name in TEXT and family == "svd")]


@pytest.mark.parametrize(("name", "family"), CELLS)
def test_descent_lowers_the_objective_below_what_random_signs_do(
    name: str, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, plugin = model_of(family), PLUGINS[name]()
    photo, value = photo_of(model), at_one_draw(plugin, model, terms_of(plugin, model, monkeypatch))
    image = (photo + 0.01).clamp(0, 1).requires_grad_()
    (gradient,) = torch.autograd.grad(value(image), image)
    assert torch.isfinite(gradient).all()
    assert float((gradient != 0).float().mean()) > 0.9
    found = pgd(photo, value, epsilon=8 / 255, steps=8, start=torch.Generator().manual_seed(7))
    with torch.no_grad():
        noise = [value(RandomSign().perturb(photo, sample_context(model, seed=seed))) for seed in range(3)]
        assert value(found) < min(noise)
        # The features of Immune2V are compared with the clean photo's: where an early layer hardly heeds the caption,
        # nothing is nearer than the photo itself.
        assert value(found) < value(photo) or name == "immune2v"


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "svd"])
def test_immune2v_brings_every_frame_nearer_to_the_still_target(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, plugin = model_of(family), Immune2V(feature_weight=0.0)
    photo, value = photo_of(model), at_one_draw(plugin, model, terms_of(plugin, model, monkeypatch))
    found = pgd(photo, value, epsilon=8 / 255, steps=8)
    with torch.no_grad():
        assert value(found) < value(photo)


@pytest.mark.parametrize("family", FAMILIES)
def test_vid_freeze_makes_attention_more_uniform(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Farther from the most peaked, counted from the maps themselves."""
    model, plugin = model_of(family), VidFreeze()
    photo, value = photo_of(model), at_one_draw(plugin, model, terms_of(plugin, model, monkeypatch))
    found = pgd(photo, value, epsilon=8 / 255, steps=8)
    with torch.no_grad():
        before, after = (unevenness(model, image) for image in (photo, found))
    assert after < before


def unevenness(model: VideoModel, image: torch.Tensor) -> float:
    """Sum over maps of squared distance from 1/T, at the draw of `at_one_draw`."""
    recorder = Recorder(model)
    terms = [(1.0, Silent(model.attentions))]
    at_one_draw(VidFreeze(), recorder, terms)(image)
    call = {key: value for key, value in recorder.denoised[0].items() if key != "grad"}
    maps = model.denoise(call.pop("image"), call.pop("prompt"), **call).features
    return sum(float((value - 1 / value.shape[-1]).square().sum()) for value in maps.values())


class Silent(Term):
    """Captures and returns nothing of value."""

    def __init__(self, layers: Sequence[str]) -> None:
        self.layers = tuple(layers)

    def value(self, view: Any) -> torch.Tensor:
        return view.image.sum() * 0


def passes(
    plugin: SurrogateDescent, model: VideoModel, image: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> tuple[torch.Tensor, list[dict[str, Any]]]:
    """The objective at an image, and how the denoiser was called for it."""
    recorder = Recorder(model)
    value = at_one_draw(plugin, recorder, terms_of(plugin, recorder, monkeypatch))
    recorder.denoised.clear()
    with torch.no_grad():
        return value(image), recorder.denoised


def again(model: VideoModel, call: dict[str, Any], image: torch.Tensor, **changes: Any) -> Any:
    options = {name: call[name] for name in ("clip_latents", "t", "noise", "guided", "capture")} | changes
    prompt = options.pop("prompt", call["prompt"])
    with torch.no_grad():
        return model.denoise(image, prompt, **options)


def static(model: VideoModel, photo: torch.Tensor) -> torch.Tensor:
    return model.encode_clip(frames_to_u8(photo.expand(model.frames, -1, -1, -1)))


FEW = ("cogvideox-tokens", "dynamicrafter", "opensora")


@pytest.mark.parametrize("family", FEW)
def test_i2vguard_is_its_equation(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(family)
    photo = photo_of(model)
    image, black = (photo + 0.03).clamp(0, 1), torch.zeros_like(photo)
    plugin = I2VGuard(spatial=2.0, diffusion=3.0, temporal=5.0, tau=50.0)
    value, (call, other) = passes(plugin, model, image, monkeypatch)
    name = model.attentions[len(model.attentions) // 2]
    seen, clean = again(model, call, image), again(model, call, photo, guided=False, capture=[name])
    assert torch.equal(other["image"], photo)
    push = mse_loss(seen.clean, call["clip_latents"])
    assert push < 50
    expected = (
        2 * mse_loss(model.encode(image).latents, model.encode(black).latents)
        + 3 * (mse_loss(seen.clean, static(model, black)) + 50 - push)
        - 5 * mse_loss(seen.features[name], clean.features[name])
    )
    torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-6)
    closed, _ = passes(I2VGuard(spatial=2.0, diffusion=3.0, temporal=5.0, tau=1e-6), model, image, monkeypatch)
    torch.testing.assert_close(closed, expected - 3 * (50 - push), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FEW)
def test_vid_freeze_is_its_equation(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(family)
    image = photo_of(model)
    value, (call,) = passes(VidFreeze(), model, image, monkeypatch)
    assert call["guided"] is False
    maps = again(model, call, image, capture=model.attentions).features.values()
    norms = [torch.linalg.matrix_norm(found[0]).square().mean() for found in maps]
    torch.testing.assert_close(value, torch.stack(norms).mean())
    _, (half,) = passes(VidFreeze(blocks="first-half"), model, image, monkeypatch)
    assert half["capture"] == model.attentions[: -(-len(model.attentions) // 2)]


@pytest.mark.parametrize("family", FEW)
def test_dormant_is_its_equation(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(family)
    photo = photo_of(model)
    image = (photo + 0.03).clamp(0, 1)
    plugin = Dormant(embeddings=2.0, frames=3.0, fidelity=5.0, limit=1e-6)
    value, (call,) = passes(plugin, model, image, monkeypatch)
    assert call["t"] < 1 / 3
    one, other = model.encode(image), model.encode(photo)
    far = mse_loss(one.latents, other.latents)
    if one.tokens is not None and other.tokens is not None:
        assert family != "opensora"
        far = far + mse_loss(one.tokens, other.tokens)
    frames = again(model, call, image).clean.movedim(model.frame_axis, 0)
    still = static(model, photo).movedim(model.frame_axis, 0)
    sim = torch.stack([mse_loss(frame, still[0]) for frame in frames]).mean()
    pairs = [mse_loss(frames[i], frames[j]) for i in range(len(frames)) for j in range(i + 1, len(frames))]
    if family == "opensora":  # whose VAE may code the same picture otherwise later on
        sim = mse_loss(frames, still)
    view = at_one_view(model, image)
    lpips = -LpipsDistance(model, photo, None, "photo").value(view)
    assert lpips > 1e-6
    expected = -(2 * far + 3 * (sim + torch.stack(pairs).mean())) + 5 * (lpips - 1e-6)
    torch.testing.assert_close(value, expected.detach(), rtol=1e-4, atol=1e-6)


def at_one_view(model: VideoModel, image: torch.Tensor) -> Any:
    from types import SimpleNamespace

    encoded = model.encode(image, capture=model.vae_layers)
    return SimpleNamespace(image=image, surrogate=model, encoding=lambda: encoded)


@pytest.mark.parametrize("family", FEW)
def test_immune2v_is_its_equation(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(family)
    photo = photo_of(model)
    image = (photo + 0.03).clamp(0, 1)
    value, (call, chaos) = passes(Immune2V(feature_weight=2.0), model, image, monkeypatch)
    assert call["t"] >= 0.6
    assert (chaos["prompt"], call["prompt"]) == (CHAOS, sample_context(model).caption)
    assert torch.equal(chaos["image"], photo)
    seen, name = again(model, call, image), model.layers[0]
    apart = (seen.clean - static(model, contrast_pattern(*model.size))).movedim(model.frame_axis, 0)
    frames = torch.stack([frame.square().mean().sqrt() for frame in apart]).mean()
    collapsed = again(model, call, photo, prompt=CHAOS, guided=False).features[name]
    features = mse_loss(seen.features[name], collapsed).sqrt()
    torch.testing.assert_close(value, frames + 2 * features, rtol=1e-4, atol=1e-6)


def test_immune2v_collapses_the_fourth_of_forty_blocks() -> None:
    assert int(0.1 * (40 - 1)) == 3
    # 5 frames of 16 x 60 x 104 latents; 4 frames of 1560 x 5120 features, times 5 and 0.125.
    latents, features = 5 * (16 * 60 * 104) ** 0.5, 4 * 5 * 0.125 * (1560 * 5120) ** 0.5
    assert Immune2V().feature_weight == pytest.approx(features / latents, abs=0.05)


@pytest.mark.parametrize("family", FEW)
def test_anti_prompt_is_its_equation(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(family)
    image = photo_of(model)
    value, (call, untold, neither) = passes(AntiPrompt(), model, image, monkeypatch)
    grey = torch.full_like(image, 0.5)
    assert (untold["prompt"], neither["prompt"], call["guided"]) == ("", "", False)
    assert torch.equal(neither["image"], grey)
    told = again(model, call, image).features
    without, none = again(model, call, image, prompt="").features, again(model, call, grey, prompt="").features
    assert list(told) == list(model.layers[-round(len(model.layers) / 3) :])
    sizes = {name: found.square().mean() for name, found in none.items()}
    text = torch.stack([mse_loss(told[name], without[name]) / sizes[name] for name in told]).mean()
    photo = torch.stack([mse_loss(without[name], none[name]) / sizes[name] for name in told]).mean()
    torch.testing.assert_close(value, (text / photo).log(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("family", FEW)
def test_the_pass_without_a_caption_carries_a_gradient(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(model_of(family))
    plugin = AntiPrompt()
    value = at_one_draw(plugin, recorder, terms_of(plugin, recorder, monkeypatch))
    recorder.denoised.clear()
    value(photo_of(recorder.model).requires_grad_())
    assert [call["grad"] for call in recorder.denoised] == [True, True, False]


@pytest.mark.parametrize(
    ("plugin", "model", "missing"),
    [
        ("vid-freeze", "ltx-video", "attention"),
        ("i2vguard", "wan2.1-i2v-14b", "attention"),
        ("immune2v", "svd", "text"),
        ("anti-prompt", "svd", "text"),
    ],
)
def test_a_model_that_lacks_what_is_needed_is_refused_by_name(plugin: str, model: str, missing: str) -> None:
    needs, gives = PROTECTIONS.load(plugin).needs, MODELS.load(model).gives
    protection = ProtectionFacts("protections", plugin, plugin, 1, needs=needs)
    surrogate = ModelFacts("models", model, model, 1, gives=gives)
    variant = Variant("protection", plugin, 8, protection, surrogate)
    assert variant.skipped == f"{plugin} needs {missing}, which {model} does not give"


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize(
    "model", ["cogvideox-small", "cogvideox-tokens-small", "dynamicrafter-small", "opensora-small"]
)
def test_every_small_model_gives_what_is_needed(plugin: str, model: str) -> None:
    assert PROTECTIONS.load(plugin).needs - {"references"} <= MODELS.load(model).gives


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: I2VGuard(tau=0.0), "tau must be above 0"),
        (lambda: VidFreeze(blocks="some"), "blocks='some'"),
        (lambda: Dormant(limit=-1.0), "limit must be 0 or more"),
        (lambda: Dormant(perceptual="none"), "perceptual='none'"),
        (lambda: Immune2V(target="black"), "target='black'"),
        (lambda: AntiPrompt(late=0.0), "late must be a share"),
    ],
)
def test_parameters_out_of_range_are_refused(make: Callable[[], Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        make()
