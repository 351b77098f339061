"""The optimiser on objectives whose answer can be worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from antibench.perturb.pgd import default_alpha, pgd
from antibench.perturb.spaces import RGB, LabChroma, LowFrequencyDCT

EPSILON = 8 / 255


def photo() -> torch.Tensor:
    levels = torch.randint(0, 256, (1, 3, 8, 8), generator=torch.Generator().manual_seed(1))
    return levels.float() / 255


def weights() -> torch.Tensor:
    return torch.randn((1, 3, 8, 8), generator=torch.Generator().manual_seed(2))


def linear(image: torch.Tensor) -> torch.Tensor:
    return (weights() * image).sum()


def test_a_linear_objective_ends_at_its_corner_of_the_budget() -> None:
    corner = (photo() - EPSILON * weights().sign()).clamp(0, 1)
    assert torch.allclose(pgd(photo(), linear, epsilon=EPSILON, steps=20), corner, atol=1e-6)


def test_steps_fall_linearly_to_a_tenth() -> None:
    grey = torch.full((1, 3, 8, 8), 128 / 255)
    change = pgd(grey, linear, epsilon=EPSILON, steps=4, alpha=0.05) - grey
    assert torch.allclose(change.abs(), torch.tensor(0.05 * (1 + 0.7 + 0.4 + 0.1) * EPSILON), atol=1e-6)


def test_one_step_is_a_whole_one() -> None:
    grey = torch.full((1, 3, 8, 8), 128 / 255)
    change = pgd(grey, linear, epsilon=EPSILON, steps=1, alpha=0.5) - grey
    assert torch.allclose(change.abs(), torch.tensor(0.5 * EPSILON), atol=1e-6)


def test_short_schedules_can_cross_the_budget() -> None:
    assert default_alpha(200) == 0.1
    assert all(
        default_alpha(steps) * sum(1 - 0.9 * step / max(steps - 1, 1) for step in range(steps)) > 1
        for steps in range(1, 50)
    )


def test_the_objective_sees_the_photo_as_it_would_be_saved() -> None:
    seen: list[torch.Tensor] = []

    def objective(image: torch.Tensor) -> torch.Tensor:
        seen.append(image.detach().clone())
        return linear(image)

    pgd(photo(), objective, epsilon=EPSILON, steps=7, spaces=(LabChroma(), LowFrequencyDCT(), RGB()))
    assert len(seen) == 7
    for image in seen:
        levels = image * 255
        assert (levels - levels.round()).abs().max() < 1e-3
        assert (levels - photo() * 255).abs().max() < 8.001


def test_steps_below_half_a_level_add_up() -> None:
    grey = torch.full((1, 3, 8, 8), 128 / 255)
    result = pgd(grey, linear, epsilon=EPSILON, steps=100, alpha=0.02)
    assert torch.allclose((result - grey).abs(), torch.tensor(EPSILON), atol=1e-6)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_the_gradient_passes_the_ends_of_the_range(level: float) -> None:
    inward = 1.0 if level == 0 else -1.0
    end = torch.full((1, 3, 8, 8), level)
    moved = pgd(end, lambda image: -inward * image.sum(), epsilon=EPSILON, steps=20)
    assert torch.allclose(moved, end + inward * EPSILON, atol=1e-6)


@pytest.mark.parametrize("space", [RGB(), LabChroma(), LowFrequencyDCT()], ids=lambda space: type(space).__name__)
def test_every_space_lowers_the_objective_within_the_budget(space: RGB | LabChroma | LowFrequencyDCT) -> None:
    result = pgd(photo(), linear, epsilon=EPSILON, steps=30, spaces=(space,))
    assert linear(result) < linear(photo()) - 0.2
    assert (result - photo()).abs().max() <= EPSILON + 1e-6
    assert result.min() >= 0
    assert result.max() <= 1


@dataclass(frozen=True)
class Noting(RGB):
    """RGB that notes each step taken in it."""

    name: str
    notes: list[str]

    def inverse(self, coordinates: torch.Tensor) -> torch.Tensor:
        if coordinates.requires_grad:
            self.notes.append(self.name)
        return coordinates


def test_spaces_take_turns() -> None:
    notes: list[str] = []
    pgd(photo(), linear, epsilon=EPSILON, steps=5, spaces=(Noting("a", notes), Noting("b", notes)))
    assert notes == ["a", "b", "a", "b", "a"]


@pytest.mark.parametrize(("spaces", "levels"), [((RGB(),), 1.0), ((RGB(), RGB()), 2.0)])
def test_the_fewer_steps_a_space_gets_the_larger_they_are(spaces: tuple[RGB, ...], levels: float) -> None:
    seen: list[torch.Tensor] = []

    def objective(image: torch.Tensor) -> torch.Tensor:
        seen.append(image.detach().clone())
        return linear(image)

    grey = torch.full((1, 3, 8, 8), 128 / 255)
    pgd(grey, objective, epsilon=EPSILON, steps=20, spaces=spaces)
    assert torch.allclose((seen[1] - grey).abs() * 255, torch.tensor(levels), atol=1e-3)


def test_a_random_start_lies_within_the_budget_and_follows_its_generator() -> None:
    def started(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return pgd(photo(), lambda image: 0 * image.sum(), epsilon=EPSILON, steps=1, start=generator)

    assert torch.equal(started(0), started(0))
    assert not torch.equal(started(0), started(1))
    assert EPSILON / 2 < (started(0) - photo()).abs().max() <= EPSILON + 1e-6


@pytest.mark.parametrize(("epsilon", "steps"), [(0.0, 5), (EPSILON, 0)])
def test_nothing_to_do_gives_the_photo_back(epsilon: float, steps: int) -> None:
    assert torch.equal(pgd(photo(), linear, epsilon=epsilon, steps=steps), photo())


def test_a_gradient_that_is_not_a_number_raises() -> None:
    with pytest.raises(ValueError, match="not finite"):
        pgd(photo(), lambda image: (image - image).sqrt().sum(), epsilon=EPSILON, steps=2)


def test_it_works_where_gradients_are_off() -> None:
    with torch.no_grad():
        result = pgd(photo(), linear, epsilon=EPSILON, steps=20)
    assert torch.equal(result, pgd(photo(), linear, epsilon=EPSILON, steps=20))
    assert linear(result) < linear(photo())
