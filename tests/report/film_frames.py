"""Photos and clips that can be computed by hand: a disc, and a bar that counts frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antibench.contracts import FramesU8, Gives, ImageU8
from antibench.pixels import fit

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'> & \"quoted\""
BAR = 4
"""Width of the white bar that stands at column 4 n in frame n of every clip."""
COLOURS = ((240, 40, 40), (40, 80, 230), (40, 200, 60))


def disc(index: int, side: int = 32) -> ImageU8:
    """A coloured disc on a grey slope."""
    rows, columns = np.mgrid[:side, :side]
    photo = np.repeat((60 + 100 * rows / side)[..., None], 3, axis=-1)
    inside = (rows - side / 2) ** 2 + (columns - side / 2) ** 2 < (side / 3) ** 2
    photo[inside] = COLOURS[index % 3]
    return photo.astype(np.uint8)


@dataclass
class CountingModel:
    """Shows the photo with a white bar that moves right by its width a frame."""

    name: str
    size: tuple[int, int]
    frames: int
    fps: float
    version: int = 1
    gives: frozenset[Gives] = frozenset({"diffusion_loss"})

    def generate(self, image: ImageU8, prompt: str, seed: int) -> FramesU8:
        clip = np.repeat(fit(image, self.size)[None] // 2, self.frames, axis=0)
        for frame, picture in enumerate(clip):
            picture[:, BAR * frame : BAR * (frame + 1)] = 255
        return clip
