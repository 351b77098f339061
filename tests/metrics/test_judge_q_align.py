"""Q-Align: the network against transformers' Llama and CLIP and torch's attention, the loader on tiny checkpoints, the
prompt and the levels, and the two metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

from antibench.contracts import CellView, Unscored
from antibench.errors import UserError
from antibench.metrics import q_align_image, q_align_video
from antibench.metrics.judges import q_align
from antibench.metrics.judges.mplug_owl2 import MplugOwl2, Multiway, VisionModel, VisualAbstractor
from antibench.metrics.q_align_image import QAlignImage
from antibench.metrics.q_align_video import QAlignVideo
from antibench.testing.metric_contract import checks, portrait, sample_view

VISION = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3}
VISION |= {"image_size": 28, "patch_size": 7}
ABSTRACTOR = {"hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 2}
ABSTRACTOR |= {"num_learnable_queries": 5, "encoder_hidden_size": 24, "grid_size": 4}
TEXT = {"vocab_size": 500, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
TEXT |= {"num_attention_heads": 4, "num_key_value_heads": 4}
TINY: dict[str, Any] = {
    **TEXT,
    "rms_norm_eps": 1e-5,
    "visual_config": {
        "visual_model": {**VISION, "layer_norm_eps": 1e-6},
        "visual_abstractor": {**ABSTRACTOR, "layer_norm_eps": 1e-6},
    },
}
FULL: dict[str, Any] = {
    "vocab_size": 32_000,
    "hidden_size": 4096,
    "intermediate_size": 11_008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "rms_norm_eps": 1e-5,
    "visual_config": {
        "visual_model": {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "image_size": 448,
            "patch_size": 14,
            "layer_norm_eps": 1e-6,
        },
        "visual_abstractor": {
            "hidden_size": 1024,
            "intermediate_size": 2816,
            "num_hidden_layers": 6,
            "num_attention_heads": 16,
            "num_learnable_queries": 64,
            "encoder_hidden_size": 1024,
            "grid_size": 32,
            "layer_norm_eps": 1e-6,
        },
    },
}


def randomised(module: nn.Module, seed: int = 0) -> Any:
    """The module with every weight and buffer drawn anew, norms and biases too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in module.state_dict().values():
            drawn = torch.randn(value.shape, generator=generator)
            value.copy_(drawn * 0.3 + 0.6 if value.ndim < 2 else drawn * 1.5 / value.shape[-1] ** 0.5)
    return module.eval()


@pytest.fixture(scope="module")
def tiny() -> MplugOwl2:
    return randomised(MplugOwl2(TINY))


def llama(network: MplugOwl2, way: int) -> LlamaForCausalLM:
    """transformers' Llama with the weights of one of the two ways."""
    config = LlamaConfig(**TEXT, rms_norm_eps=1e-5, tie_word_embeddings=False, attn_implementation="eager")
    plain = LlamaForCausalLM(config).eval()
    state = {}
    for name, value in network.state_dict().items():
        if "vision_model" in name or "visual_abstractor" in name or f"multiway.{1 - way}" in name:
            continue
        state[name.replace(f"multiway.{way}.", "")] = value
    plain.load_state_dict(state, strict=True)
    return plain


@pytest.mark.parametrize("way", [0, 1])
@torch.no_grad()
def test_the_language_model_is_llama(tiny: MplugOwl2, way: int) -> None:
    tokens = torch.randn(2, 11, 32, generator=torch.Generator().manual_seed(1))
    expected = llama(tiny, way)(inputs_embeds=tokens).logits[:, -1]
    found = tiny.read(tokens, torch.full((11,), bool(way)))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert float((found - tiny.read(tokens, torch.full((11,), not way))).abs().max()) > 1e-2


@torch.no_grad()
def test_each_token_goes_its_own_way() -> None:
    both = randomised(Multiway(lambda: nn.Linear(4, 3)))
    x, seen = torch.randn(2, 5, 4), torch.tensor([False, True, True, False, True])
    expected = torch.stack([both.multiway[int(way)](x[:, place]) for place, way in enumerate(seen)], dim=1)
    torch.testing.assert_close(both(x, seen[:, None]), expected)


