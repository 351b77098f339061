"""The portrait renderer: identity, scene and motion to talking-head clips, vectorised over clips and frames."""

from __future__ import annotations

import torch
from torch import Tensor

from antibench.zoo.canvas import Canvas, ellipse, over
from antibench.zoo.face import paint_face
from antibench.zoo.identity import Values, lip_colour


def render(identity: Values, scene: Values, motion: Values, size: int, noise: torch.Generator | None = None) -> Tensor:
    """Paint clips.

    Args:
        identity: From `sample_identity`, batch B.
        scene: From `sample_scene`, batch B.
        motion: From `sample_motion`, (B, T) curves.
        size: Height and width in pixels.
        noise: Generator of the sensor noise, on the device of the values; None for a noiseless picture.

    Returns:
        (B, T, 3, size, size) in [0, 1].
    """
    c = Canvas(identity, scene, motion, size)
    hair = _hair_colour(c)
    image = _hair_behind(c, c.backdrop(), hair)
    image = _torso_and_neck(c, image)
    image = _ears(c, image)
    outline = c.mask(c.head)
    image = over(image, outline, paint_face(c, lip_colour(identity)))
    image = _hair_in_front(c, image, hair, outline)
    return c.develop(_glasses(c, image), noise)


def _waves(c: Canvas) -> Tensor:
    return c.p["curl"] * torch.sin(c.p["curl_frequency"] * c.v + 3 * c.u)


def _is_long(c: Canvas) -> Tensor:
    return (c.p["hair_length"] > 0.5).float()


def _hair_colour(c: Canvas) -> Tensor:
    p, t = c.p, c.texture
    streaks = 1 + 0.096 * torch.sin(22 * c.u + 3 * t[:, 1:2] + 80 * c.v * p["curl"]) + 0.10 * t[:, 2:3]
    lit: Tensor = p["hair"] * streaks * (0.62 + 0.5 * c.lambert) + 0.10 * c.lambert**6 * (1 - p["bald"])
    return lit


def _hair_behind(c: Canvas, image: Tensor, hair: Tensor) -> Tensor:
    p, scale, volume = c.p, c.p["scale"], c.p["hair_volume"]
    across = c.u - p["hair_lean"] + c.sin_yaw * 0.10
    cap = ellipse(across + _waves(c), c.v + 0.05, c.width * 1.04 + volume, 1.0 + volume * 0.9)
    short = c.mask(cap * scale) * c.mask((c.v - p["hair_length"].clamp(max=0.3) * 2.0) * scale, 0.6)
    breadth = c.width * 1.02 + volume * 1.1
    fall = torch.maximum(c.v - p["hair_length"], -c.v)
    curtain = torch.maximum(across.abs() + _waves(c) - breadth * (1 + 0.08 * c.v), fall)
    long = c.mask(curtain * scale, 0.7) * _is_long(c)
    return over(image, torch.maximum(short, long) * (1 - p["bald"]), hair * 0.8)


def _torso_and_neck(c: Canvas, image: Tensor) -> Tensor:
    p, scale = c.p, c.p["scale"]
    x, y = c.x - p["centre_x"] * 0.6, c.y
    top = p["centre_y"] + scale * 1.22
    shoulders = (x.abs() / p["shoulder_width"]) ** 2.6 * 0.9 + top
    along = x * torch.cos(p["stripe_angle"]) + y * torch.sin(p["stripe_angle"])
    stripe = torch.sigmoid(6 * torch.sin(p["stripe_frequency"] * along)) * p["striped"]
    cloth = p["cloth_a"] * (1 - stripe) + p["cloth_b"] * stripe
    light = 0.72 + 0.35 * (0.5 + c.light[:, :1] * x).clamp(0, 1)
    image = over(image, c.mask(shoulders - y, 0.8), cloth * light * (1 + 0.05 * c.texture[:, 3:4]))
    neck_u = (c.x - p["centre_x"]) / scale
    sides = neck_u.abs() - 0.36 * p["head_width"] / 0.73
    collar = y - top - 0.30 * scale + neck_u.abs() * p["collar"] * scale
    neck = c.mask(torch.maximum(sides, collar) * scale) * c.mask(-(c.v - 0.4))
    shadow = 0.55 + 0.25 * ((c.v - 0.95) * 3).clamp(0, 1)
    return over(image, neck, p["skin"] * shadow * (p["ambient"] + 0.35 + 0.35 * c.light[:, :1] * neck_u))


