"""A network of one's own as a part of a pipeline of diffusers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Part(nn.Module):
    """Wraps a network so that it says its device and dtype, which a pipeline asks of each of its parts."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return next(self.network.parameters()).dtype

    def forward(self, *args: Any) -> Any:
        """Whatever the network makes of its arguments."""
        return self.network(*args)
