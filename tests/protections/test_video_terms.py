"""Terms on attention, predicted clips, embeddings and captions are their equations, on a surrogate of known answers."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch.nn.functional import mse_loss

from antibench.contracts import Denoised, Encoded, FramesU8
from antibench.perturb.attention_terms import AttentionEnergy, AttentionShift
from antibench.perturb.embedding_distance import EmbeddingDistance, FidelityLimit
from antibench.perturb.objective import View
from antibench.perturb.predicted_clip import ClipMargin, ClipTarget, FrameSpread, FramesTarget
from antibench.perturb.prompt_terms import FLOOR, PromptCollapse, TextAgainstPhoto
from antibench.perturb.static_clip import static_clip

PHOTO = torch.full((1, 3, 4, 4), 0.2)
FRAMES, CHANNELS = 3, 2


@dataclass
class Known:
    """Encodes a frame as `CHANNELS` copies of its mean, and a photo likewise; its tokens are the mean's square."""

    frame_axis: int = 1
    frames: int = FRAMES
    tokens: bool = True
    gives: frozenset[str] = frozenset()
    vae_layers: tuple[str, ...] = ("stage",)
    clips: list[FramesU8] = field(default_factory=list)

    def encode_clip(self, frames: FramesU8) -> torch.Tensor:
        self.clips.append(frames)
        means = torch.tensor(frames.mean((1, 2, 3)) / 255, dtype=torch.float32)
        latents = means.view(1, -1, 1, 1, 1).expand(1, -1, CHANNELS, 2, 2)
        return latents if self.frame_axis == 1 else latents.transpose(1, 2)

    def encode(self, image: torch.Tensor, *, capture: Any = ()) -> Encoded:
        mean = image.mean()
        latents = mean * torch.ones(1, CHANNELS, 2, 2)
        # Two channels: of unit length they are an angle, so that their distance is known.
        stage = torch.stack([torch.cos(mean), torch.sin(mean)]).view(1, 2, 1, 1)
        return Encoded(latents, {"stage": stage}, (mean**2).view(1, 1, 1) if self.tokens else None)


def view(
    clean: torch.Tensor | None = None,
    features: dict[str, torch.Tensor] | None = None,
    image: torch.Tensor = PHOTO,
    surrogate: Any = None,
    features_of: Any = None,
    clip: torch.Tensor | None = None,
) -> View:
    clean = torch.zeros(1, FRAMES, CHANNELS, 2, 2) if clean is None else clean
    denoised = Denoised(torch.zeros(()), clean, features or {}, torch.zeros(1), clean, clean)
    encoded = surrogate.encode(image) if surrogate is not None else None
    return View(image, denoised, encoded, surrogate, features_of, clip=clip)


def test_energy_is_one_where_attention_is_uniform_and_t_where_each_frame_sees_one() -> None:
    uniform, own = torch.full((1, 2, 4, 4), 0.25), torch.eye(4).expand(1, 2, 4, 4)
    assert float(AttentionEnergy(["a"]).value(view(features={"a": uniform}))) == 1
    assert float(AttentionEnergy(["a"]).value(view(features={"a": own}))) == 4
    assert float(AttentionEnergy(["a", "b"]).value(view(features={"a": uniform, "b": own}))) == 2.5
    half = torch.tensor([[0.5, 0.5], [1.0, 0.0]]).view(1, 1, 2, 2)  # 1/4 + 1/4 + 1
    assert float(AttentionEnergy(["a"]).value(view(features={"a": half}))) == 1.5
    assert AttentionEnergy(["a", "b"]).layers == ("a", "b")


def test_the_shift_is_minus_the_distance_to_the_clean_photos_maps() -> None:
    calls: list[tuple[torch.Tensor, tuple[str, ...]]] = []

    def features_of(photo: torch.Tensor, known: Encoded, names: Any, **options: Any) -> dict[str, torch.Tensor]:
        assert options.get("prompt") is None
        assert not options.get("gradient")
        calls.append((photo, tuple(names)))
        return {"a": torch.full((1, 1, 2, 2), 0.5)}

    clean = PHOTO + 0.1
    term = AttentionShift(Known(), clean, ["a"])  # type: ignore[arg-type]
    seen = view(features={"a": torch.eye(2).view(1, 1, 2, 2)}, features_of=features_of)
    assert float(term.value(seen)) == -0.25
    assert torch.equal(calls[0][0], clean)
    assert calls[0][1] == ("a",)


def test_a_static_clip_repeats_the_photo_in_every_frame() -> None:
    known = Known()
    latents = static_clip(known, PHOTO)  # type: ignore[arg-type]
    assert known.clips[0].shape == (FRAMES, 4, 4, 3)
    assert set(known.clips[0].flatten().tolist()) == {51}
    assert torch.allclose(latents, torch.full((1, FRAMES, CHANNELS, 2, 2), 0.2))