@torch.no_grad()
def test_the_vision_model_is_clip_s(monkeypatch: pytest.MonkeyPatch) -> None:
    own = randomised(VisionModel({**VISION, "layer_norm_eps": 1e-6}))
    config = CLIPVisionConfig(**VISION, layer_norm_eps=1e-6, hidden_act="quick_gelu")
    clip = CLIPVisionModel(config).eval()
    state: dict[str, Tensor] = {}
    for name, value in own.state_dict().items():
        if "query_key_value" in name:  # (heads, 3, C / heads) by rows
            for part, rows in zip("qkv", value.unflatten(0, (3, 3, 8)).unbind(1), strict=True):
                state[name.replace("query_key_value", f"{part}_proj")] = rows.flatten(0, 1)
        else:
            state[name.replace("self_attn.dense", "self_attn.out_proj")] = value
    renamed = {
        "embeddings.cls_token": "embeddings.class_embedding",
        "embeddings.patch_embed.weight": "embeddings.patch_embedding.weight",
        "embeddings.position_embedding": "embeddings.position_embedding.weight",
        "embeddings.pre_layernorm": "pre_layrnorm",
        "input_layernorm": "layer_norm1",
        "post_attention_layernorm": "layer_norm2",
    }
    for old, new in renamed.items():
        state = {name.replace(old, new): value for name, value in state.items()}
    state["embeddings.class_embedding"] = state["embeddings.class_embedding"].flatten()
    state["embeddings.position_embedding.weight"] = state["embeddings.position_embedding.weight"][0]
    prefix = "vision_model." if any(name.startswith("vision_model.") for name in clip.state_dict()) else ""
    clip.load_state_dict({prefix + name: value for name, value in state.items()}, strict=True)
    pixels = torch.randn(2, 3, 28, 28, generator=torch.Generator().manual_seed(2))
    expected = own.post_layernorm(clip(pixels).last_hidden_state)
    torch.testing.assert_close(own(pixels), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_abstractor_by_torch_s_own_attention() -> None:
    own = randomised(VisualAbstractor({**ABSTRACTOR, "layer_norm_eps": 1e-6}, 32))
    picture = torch.randn(2, 17, 24, generator=torch.Generator().manual_seed(3))
    state = own.state_dict()
    x = state["query_embeds"].repeat(2, 1, 1)
    for layer in range(2):
        w = {
            k.removeprefix(f"encoder.layers.{layer}.crossattention."): v for k, v in state.items() if f".{layer}." in k
        }

        def norm(y: Tensor, name: str, w: dict[str, Tensor] = w, eps: float = 1e-5) -> Tensor:
            return F.layer_norm(y, y.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], eps)

        def linear(y: Tensor, name: str, w: dict[str, Tensor] = w) -> Tensor:
            return F.linear(y, w[f"{name}.weight"], w[f"{name}.bias"])

        x = norm(x, "norm1")
        tokens = torch.cat([x, norm(picture, "normk")], dim=1)
        q_place, k_place = w["attention.q_pos_embed"], w["attention.k_pos_embed"]
        attended, _ = F.multi_head_attention_forward(
            (x + q_place).transpose(0, 1),
            (tokens + torch.cat([q_place, k_place])).transpose(0, 1),
            tokens.transpose(0, 1),
            24,
            2,
            None,
            torch.cat([w[f"attention.{part}.bias"] for part in ("query", "key", "value")]),
            None,
            None,
            False,
            0.0,
            w["output.out_proj.weight"],
            w["output.out_proj.bias"],
            training=False,
            use_separate_proj_weight=True,
            q_proj_weight=w["attention.query.weight"],
            k_proj_weight=w["attention.key.weight"],
            v_proj_weight=w["attention.value.weight"],
        )
        x = x + attended.transpose(0, 1)
        inner = norm(x, "output.norm2")
        inner = F.silu(linear(inner, "output.mlp.w1")) * linear(inner, "output.mlp.w3")
        x = x + linear(norm(inner, "output.mlp.ffn_ln", eps=1e-6), "output.mlp.w2")
    expected = F.linear(x, state["visual_fc.weight"], state["visual_fc.bias"])
    found = own(picture)
    torch.testing.assert_close(found[:, :-1], expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[:, -1:], state["vit_eos"].repeat(2, 1, 1))


@torch.no_grad()
def test_pictures_stand_between_the_two_halves_of_the_prompt(tiny: MplugOwl2) -> None:
    pixels = torch.randn(2, 3, 3, 28, 28, generator=torch.Generator().manual_seed(4))
    before, after = torch.tensor([1, 7, 9]), torch.tensor([5, 6])
    found = tiny(pixels, before, after)
    for row in range(2):
        pictures = torch.cat([tiny.see(one[None])[0] for one in pixels[row]])
        embed = tiny.model.embed_tokens
        tokens = torch.cat([embed(before), pictures, embed(after)])[None]
        seen = torch.tensor([False] * 3 + [True] * 18 + [False] * 2)
        torch.testing.assert_close(found[row : row + 1], tiny.read(tokens, seen), atol=1e-5, rtol=1e-5)


