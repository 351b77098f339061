"""Who is in the picture: about fifty values that make a face, and the scene it stands in.

Lengths are in head units (1 = half the height of a head), colours in linear [0, 1] RGB. Every function draws from the
generator it is given and returns tensors with the batch in front.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Values = dict[str, Tensor]
"""Name -> (B,) scalar, (B, 3) colour, or a small (B, ...) field."""

HAIR = torch.tensor(
    [
        [0.06, 0.05, 0.05],
        [0.16, 0.10, 0.07],
        [0.30, 0.18, 0.10],
        [0.45, 0.28, 0.14],
        [0.72, 0.55, 0.30],
        [0.85, 0.75, 0.52],
        [0.50, 0.17, 0.08],
        [0.55, 0.55, 0.56],
        [0.82, 0.82, 0.83],
    ]
)
SKIN = torch.tensor(
    [
        [0.96, 0.80, 0.70],
        [0.92, 0.74, 0.62],
        [0.85, 0.65, 0.50],
        [0.76, 0.55, 0.40],
        [0.62, 0.42, 0.29],
        [0.47, 0.31, 0.21],
        [0.36, 0.23, 0.16],
    ]
)
IRIS = torch.tensor(
    [[0.20, 0.11, 0.06], [0.32, 0.20, 0.09], [0.25, 0.42, 0.62], [0.30, 0.46, 0.30], [0.45, 0.50, 0.55]]
)
FRAMES_OF_GLASSES = torch.tensor([[0.05, 0.05, 0.06], [0.35, 0.18, 0.08], [0.6, 0.1, 0.1], [0.55, 0.5, 0.4]])
LIP_SHADE = torch.tensor([0.86, 0.62, 0.60])
LIPSTICK = torch.tensor([0.72, 0.18, 0.22])


class Draw:
    """Random draws for a batch from one generator."""

    def __init__(self, count: int, generator: torch.Generator) -> None:
        self.count = count
        self.generator = generator

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform in [low, high), shape (B, *shape)."""
        return low + (high - low) * torch.rand(self.count, *shape, generator=self.generator)

    def normal(self, mean: float, spread: float) -> Tensor:
        """Normal, cut at 2.2 standard deviations, shape (B,)."""
        value = mean + spread * torch.randn(self.count, generator=self.generator)
        return value.clamp(mean - 2.2 * spread, mean + 2.2 * spread)

    def field(self, *shape: int) -> Tensor:
        """Standard normal, shape (B, *shape)."""
        return torch.randn(self.count, *shape, generator=self.generator)

    def choice(self, count: int) -> Tensor:
        """Uniform integer below `count`, shape (B,)."""
        return torch.randint(0, count, (self.count,), generator=self.generator)

    def chance(self, share: float, *shape: int) -> Tensor:
        """True with the given probability, shape (B, *shape)."""
        return torch.rand(self.count, *shape, generator=self.generator) < share

    def sometimes(self, share: float, value: Callable[[], Tensor]) -> Tensor:
        """`value()` with the given probability, else 0."""
        drawn = value()
        return torch.where(self.chance(share), drawn, torch.zeros_like(drawn))


def sample_identity(count: int, generator: torch.Generator) -> Values:
    """Draw faces: what an identity score should follow."""
    draw = Draw(count, generator)
    return {**_skin_and_eyes(draw), **_nose_and_mouth(draw), **_hair(draw), **_accessories_and_marks(draw)}


def _skin_and_eyes(draw: Draw) -> Values:
    position = draw.uniform(0, len(SKIN) - 1.001)
    step, rest = position.floor().long(), (position - position.floor())[:, None]
    skin = SKIN[step] * (1 - rest) + SKIN[step + 1] * rest + draw.uniform(-0.025, 0.025, 3)
    return {
        "skin": skin.clamp(0.05, 1),
        "head_width": draw.normal(0.735, 0.05),
        "jaw_taper": draw.uniform(0.05, 0.36),
        "head_power": draw.uniform(1.95, 2.7),
        "eye_x": draw.normal(0.335, 0.028),
        "eye_y": draw.normal(-0.06, 0.04),
        "eye_w": draw.normal(0.150, 0.017),
        "eye_h": draw.normal(0.075, 0.014),
        "eye_tilt": draw.normal(0, 0.12),
        "iris": (IRIS[draw.choice(len(IRIS))] + draw.uniform(-0.05, 0.05, 3)).clamp(0, 1),
        "eyelash": draw.uniform(0.2, 1.0),
        "brow_dy": draw.normal(0.185, 0.025),
        "brow_thickness": draw.uniform(0.018, 0.052),
        "brow_tilt": draw.normal(0, 0.14),
        "brow_length": draw.normal(0.19, 0.022),
        "brow_arch": draw.uniform(0, 1.6),
        "ear": draw.uniform(0.10, 0.17),
    }


def _nose_and_mouth(draw: Draw) -> Values:
    return {
        "nose_length": draw.normal(0.36, 0.05),
        "nose_width": draw.normal(0.12, 0.022),
        "mouth_y": draw.normal(0.52, 0.035),
        "mouth_w": draw.normal(0.24, 0.035),
        "lip_upper": draw.uniform(0.018, 0.05),
        "lip_lower": draw.uniform(0.028, 0.07),
        "lipstick": draw.uniform(0, 1),
    }


