"""How well the face judges work on the rendered portraits, and what a frame costs: a Markdown table.

    OMP_NUM_THREADS=1 python benchmarks/face_judges.py

People of the split for tuning, each in two scenes and motions, first and last frame; two minutes on one core. "Same"
and "different" are mean cosines, centred by the world's mean, over pairs of pictures from different scenes; AUC is the
chance that a pair of the same person has the higher one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import torch

from antibench.contracts import ImageU8
from antibench.metrics.judges import faces
from antibench.metrics.judges.deep_features import cosine, vgg_features
from antibench.metrics.judges.identity import mean_embedding
from antibench.pixels import frames_to_u8
from antibench.zoo.identity import sample_identity, sample_scene
from antibench.zoo.motion import sample_actions, sample_motion
from antibench.zoo.portraits import seed_of
from antibench.zoo.render import render

PEOPLE = 64
SIZES = (64, 96)


def pictures(size: int) -> list[tuple[int, int, ImageU8]]:
    """Person, scene and picture."""
    found = []
    for person in range(PEOPLE):
        generator = torch.Generator().manual_seed(seed_of("tune", person))
        identity = sample_identity(1, generator)
        for scene in range(2):
            motion = sample_motion(sample_actions(1, generator), 9, generator)
            clip = render(identity, sample_scene(1, generator), motion, size, generator)[0]
            found += [(person, scene, frame) for frame in frames_to_u8(clip[[0, -1]])]
    return found


def milliseconds(judge: Callable[[ImageU8], object], frames: list[ImageU8]) -> float:
    """Processor time per frame of a judge that has already been used once."""
    start = time.process_time()
    for frame in frames:
        judge(frame)
    return (time.process_time() - start) / len(frames) * 1000


def rows(size: int) -> Iterator[str]:
    """A line of the table for each recognition network."""
    given = pictures(size)
    frames = [frame for _, _, frame in given]
    vgg_features(frames[-1])
    for recogniser in faces.RECOGNITION:
        faces.embed(frames[-1], recogniser)
    detection = milliseconds(faces.find, frames[:-1])
    vgg = milliseconds(vgg_features, frames[:20])
    for recogniser in faces.RECOGNITION:
        embedding = milliseconds(lambda frame, by=recogniser: faces.embed(frame, by), frames[:-1])  # type: ignore[misc]
        yield f"| {size} | {recogniser} | {_apart(given, recogniser)} | {detection:.0f} | {embedding:.0f} | {vgg:.0f} |"


def _apart(given: list[tuple[int, int, ImageU8]], recogniser: faces.Recogniser) -> str:
    """Share of pictures with a face, mean cosines of the same and of different people, AUC."""
    centre = mean_embedding("small", recogniser)
    embedded = [(person, scene, faces.embed(frame, recogniser)) for person, scene, frame in given]
    known = [(person, scene, face - centre) for person, scene, face in embedded if face is not None]
    pairs = [
        (person == other, cosine(face, another))
        for (person, scene, face), (other, elsewhere, another) in combinations(known, 2)
        if scene != elsewhere
    ]
    same, different = (np.array([value for is_same, value in pairs if is_same is wanted]) for wanted in (True, False))
    auc = float(np.mean(same[:, None] > different))
    return f"{len(known) / len(given):.1%} | {same.mean():.2f} | {different.mean():.2f} | {auc:.3f}"


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| px | network | face found | same | different | AUC | ms detection | ms embedding | ms VGG16 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for size in SIZES:
        for line in rows(size):
            print(line)


if __name__ == "__main__":
    main()
