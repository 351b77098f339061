"""A few steps on one batch: what a loss must do that a network can learn."""

from __future__ import annotations

from pathlib import Path

from antibench.zoo.recipes import Training
from antibench.zoo.training.denoiser import Objective
from antibench.zoo.training.draws import Batch
from antibench.zoo.training.session import Session


def losses_on(objective: Objective, batch: Batch, folder: Path) -> list[float]:
    """The losses of 12 steps on the same batch, at a learning rate past the warm-up."""
    plan = Training(steps=1000, batch=2, learning_rate=2e-3, seed=1)
    session = Session(objective, plan, folder / "state.pt", 1e9, 0)
    losses = []
    while session.running() and session.step < 12:
        for group in session.optimizer.param_groups:
            group["lr"] = plan.learning_rate
        loss = objective(batch)
        losses.append(float(loss.detach()))
        session.descend(loss)
        session.count(loss)
    return losses