def lip_colour(identity: Values) -> Tensor:
    """(B, 3): the skin's tone, reddened, and painted by up to a half."""
    paint = 0.5 * identity["lipstick"][:, None]
    device = paint.device
    natural = identity["skin"] * LIP_SHADE.to(device)
    return (natural * (1 - paint) + LIPSTICK.to(device) * paint).clamp(0, 1)


def _hair(draw: Draw) -> Values:
    colour = HAIR[draw.choice(len(HAIR))] + draw.uniform(-0.05, 0.05, 3)
    length = torch.where(draw.chance(0.5), draw.uniform(0.7, 1.9), draw.uniform(-0.25, 0.25))
    return {
        "hair": colour.clamp(0.02, 1),
        "hairline": draw.normal(-0.60, 0.06),
        "parting": draw.uniform(-0.6, 0.6),
        "parting_height": draw.uniform(0.0, 0.32),
        "fringe": draw.uniform(-0.25, 0.35),
        "hair_length": length,
        "hair_volume": draw.uniform(0.03, 0.22),
        "bald": draw.chance(0.10).float(),
        "curl": draw.uniform(0, 0.05),
        "curl_frequency": draw.uniform(6, 16),
    }


def _accessories_and_marks(draw: Draw) -> Values:
    bearded = draw.chance(0.5)
    none = torch.zeros(draw.count)
    return {
        "glasses": draw.chance(0.28).float(),
        "glass_radius": draw.uniform(0.19, 0.25),
        "glass_power": draw.uniform(2, 5),
        "glass_colour": FRAMES_OF_GLASSES[draw.choice(len(FRAMES_OF_GLASSES))],
        "glass_thickness": draw.uniform(0.016, 0.034),
        "beard": torch.where(bearded, draw.sometimes(0.45, lambda: draw.uniform(0.3, 0.95)), none),
        "beard_y": draw.uniform(0.30, 0.55),
        "moustache": torch.where(bearded, draw.sometimes(0.35, lambda: draw.uniform(0.3, 0.95)), none),
        "eyeshadow": torch.where(bearded, none, draw.uniform(0, 0.5)),
        "eyeshadow_colour": draw.uniform(0.1, 0.5, 3),
        "mole_x": draw.uniform(-0.5, 0.5, 2),
        "mole_y": draw.uniform(-0.3, 0.75, 2),
        "mole_alpha": draw.chance(0.45, 2).float() * draw.uniform(0.4, 0.9, 2),
        "mole_radius": draw.uniform(0.018, 0.034, 2),
        "freckles": draw.sometimes(0.25, lambda: draw.uniform(0.1, 0.4)),
        "blush": draw.uniform(0, 0.28),
        "eye_bags": draw.uniform(0, 0.35),
        "wrinkles": draw.sometimes(0.35, lambda: draw.uniform(0.1, 0.5)),
        "skin_texture": draw.field(4, 24, 24),
    }


def sample_scene(count: int, generator: torch.Generator) -> Values:
    """Draw what an identity score should ignore: background, clothes, light, camera."""
    draw = Draw(count, generator)
    backdrop = [draw.uniform(0.08, 0.92, 3) * 0.6 + 0.4 * draw.uniform(0.1, 0.9, 1) for _ in range(2)]
    return {
        "backdrop_a": backdrop[0],
        "backdrop_b": backdrop[1],
        "backdrop_angle": draw.uniform(0, 2 * math.pi),
        "backdrop_coarse": draw.field(3, 7, 7) * draw.uniform(0.01, 0.11, 1, 1, 1),
        "backdrop_fine": draw.field(1, 32, 32) * draw.uniform(0.0, 0.025, 1, 1, 1),
        "spot_x": draw.uniform(-1, 1, 4),
        "spot_y": draw.uniform(-1, 1, 4),
        "spot_radius": draw.uniform(0.1, 0.4, 4),
        "spot_colour": draw.uniform(0, 1, 4, 3),
        "spot_alpha": draw.uniform(0, 0.55, 4) * draw.chance(0.5, 4),
        "cloth_a": draw.uniform(0.05, 0.9, 3),
        "cloth_b": draw.uniform(0.05, 0.9, 3),
        "stripe_frequency": draw.uniform(8, 26),
        "striped": draw.chance(0.45).float(),
        "stripe_angle": draw.uniform(0, math.pi),
        "collar": draw.uniform(0.22, 0.5),
        "shoulder_width": draw.uniform(1.1, 1.5),
        "light_x": draw.uniform(-0.75, 0.75),
        "light_y": draw.uniform(-0.7, 0.15),
        "ambient": draw.uniform(0.45, 0.72),
        "temperature": draw.uniform(-0.06, 0.06),
        "gain": draw.uniform(0.86, 1.1),
        "specular": draw.uniform(0, 0.22),
        "rim_light": draw.uniform(0, 0.18),
        "vignette": draw.uniform(0, 0.22),
        "sensor_noise": draw.uniform(0.002, 0.012),
        "hair_lean": draw.uniform(-0.06, 0.06),
    }
