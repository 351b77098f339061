"""HunyuanVideo-I2V with random weights, small enough for a test.

It animates nothing; it has every path of the real one, so arithmetic, gradients and plumbing can be checked in seconds.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from diffusers import (
    AutoencoderKLHunyuanVideo,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoImageToVideoPipeline,
    HunyuanVideoTransformer3DModel,
)
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from antibench.contracts import Gives, ModelCard
from antibench.models.hunyuan_video import HunyuanVideo, HunyuanVideoSettings
from antibench.testing.tiny_text import WIDTH, clip_text
from antibench.testing.tiny_wan import GIVES

PATCHES = 16
"""Tokens that the language model is shown of a photo."""
HEADER = "<|end_header_id|>"
TEMPLATE: dict[str, Any] = {
    # A start, two ends of headers before the caption and one after it, as many tokens after that as the real one has.
    "template": f"s{HEADER}<image>d{HEADER}{{}}eha{HEADER}nn",
    "crop_start": 5,
    "image_emb_start": 2,
    "image_emb_end": 2 + PATCHES,
    "image_emb_len": PATCHES,
}


@dataclass(frozen=True)
class TinyHunyuanVideo:
    """Random weights in the classes of HunyuanVideo-I2V; `transformer` changes its configuration."""

    transformer: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    name: ClassVar[str] = "tiny-hunyuan-video"
    version: ClassVar[int] = 1
    card: ClassVar[ModelCard] = ModelCard("Random weights", world="small", gate="not-applicable")
    size: ClassVar[tuple[int, int]] = (16, 32)
    frames: ClassVar[int] = 9
    gives: ClassVar[frozenset[Gives]] = (GIVES - {"guidance"}) | {"image_tokens"}

    def load(self, device: str) -> HunyuanVideo:
        """Build the model; the weights are the same every time."""
        settings = {"fps": 24.0, "size": self.size, "frames": self.frames, "steps": 2, "text_length": 64}
        called = HunyuanVideoSettings(prompt_template=TEMPLATE, **{**settings, **self.settings})
        return HunyuanVideo(self.pipeline(device), called, self)

    def pipeline(self, device: str) -> HunyuanVideoImageToVideoPipeline:
        """The pipeline before the adapter takes it over and gives its image processor a gradient: it can be saved."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            tokenizer_2, text_encoder_2 = clip_text()
            tokenizer = _tokenizer()
            return HunyuanVideoImageToVideoPipeline(
                text_encoder=_llava(tokenizer),
                tokenizer=tokenizer,
                transformer=_transformer(self.transformer),
                vae=_vae(),
                scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
                text_encoder_2=text_encoder_2,
                tokenizer_2=tokenizer_2,
                image_processor=CLIPImageProcessor(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56}),
            ).to(device)


def _tokenizer() -> PreTrainedTokenizerFast:
    words = ["<pad>", "<unk>", "<image>", HEADER, *string.ascii_lowercase, " "]
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=["<image>", HEADER],
    )


def _llava(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    vision = CLIPVisionConfig(
        hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, patch_size=14,
        image_size=56,
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=4,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=1, eos_token_id=1,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=PATCHES,
    )  # fmt: skip
    config.pad_token_id = tokenizer.pad_token_id
    return LlavaForConditionalGeneration(config)


def _transformer(changes: dict[str, Any]) -> HunyuanVideoTransformer3DModel:
    config: dict[str, Any] = {
        "in_channels": 4,
        "out_channels": 4,
        "num_attention_heads": 2,
        "attention_head_dim": 12,
        "num_layers": 1,
        "num_single_layers": 1,
        "num_refiner_layers": 1,
        "text_embed_dim": WIDTH,
        "pooled_projection_dim": WIDTH,
        "rope_axes_dim": (4, 4, 4),
        "image_condition_type": "token_replace",
    }
    return HunyuanVideoTransformer3DModel(**{**config, **changes})


def _vae() -> AutoencoderKLHunyuanVideo:
    return AutoencoderKLHunyuanVideo(
        latent_channels=4, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4
    )
