"""How well the face judges work on the rendered portraits, and what a frame costs: a Markdown table.

    OMP_NUM_THREADS=1 python benchmarks/face_judges.py

People, scenes and motions of fixed seeds, each person in two scenes, first and last frame; a minute on one core.
"Same" and "different" are mean cosines, after centring by the mean of the pictures themselves, over pairs of pictures
from different scenes; AUC is the chance that a pair of the same person has the higher one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import combinations

import numpy as np
import torch

from antibench.contracts import ImageU8
from antibench.metrics.judges import faces
from antibench.metrics.judges.deep_features import cosine, vgg_features
from antibench.pixels import frames_to_u8
from antibench.zoo.identity import sample_identity, sample_scene
from antibench.zoo.motion import sample_actions, sample_motion
from antibench.zoo.render import render

PEOPLE = 64
SIZES = (64, 96)


def pictures(size: int) -> list[tuple[int, int, ImageU8]]:
    """Person, scene and picture."""
    generator = torch.Generator().manual_seed(7)
    identity, found = sample_identity(PEOPLE, generator), []
    for scene in range(2):
        motion = sample_motion(sample_actions(PEOPLE, generator), 9, generator)
        with torch.no_grad():
            clips = render(identity, sample_scene(PEOPLE, generator), motion, size, generator)
        for person, clip in enumerate(clips):
            found += [(person, scene, frame) for frame in frames_to_u8(clip[[0, -1]])]
    return found


def milliseconds(judge: Callable[[ImageU8], object], frames: list[ImageU8]) -> float:
    """Processor time per frame of a judge that has already been used once."""
    start = time.process_time()
    for frame in frames:
        judge(frame)
    return (time.process_time() - start) / len(frames) * 1000


def row(size: int) -> str:
    """One line of the table."""
    given = pictures(size)
    frames = [frame for _, _, frame in given]
    for judge in (faces.embed, vgg_features):
        judge(frames[-1])
    times = [milliseconds(judge, frames[:-1]) for judge in (faces.find, faces.embed)]
    times.append(milliseconds(vgg_features, frames[:20]))
    known = [(person, scene, face) for person, scene, frame in given if (face := faces.embed(frame)) is not None]
    centre = np.mean([face for _, _, face in known], axis=0)
    pairs = [
        (person == other, cosine(face - centre, another - centre))
        for (person, scene, face), (other, elsewhere, another) in combinations(known, 2)
        if scene != elsewhere
    ]
    same, different = (np.array([value for is_same, value in pairs if is_same is wanted]) for wanted in (True, False))
    auc = float(np.mean(same[:, None] > different))
    detected = len(known) / len(given)
    costs = " | ".join(f"{cost:.0f}" for cost in times)
    return f"| {size} | {detected:.1%} | {same.mean():.2f} | {different.mean():.2f} | {auc:.3f} | {costs} |"


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| px | face found | same | different | AUC | ms detection | ms embedding | ms VGG16 |")
    print("|---|---|---|---|---|---|---|---|")
    for size in SIZES:
        print(row(size))


if __name__ == "__main__":
    main()