def test_at_full_size_number_and_size_of_weights_are_those_of_the_public_files() -> None:
    """A public index of a fine-tuned OneAlign has 869 lines, 7 of them around the names; the files of q-align-vqa, the
    same network, are listed as 9.99 and 6.42 GB."""
    with torch.device("meta"):
        state = MplugOwl2(FULL).state_dict()
    assert len(state) == 869 - 7
    assert sum(value.numel() * 2 for value in state.values()) / 1e9 == pytest.approx(9.99 + 6.42, abs=0.01)
    for name in (
        "model.layers.31.self_attn.k_proj.multiway.1.weight",
        "model.layers.0.post_attention_layernorm.multiway.0.weight",
        "model.vision_model.encoder.layers.23.self_attn.query_key_value.bias",
        "model.visual_abstractor.encoder.layers.5.crossattention.output.mlp.ffn_ln.bias",
        "model.visual_abstractor.encoder.layers.0.crossattention.attention.k_pos_embed",
    ):
        assert name in state


WORDS = ["excellent", "good", "fair", "poor", "bad"]


def vocabulary(folder: Path) -> None:
    """A tokenizer of LLaMA's kind, of its own small vocabulary."""
    text = folder / "text.txt"
    said = "USER: How would you rate the quality of this image? video ASSISTANT: The quality of the image is"
    text.write_text("\n".join([said, *WORDS] * 20))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=500,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
    )


@pytest.fixture
def hub(tiny: MplugOwl2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The tiny checkpoint in two files, where the hub's cache would have them."""
    vocabulary(tmp_path)
    state = {name: value.half().clone() for name, value in tiny.state_dict().items()}
    names = sorted(state)
    halves = {"pytorch_model-00001-of-00002.bin": names[::2], "pytorch_model-00002-of-00002.bin": names[1::2]}
    for file, held in halves.items():
        torch.save({name: state[name] for name in held}, tmp_path / file)
    index = {"weight_map": {name: file for file, held in halves.items() for name in held}}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    (tmp_path / "config.json").write_text(json.dumps(TINY))

    def cached(repo_id: str, revision: str, name: str) -> Path | None:
        assert (repo_id, revision) == ("q-future/one-align", "c" * 40)
        return tmp_path / name if (tmp_path / name).is_file() else None

    monkeypatch.setattr(q_align, "cached_in_hub", cached)
    q_align.one_align.cache_clear()
    yield tmp_path
    q_align.one_align.cache_clear()


def test_a_score_from_files_to_number(hub: Path, tiny: MplugOwl2) -> None:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(hub / "tokenizer.model"))
    frames = [portrait(size=28), portrait(shift=8, size=28)]
    judge = q_align.one_align("c" * 40, "cpu", "float32")
    half = MplugOwl2(TINY).eval()
    half.load_state_dict({name: value.half().float() for name, value in tiny.state_dict().items()})
    assert (
        len({tuple(processor.encode(word)) for word in WORDS})
        == len({processor.encode(word)[0] for word in WORDS})
        == 5
    )
    for kind, seen in (("image", frames[:1]), ("video", frames)):
        before = [1, *processor.encode(f"USER: How would you rate the quality of this {kind}?\n")]
        after = processor.encode(f"\nASSISTANT: The quality of the {kind} is")
        stacked = torch.cat([q_align.pixels(frame, 28) for frame in seen])[None]
        with torch.no_grad():
            logits = half(stacked, torch.tensor(before), torch.tensor(after))[0]
        levels = logits[[processor.encode(word)[0] for word in WORDS]].double().exp().numpy()
        expected = float(levels / levels.sum() @ [1, 0.75, 0.5, 0.25, 0])
        assert judge.rate(seen, kind) == pytest.approx(expected, abs=1e-5)  # type: ignore[arg-type]
    assert judge.rate(frames, "video") != judge.rate(frames[::-1], "video"), "the order of the frames is seen"


def test_levels_that_begin_alike_are_no_levels() -> None:
    with pytest.raises(UserError, match="five levels have the first tokens"):
        q_align.level_ids(lambda text: [4, *map(ord, text)])


def test_the_reference_s_scale_and_the_hub_s() -> None:
    logits = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    hub = logits.softmax(dim=1) @ torch.tensor([5.0, 4, 3, 2, 1])
    torch.testing.assert_close(q_align.expected_level(logits), (hub - 1) / 4)
    sure = torch.full((5, 5), -40.0).fill_diagonal_(40.0)
    torch.testing.assert_close(q_align.expected_level(sure), torch.tensor([1, 0.75, 0.5, 0.25, 0.0]))


