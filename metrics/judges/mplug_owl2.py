"""mPLUG-Owl2 (Ye et al., CVPR 2024), as far as one answer needs it: a ViT, an abstractor that makes 64 tokens of a
picture, and LLaMA-2 with its own keys, values and norms for those tokens.

Written from the paper and the public code for today's torch; names of weights are those of the public checkpoints. The
Llama and the ViT are held to those of transformers by tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAYER_NORM_EPS = 1e-5
"""Of the norms that the configuration says nothing of."""


class Multiway(nn.Module):
    """One of two layers for each token: the first for text, the second for what is seen."""

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.multiway = nn.ModuleList([make(), make()])

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """`seen` (T, 1) says which of the tokens (B, T, C) are of a picture."""
        return torch.where(seen, self.multiway[1](x), self.multiway[0](x))


def _heads(x: Tensor, count: int) -> Tensor:
    """(B, T, C) to (B, heads, T, C / heads)."""
    return x.view(*x.shape[:-1], count, -1).transpose(1, 2)


def _joined(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


class _TextAttention(nn.Module):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, self.heads = config["hidden_size"], config["num_attention_heads"]
        self.groups = config.get("num_key_value_heads") or self.heads
        narrow = width // self.heads * self.groups
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = Multiway(lambda: nn.Linear(width, narrow, bias=False))
        self.v_proj = Multiway(lambda: nn.Linear(width, narrow, bias=False))
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, seen: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        query = _turned(_heads(self.q_proj(x), self.heads), turn)
        key = _turned(_heads(self.k_proj(x, seen), self.groups), turn)
        value = _heads(self.v_proj(x, seen), self.groups)
        key, value = (part.repeat_interleave(self.heads // self.groups, dim=1) for part in (key, value))
        found: Tensor = self.o_proj(_joined(F.scaled_dot_product_attention(query, key, value, is_causal=True)))
        return found


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary position embedding; a pair is a channel of the first half with its fellow of the second."""
    first, second = x.chunk(2, dim=-1)
    return x * turn[0] + torch.cat([-second, first], dim=-1) * turn[1]


class _TextLayer(nn.Module):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, wide, eps = config["hidden_size"], config["intermediate_size"], config["rms_norm_eps"]
        self.self_attn = _TextAttention(config)
        names = ("gate_proj", "up_proj", "down_proj")
        sizes = ((width, wide), (width, wide), (wide, width))
        layers = {name: nn.Linear(*size, bias=False) for name, size in zip(names, sizes, strict=True)}
        self.mlp = nn.ModuleDict(layers)
        self.input_layernorm = Multiway(lambda: nn.RMSNorm(width, eps=eps))
        self.post_attention_layernorm = Multiway(lambda: nn.RMSNorm(width, eps=eps))

    def forward(self, x: Tensor, seen: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x, seen), seen, turn)
        inner = self.post_attention_layernorm(x, seen)
        found: Tensor = self.mlp["down_proj"](F.silu(self.mlp["gate_proj"](inner)) * self.mlp["up_proj"](inner))
        return x + found


class _SeeingAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.dense = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        # One head's query, key and value lie beside each other.
        query, key, value = self.query_key_value(x).unflatten(-1, (self.heads, 3, -1)).permute(3, 0, 2, 1, 4)
        found: Tensor = self.dense(_joined(F.scaled_dot_product_attention(query, key, value)))
        return found


class _SeeingLayer(nn.Module):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, wide, eps = config["hidden_size"], config["intermediate_size"], config["layer_norm_eps"]
        self.self_attn = _SeeingAttention(width, config["num_attention_heads"])
        self.input_layernorm = nn.LayerNorm(width, eps=eps)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, wide), "fc2": nn.Linear(wide, width)})
        self.post_attention_layernorm = nn.LayerNorm(width, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x))
        inner = self.mlp["fc1"](self.post_attention_layernorm(x))
        found: Tensor = self.mlp["fc2"](inner * torch.sigmoid(1.702 * inner))  # CLIP's own approximation of GELU
        return x + found


