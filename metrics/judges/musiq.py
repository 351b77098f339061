"""MUSIQ (Ke et al., ICCV 2021): rating of technical quality by a transformer over patches of a picture at three sizes.

Written from the authors' JAX code (google-research/musiq, Apache-2.0). The weights are their SPAQ checkpoint under the
names that the PyTorch port which VBench calls gave it; where the port computes otherwise than the authors (deviation of
standardised kernels with n - 1, exact GELU, bicubic enlargement), this follows the port, whose values are the known
ones. Tokens that only pad a sequence are left out instead of masked, which changes nothing.
"""

from __future__ import annotations

from functools import cache
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antibench.contracts import ImageU8
from antibench.metrics.judges.fetched import fetched_file
from antibench.metrics.judges.memo import PixelMemo
from antibench.models.weights import load_strictly, read_tensors
from antibench.pixels import to_float

FILE = "musiq_spaq_ckpt-358bb6af.pth"
"""The digits are the start of its SHA-256."""
SHA256 = {FILE: "358bb6af"}
URL = f"https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main/{FILE}"
LICENCE = "weights Apache-2.0 (google-research/musiq)"
PATCH, GRID, LONGER_SIDES = 32, 10, (224, 384)
_LARGEST = 512
"""Long side above which VBench reduces a picture first."""


def _same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Zeros around (..., H, W) so that a window fits as often as its stride does, the odd one below and right."""
    total = [max((ceil(side / stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:]]
    return F.pad(x, (total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2))


class StandardisedConv(nn.Conv2d):
    """Convolution whose kernels have mean 0 and deviation 1."""

    def forward(self, x: Tensor) -> Tensor:
        std, mean = torch.std_mean(self.weight, dim=(1, 2, 3), keepdim=True)
        kernel, stride = self.kernel_size[0], self.stride[0]
        return F.conv2d(_same(x, kernel, stride), (self.weight - mean) / (std + 1e-5), stride=stride)


class Bottleneck(nn.Module):
    """Residual unit of three convolutions, its input brought to four times the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        for name, ins, outs, kernel in (
            ("1", width, width, 1),
            ("2", width, width, 3),
            ("3", width, 4 * width, 1),
            ("_proj", width, 4 * width, 1),
        ):
            self.add_module(f"conv{name}", StandardisedConv(ins, outs, kernel, bias=False))
            self.add_module(f"gn{name}", nn.GroupNorm(32, outs, eps=1e-4))

    def _step(self, name: str, x: Tensor) -> Tensor:
        normed: Tensor = self.get_submodule(f"gn{name}")(self.get_submodule(f"conv{name}")(x))
        return normed

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self._step("2", F.relu(self._step("1", x))))
        return F.relu(self._step("3", inner) + self._step("_proj", x))


class Attention(nn.Module):
    """Self-attention with a projection of its own for each of query, key and value."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        parts = (part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value))
        mixed: Tensor = self.out(F.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2))
        return mixed


class Block(nn.Module):
    """A layer of the transformer, norms first."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.attention = Attention(width, heads)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, inner), "fc2": nn.Linear(inner, width)})

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        thought: Tensor = self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))
        return x + thought


class Encoder(nn.Module):
    """Tokens with their place and scale, and one more whose end is rated."""

    def __init__(self, width: int, heads: int, inner: int, layers: int) -> None:
        super().__init__()
        self.posembed_input = nn.ParameterDict({"position_emb": torch.zeros(1, GRID**2, width)})
        self.scaleembed_input = nn.ParameterDict({"scale_emb": torch.zeros(len(LONGER_SIDES) + 1, width)})
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.encoder_norm = nn.LayerNorm(width, eps=1e-6)
        blocks = {f"encoderblock_{k}": Block(width, heads, inner) for k in range(layers)}
        self.transformer = nn.ModuleDict(blocks)

    def forward(self, x: Tensor, places: Tensor, scales: Tensor) -> Tensor:
        x = x + self.posembed_input["position_emb"][0, places] + self.scaleembed_input["scale_emb"][scales]
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], dim=1)
        for block in self.transformer.values():
            x = block(x)
        ended: Tensor = self.encoder_norm(x[:, 0])
        return ended