@pytest.mark.parametrize(("shape", "box"), [((20, 40), (0, 10, 40, 30)), ((40, 20), (10, 0, 30, 40)), ((32, 32), None)])
def test_a_picture_is_padded_by_the_mean_colour(shape: tuple[int, int], box: tuple[int, ...] | None) -> None:
    image = portrait(size=64)[: shape[0], : shape[1]]
    square = Image.new("RGB", (max(shape),) * 2, (122, 116, 104))
    square.paste(Image.fromarray(image), box[:2] if box else (0, 0))
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    expected = (np.asarray(square.resize((28, 28), Image.Resampling.BICUBIC)) / 255 - mean) / std
    np.testing.assert_allclose(q_align.pixels(image, 28)[0].permute(1, 2, 0).numpy(), expected, atol=1e-5)


def test_weights_must_be_pinned_complete_and_fitting(hub: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="revision must be the 40 hex digits"):
        QAlignImage(revision="main")
    with pytest.raises(ValueError, match="dtype must be one of float16"):
        QAlignImage(dtype="int8")
    with pytest.raises(ValueError, match="sampling must be uniform or reference"):
        QAlignVideo(sampling="random")
    with pytest.raises(ValueError, match="fps must be above 0"):
        QAlignVideo(fps=0)
    with pytest.raises(UserError, match="set the metric's parameter revision"):
        q_align.one_align("", "cpu", "float32")
    first, second = (hub / f"pytorch_model-0000{k}-of-00002.bin" for k in (1, 2))
    with pytest.raises(UserError, match="weights are in no file, the first of them"):
        q_align.filled(TINY, [first], torch.float32)
    state = torch.load(second, weights_only=True)
    old = {**state, "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}
    save_file(old, tmp_path / "old.safetensors")
    q_align.filled(TINY, [first, tmp_path / "old.safetensors"], torch.float32)
    for changed in ({**state, "model.extra": torch.ones(1)}, {**state, "model.norm.weight": torch.ones(31)}):
        torch.save(changed, tmp_path / "changed.bin")
        with pytest.raises(UserError, match=r"changed\.bin: model\.(extra|norm\.weight) of shape .* does not fit"):
            q_align.filled(TINY, [first, tmp_path / "changed.bin"], torch.float32)
    first.unlink()
    with pytest.raises(UserError, match="hf download q-future/one-align"):
        q_align.one_align("c" * 40, "cpu", "float32")


class Noted:
    """Scores the mean level of its pictures, and notes which of them it saw."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, list[int]]] = []

    def rate(self, images: Any, kind: str) -> float:
        self.seen.append((kind, [int(image[0, 0, 0]) for image in images]))
        return float(np.mean([image.mean() / 255 for image in images]))


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Noted:
    judge = Noted()
    for module in (q_align_image, q_align_video):
        monkeypatch.setattr(module, "one_align", lambda revision, device, dtype: judge)
    return judge


def clip(count: int) -> CellView:
    frames = np.stack([np.full((4, 4, 3), level, dtype=np.uint8) for level in range(count)])
    return CellView(frames[0], frames[0], frames[0], frames, frames)


def test_which_frames_are_judged(noted: Noted) -> None:
    assert QAlignImage().score(clip(17)) == pytest.approx(9 / 255)
    assert noted.seen == [("image", [level]) for level in range(2, 17, 2)]
    noted.seen.clear()
    QAlignVideo().score(clip(17))
    QAlignVideo(sampling="reference").score(clip(16))
    QAlignVideo(sampling="reference", fps=7.5).score(clip(49))
    QAlignVideo().score(clip(1))
    uniform = list(range(2, 17, 2))
    assert noted.seen == [("video", uniform), ("video", [0, 8]), ("video", [0, 7, 15, 22, 30, 37]), ("video", [0])]
    found = QAlignVideo(sampling="reference").score(clip(7))
    assert found == Unscored("a video of 7 frames at 8 fps is shorter than a second")


@pytest.mark.parametrize("metric", [QAlignImage, QAlignVideo])
def test_contract_with_a_smoothness_in_its_place(metric: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Smoothness:
        def rate(self, images: Any, kind: str) -> float:
            rough = [np.abs(np.diff(image.astype(float), axis=0)).sum() / image.size for image in images]
            return float(np.exp(-np.mean(rough) / 20))

    for module in (q_align_image, q_align_video):
        monkeypatch.setattr(module, "one_align", lambda revision, device, dtype: Smoothness())
    assert [check for check in checks(metric) if not check.ok] == []
    assert isinstance(metric().score(sample_view()), float)
