"""Text and image encoders of transformers with random weights and tokenizers of letters, for the tiny models."""

from __future__ import annotations

import string

from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)

WIDTH = 16
"""Channels of every encoder here."""
_ENDS = ("<|startoftext|>", "<|endoftext|>")


def clip_text() -> tuple[CLIPTokenizer, CLIPTextModel]:
    """A CLIP tokenizer of letters, 77 tokens long, and its encoder."""
    words = [*string.ascii_lowercase, *(letter + "</w>" for letter in string.ascii_lowercase), *_ENDS]
    tokenizer = CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=77)
    config = CLIPTextConfig(
        vocab_size=len(words), hidden_size=WIDTH, intermediate_size=WIDTH, projection_dim=WIDTH, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=77, bos_token_id=len(words) - 2, eos_token_id=len(words) - 1,
        pad_token_id=len(words) - 1,
    )  # fmt: skip
    return tokenizer, CLIPTextModel(config)


def letters() -> T5Tokenizer:
    """A T5 tokenizer of letters."""
    pieces = [(letter, -1.0) for letter in "▁" + string.ascii_lowercase]
    return T5Tokenizer([("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces], extra_ids=0)


def t5() -> tuple[T5Tokenizer, T5EncoderModel]:
    """T5 and a tokenizer of letters."""
    config = T5Config(vocab_size=40, d_model=WIDTH, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    return letters(), T5EncoderModel(config)


def umt5() -> tuple[T5Tokenizer, UMT5EncoderModel]:
    """UMT5 and a tokenizer of letters."""
    config = UMT5Config(vocab_size=40, d_model=WIDTH, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    return letters(), UMT5EncoderModel(config)


def clip_vision(kind: type[CLIPVisionModel] | type[CLIPVisionModelWithProjection]) -> CLIPVisionModel:
    """CLIP's image encoder with patches of 56 pixels: 17 tokens, and an embedding where `kind` projects."""
    config = CLIPVisionConfig(
        hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, patch_size=56,
        image_size=224, projection_dim=WIDTH,
    )  # fmt: skip
    return kind(config)


def clip_processor() -> CLIPImageProcessor:
    """The image processor as CLIP's checkpoints configure it."""
    return CLIPImageProcessor()
