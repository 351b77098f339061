"""Anti-Prompt, inspired by: make the denoiser listen to the photo and not to the caption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from antibench.contracts import Card, Claim, PerturbContext
from antibench.perturb.descent import SurrogateDescent
from antibench.perturb.prompt_terms import TextAgainstPhoto

_CITATION = """@inproceedings{song2026antiprompt,
  title     = {Anti-Prompt: Image Protection against Text-Guided Image-to-Video Generation},
  author    = {Song and others},
  booktitle = {European Conference on Computer Vision},
  year      = {2026}
}"""


@dataclass(frozen=True, kw_only=True)
class AntiPrompt(SurrogateDescent):
    """Minimise log |f(x', y) - f(x', "")|^2 - log |f(x', "") - f(grey, "")|^2 over late layers f.

    The first is what the caption y adds to the features: the interaction that is weakened. The second is what the photo
    makes of them without any caption: the visual path that is strengthened. This is not the paper's loss, which is not
    public, but a stand-in for its description.

    Attributes:
        guided: The features are those of the conditional branch, so the other one is not run.
        late: Share of the denoiser's layers, counted from the last.
    """

    name: ClassVar[str] = "anti-prompt"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="Anti-Prompt (inspired): less from the caption, more from the photo",
        source="Inspired by Song et al., ECCV 2026: weaken text-conditioned interactions, strengthen visual-only paths",
        year=2026,
        arxiv="2607.01499",
        citation=_CITATION,
        licence="no code published",
        reference="the paper's project page; its equation is not public",
        native_space="not known",
        native_budget="not known",
        deviations=(
            "The loss is ours: results under this name are not those of the paper.",
            "Effects are measured by leaving caption or photo out, in features, not in maps of attention: a model "
            "whose text has an attention of its own always spends all of it on the text.",
            "Chosen: a ratio of effects, the last third of the layers, a mid-grey photo for none, 200 signed steps.",
        ),
        claims=(
            Claim("It protects more than I2VGuard.", "anti-prompt", "i2vguard"),
            Claim("It keeps more than I2VGuard after JPEG.", "anti-prompt", "i2vguard", after="jpeg(75)"),
        ),
        notes="A surrogate without text is refused.",
    )
    needs: ClassVar[frozenset[str]] = frozenset({"diffusion_loss", "features", "text", "references"})
    stochastic: ClassVar[bool] = True
    role: ClassVar[Literal["protection", "control", "degenerate"]] = "protection"

    guided: bool = False
    late: float = 1 / 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.late <= 1:
            raise ValueError(f"late must be a share in (0, 1], not {self.late}")

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """See `Protection.perturb`."""
        surrogate = context.surrogate
        late = surrogate.layers[-max(1, round(self.late * len(surrogate.layers))) :]
        return self.descend(image, context, [(1.0, TextAgainstPhoto(surrogate, image, late))])
