"""How much of a gradient is left when linear layers multiply in 8-bit floating point, at full size on a GPU.

CogVideoX-5B with random weights, 16 frames, the gradient of the diffusion loss to a photo of noise at a few noise
levels: in bfloat16 and with `float8`, each against float32. Compared are the direction (cosine) and the signs, which
are all that signed steps use. Random weights have none of the outliers that trained ones have, so this is the least
that 8 bits cost. One JSON object a line.

examples:
  python benchmarks/float8_gradient.py > docs/results/float8-gradient.jsonl
"""

from __future__ import annotations

import gc
import json
from typing import Any

import torch
from gpu_attack_step import importable

LEVELS = (0.1, 0.5, 0.9)


def main() -> None:
    """Build one model after the other: two do not fit."""
    importable()
    exact = gradients(torch.float32)
    for name, computing in (("bfloat16", {}), ("float8", {"float8": True})):
        for level, found, wanted in zip(LEVELS, gradients(torch.bfloat16, **computing), exact, strict=True):
            signs = (found.sign() == wanted.sign()).double().mean()
            cosine = torch.nn.functional.cosine_similarity(found.flatten(), wanted.flatten(), dim=0)
            row = {"linear_layers": name, "t": level, "cosine": float(cosine), "same_signs": float(signs)}
            print(json.dumps({**row, "gpu": torch.cuda.get_device_name(), "torch": torch.__version__}), flush=True)


def gradients(dtype: torch.dtype, **computing: Any) -> list[torch.Tensor]:
    """To the photo, in float64 on the host, one a level."""
    from full_size import Order, build
    from step_cost import photo_of

    model = build(Order("cogvideox-5b-i2v", 16, "cuda", computing, dtype=dtype))
    photo = photo_of(model, "cuda").requires_grad_()
    height, width = (side // 8 for side in model.size)
    found = []
    for seed, level in enumerate(LEVELS):
        draws = torch.Generator().manual_seed(seed)
        clip, noise = (torch.randn((1, 4, 16, height, width), generator=draws) for _ in range(2))
        loss = model.denoise(photo, "", clip_latents=clip.cuda(), t=level, noise=noise.cuda()).loss
        found.append(torch.autograd.grad(loss, photo)[0].double().cpu())
    del model, photo, loss
    gc.collect()
    torch.cuda.empty_cache()
    return found


if __name__ == "__main__":
    main()
