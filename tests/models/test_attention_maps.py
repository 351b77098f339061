"""Maps across frames are those of the queries and keys that the networks' own attentions compute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn

from antibench.contracts import VideoModel
from antibench.models.arranged import recompute_some
from antibench.models.attention_maps import FrameAttention, across_frames
from antibench.models.layers import captured
from antibench.pixels import to_float
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo
from antibench.testing.tiny_cogvideox import SERIES_1_5, TEXT_LENGTH, TinyCogVideoX
from antibench.testing.tiny_cogvideox_tokens import IMAGE_TOKENS, TinyCogVideoXTokens
from antibench.testing.tiny_dynamicrafter import TinyDynamiCrafter
from antibench.testing.tiny_ltx import TinyLTX
from antibench.testing.tiny_opensora import TinyOpenSora
from antibench.testing.tiny_svd import TinySVD

Pair = tuple[torch.Tensor, torch.Tensor]


@contextmanager
def recorded() -> Iterator[list[Pair]]:
    """Queries and keys, (N, heads, L, d), of every attention that runs, in order."""
    seen: list[Pair] = []
    real = nn.functional.scaled_dot_product_attention

    def noting(query: torch.Tensor, key: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        seen.append((query, key))
        return real(query, key, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.functional, "scaled_dot_product_attention", noting)
        yield seen


def denoised(model: VideoModel, image: torch.Tensor, names: Any, guided: bool = False) -> Any:
    clip = model.encode_clip(sample_context(model).references[0])
    noise = torch.randn(clip.shape, generator=torch.Generator().manual_seed(3)).to(clip)
    return model.denoise(image, "a person", clip_latents=clip, t=0.5, noise=noise, capture=names, guided=guided)


def photo(model: VideoModel) -> torch.Tensor:
    return to_float(sample_photo(size=model.size)).requires_grad_()


def of_joint(text: int, frames: int) -> Callable[[list[Pair], int, bool], list[Pair]]:
    """All attentions are over text, then video frame by frame; of guidance's rows the second is conditional."""

    def chosen(seen: list[Pair], count: int, guided: bool) -> list[Pair]:
        assert len(seen) == count
        video = [[part[int(guided) :, :, text:] for part in pair] for pair in seen]
        assert all(part.shape[2] % frames == 0 for pair in video for part in pair)
        return [tuple(part.unflatten(2, (frames, -1)).mean(3) for part in pair) for pair in video]  # type: ignore[misc]

    return chosen


def of_places(
    frames: int, conditional: int, places: int | None = None
) -> Callable[[list[Pair], int, bool], list[Pair]]:
    """Attentions across frames are those of `frames` queries and keys in at least as many rows as there are places."""

    def chosen(seen: list[Pair], count: int, guided: bool) -> list[Pair]:
        rows = 1 + guided
        across = [pair for pair in seen if pair[0].shape[2] == pair[1].shape[2] == frames and pair[0].shape[0] > frames]
        assert len(across) == count
        branch = conditional if guided else 0
        return [tuple(part.unflatten(0, (rows, -1))[branch].mean(0)[None] for part in pair) for pair in across]  # type: ignore[misc]

    return chosen


