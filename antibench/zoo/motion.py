"""What the person does: motion curves, and the caption that tells of them.

An action is three choices, one for head, mouth and eyes; the caption is put together from them, so it is true by
construction. Curves run over [0, 1] of the clip whatever its number of frames.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from antibench.zoo.identity import Draw, Values

HEAD = ("still", "turns left", "turns right", "looks up", "looks down", "tilts")
MOUTH = ("neutral", "smiles", "talks", "opens mouth")
EYES = ("open", "blinks", "glances left", "glances right")

WORDS = (
    "<pad>",
    *dict.fromkeys(word for phrase in ("a person and", *HEAD, *MOUTH, *EYES) for word in phrase.split()),
)
"""The vocabulary of the captions; index 0 pads, and stands for a word that is not in it."""
CAPTION_LENGTH = 12

YAW, PITCH, ROLL = 0.31, 0.19, 0.15
"""How far a head turns, nods and tilts by the end of the clip, in radians (18, 11 and 9 degrees), times 0.75 to 1.2."""


def caption(head: int, mouth: int, eyes: int) -> str:
    """The sentence of one action."""
    return f"a person {HEAD[head]} and {MOUTH[mouth]} and {EYES[eyes]}"


def token_ids(text: str) -> list[int]:
    """A caption as `CAPTION_LENGTH` word indices; unknown words and padding are 0."""
    index = {word: position for position, word in enumerate(WORDS)}
    ids = [index.get(word.strip(".,!?"), 0) for word in text.lower().split()][:CAPTION_LENGTH]
    return ids + [0] * (CAPTION_LENGTH - len(ids))


def sample_actions(count: int, generator: torch.Generator) -> Tensor:
    """(B, 3) indices into `HEAD`, `MOUTH`, `EYES`."""
    draw = Draw(count, generator)
    return torch.stack([draw.choice(len(HEAD)), draw.choice(len(MOUTH)), draw.choice(len(EYES))], 1)


def sample_motion(actions: Tensor, frames: int, generator: torch.Generator) -> Values:
    """Curves of the given actions, each (B, frames).

    Angles (yaw, pitch, roll) in radians, positions in half images, mouth, smile and blink in [0, about 1].
    """
    draw = Draw(len(actions), generator)
    t = torch.linspace(0, 1, frames)[None]
    ease = t * t * (3 - 2 * t)

    def at(low: float, high: float) -> Tensor:
        return draw.uniform(low, high)[:, None]

    def sway(size: float) -> Tensor:
        return size * torch.sin(2 * math.pi * (at(0.3, 0.8) * t + at(0, 1)))

    def doing(part: int, phrases: tuple[str, ...], phrase: str) -> Tensor:
        return (actions[:, part] == phrases.index(phrase)).float()[:, None]

    strength = at(0.75, 1.2)
    turn = doing(0, HEAD, "turns right") - doing(0, HEAD, "turns left")
    nod = doing(0, HEAD, "looks down") - doing(0, HEAD, "looks up")
    yaw = at(-0.3, 0.3) + YAW * strength * ease * turn + sway(0.02)
    pitch = at(-0.12, 0.12) + PITCH * strength * ease * nod + sway(0.02)
    side = torch.sign(at(-1, 1))
    roll = at(-0.10, 0.10) + ROLL * strength * ease * doing(0, HEAD, "tilts") * side + sway(0.01)
    resting_smile = draw.sometimes(0.25, lambda: draw.uniform(0, 0.5))[:, None]
    talk = (0.5 + 0.5 * torch.sin(2 * math.pi * (at(1.2, 2.2) * t + at(0, 1)))) * at(0.6, 1.0)
    talking = doing(1, MOUTH, "talks") * talk * torch.clamp(t * 4 + 0.4, 0, 1)
    opening = doing(1, MOUTH, "opens mouth") * ease * at(0.7, 1.1)
    glance = doing(2, EYES, "glances right") - doing(2, EYES, "glances left")
    return {
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
        "centre_x": at(-0.12, 0.12) + sway(0.02) + 0.06 * (yaw - yaw[:, :1]),
        "centre_y": at(-0.16, 0.02) + sway(0.015),
        "scale": at(0.56, 0.68) * (1 + 0.04 * at(-1, 1) * ease),
        "mouth_open": talking + opening,
        "smile": resting_smile * 0.6 + at(-0.15, 0.15) + doing(1, MOUTH, "smiles") * ease * at(0.7, 1.1),
        "blink": doing(2, EYES, "blinks") * torch.exp(-(((t - at(0.3, 0.75)) / 0.14) ** 2)),
        "gaze": at(-0.2, 0.2) + 0.75 * ease * glance,
        "gaze_y": at(-0.15, 0.15).expand(-1, frames),
    }