class Musiq(nn.Module):
    """The whole network.

    Args:
        width: Of a token.
        heads: Of the attention.
        inner: Width between the two layers of a block's perceptron.
        layers: Of the transformer.
    """

    def __init__(self, width: int = 384, heads: int = 6, inner: int = 1152, layers: int = 14) -> None:
        super().__init__()
        stem = 64
        self.conv_root = StandardisedConv(3, stem, 7, stride=2, bias=False)
        self.gn_root = nn.GroupNorm(32, stem, eps=1e-6)
        self.block1 = Bottleneck(stem)
        self.embedding = nn.Linear(4 * stem * (PATCH // 4) ** 2, width)
        self.transformer_encoder = Encoder(width, heads, inner, layers)
        self.head = nn.Linear(width, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(1, 3, H, W) in [0, 1] -> (1,): rating, about 0..100."""
        patches, places, scales = tokens(image * 2 - 1)
        x = F.relu(self.gn_root(self.conv_root(patches)))
        x = self.block1(F.max_pool2d(_same(x, 3, 2), 3, 2))
        x = self.embedding(x.permute(0, 2, 3, 1).flatten(1))[None]
        rating: Tensor = self.head(self.transformer_encoder(x, places, scales))
        return rating[:, 0]


def tokens(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Patches of a (1, 3, H, W) image at both sizes and its own: (N, 3, 32, 32), their places and their scales, (N,).

    A place is one of 10 x 10, whatever the number of patches: the nearest one.
    """
    height, width = image.shape[2:]
    sizes = [
        (max(1, round(height * longer / max(height, width))), max(1, round(width * longer / max(height, width))))
        for longer in LONGER_SIDES
    ]
    scaled = [F.interpolate(image, size, mode="bicubic", align_corners=False) for size in sizes]
    patches, places, scales = [], [], []
    for scale, picture in enumerate([*scaled, image]):
        rows, columns = (ceil(side / PATCH) for side in picture.shape[2:])
        cut = F.unfold(_same(picture, PATCH, PATCH), PATCH, stride=PATCH)[0].T
        patches.append(cut.reshape(-1, 3, PATCH, PATCH))
        across, down = torch.arange(columns) * GRID // columns, torch.arange(rows) * GRID // rows
        places.append((down[:, None] * GRID + across).flatten())
        scales.append(torch.full((rows * columns,), scale))
    return torch.cat(patches), torch.cat(places), torch.cat(scales)


@cache
def musiq_net() -> Musiq:
    """MUSIQ trained on SPAQ, once per process.

    Raises:
        UserError: if its file was not fetched, is not what its hash says or does not fit.
    """
    path = fetched_file(FILE, URL, SHA256[FILE])
    with torch.random.fork_rng(devices=[]):
        net = Musiq()
    load_strictly(net, read_tensors(path), FILE)
    return net.eval().requires_grad_(False)


def musiq_rating(image: ImageU8) -> float:
    """Rating of an (H, W, 3) uint8 image as VBench shows it, about 0..100, higher = better.

    Raises:
        UserError: as `musiq_net`.
    """
    return _RATINGS(image)


def musiq_input(image: ImageU8) -> Tensor:
    """(H, W, 3) uint8 as MUSIQ sees it: (1, 3, h, w) in [0, 1], the long side at most 512 px."""
    pixels = to_float(image)
    longest = max(pixels.shape[2:])
    if longest <= _LARGEST:
        return pixels
    size = [int(_LARGEST / longest * side) for side in pixels.shape[2:]]
    return F.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False)


def _rated(image: ImageU8) -> float:
    with torch.no_grad():
        return float(musiq_net()(musiq_input(image)))


_RATINGS = PixelMemo(_rated)
