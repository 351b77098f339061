"""Cosmos-Predict2. Planning reads this file, so nothing heavy is imported before a model is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from antibench.contracts import ModelCard, VideoModel
from antibench.models.specs_flow import FlowSpec

REVISION = "f50c09f5d8ab133a90cac3f4886a6471e9ba3f18"
"""As `scripts/download_checkpoints.py` of NVIDIA's cosmos-predict2 pins it."""

_CITATION = """@article{nvidia2025cosmos,
  title = {Cosmos World Foundation Model Platform for Physical AI},
  author = {{NVIDIA}}, journal = {arXiv:2501.03575}, year = {2025}}"""


@dataclass(frozen=True)
class CosmosPredict2(FlowSpec):
    """Cosmos-Predict2 2B Video2World at 704 lines, 93 frames, from one photo.

    Attributes:
        guidance: The pipeline's scale w; the usual formula's is 1 + w.
        low_memory: Keep the text encoder in the host's memory, where it encodes each caption once.
    """

    steps: int = 35
    guidance: float = 7.0
    revision: str = REVISION
    low_memory: bool = False

    name: ClassVar[str] = "cosmos-predict2-2b"
    card: ClassVar[ModelCard] = ModelCard(
        "Cosmos-Predict2 2B Video2World",
        source="NVIDIA; pipeline of diffusers, its defaults",
        year=2025,
        arxiv="2501.03575",
        citation=_CITATION,
        licence="NVIDIA Open Model License, which ends where the guardrail is bypassed",
        repo_id="nvidia/Cosmos-Predict2-2B-Video2World",
        revision=REVISION,
        deviations=(
            "The negative prompt is empty; the pipeline's is a list of faults.",
            "The photo's latent is the mean of the posterior in gradients; the pipeline draws it for a clip.",
        ),
        weights_gb=14.0,
        text_gb=9.7,
        notes=(
            "A surrogate for protections as it is. Clips need NVIDIA's guardrail (`pip install cosmos_guardrail`), "
            "which pixelates faces in them: judges of identity find none there. The repository asks for consent to "
            "its licence before a download. That the weights take 14 GB in bfloat16, text encoder included, follows "
            "from their number; activations and the guardrail's own models come on top, unmeasured."
        ),
    )
    size: ClassVar[tuple[int, int]] = (704, 1280)
    frames: ClassVar[int] = 93
    fps: ClassVar[float] = 16.0

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from the folder given, else from the hub or its cache."""
        from antibench.models.real_flow import load_cosmos

        return load_cosmos(self, device, weights)
