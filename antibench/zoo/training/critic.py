"""The adversarial part of a decoder's training: a critic that looks at patches (PatchGAN), against blur.

A decoder that is trained by distances alone draws the mean of what a latent may stand for, which is blurred. The
autoencoders of latent diffusion are therefore trained against a critic of patches as well (Esser et al., "Taming
Transformers", 2021, equations 4 to 7; Rombach et al. 2022, section 3.1), with a weight that follows the gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

WIDTH = 64
MOST_WEIGHT = 1e4


class PatchCritic(nn.Module):
    """Scores the patches of images (N, 3, H, W) in [-1, 1]: (N, 1, H / 4, W / 4), above 0 for real; each sees 18 px."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, WIDTH, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(WIDTH, 2 * WIDTH, 4, stride=2, padding=1),
            nn.GroupNorm(16, 2 * WIDTH),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * WIDTH, 2 * WIDTH, 3, padding=1),
            nn.GroupNorm(16, 2 * WIDTH),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * WIDTH, 1, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        scores: Tensor = self.layers(images)
        return scores

    def frozen(self, images: Tensor) -> Tensor:
        """The scores, with a gradient to the images and none to the critic."""
        weights = {name: parameter.detach() for name, parameter in self.named_parameters()}
        scores: Tensor = functional_call(self, weights, (images,))
        return scores


@dataclass(frozen=True)
class AdversarialLosses:
    """`critic`, the hinge loss that the critic descends; `decoder`, the weighted score that the decoder raises."""

    critic: Tensor
    decoder: Tensor
    weight: Tensor


def adversarial_losses(
    critic: PatchCritic, made: Tensor, real: Tensor, rest: Tensor, last: Tensor
) -> AdversarialLosses:
    """Hinge losses of images that a decoder made and of the real ones.

    Args:
        critic: Told the two apart.
        made: (N, 3, H, W) in [-1, 1], with a gradient.
        real: As `made`.
        rest: The decoder's loss without a critic.
        last: The decoder's last weight: the adversarial part gets the weight at which its gradient there is as long
            as that of `rest`.
    """
    hinge = F.relu(1 - critic(real)).float().mean() + F.relu(1 + critic(made.detach())).float().mean()
    score = -critic.frozen(made).float().mean()
    (of_rest,) = torch.autograd.grad(rest, last, retain_graph=True)
    (of_score,) = torch.autograd.grad(score, last, retain_graph=True)
    weight = (of_rest.norm() / (of_score.norm() + 1e-8)).clamp(max=MOST_WEIGHT).detach()
    return AdversarialLosses(hinge, weight * score, weight)
