"""OpenAI's CLIP through package `open_clip`: image and text embeddings that may be compared.

Two ways to prepare a picture: CLIP's own (PIL: bicubic, antialiased) for `clip-i` and `clip-t`, and VBench's (a float
tensor: bicubic, not antialiased) for its dimensions. Both bring the short side to 224 px and cut out the centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias, cast

import torch
from PIL import Image
from torchvision.transforms.functional import InterpolationMode, center_crop, normalize, resize, to_tensor

from antibench.contracts import ImageU8
from antibench.errors import UserError
from antibench.metrics.judges.deep_features import Features
from antibench.metrics.judges.fetched import fetched_file, torchscript_weights
from antibench.metrics.judges.memo import PixelMemo
from antibench.pixels import to_float

Clip: TypeAlias = Literal["ViT-B-32", "ViT-L-14"]
SHA256: dict[Clip, str] = {
    "ViT-B-32": "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
    "ViT-L-14": "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
}
"""Part of OpenAI's own addresses."""
LICENCE = "weights MIT (OpenAI)"
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Seen:
    """How a network of CLIP is shown a picture.

    Attributes:
        network: Which one.
        vbench: Whether as VBench prepares it.
    """

    network: Clip
    vbench: bool = False

    def __call__(self, image: ImageU8) -> Features:
        """Embedding of an (H, W, 3) uint8 image, not scaled to unit length: (512,) of B/32, (768,) of L/14.

        Raises:
            UserError: if the weights were not fetched.
        """
        return _memo(self)(image)

    def prepared(self, image: ImageU8, side: int) -> torch.Tensor:
        """(H, W, 3) uint8 -> (1, 3, side, side), normalised."""
        if self.vbench:
            pixels = resize(to_float(image), [side], InterpolationMode.BICUBIC, antialias=False)
        else:
            pixels = to_tensor(resize(Image.fromarray(image), [side], InterpolationMode.BICUBIC))[None]
        return cast(torch.Tensor, normalize(center_crop(pixels, [side]), MEAN, STD))


@cache
def clip_net(network: Clip) -> Any:
    """A network of CLIP in float32, once per process.

    Raises:
        UserError: if its file was not fetched, or is not what its hash says.
    """
    from open_clip.model import build_model_from_openai_state_dict

    name, sha256 = f"{network}.pt", SHA256[network]
    path = fetched_file(name, f"https://openaipublic.azureedge.net/clip/models/{sha256}/{name}", sha256)
    try:
        stored = torchscript_weights(path)
        with torch.random.fork_rng(devices=[]):
            net = build_model_from_openai_state_dict(stored, cast_dtype=torch.float32)
    except (RuntimeError, KeyError) as error:
        raise UserError(f"{name} in torch's cache is not OpenAI's {network}; fetch it again") from error
    return net.float().eval().requires_grad_(False)


@cache
def clip_text(network: Clip, text: str) -> Features:
    """Embedding of a text, cut to CLIP's 77 tokens; not scaled to unit length.

    Raises:
        UserError: if the weights were not fetched.
    """
    import open_clip

    tokens = open_clip.get_tokenizer(network)([text])
    with torch.no_grad():
        return cast(Features, clip_net(network).encode_text(tokens)[0].numpy())


@cache
def _memo(seen: Seen) -> PixelMemo[Features]:
    def embed(image: ImageU8) -> Features:
        net = clip_net(seen.network)
        with torch.no_grad():
            return cast(Features, net.encode_image(seen.prepared(image, net.visual.image_size[0]))[0].numpy())

    return PixelMemo(embed)
