"""A surrogate that notes how it is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from antibench.contracts import Denoised, Encoded


@dataclass
class Recorder:
    """Wraps a model; `denoised` and `encoded` hold the arguments of each call, and whether gradients were on."""

    model: Any
    denoised: list[dict[str, Any]] = field(default_factory=list)
    encoded: list[dict[str, Any]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def denoise(self, image: torch.Tensor, prompt: str, **options: Any) -> Denoised:
        """Note and pass on."""
        grad = torch.is_grad_enabled()
        self.denoised.append({"image": image.detach().clone(), "prompt": prompt, "grad": grad, **options})
        answer: Denoised = self.model.denoise(image, prompt, **options)
        return answer

    def encode(self, image: torch.Tensor, *, capture: Sequence[str] = ()) -> Encoded:
        """Note and pass on."""
        self.encoded.append({"image": image.detach().clone(), "capture": capture, "grad": torch.is_grad_enabled()})
        answer: Encoded = self.model.encode(image, capture=capture)
        return answer