class _Patches(nn.Module):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, patch = config["hidden_size"], config["patch_size"]
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.patch_embed = nn.Conv2d(3, width, patch, patch, bias=False)
        self.position_embedding = nn.Parameter(torch.zeros(1, (config["image_size"] // patch) ** 2 + 1, width))
        self.pre_layernorm = nn.LayerNorm(width, eps=config["layer_norm_eps"])

    def forward(self, pixels: Tensor) -> Tensor:
        patches = self.patch_embed(pixels).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1)
        found: Tensor = self.pre_layernorm(tokens + self.position_embedding)
        return found


class VisionModel(nn.Module):
    """CLIP's ViT: pixels (N, 3, S, S) to tokens (N, 1 + patches, C), all of them normed at the end."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.embeddings = _Patches(config)
        layers = [_SeeingLayer(config) for _ in range(config["num_hidden_layers"])]
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList(layers)})
        self.post_layernorm = nn.LayerNorm(config["hidden_size"], eps=config["layer_norm_eps"])

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.embeddings(pixels)
        for layer in cast(nn.ModuleList, self.encoder["layers"]):
            x = layer(x)
        found: Tensor = self.post_layernorm(x)
        return found


class _QueryAttention(nn.Module):
    q_pos_embed: Tensor
    k_pos_embed: Tensor

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, seen, self.heads = config["hidden_size"], config["encoder_hidden_size"], config["num_attention_heads"]
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(seen, width), nn.Linear(seen, width)
        self.register_buffer("q_pos_embed", torch.zeros(config["num_learnable_queries"], width))
        self.register_buffer("k_pos_embed", torch.zeros(config["grid_size"] ** 2 + 1, width))

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        places = torch.cat([self.q_pos_embed, self.k_pos_embed])
        query = _heads(self.query(queries + self.q_pos_embed), self.heads)
        key, value = _heads(self.key(tokens + places), self.heads), _heads(self.value(tokens), self.heads)
        return _joined(F.scaled_dot_product_attention(query, key, value))


class _QueryOutput(nn.Module):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, wide = config["hidden_size"], config["intermediate_size"]
        self.out_proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        parts: dict[str, nn.Module] = {"w1": nn.Linear(width, wide), "w2": nn.Linear(wide, width)}
        parts |= {"w3": nn.Linear(width, wide), "ffn_ln": nn.LayerNorm(wide, eps=config["layer_norm_eps"])}
        self.mlp = nn.ModuleDict(parts)

    def forward(self, attended: Tensor, queries: Tensor) -> Tensor:
        x: Tensor = queries + self.out_proj(attended)
        inner = self.norm2(x)
        found: Tensor = self.mlp["w2"](self.mlp["ffn_ln"](F.silu(self.mlp["w1"](inner)) * self.mlp["w3"](inner)))
        return x + found


class _QueryLayer(nn.Module):
    """Queries look at themselves and at the picture. What is added to are the normed queries, as in the public code."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        parts: dict[str, nn.Module] = {"attention": _QueryAttention(config), "output": _QueryOutput(config)}
        parts["norm1"] = nn.LayerNorm(config["hidden_size"], eps=LAYER_NORM_EPS)
        parts["normk"] = nn.LayerNorm(config["encoder_hidden_size"], eps=LAYER_NORM_EPS)
        self.crossattention = nn.ModuleDict(parts)

    def forward(self, queries: Tensor, picture: Tensor) -> Tensor:
        parts = self.crossattention
        normed = parts["norm1"](queries)
        attended = parts["attention"](normed, torch.cat([normed, parts["normk"](picture)], dim=1))
        found: Tensor = parts["output"](attended, normed)
        return found


class VisualAbstractor(nn.Module):
    """Tokens of a picture (N, K, C) to what the language model reads: (N, queries + 1, D), the last one a mark."""

    def __init__(self, config: dict[str, Any], width: int) -> None:
        super().__init__()
        layers = [_QueryLayer(config) for _ in range(config["num_hidden_layers"])]
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList(layers)})
        self.visual_fc = nn.Linear(config["hidden_size"], width)
        self.query_embeds = nn.Parameter(torch.zeros(1, config["num_learnable_queries"], config["hidden_size"]))
        self.vit_eos = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, picture: Tensor) -> Tensor:
        x = self.query_embeds.expand(len(picture), -1, -1)
        for layer in cast(nn.ModuleList, self.encoder["layers"]):
            x = layer(x, picture)
        return torch.cat([self.visual_fc(x), self.vit_eos.expand(len(x), -1, -1)], dim=1)


class _Language(nn.Module):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        visual, width = config["visual_config"], config["hidden_size"]
        self.embed_tokens = nn.Embedding(config["vocab_size"], width)
        self.layers = nn.ModuleList([_TextLayer(config) for _ in range(config["num_hidden_layers"])])
        self.norm = nn.RMSNorm(width, eps=config["rms_norm_eps"])
        self.vision_model = VisionModel(visual["visual_model"])
        self.visual_abstractor = VisualAbstractor(visual["visual_abstractor"], width)


class MplugOwl2(nn.Module):
    """Says how likely each token is to follow a prompt with pictures in it.

    Args:
        config: The checkpoint's `config.json`.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.model = _Language(config)
        self.lm_head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)
        self.channels = config["hidden_size"] // config["num_attention_heads"]
        self.theta = float(config.get("rope_theta") or 10_000.0)

    def see(self, pixels: Tensor) -> Tensor:
        """Pictures (N, 3, S, S) as tokens (N, queries + 1, D)."""
        found: Tensor = self.model.visual_abstractor(self.model.vision_model(pixels))
        return found

    def read(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """Logits (B, V) of what follows tokens (B, T, D), of which `seen` (T,) are of pictures."""
        turn = self._turn(tokens)
        for layer in self.model.layers:
            tokens = layer(tokens, seen[:, None], turn)
        logits: Tensor = self.lm_head(self.model.norm(tokens[:, -1]))
        return logits

    def forward(self, pixels: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """Logits (B, V) of what follows a prompt, for each of B sets of K pictures.

        Args:
            pixels: (B, K, 3, S, S).
            before: (T,) token ids before the pictures.
            after: (U,) token ids after them.
        """
        pictures = self.see(pixels.flatten(0, 1))
        pictures = pictures.view(len(pixels), -1, pictures.shape[-1])  # those of a set one after the other
        texts = [self.model.embed_tokens(ids).expand(len(pixels), -1, -1) for ids in (before, after)]
        seen = torch.zeros(len(before) + pictures.shape[1] + len(after), dtype=torch.bool, device=pixels.device)
        seen[len(before) : len(before) + pictures.shape[1]] = True
        return self.read(torch.cat([texts[0], pictures, texts[1]], dim=1), seen)

    def _turn(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and sine (T, C) of the rotary position embedding, computed in float32."""
        share = torch.arange(0, self.channels, 2, device=tokens.device, dtype=torch.float32) / self.channels
        place = torch.arange(tokens.shape[1], device=tokens.device, dtype=torch.float32)
        angle = (place[:, None] / self.theta**share).repeat(1, 2)
        return angle.cos().to(tokens.dtype), angle.sin().to(tokens.dtype)
