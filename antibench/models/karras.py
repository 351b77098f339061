"""The noise levels of Karras et al. 2022 (arXiv 2206.00364), equation 5."""

from __future__ import annotations

RHO = 7.0


def karras_level(t: float, smallest: float, largest: float) -> float:
    """The noise level at `t`, where level^(1/7) is uniform in t.

    So t runs along the levels that a sampler of this schedule visits: no part of a generation is left out and none is
    weighted twice.

    Args:
        t: In [0, 1].
        smallest: Standard deviation of the noise at 0, where latents have unit variance.
        largest: At 1.
    """
    low, high = smallest ** (1 / RHO), largest ** (1 / RHO)
    return float((low + t * (high - low)) ** RHO)
