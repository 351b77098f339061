"""LAION's aesthetic predictor, first version: a linear layer on CLIP ViT-L/14 embeddings of unit length."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import nn

from antibench.contracts import ImageU8
from antibench.metrics.judges.clip import Seen
from antibench.metrics.judges.fetched import fetched_file
from antibench.models.weights import load_strictly, read_tensors

FILE = "sa_0_4_vit_l_14_linear.pth"
URL = f"https://raw.githubusercontent.com/LAION-AI/aesthetic-predictor/main/{FILE}"
_WIDTH = 768


@cache
def aesthetic_head(sha256: str) -> nn.Linear:
    """The head, once per process.

    Args:
        sha256: Of its file, which has no published hash.

    Raises:
        UserError: if it was not fetched, no hash is given, or it is another file.
    """
    path = fetched_file(FILE, URL, sha256)
    with torch.random.fork_rng(devices=[]):
        head = nn.Linear(_WIDTH, 1)
    load_strictly(head, read_tensors(path), FILE)
    return head.eval().requires_grad_(False)


def aesthetic_rating(image: ImageU8, sha256: str) -> float:
    """Rating of an (H, W, 3) uint8 image, about 1..10, higher = more pleasing.

    Raises:
        UserError: if the weights of the head or of CLIP were not fetched.
    """
    head = aesthetic_head(sha256)
    embedding = Seen("ViT-L-14", vbench=True)(image)
    unit = embedding / max(float(np.linalg.norm(embedding)), 1e-12)
    return float(head(torch.from_numpy(unit)))
