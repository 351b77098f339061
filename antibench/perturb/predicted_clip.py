"""Terms on the clean clip that the denoiser's pass stands for, whatever it predicts: noise, v or a velocity."""

from __future__ import annotations

import torch

from antibench.contracts import VideoModel
from antibench.perturb.lean import mean_square
from antibench.perturb.objective import Term, View
from antibench.perturb.static_clip import static_clip


class ClipTarget(Term):
    """Mean squared distance of the predicted clip to a static clip of a target photo."""

    def __init__(self, surrogate: VideoModel, target: torch.Tensor) -> None:
        """`target` is (1, 3, H, W) in [0, 1] at the surrogate's size."""
        self._wanted = static_clip(surrogate, target)

    def value(self, view: View) -> torch.Tensor:
        """Per element."""
        return mean_square(view.denoised.clean, self._wanted.to(view.denoised.clean))


class ClipMargin(Term):
    """max(0, margin - mean squared distance of the predicted clip to the clip that was noised)."""

    def __init__(self, margin: float) -> None:
        self._margin = margin

    def value(self, view: View) -> torch.Tensor:
        """From 0, once the prediction is far enough, to the margin.

        Raises:
            ValueError: if the view holds no clip.
        """
        if view.clip is None:
            raise ValueError("the distance to the reference clip needs a view that holds it")
        return torch.relu(self._margin - mean_square(view.denoised.clean, view.clip.to(view.denoised.clean)))


class FramesTarget(Term):
    """Root mean square distance of each predicted latent frame to that of a static clip of a target photo."""

    def __init__(self, surrogate: VideoModel, target: torch.Tensor) -> None:
        """`target` is (1, 3, H, W) in [0, 1] at the surrogate's size."""
        self._axis = surrogate.frame_axis
        self._wanted = static_clip(surrogate, target)

    def value(self, view: View) -> torch.Tensor:
        """Mean over latent frames."""
        apart = (view.denoised.clean - self._wanted.to(view.denoised.clean)).movedim(self._axis, 0).flatten(1)
        return apart.pow(2).mean(1).clamp(min=1e-12).sqrt().mean()


class FrameSpread(Term):
    """Raise the distances of predicted latent frames to the photo and to each other.

    Mean over frames of the mean squared distance to the photo, plus mean over pairs of frames of that between the two.
    """

    def __init__(self, surrogate: VideoModel, photo: torch.Tensor) -> None:
        """`photo` is the clean one, (1, 3, H, W) in [0, 1] at the surrogate's size."""
        self._axis = surrogate.frame_axis
        self._photo = static_clip(surrogate, photo)

    def value(self, view: View) -> torch.Tensor:
        """Minus the sum."""
        clean = view.denoised.clean
        # Over all pairs of F numbers, the mean of (a - b)^2 is twice their variance with F - 1 in the denominator.
        between = 2 * clean.var(dim=self._axis, correction=1).mean()
        return -(mean_square(clean, self._photo.to(clean)) + between)
