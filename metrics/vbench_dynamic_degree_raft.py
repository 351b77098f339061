"""VBench's dynamic degree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from antibench.contracts import Card, FramesU8
from antibench.metrics.citations import VBENCH
from antibench.metrics.judges.flow import Flow
from antibench.metrics.judges.raft import FILE, LICENCE, SHA256, raft_flows
from antibench.metrics.vbench_dynamic_degree import VbenchDynamicDegree


@dataclass(frozen=True)
class VbenchDynamicDegreeRaft(VbenchDynamicDegree):
    """1 if the clip moves, else 0: in at least a quarter as many pairs of frames as there are frames, the fastest 5% of
    the pixels move more than 6 px at a short side of 256."""

    name: ClassVar[str] = "vbench-dynamic-degree[raft]"
    version: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="VBench dynamic degree",
        source="Huang et al., VBench, 2024, dimension dynamic_degree; raw score of one clip",
        year=2024,
        arxiv="2311.17982",
        citation=VBENCH,
        licence=f"VBench Apache-2.0, {LICENCE}",
        reference=f"Vchitect/VBench@11abda977edaa0edbfc3c9b75a33c9c942a9ef6f; {FILE}, SHA-256 from {SHA256[FILE]}",
        deviations=(
            "torchvision's port of raft-things.pth",
            "the rate is a parameter: clips cross stages without one",
            "at least one pair has to move; VBench calls every clip of two frames moving",
            "frames below 128 px, which RAFT cannot read, are enlarged by a whole factor",
        ),
    )

    def estimate(self, frames: FramesU8) -> list[Flow]:
        """The flow from each frame to the next, by RAFT in 20 steps."""
        return raft_flows(frames)