CASES: dict[str, tuple[Any, int, Callable[[list[Pair], int, bool], list[Pair]]]] = {
    "cogvideox": (TinyCogVideoX(), 3, of_joint(TEXT_LENGTH, 3)),
    "cogvideox-1.5": (TinyCogVideoX(transformer=SERIES_1_5), 2, of_joint(TEXT_LENGTH, 2)),
    "cogvideox-tokens": (TinyCogVideoXTokens(), 3, of_joint(TEXT_LENGTH + IMAGE_TOKENS, 3)),
    "svd": (TinySVD(), 3, of_places(3, conditional=1)),
    "dynamicrafter": (TinyDynamiCrafter(), 3, of_places(3, conditional=1)),
    "opensora": (TinyOpenSora(), 3, of_places(3, conditional=0)),
}


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_map_is_that_of_the_networks_own_queries_and_keys(name: str, guided: bool) -> None:
    spec, frames, chosen = CASES[name]
    model = spec.load("cpu")
    with recorded() as seen:
        maps = denoised(model, photo(model), model.attentions, guided).features
    assert list(maps) == list(model.attentions)
    pairs = chosen(seen, len(model.attentions), guided)
    for found, (query, key) in zip(maps.values(), pairs, strict=True):
        expected = torch.softmax(torch.einsum("nhqd,nhkd->nhqk", query, key) / query.shape[-1] ** 0.5, dim=-1)
        assert found.shape == (1, query.shape[1], frames, frames)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
        # Frames are told apart: the map of an empty attention would be uniform.
        assert (found.detach() - 1 / frames).abs().max() > 1e-4


@pytest.mark.parametrize("name", CASES)
def test_asking_for_maps_changes_no_prediction(name: str) -> None:
    model = CASES[name][0].load("cpu")
    with torch.no_grad():
        asked, alone = (denoised(model, photo(model), names).prediction for names in (model.attentions, ()))
    assert torch.equal(asked, alone)


@pytest.mark.parametrize("name", ["cogvideox", "dynamicrafter", "opensora"])
def test_recomputing_blocks_changes_neither_maps_nor_their_gradient(name: str) -> None:
    recompute: dict[str, Callable[[Any], None]] = {
        "cogvideox": lambda model: recompute_some(model.pipe.transformer, 1.0),
        "dynamicrafter": lambda model: model.networks.unet.recompute_activations(1.0),
        "opensora": lambda model: model.networks.denoiser.recompute_activations(1.0),
    }
    model = CASES[name][0].load("cpu")
    found = []
    for again in (False, True):
        if again:
            recompute[name](model)
        image = photo(model)
        maps = list(denoised(model, image, model.attentions).features.values())
        value = torch.stack([(part.square() * torch.arange(1.0, 4.0)).sum() for part in maps]).sum()
        found.append((maps[-1].detach(), *torch.autograd.grad(value, image)))
    for kept, recomputed in zip(*found, strict=True):
        torch.testing.assert_close(recomputed, kept)
    assert found[0][1].abs().max() > 0


def test_the_map_of_known_queries_and_keys() -> None:
    queries = torch.tensor([[1.0, 0.0], [0.0, 2.0]]).view(1, 1, 2, 2)
    keys = torch.tensor([[2.0, 0.0], [0.0, 0.0]]).view(1, 1, 2, 2)
    e = float(torch.exp(torch.tensor(2 / 2**0.5)))
    expected = torch.tensor([[e / (e + 1), 1 / (e + 1)], [0.5, 0.5]])
    torch.testing.assert_close(across_frames(queries, keys)[0, 0], expected)


def test_an_attention_that_does_not_run_is_named() -> None:
    layers = {"a": nn.ReLU(), "b": nn.ReLU()}
    attentions = {"b.attn": FrameAttention(layers["b"], lambda *args: (torch.ones(1, 1, 2, 2),) * 2)}
    with pytest.raises(ValueError, match=r"b\.attn was not seen to run"), captured(layers, ["b.attn"], attentions):
        layers["a"](torch.zeros(1))
    assert not layers["b"]._forward_pre_hooks


def test_a_model_without_maps_says_so() -> None:
    model = TinyLTX().load("cpu")
    assert model.attentions == ()
    assert "attention" not in model.gives


@pytest.mark.parametrize("name", CASES)
def test_latents_run_over_frames_along_their_frame_axis(name: str) -> None:
    spec = CASES[name][0]
    model = spec.load("cpu")
    latents = model.encode_clip(sample_context(model).references[0])
    # A model of four latent channels or more, and of three latent frames.
    assert latents.shape[model.frame_axis] == {"cogvideox-1.5": 4}.get(name, 3)
    assert 4 in {size for axis, size in enumerate(latents.shape) if axis != model.frame_axis}
