"""The adversarial part of a decoder's training: who gets which gradient, and that a critic learns to see blur."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from antibench.zoo.training.critic import PatchCritic, adversarial_losses


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def fresh() -> PatchCritic:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return PatchCritic()


def losses_of(critic: PatchCritic, decoder: nn.Conv2d, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    made = decoder(real)
    rest = (made - real).abs().mean()
    told = adversarial_losses(critic, made, real, rest, decoder.weight)
    return told.critic, told.decoder, rest


def test_each_side_descends_its_own_loss_alone() -> None:
    critic, decoder = fresh(), nn.Conv2d(3, 3, 3, padding=1)
    real = torch.randn(2, 3, 16, 16, generator=seeded(1))
    of_critic, of_decoder, _ = losses_of(critic, decoder, real)
    of_critic.backward(retain_graph=True)
    assert decoder.weight.grad is None
    assert all(parameter.grad is not None for parameter in critic.parameters())
    critic.zero_grad()
    of_decoder.backward()
    assert decoder.weight.grad is not None
    assert all(parameter.grad is None for parameter in critic.parameters())


def test_the_parts_have_gradients_of_one_length_at_the_last_weight() -> None:
    critic, decoder = fresh(), nn.Conv2d(3, 3, 3, padding=1)
    _, of_decoder, rest = losses_of(critic, decoder, torch.randn(2, 3, 16, 16, generator=seeded(1)))
    lengths = [
        float(torch.autograd.grad(loss, decoder.weight, retain_graph=True)[0].norm()) for loss in (of_decoder, rest)
    ]
    torch.testing.assert_close(lengths[0], lengths[1], rtol=1e-4, atol=0)


def test_a_critic_learns_that_blurred_pictures_are_made() -> None:
    critic = fresh()
    optimizer = torch.optim.Adam(critic.parameters(), 1e-3)
    blur = torch.full((3, 1, 3, 3), 1 / 9)
    for step in range(40):
        real = torch.randn(8, 3, 16, 16, generator=seeded(step)).clamp(-1, 1)
        made = nn.functional.conv2d(real, blur, padding=1, groups=3).requires_grad_()
        told = adversarial_losses(critic, made, real, made.square().mean(), made)
        optimizer.zero_grad()
        told.critic.backward()
        optimizer.step()
    with torch.no_grad():
        real = torch.randn(8, 3, 16, 16, generator=seeded(99)).clamp(-1, 1)
        made = nn.functional.conv2d(real, blur, padding=1, groups=3)
        assert float(critic(real).mean()) > 0.5
        assert float(critic(made).mean()) < -0.5