def test_clip_terms_are_their_equations() -> None:
    clean = torch.randn(1, FRAMES, CHANNELS, 2, 2, generator=torch.Generator().manual_seed(0))
    black = ClipTarget(Known(), torch.zeros_like(PHOTO))  # type: ignore[arg-type]
    assert torch.allclose(black.value(view(clean)), clean.square().mean())
    near, far = clean + 0.1, clean + 1
    for clip, expected in ((near, 0.5 - 0.01), (far, 0.0), (clean, 0.5)):
        assert float(ClipMargin(0.5).value(view(clean, clip=clip))) == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ValueError, match="reference clip"):
        ClipMargin(0.5).value(view(clean))


@pytest.mark.parametrize("axis", [1, 2])
def test_frame_terms_go_over_latent_frames(axis: int) -> None:
    by_frame = torch.randn(FRAMES, CHANNELS, 2, 2, generator=torch.Generator().manual_seed(0))
    clean = by_frame[None] if axis == 1 else by_frame.transpose(0, 1)[None]
    known: Any = Known(frame_axis=axis)
    distances = [(frame - 0.2).square().mean().sqrt() for frame in by_frame]
    assert torch.allclose(FramesTarget(known, PHOTO).value(view(clean)), torch.stack(distances).mean())
    photo = torch.stack([mse_loss(frame, torch.full_like(frame, 0.2)) for frame in by_frame]).mean()
    pairs = torch.stack([mse_loss(one, other) for one, other in itertools.combinations(by_frame, 2)]).mean()
    assert torch.allclose(FrameSpread(known, PHOTO).value(view(clean)), -(photo + pairs))


def test_embeddings_are_latents_and_tokens_where_there_are_any() -> None:
    moved = torch.full_like(PHOTO, 0.5)
    for tokens, expected in ((True, 0.3**2 + (0.25 - 0.04) ** 2), (False, 0.3**2)):
        known: Any = Known(tokens=tokens)
        found = EmbeddingDistance(known, PHOTO).value(view(image=moved, surrogate=known))
        assert float(found) == pytest.approx(-expected, rel=1e-5)


def test_the_limit_of_fidelity_costs_what_is_above_it() -> None:
    known: Any = Known()
    distance = 2 - 2 * math.cos(0.3)  # of two unit vectors at means 0.5 and 0.2
    for limit, expected in ((0.0, distance), (0.05, distance - 0.05), (1.0, 0.0)):
        term = FidelityLimit(known, PHOTO, limit, "surrogate")
        assert term.encodes
        assert term.vae_layers == ("stage",)
        found = term.value(view(image=torch.full_like(PHOTO, 0.5), surrogate=known))
        assert float(found) == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_features_are_pulled_to_those_of_the_clean_photo_under_the_other_caption() -> None:
    calls: list[Any] = []

    def features_of(photo: torch.Tensor, known: Encoded, names: Any, **options: Any) -> dict[str, torch.Tensor]:
        calls.append((photo, known.latents, options))
        return {"early": torch.full((1, 5, 2), 1.0)}

    clean = PHOTO + 0.1
    term = PromptCollapse(Known(), clean, "early", "chaos")  # type: ignore[arg-type]
    seen = view(features={"early": torch.full((1, 5, 2), 4.0)}, features_of=features_of)
    assert float(term.value(seen)) == 3
    photo, latents, options = calls[0]
    assert torch.equal(photo, clean)
    assert torch.allclose(latents, torch.tensor(0.3))
    assert options == {"prompt": "chaos"}


def test_text_against_photo_is_the_difference_of_logarithms_of_both_effects() -> None:
    told, untold, neither = ({"a": torch.full((1, 4, 2), value)} for value in (5.0, 3.0, 2.0))
    known: Any = Known()

    def features_of(photo: torch.Tensor, encoded: Encoded, names: Any, **options: Any) -> dict[str, torch.Tensor]:
        grey = torch.equal(photo, torch.full_like(PHOTO, 0.5))
        assert options == ({"prompt": ""} if grey else {"prompt": "", "gradient": True})
        assert grey or torch.equal(photo, PHOTO)
        assert torch.allclose(encoded.latents, torch.tensor(0.5 if grey else 0.2))
        return neither if grey else untold

    term = TextAgainstPhoto(known, PHOTO, ["a"])
    found = term.value(view(features=told, surrogate=known, features_of=features_of))
    # (5 - 3)^2 and (3 - 2)^2, each over 2^2
    assert float(found) == pytest.approx(math.log(1.0 + FLOOR) - math.log(0.25 + FLOOR), abs=1e-6)
