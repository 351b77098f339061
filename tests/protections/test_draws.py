"""With a fixed number of draws, the target photo of Anti-I2V passes through the denoiser once for each."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from recorder import Recorder

from antibench.attacks.anti_i2v import AntiI2V
from antibench.contracts import VideoModel
from antibench.perturb.lean import lean, mean_square
from antibench.perturb.objective import Objective, Term, View
from antibench.perturb.terms import Anchor, DiffusionLoss, _Wanted
from antibench.pixels import to_float
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo

STEPS = 12


def passes(model: VideoModel, plugin: AntiI2V) -> tuple[Recorder, torch.Tensor]:
    recorder: Any = Recorder(model)
    found = plugin.perturb(to_float(sample_photo(size=model.size)), sample_context(recorder))
    return recorder, found


def levels(calls: list[dict[str, Any]]) -> set[float]:
    return {call["t"] for call in calls}


@pytest.mark.parametrize("draws", [1, 3])
def test_anchors_are_computed_once_for_each_draw(svd: VideoModel, draws: int) -> None:
    recorder, _ = passes(svd, AntiI2V(steps=STEPS, draws=draws))
    anchors = [call for call in recorder.denoised if not call["grad"]]
    assert len(recorder.denoised) - len(anchors) == STEPS
    assert len(anchors) == draws  # of 12 steps each of the 3 gets some
    assert levels(anchors) == levels(recorder.denoised)
    assert len(levels(anchors)) == draws


def test_without_draws_each_step_has_its_own(svd: VideoModel) -> None:
    recorder, _ = passes(svd, AntiI2V(steps=STEPS))
    assert sum(not call["grad"] for call in recorder.denoised) == STEPS
    assert len(levels(recorder.denoised)) == STEPS


def test_what_is_kept_is_what_would_be_computed(svd: VideoModel) -> None:
    class Forgetful(Anchor):
        def value(self, view: View) -> torch.Tensor:
            self._known.clear()
            return super().value(view)

    target = torch.rand((1, 3, *svd.size), generator=torch.Generator().manual_seed(0))
    photo = to_float(sample_photo(size=svd.size))
    values = []
    for kind in (Anchor, Forgetful):
        terms: list[tuple[float, Term]] = [(1.0, DiffusionLoss("+")), (1.0, kind(svd, target, svd.layers[-2:]))]
        objective = Objective(sample_context(svd), terms, guided=True, t_range=(0.0, 1.0), draws=2)
        with torch.no_grad():
            values.append([float(objective(photo)) for _ in range(6)])
    assert values[0] == values[1]
    assert len(set(values[0])) == 2


def test_no_draws_are_refused(svd: VideoModel) -> None:
    with pytest.raises(ValueError, match="draws must be 1 or more"):
        AntiI2V(draws=0)
    with pytest.raises(ValueError, match="draws must be 1 or more"):
        Objective(sample_context(svd), [], guided=False, t_range=(0, 1), draws=0)


def test_a_distance_in_half_precision_has_the_gradient_of_the_plain_one_and_keeps_no_copies() -> None:
    draws = torch.Generator().manual_seed(0)
    value = torch.randn(64, 64, generator=draws).bfloat16().requires_grad_()
    wanted = torch.randn(64, 64, generator=draws).bfloat16()

    def distance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return (one.float() - other.float()).pow(2).mean()

    kept: list[torch.dtype] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.dtype) or x, lambda x: x):
        found = lean(distance, value, wanted)
    assert torch.float32 not in kept
    assert torch.equal(*torch.autograd.grad(found, value), *torch.autograd.grad(distance(value, wanted), value))


def test_a_distance_in_bfloat16_is_that_in_float32_but_for_rounding() -> None:
    draws = torch.Generator().manual_seed(0)
    value = (1e3 * torch.randn(512, 512, generator=draws)).bfloat16().requires_grad_()
    wanted = torch.randn(512, 512, generator=draws).bfloat16()
    plain = torch.nn.functional.mse_loss(value.float(), wanted.float())
    found = mean_square(value, wanted)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, plain, rtol=5e-4, atol=0)  # a mean in bfloat16 is off by 9e-4
    gradients = [torch.autograd.grad(loss, value)[0].float() for loss in (found, plain)]
    torch.testing.assert_close(*gradients, rtol=0.02, atol=0)


def test_what_is_approached_is_divided_by_its_own_size() -> None:
    wanted = _Wanted.of(torch.tensor([3.0, 4.0]))
    assert float(wanted.size) == 12.5
    assert float(wanted.distance(torch.tensor([3.0, -1.0]))) == 1.0
    assert wanted.on_host() is wanted
