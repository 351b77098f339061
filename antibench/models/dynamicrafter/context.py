"""What the cross-attention of the U-Net reads: text tokens of a clip, image tokens of each of its frames."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Context(NamedTuple):
    """Tokens of width C.

    Attributes:
        text: (B, K, C): one row a clip.
        image: (B·T, k, C), frames of a clip adjacent: one row a frame; or (B, K', C): one row a clip.
    """

    text: Tensor
    image: Tensor


def split_context(context: Tensor, frames: int, text_tokens: int, image_tokens_per_frame: int) -> Context:
    """Take a context apart.

    With `image_tokens_per_frame` image tokens for each of `frames` frames, every frame gets its own; with any other
    number all image tokens go to all frames, which is how a projector made for more frames is used.

    Args:
        context: (B, text_tokens + K', C), text first. There may be no text (`text_tokens` 0) or no image tokens.
        frames: T.
        text_tokens: How many of the tokens are text.
        image_tokens_per_frame: Image tokens of a frame.

    Raises:
        ValueError: if there are fewer tokens than text tokens.
    """
    if context.shape[1] < text_tokens:
        raise ValueError(f"a context of {context.shape[1]} tokens, where {text_tokens} of text come first")
    text, image = context[:, :text_tokens], context[:, text_tokens:]
    if image.shape[1] == frames * image_tokens_per_frame:
        image = image.reshape(-1, image_tokens_per_frame, image.shape[2])
    return Context(text, image)
