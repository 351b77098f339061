"""A training that may be cut into several runs: pace, learning rate, moving average, and the state between runs."""

from __future__ import annotations

import copy
import math
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from antibench.zoo.recipes import Training
from antibench.zoo.training.pace import Pace

WARM_UP = 0.03
"""Share of the steps in which the learning rate rises."""
SAVE_EVERY = 120.0
"""Seconds between two savings of the state: what a killed run can lose."""
PACE_AFTER, PACE_OVER = 30, 60
"""Steps before the pace is measured (compilation), and steps it is measured over."""


class Session:
    """One network's training, resumable.

    The state on disk holds weights, moving average, optimiser and step. `seconds` bounds this run. With `fit` the
    total number of steps follows what the measured pace allows in `fit` seconds of this run, so that the learning rate
    reaches its end; the number is kept in the state and belongs into the card. With `graph`, steps are to
    be replayed as a CUDA graph (`step.Step`), which the optimiser must be built for.
    """

    def __init__(
        self, module: nn.Module, plan: Training, state: Path, seconds: float, fit: float, *, graph: bool = False
    ) -> None:
        self.module = module
        self.plan = plan
        self.total = plan.steps
        self.step = 0
        self.spent = 0.0
        """Seconds of earlier runs."""
        self._state = state
        self._seconds = seconds
        self._fit = fit
        self._start = time.monotonic()
        self._paced_at = 0.0
        self._saved_at = 0.0
        self._mean_loss: Tensor | None = None
        self._pace = Pace()
        self.average = copy.deepcopy(module).eval().requires_grad_(False)
        # Listed once: walking a module tree at every step is time in which a small network's GPU waits.
        self._weights: list[Tensor] = list(module.parameters())
        self._averaged: list[Tensor] = list(self.average.parameters())
        on_gpu = self._weights[0].is_cuda
        trained = [parameter for parameter in self._weights if parameter.requires_grad]
        self.graph = graph and on_gpu
        rate = torch.tensor(plan.learning_rate, device="cuda") if self.graph else plan.learning_rate
        self.optimizer = torch.optim.AdamW(
            trained, rate, betas=(0.9, 0.98), weight_decay=0.01, fused=on_gpu, capturable=self.graph
        )
        if state.is_file():
            self._load()
        self._began = self.step

    @property
    def elapsed(self) -> float:
        """Seconds of this run."""
        return time.monotonic() - self._start

    def running(self) -> bool:
        """Whether there is another step to take in this run; sets its learning rate."""
        if self._fit:
            self._refit()
        if self.elapsed - self._saved_at > SAVE_EVERY:
            self.save()
        progress = self.step / self.total
        shape = min(1.0, progress / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * progress))
        self._set_rate(self.plan.learning_rate * shape + 1e-6)
        return self.step < self.total and self.elapsed < self._seconds

    def _refit(self) -> None:
        """Set the total to what the latest pace allows: other programs on the GPU come and go."""
        taken = self.step - self._began
        if taken < PACE_AFTER or (taken - PACE_AFTER) % PACE_OVER:
            return
        now = self.elapsed
        if taken > PACE_AFTER:
            pace = PACE_OVER / (now - self._paced_at)
            self.total = self.step + max(0, int(pace * (self._fit - now)))
        self._paced_at = now

    @property
    def finished(self) -> bool:
        """Whether all steps are taken."""
        return self.step >= self.total

    def descend(self, loss: Tensor) -> None:
        """Move the weights; a gradient that is not finite moves nothing. Never waits for a GPU."""
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(self._weights, 1.0)
        if norm.is_cuda:
            # The optimiser's own kernel skips the step, as for `torch.amp.GradScaler`.
            self.optimizer.found_inf = (~torch.isfinite(norm)).float()  # type: ignore[attr-defined]
            self.optimizer.step()
        elif torch.isfinite(norm):
            self.optimizer.step()

    def count(self, loss: Tensor, **figures: Tensor) -> None:
        """A step was taken: the moving average follows, and now and then a line is logged."""
        self.step += 1
        decay = min(self.plan.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self._averaged, self._weights, 1 - decay)
        value = loss.detach()
        self._mean_loss = value.clone() if self._mean_loss is None else torch.lerp(self._mean_loss, value, 0.01)
        if self.step in (1, 100) or self.step % 500 == 0:
            rest = " ".join(f"{name} {float(figure.detach()):.4f}" for name, figure in figures.items())
            parts = [f"step {self.step}/{self.total}", f"loss {float(self._mean_loss):.4f}", rest]
            self.log(" ".join(filter(None, [*parts, self._pace.told(self.step, self.total, self.elapsed)])))

    def _set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)  # in place: a CUDA graph reads this very tensor
            else:
                group["lr"] = rate

    def save(self) -> None:
        """Write the state, whole or not at all."""
        self._state.parent.mkdir(parents=True, exist_ok=True)
        part = self._state.with_suffix(".part")
        state: dict[str, Any] = {
            "module": self.module.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "total": self.total,
            "spent": self.spent + self.elapsed,
        }
        torch.save(state, part)
        part.replace(self._state)
        self._saved_at = self.elapsed

    def _load(self) -> None:
        device = self._weights[0].device
        state = torch.load(self._state, map_location=device, weights_only=True)
        self.module.load_state_dict(state["module"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.total, self.spent = int(state["step"]), int(state["total"]), float(state["spent"])
        self._fit = 0.0
        self.log(f"resumed at step {self.step} of {self.total}")

    def log(self, text: str) -> None:
        """A line of progress on standard error."""
        print(f"[{self._state.stem} {self.elapsed:6.1f} s] {text}", file=sys.stderr, flush=True)
