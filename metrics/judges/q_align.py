"""Q-Align (Wu et al., ICML 2024), the OneAlign weights: asks a language model that sees how good a picture or video is,
and reads how likely each of five levels is as the answer.

The weights are read by an own loader: no code of the repository is run, and its version of transformers is not needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from antibench.contracts import ImageU8
from antibench.errors import UserError
from antibench.metrics.judges.downloaded import cached_in_hub
from antibench.metrics.judges.mplug_owl2 import MplugOwl2
from antibench.pixels import to_float

Kind: TypeAlias = Literal["image", "video"]
Encode: TypeAlias = Callable[[str], list[int]]
"""Text to token ids, without a mark at its start."""

REPO = "q-future/one-align"
LEVELS = ("excellent", "good", "fair", "poor", "bad")
WEIGHTS = (1.0, 0.75, 0.5, 0.25, 0.0)
"""What each level is worth; `score()` of the hub's own code says 5 to 1 instead: (s - 1) / 4 is this."""
START = 1
"""LLaMA's mark at the start of a text."""
DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def prompt(encode: Encode, kind: Kind) -> tuple[list[int], list[int]]:
    """Token ids before and after the picture."""
    before = encode(f"USER: How would you rate the quality of this {kind}?\n")
    return [START, *before], encode(f"\nASSISTANT: The quality of the {kind} is")


def level_ids(encode: Encode) -> list[int]:
    """The first token of each level.

    Raises:
        UserError: if two of them are the same, which says that this is not LLaMA's tokenizer.
    """
    found = [encode(level)[0] for level in LEVELS]
    if len(set(found)) < len(LEVELS):
        raise UserError(f"the five levels have the first tokens {found}: this is not the tokenizer of {REPO}")
    return found


def expected_level(logits: Tensor) -> Tensor:
    """Logits (B, 5) of the levels to scores (B,) in 0..1."""
    return logits.float().softmax(dim=1) @ torch.tensor(WEIGHTS, device=logits.device)


def pixels(image: ImageU8, side: int) -> Tensor:
    """A picture as the network takes it, (1, 3, side, side): padded to a square by the mean colour, then bicubic."""
    height, width = image.shape[:2]
    longer = max(height, width)
    square = Image.new("RGB", (longer, longer), tuple(int(255 * value) for value in _MEAN))
    square.paste(Image.fromarray(image), ((longer - width) // 2, (longer - height) // 2))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (_MEAN, _STD))
    return (to_float(np.array(square.resize((side, side), Image.Resampling.BICUBIC))) - mean) / std


class OneAlign:
    """The network with its tokens."""

    def __init__(self, network: MplugOwl2, encode: Encode, side: int) -> None:
        """`side` is that of its pictures in pixels."""
        self._network, self._side = network, side
        self._prompts: dict[Kind, list[Tensor]] = {}
        self._device = network.lm_head.weight.device
        for kind in ("image", "video"):
            self._prompts[kind] = [torch.tensor(ids, device=self._device) for ids in prompt(encode, kind)]
        self._levels = level_ids(encode)

    @torch.no_grad()
    def rate(self, images: Sequence[ImageU8], kind: Kind) -> float:
        """Score of (H, W, 3) images, 0..1: of one picture, or of a video's frames seen together."""
        stacked = torch.cat([pixels(image, self._side) for image in images])[None]
        seen = stacked.to(self._device, self._network.lm_head.weight.dtype)
        return float(expected_level(self._network(seen, *self._prompts[kind])[:, self._levels]))


@lru_cache(maxsize=1)
def one_align(revision: str, device: str, dtype: str) -> OneAlign:
    """Load the network once per process.

    Raises:
        UserError: if no commit is given, the files are not in the hub's cache, or they do not fit.
    """
    if not revision:
        raise UserError(
            f"no commit of {REPO} is known here: set the metric's parameter revision to its 40 hex digits, which "
            f"`git ls-remote https://huggingface.co/{REPO} HEAD` prints"
        )
    config = json.loads(_file(revision, "config.json").read_text("utf-8"))
    encode = sentencepiece_encode(_file(revision, "tokenizer.model"))
    index = next((found for name in INDEXES if (found := cached_in_hub(REPO, revision, name))), None)
    if index is None:
        raise _missing(revision, INDEXES[-1])
    shards = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    network = filled(config, [_file(revision, name) for name in shards], DTYPES[dtype]).to(device)
    return OneAlign(network, encode, config["visual_config"]["visual_model"]["image_size"])


def filled(config: dict[str, Any], shards: Sequence[Path], dtype: torch.dtype) -> MplugOwl2:
    """The network with the weights of several files, every one of them and no other; frozen, in evaluation mode.

    Raises:
        UserError: naming the first weights that are missing, not known, or of another shape.
    """
    with torch.device("meta"):
        network = MplugOwl2(config)
    wanted = {name: value.shape for name, value in network.state_dict().items()}
    for shard in shards:
        stored = _stored(shard)
        # Older versions of transformers wrote the frequencies of the rotary embedding, which follow from its size.
        given = {name: value.to(dtype) for name, value in stored.items() if not name.endswith("rotary_emb.inv_freq")}
        for name, value in given.items():
            if wanted.pop(name, None) != value.shape:
                raise UserError(f"{shard.name}: {name} of shape {tuple(value.shape)} does not fit mPLUG-Owl2")
        network.load_state_dict(given, strict=False, assign=True)
    if wanted:
        raise UserError(f"{REPO}: {len(wanted)} weights are in no file, the first of them {min(wanted)}")
    return network.eval().requires_grad_(False)


def sentencepiece_encode(path: Path) -> Encode:
    """LLaMA's tokenizer from its file.

    Raises:
        UserError: if sentencepiece is not installed.
    """
    try:
        import sentencepiece
    except ImportError:
        raise UserError("sentencepiece is not installed; run: pip install 'antibench[q-align]'") from None
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return lambda text: [int(token) for token in processor.encode(text)]


def _stored(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        return load_file(path)
    found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return found


def _file(revision: str, name: str) -> Path:
    found = cached_in_hub(REPO, revision, name)
    if found is None:
        raise _missing(revision, name)
    return found


def _missing(revision: str, name: str) -> UserError:
    return UserError(
        f"{name} of {REPO} is not in the hub's cache; fetch it once (about 16 GB, non-commercial) with: "
        f"hf download {REPO} --revision {revision}"
    )