def _ears(c: Canvas, image: Tensor) -> Tensor:
    p = c.p
    for side in (-1.0, 1.0):
        x = p["head_width"] * (side * c.cos_yaw * 1.01 - 0.06 * c.sin_yaw)
        visible = torch.sigmoid((0.35 - side * c.sin_yaw) * 12)
        ear = c.mask(ellipse(c.u - x, c.v - 0.02, p["ear"] * 0.75, p["ear"] * 1.55) * p["scale"]) * visible
        image = over(image, ear, p["skin"] * (0.72 + 0.2 * c.lambert) * c.colour(1.0, 0.92, 0.9))
    return image


def _hair_in_front(c: Canvas, image: Tensor, hair: Tensor, outline: Tensor) -> Tensor:
    p, scale, volume = c.p, c.p["scale"], c.p["hair_volume"]
    haired = 1 - p["bald"]
    x, y, _ = c.project(torch.zeros_like(scale), p["hairline"])
    du = (c.u - x) / c.width
    line = y - p["parting_height"] * torch.exp(-(((du - p["parting"]) / 0.28) ** 2)) * 0.6
    line = line + 0.62 * du.abs() ** 2.4 * (1.0 + 0.2 * p["fringe"])
    line = line + p["fringe"] * 0.35 * (1 - du**2) * (p["fringe"] > 0).float()
    line = line + _waves(c) + 0.02 * torch.sin(25 * c.u + 5 * p["parting"])
    lean = c.u - p["hair_lean"] * 0.5 + c.sin_yaw * 0.05
    cap = ellipse(lean, c.v + 0.06, c.width * 1.06 + volume * 0.75, 1.02 + volume * 0.75)
    front = c.mask(cap * scale) * c.mask((c.v - line) * scale, 0.8) * c.mask((c.v - 0.35) * scale, 0.4) * haired
    image = over(image, front, hair * (0.86 + 0.25 * torch.sigmoid(-(c.v + 0.7) * 6)))
    shadow = torch.exp(-(((c.v - line - 0.03) / 0.045).clamp(min=-1) ** 2))
    image = image * (1 - 0.22 * shadow * outline * haired * (1 - front))
    strand = (c.u.abs() - c.width * (1.0 + 0.05 * c.v) + _waves(c)).abs() - (0.07 + volume * 0.6)
    lock = torch.maximum(strand, torch.maximum(c.v - p["hair_length"], -0.3 - c.v))
    return over(image, c.mask(lock * scale, 0.7) * _is_long(c) * haired, hair * 0.92)


def _glasses(c: Canvas, image: Tensor) -> Tensor:
    p, scale = c.p, c.p["scale"]
    rim, lens = torch.zeros_like(c.head), torch.zeros_like(c.head)
    thickness, radius = p["glass_thickness"], p["glass_radius"]
    for side in (-1.0, 1.0):
        x, y, squeeze = c.project(side * p["eye_x"], p["eye_y"] + 0.02, 1.12)
        gu, gv = (c.u - x) / squeeze, (c.v - y) / 0.86
        power = p["glass_power"]
        ring = ((gu.abs() + 1e-5) ** power + (gv.abs() + 1e-5) ** power) ** (1 / power) - radius
        rim = torch.maximum(rim, c.mask((ring.abs() - thickness) * scale))
        lens = torch.maximum(lens, c.mask(ring * scale))
        outward = torch.maximum(radius - gu * side, c.u * side - c.width * 0.98)
        temple = c.mask(torch.maximum((gv + 0.03).abs() - thickness * 0.8, outward) * scale)
        rim = torch.maximum(rim, temple * (c.u * side < c.width).float() * (gu * side > radius).float())
    x, y, squeeze = c.project(torch.zeros_like(scale), p["eye_y"] - 0.01, 1.15)
    across = ((c.u - x) / squeeze).abs() - (p["eye_x"] - radius).clamp(min=0.03)
    rim = torch.maximum(rim, c.mask(torch.maximum((c.v - y).abs() - thickness * 0.9, across) * scale))
    image = over(image, lens * p["glasses"] * 0.12, torch.full_like(image, 0.9))
    return over(image, rim * p["glasses"], p["glass_colour"])
