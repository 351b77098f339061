"""One step of a training, replayed as a CUDA graph if the session asks for it.

A small network's step is a few thousand tiny kernels: launched one by one from Python they leave a large GPU idle nine
tenths of the time. Captured once, the whole step (loss, gradient, clipping, optimiser) is a single launch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from antibench.zoo.training.draws import Batch
from antibench.zoo.training.session import Session

WARM_UP = 3
"""Steps taken one kernel at a time before the capture: libraries choose their algorithms in them."""

Losses = dict[str, Tensor]


@dataclass
class _Captured:
    graph: torch.cuda.CUDAGraph
    batch: Batch
    losses: Losses


class Step:
    """Takes a session's steps on batches of one shape.

    `losses_of` maps a batch to named scalars, of which "loss" is descended and the others are logged. It may not read
    a value back from the GPU, and every choice it makes must be in the batch or in tensors.
    """

    def __init__(self, session: Session, losses_of: Callable[[Batch], Losses]) -> None:
        self._session = session
        self._losses_of = losses_of
        self._taken = 0
        self._captured: _Captured | None = None

    def __call__(self, batch: Batch) -> None:
        """Take one step."""
        if not self._session.graph:
            losses = self._work(batch)
        elif self._taken < WARM_UP:
            losses = self._beside(batch)
        else:
            losses = self._replayed(batch)
        self._taken += 1
        figures = {name: value for name, value in losses.items() if name != "loss"}
        self._session.count(losses["loss"], **figures)

    def _work(self, batch: Batch) -> Losses:
        losses = self._losses_of(batch)
        self._session.descend(losses["loss"])
        return losses

    def _beside(self, batch: Batch) -> Losses:
        """On a stream of its own, as a capture runs."""
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            losses = self._work(batch)
        torch.cuda.current_stream().wait_stream(side)
        return losses

    def _replayed(self, batch: Batch) -> Losses:
        if self._captured is None:
            static, graph = {name: value.clone() for name, value in batch.items()}, torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                losses = self._work(static)
            self._captured = _Captured(graph, static, losses)
        for name, value in self._captured.batch.items():
            value.copy_(batch[name])
        self._captured.graph.replay()
        return self._captured.losses
