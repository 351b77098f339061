"""Projector, autoencoder and CLIP towers against other implementations of the same networks."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from dynamicrafter_tiny import CLIP, FIRST_STAGE, RESAMPLER, randomised
from scipy.ndimage import correlate1d

from antibench.models.dynamicrafter.clip_pixels import MEAN, STD, clip_pixels
from antibench.models.dynamicrafter.clip_towers import ImageTower, TextTower
from antibench.models.dynamicrafter.config import ClipTextConfig
from antibench.models.dynamicrafter.first_stage import FirstStage
from antibench.models.dynamicrafter.resampler import Resampler


def test_resampler_is_that_of_ip_adapter() -> None:
    ours = randomised(Resampler(RESAMPLER))
    theirs = IPAdapterPlusImageProjection(
        embed_dims=32, output_dims=24, hidden_dims=24, depth=2, dim_head=8, heads=2, num_queries=6
    )
    parts = {
        "0.norm1": "ln0", "0.norm2": "ln1", "0.to_q": "attn.to_q", "0.to_kv": "attn.to_kv", "0.to_out": "attn.to_out.0",
        "1.0": "ff.0", "1.1": "ff.1.net.0.proj", "1.3": "ff.1.net.2",
    }  # fmt: skip
    state = {}
    for name, value in ours.state_dict().items():
        _, _, inside = name.partition("layers.")
        if inside:
            number, part = inside.split(".", 1)
            part, leaf = part.rsplit(".", 1)
            name = f"layers.{number}.{parts[part]}.{leaf}"
        if "to_kv" in name:
            for letter, half in zip("kv", value.chunk(2), strict=True):
                state[name.replace("to_kv", f"to_{letter}")] = half
        else:
            state[name] = value
    theirs.load_state_dict(state)
    tokens = torch.randn(2, 7, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(tokens), theirs(tokens), rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def first_stage() -> FirstStage:
    return randomised(FirstStage(FIRST_STAGE))


def test_names_of_the_autoencoder_are_those_that_diffusers_converts(first_stage: FirstStage) -> None:
    state = first_stage.state_dict()
    config = {"down_block_types": [""] * 3, "up_block_types": [""] * 3}
    converted = convert_ldm_vae_checkpoint({f"first_stage_model.{name}": v for name, v in state.items()}, config)
    inside = first_stage.vae.state_dict()
    assert len(state) == len(inside)
    assert converted.keys() == inside.keys()
    assert all(torch.equal(converted[name].reshape(value.shape), value) for name, value in inside.items())
    assert state["decoder.mid.attn_1.q.weight"].shape == (64, 64, 1, 1)


def test_loading_the_autoencoder_is_strict_and_undoes_saving(first_stage: FirstStage) -> None:
    state = first_stage.state_dict()
    other = FirstStage(FIRST_STAGE)
    other.load_state_dict(state)
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())
    with pytest.raises(RuntimeError, match=r"(?s)Missing.*Unexpected key\(s\) in state_dict: \"decoder.odd\""):
        other.load_state_dict({"decoder.odd": torch.zeros(1), **dict(list(state.items())[1:])})


def test_every_part_of_the_autoencoder_is_known_by_its_name_in_the_checkpoints(first_stage: FirstStage) -> None:
    holders = {name.rsplit(".", 1)[0] for name in first_stage.state_dict()}
    assert holders <= first_stage.layers.keys()
    finest = first_stage.layers["decoder.up.0.block.0"]
    assert finest is first_stage.vae.decoder.up_blocks[2].resnets[0]


def test_latents_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="embed_dim 3 is not z_channels 4"):
        FirstStage(FIRST_STAGE.model_copy(update={"embed_dim": 3}))


def _open_clip() -> open_clip.CLIP:
    vision, text = CLIP.vision.model_dump(), CLIP.text.model_dump()
    return randomised(open_clip.CLIP(CLIP.embed_dim, open_clip.CLIPVisionCfg(**vision), open_clip.CLIPTextCfg(**text)))


def test_text_tokens_are_the_last_block_but_one_normalised() -> None:
    whole = _open_clip()
    tower = TextTower(CLIP).eval()
    tower.model.load_state_dict({n: v for n, v in whole.state_dict().items() if not n.startswith("visual.")})
    seen: list[torch.Tensor] = []
    whole.transformer.resblocks[-2].register_forward_hook(lambda module, args, out: seen.append(out))
    tokens = torch.tensor([[49406, 320, 1125, 49407, 0], [49406, 49407, 0, 0, 0]])
    with torch.no_grad():
        whole.encode_text(tokens)
        torch.testing.assert_close(tower(tokens), whole.ln_final(seen[0]), rtol=1e-4, atol=1e-5)


def test_prompts_become_the_tokens_of_open_clip() -> None:
    tower = TextTower(CLIP.model_copy(update={"text": ClipTextConfig(width=24, heads=2, layers=2)}))
    prompts = ["a woman smiles", ""]
    assert torch.equal(tower.tokenize(prompts), open_clip.get_tokenizer("ViT-H-14")(prompts))
    assert tower.tokenize([""])[0, :4].tolist() == [49406, 49407, 0, 0]


def test_image_tokens_are_all_of_the_last_block() -> None:
    whole = _open_clip()
    tower = ImageTower(CLIP).eval()
    kept = {n: v for n, v in whole.state_dict().items() if not n.startswith("transformer.")}
    tower.model.load_state_dict(kept)
    seen: list[torch.Tensor] = []
    whole.visual.transformer.register_forward_hook(lambda module, args, out: seen.append(out))
    pixels = torch.randn(2, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole.encode_image(pixels)
        torch.testing.assert_close(tower.tokens(pixels), seen[0], rtol=1e-4, atol=1e-5)
    assert seen[0].shape == (2, 5, 32)


def _cubic(values: np.ndarray, size: int) -> np.ndarray:
    """Cubic convolution (a = -0.75) along the last axis, ends on ends, edges repeated."""
    places = np.linspace(0, values.shape[-1] - 1, size)
    out = np.zeros((*values.shape[:-1], size))
    for j, place in enumerate(places):
        for i in range(int(np.floor(place)) - 1, int(np.floor(place)) + 3):
            d = abs(place - i)
            weight = 1.25 * d**3 - 2.25 * d**2 + 1 if d <= 1 else -0.75 * d**3 + 3.75 * d**2 - 6 * d + 3 if d < 2 else 0
            out[..., j] += weight * values[..., np.clip(i, 0, values.shape[-1] - 1)]
    return out


@pytest.mark.parametrize(("height", "width"), [(40, 93), (20, 60), (17, 11)])
def test_pixels_are_blurred_by_the_factor_resized_and_normalised(height: int, width: int) -> None:
    size = 28
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 3, height, width))
    expected = picture
    if max(height, width) > size:
        for axis, side in ((2, height), (3, width)):
            sigma = max((side / size - 1) / 2, 0.001)
            count = max(int(4 * sigma), 3)
            count += count % 2 == 0
            kernel = np.exp(-((np.arange(count) - count // 2) ** 2) / (2 * sigma**2))
            expected = correlate1d(expected, kernel / kernel.sum(), axis=axis, mode="mirror")
    expected = _cubic(_cubic(expected, size).swapaxes(2, 3), size).swapaxes(2, 3)
    expected = ((expected + 1) / 2 - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]
    found = clip_pixels(torch.from_numpy(picture), size)
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-9)
