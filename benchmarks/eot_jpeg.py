"""Does a protection that is made through JPEG keep more of its objective after a real JPEG? A Markdown table.

    python benchmarks/eot_jpeg.py [--steps 20] [--photos 3]

AdvDM and its modified forms on dynamicrafter-small at 8 levels, on portraits of the tuning split. The objective is the
guided diffusion loss, at the same 16 draws for every photo. Kept: its rise over the equally purified clean photo, as a
share of the rise of plain AdvDM without purification. A few minutes on one core.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from antibench.budget import settle
from antibench.contracts import Case, ImageU8, PerturbContext
from antibench.diagnosis.held import Held, Steps
from antibench.perturb.interception import intercepting
from antibench.pixels import to_float
from antibench.purifications.jpeg import Jpeg
from antibench.purifications.resize import Resize
from antibench.registry import DATASETS, MODELS
from antibench.resolve import instance, modified_protection
from antibench.suite import ProtectionChoice

NAMES = (
    "advdm",
    "advdm+eot(jpeg)",
    "advdm+eot(jpeg(75))",
    "advdm+eot(jpeg(75),identity=false)",
    "advdm+eot(resize(0.5))",
)
DRAWS = 16


def purified(photo: ImageU8) -> dict[str, ImageU8]:
    """The photo, as it is and after real purifications."""
    rng = np.random.default_rng(0)
    return {
        "none": photo,
        **{f"jpeg({quality})": Jpeg().apply(photo, strength=quality, rng=rng) for quality in (90, 75, 50, 30)},
        "resize(0.5)": Resize().apply(photo, strength=0.5, rng=rng),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--photos", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = MODELS.create("dynamicrafter-small").load("cpu")
    dataset = DATASETS.create("portraits", {"count": given.photos, "split": "tune", "frames": 1})
    rises: dict[str, list[list[float]]] = {name: [] for name in NAMES}
    for case in (case for case in dataset.cases() if isinstance(case, Case)):
        photo = case.photo
        image, clip = to_float(photo), model.generate(photo, case.caption, 2000)
        plain = None
        for name in NAMES:
            context = PerturbContext(case.caption, 8, model, (clip,), image, torch.Generator().manual_seed(0))
            plugin = instance(modified_protection(ProtectionChoice(name=name, steps=given.steps, t_min=0.8)))
            steps = Steps()
            with intercepting(steps.watch):
                proposal = plugin.perturb(image, context)
            if plain is None:  # every row is measured by the objective of plain AdvDM
                assert steps.objective is not None
                plain = Held(steps.objective, context, DRAWS)
                clean = [plain.values(to_float(seen)).mean() for seen in purified(photo).values()]
            protected = purified(settle(proposal, photo, 8).image)
            rises[name].append(
                [
                    before - plain.values(to_float(seen)).mean()
                    for seen, before in zip(protected.values(), clean, strict=True)
                ]
            )
    whole = np.mean(rises["advdm"], axis=0)[0]
    heads = list(purified(photo))
    print(f"| {given.steps} steps, {given.photos} photos | " + " | ".join(heads) + " |\n|---|" + "---:|" * len(heads))
    for name in NAMES:
        shares = np.array(rises[name]) / whole
        told = [
            f"{mean:.2f} ({low:.2f} to {high:.2f})"
            for mean, low, high in zip(shares.mean(0), shares.min(0), shares.max(0), strict=True)
        ]
        print(f"| {name} | " + " | ".join(told) + " |")


if __name__ == "__main__":
    main()
