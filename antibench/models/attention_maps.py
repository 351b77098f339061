"""Maps of attention across frames, computed from the inputs of a network's own attentions.

An attention over all tokens of a clip has a map of (frames x places)^2 entries: 17,550^2 for each head and block of
CogVideoX-5B, which no gradient can be kept for. What is computed here is its practical form: queries and keys are
averaged over the places of each frame, and their softmax is T x T. For an attention that runs across the frames at each
place it is that of the average place. Where text takes part in the attention, it is left out of the softmax.

Queries and keys are projected once more from the input, after the pass. A hook only keeps a reference: what it computed
inside a block that runs again in the backward pass would be missing there. So the input of each attention asked for
stays in memory, 110 MB a block of CogVideoX-5B at 49 frames, even where blocks are recomputed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor, nn

QueriesAndKeys: TypeAlias = Callable[..., tuple[Tensor, Tensor]]
"""(module, rows, *inputs of the module) -> queries and keys, each (rows, heads, T, d), averaged over places."""


class FrameAttention(NamedTuple):
    """An attention across frames.

    Attributes:
        module: Whose inputs are kept.
        read: What makes queries and keys of them.
    """

    module: nn.Module
    read: QueriesAndKeys


def across_frames(queries: Tensor, keys: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(d)) in float32: two of (B, heads, T, d) to (B, heads, T, T)."""
    scores = queries.float() @ keys.float().transpose(-1, -2) / queries.shape[-1] ** 0.5
    maps: Tensor = scores.softmax(dim=-1)
    return maps


@contextmanager
def watched(attentions: Mapping[str, FrameAttention], rows: int, store: dict[str, Tensor]) -> Iterator[None]:
    """Put the maps of the attentions that run in the block into `store` when it ends well; leaves no hook behind.

    Raises:
        ValueError: for an attention that was not seen to run.
    """
    inputs: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}
    handles = [
        attention.module.register_forward_pre_hook(partial(_keep, inputs, name), with_kwargs=True)
        for name, attention in attentions.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    for name, attention in attentions.items():
        if name not in inputs:
            raise ValueError(f"the attention {name} was not seen to run; a compiled network hides it: compiled=false")
        args, options = inputs[name]
        store[name] = across_frames(*attention.read(attention.module, rows, *args, **options))


def temporal_attentions(
    layers: Mapping[str, nn.Module], block: type[nn.Module], names: tuple[str, ...]
) -> dict[str, FrameAttention]:
    """The self-attentions across the frames at each place in a U-Net, in the order they run.

    Args:
        layers: The U-Net's, in the order they run.
        block: Class of a block over the frames.
        names: Its self-attentions, linear projections `to_q` and `to_k` and a number `heads`.
    """
    return {
        ".".join(part for part in (layer, path, name) if part): FrameAttention(getattr(found, name), _of_places)
        for layer, module in layers.items()
        for path, found in module.named_modules()
        if isinstance(found, block)
        for name in names
    }


def _of_places(attention: Any, rows: int, tokens: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    """Of (rows x places, T, width). The average goes through the projections, which are linear, alone."""
    del options
    average = tokens.float().reshape(rows, -1, *tokens.shape[1:]).mean(1).to(tokens.dtype)
    queries, keys = (
        project(average).reshape(*average.shape[:2], attention.heads, -1).transpose(1, 2)
        for project in (attention.to_q, attention.to_k)
    )
    return queries, keys


def _keep(store: dict[str, Any], name: str, module: nn.Module, args: Any, options: Any) -> None:
    store[name] = args, options
