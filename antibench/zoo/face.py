"""The features of a face, painted on the head of a `Canvas`."""

from __future__ import annotations

import torch
from torch import Tensor

from antibench.zoo.canvas import Canvas, ellipse, over, rotate

SIDES = (-1.0, 1.0)


def paint_face(c: Canvas, lips: Tensor) -> Tensor:
    """The whole face, lit; to be laid over the picture within the head's outline. `lips` is (B, 3)."""
    face = _skin(c)
    face = _nose(c, face)
    face = _beard(c, face)
    face = _mouth(c, face, c.per_frame(lips))
    for side in SIDES:
        face = _eye(c, face, side)
        face = _brow(c, face, side)
    face = face * c.shade + c.p["specular"] * c.lambert**14 * 0.8 + c.p["rim_light"] * (1 - c.normal_z) ** 3 * 0.5
    edge = 1 - 0.28 * 0.6 * torch.sigmoid((c.head + 0.05 * c.p["scale"]) / c.p["scale"] * 26)
    lit: Tensor = face * edge
    return lit


def _skin(c: Canvas) -> Tensor:
    p, t, skin = c.p, c.texture, c.p["skin"]
    zero = torch.zeros_like(p["scale"])
    face = skin * (1 + 0.035 * t[:, :1] + 0.02 * t[:, 1:2] * c.colour(1.0, 0.5, 0.5))
    spots = torch.sigmoid((t[:, 2:3] * t[:, 3:4] - 0.55) * 6) * torch.exp(-(((c.v - 0.18) / 0.28) ** 2))
    face = over(face, spots * p["freckles"], skin * c.colour(0.66, 0.5, 0.42))
    for side in SIDES:
        x, y, squeeze = c.project(zero + side * 0.42, zero + 0.26)
        cheek = torch.exp(-(((c.u - x) / (0.24 * squeeze)) ** 2 + ((c.v - y) / 0.18) ** 2))
        face = over(face, cheek * p["blush"], skin * c.colour(1.0, 0.62, 0.58))
    for mole in range(2):
        mole_x, mole_y, alpha, radius = (
            p[f"mole_{part}"][:, mole : mole + 1] for part in ("x", "y", "alpha", "radius")
        )
        x, y, squeeze = c.project(mole_x, mole_y)
        spot = c.mask(ellipse(c.u - x, c.v - y, radius * squeeze, radius) * p["scale"])
        face = over(face, spot * alpha, skin * c.colour(0.35, 0.25, 0.22))
    x, y, _ = c.project(zero, zero - 0.45)
    lines = torch.exp(-(((torch.sin((c.v - y) * 26) - 1) / 0.25) ** 2))
    forehead = torch.exp(-(((c.u - x) / 0.4) ** 2)) * torch.exp(-(((c.v - y) / 0.14) ** 2))
    return face * (1 - p["wrinkles"] * 0.35 * forehead * lines)


def _nose(c: Canvas, face: Tensor) -> Tensor:
    p, skin = c.p, c.p["skin"]
    zero = torch.zeros_like(p["scale"])
    root_x, root_y, _ = c.project(zero, p["eye_y"] + 0.05, 1.05)
    tip_x, tip_y, squeeze = c.project(zero, p["eye_y"] + p["nose_length"], 1.32)
    down = ((c.v - root_y) / (tip_y - root_y + 1e-3)).clamp(0, 1)
    side = (c.u - (root_x + (tip_x - root_x) * down)) / (p["nose_width"] * (0.45 + 0.75 * down**1.5))
    ridge = torch.exp(-((side.abs() - 1).clamp(min=0) ** 2) * 14)
    ridge = ridge * torch.sigmoid((c.v - root_y) * 18) * torch.sigmoid(-(c.v - tip_y - 0.05) * 30)
    flank = torch.tanh(side * -3 * c.light_side) * 0.9 * (side.abs() < 1.6) * torch.exp(-((side.abs() - 0.9) ** 2) * 6)
    face = face * (1 - 0.22 * ridge * flank)
    shine = torch.exp(-((side - 0.15 * c.light_side) ** 2) * 5) * (0.35 + 0.65 * down)
    face = face + (0.10 + p["specular"] * 0.6) * ridge * shine
    below = torch.exp(-(((c.u - tip_x) / (p["nose_width"] * 1.25)) ** 4))
    face = face * (1 - 0.32 * below * torch.exp(-(((c.v - tip_y - 0.085) / 0.035) ** 2)))
    for hand in SIDES:
        at = c.u - tip_x - hand * p["nose_width"] * 0.55 * squeeze
        nostril = ellipse(at, c.v - tip_y - 0.055, p["nose_width"] * 0.26 * squeeze, zero + 0.024)
        face = over(face, c.mask(nostril * p["scale"]) * 0.8, skin * 0.22)
        at = c.u - tip_x - hand * p["nose_width"] * 0.95 * squeeze
        wing = ellipse(at, c.v - tip_y - 0.02, p["nose_width"] * 0.3 * squeeze, zero + 0.055)
        face = face * (1 - 0.12 * c.mask(wing * p["scale"], 0.6))
    return face


def _beard(c: Canvas, face: Tensor) -> Tensor:
    p, t, hair = c.p, c.texture, c.p["hair"]
    zero = torch.zeros_like(p["scale"])
    x, y, squeeze = c.project(zero, p["mouth_y"], 1.12)
    cheek_line = 0.55 * 0.45 * (1 - (((c.u - x * 0.6) / c.width).abs() * 1.2).clamp(0, 1))
    area = torch.sigmoid((c.v - p["beard_y"] * c.cos_pitch - 0.75 * c.sin_pitch - cheek_line) * 16)
    lips = ellipse(c.u - x, c.v - y, p["mouth_w"] * 1.05 * squeeze, p["lip_lower"] + 0.05 + 0.06 * p["mouth_open"])
    area = area * (1 - c.mask(lips * p["scale"], 0.5))
    growth = p["beard"] * (0.85 + 0.15 * torch.tanh(t[:, 2:3]))
    face = over(face, area * growth, hair * (0.75 + 0.15 * t[:, 3:4]))
    lip = ellipse(c.u - x, c.v - y + 0.085, p["mouth_w"] * 0.95 * squeeze, zero + 0.052)
    return over(face, c.mask(lip * p["scale"], 0.6) * p["moustache"], hair * (0.8 + 0.15 * t[:, 3:4]))


def _mouth(c: Canvas, face: Tensor, lips: Tensor) -> Tensor:
    p, smile, opened = c.p, c.p["smile"], c.p["mouth_open"]
    x, y, squeeze = c.project(torch.zeros_like(p["scale"]), p["mouth_y"], 1.12)
    width = p["mouth_w"] * squeeze * (1 + 0.16 * smile.clamp(min=0) - 0.10 * opened)
    mu, mv = c.u - x, c.v - y
    bent = mv + smile * 0.40 * mu**2 / (width + 1e-3)
    gap = 0.02 + 0.15 * opened + 0.03 * smile.clamp(min=0)
    profile = 1 - (mu / width).abs().clamp(max=1) ** 2.2
    cupid = 1 - 0.35 * torch.exp(-((mu / (width * 0.18)) ** 2))
    above = bent + (p["lip_upper"] * cupid + gap * 0.35) * profile
    below = bent - (p["lip_lower"] + gap * 0.75) * profile
    coverage = c.mask(torch.maximum(-above, below) * p["scale"]) * c.mask((mu.abs() - width) * p["scale"])
    face = over(face, coverage, lips * (0.85 + 0.3 * torch.sigmoid(-bent * 20)))
    top, bottom = bent + gap * 0.35 * profile, bent - gap * 0.75 * profile
    hole = c.mask(torch.maximum(-top, bottom) * p["scale"]) * c.mask((mu.abs() - width * 0.93) * p["scale"])
    teeth = torch.sigmoid(-(top - 0.07) * 60) * torch.sigmoid((gap - 0.035) * 80)
    inside = over(c.colour(0.22, 0.06, 0.06) + 0 * bent, teeth * 0.9, c.colour(0.88, 0.86, 0.80) + 0 * bent)
    face = over(face, hole, inside)
    chin_line = torch.exp(-(((bent - p["lip_lower"] - gap * 0.75 - 0.06) / 0.035) ** 2))
    face = face * (1 - 0.25 * torch.exp(-((mu / (width * 0.7)) ** 2)) * chin_line)
    dimple = torch.exp(-(((mu.abs() - width * 1.12) / 0.035) ** 2) - ((mv + smile * 0.03) / 0.06) ** 2)
    return face * (1 - 0.22 * dimple * smile.clamp(0, 1))


def _eye(c: Canvas, face: Tensor, side: float) -> Tensor:
    p, skin, scale = c.p, c.p["skin"], c.p["scale"]
    zero = torch.zeros_like(scale)
    x, y, squeeze = c.project(side * p["eye_x"], p["eye_y"])
    eu, ev = rotate(c.u - x, c.v - y, -side * p["eye_tilt"])
    eu = eu / squeeze
    half_w, open_h = p["eye_w"], p["eye_h"]
    half_h = open_h * (1 - 0.18 * p["smile"].clamp(0, 1)) * (1 - 0.93 * p["blink"])
    face = face * (1 - 0.16 * torch.exp(-((eu / (half_w * 1.35)) ** 2) - ((ev + 0.015) / 0.135) ** 2))
    shadow = torch.exp(-((eu / (half_w * 1.1)) ** 4) - ((ev + 0.07) / 0.05) ** 2)
    face = over(face, shadow * p["eyeshadow"], p["eyeshadow_colour"])
    bag = torch.exp(-((eu / (half_w * 0.9)) ** 2) - ((ev - open_h - 0.05) / 0.03) ** 2)
    face = face * (1 - 0.35 * p["eye_bags"] * bag)
    profile = 1 - (eu / half_w).abs().clamp(max=1) ** 2
    lids = torch.maximum(-(ev + half_h * profile), ev - half_h * 0.85 * profile)
    coverage = c.mask(lids * scale) * c.mask((eu.abs() - half_w) * scale)
    radius = 0.082 * (half_w / 0.15)
    gaze_u, gaze_v = eu - p["gaze"] * 0.075 - 0.05 * c.sin_yaw, ev - p["gaze_y"] * 0.04
    ball = c.colour(0.93, 0.92, 0.90) * (0.80 + 0.2 * torch.sigmoid((ev + half_h * 0.5) * 40)) + 0 * gaze_u
    iris = p["iris"] * (0.75 + 0.5 * torch.sigmoid(gaze_v * 30))
    ball = over(ball, c.mask(ellipse(gaze_u, gaze_v, radius, radius) * scale), iris)
    pupil = c.mask(ellipse(gaze_u, gaze_v, radius * 0.45, radius * 0.45) * scale)
    ball = over(ball, pupil, c.colour(0.03, 0.03, 0.03) + 0 * gaze_u)
    glint = ellipse(gaze_u - 0.028 * c.light_side, gaze_v + 0.03, zero + 0.02, zero + 0.02)
    ball = over(ball, c.mask(glint * scale) * 0.9, c.colour(1.0, 1.0, 1.0) + 0 * gaze_u)
    face = over(face, coverage, ball)
    lash = torch.exp(-(((ev + half_h * profile) / (0.018 + 0.012 * p["eyelash"])) ** 2))
    lash = lash * c.mask((eu.abs() - half_w * 1.08) * scale) * (0.55 + 0.4 * p["eyelash"])
    face = over(face, lash, skin * 0.16)
    crease = torch.exp(-(((ev + open_h * 1.35 * profile + 0.035) / 0.014) ** 2))
    return face * (1 - 0.28 * crease * c.mask((eu.abs() - half_w) * scale))


def _brow(c: Canvas, face: Tensor, side: float) -> Tensor:
    p = c.p
    height = p["eye_y"] - p["brow_dy"] - 0.015 * p["smile"].clamp(0, 1)
    x, y, squeeze = c.project(side * p["eye_x"] * 1.02, height)
    bu, bv = rotate(c.u - x, c.v - y, -side * p["brow_tilt"])
    bu = bu / squeeze
    bv = bv + p["brow_arch"] * (p["brow_length"] ** 2 - bu**2) * 0.55
    thickness = p["brow_thickness"] * (1 - 0.45 * (bu * side / p["brow_length"]).clamp(-1, 1))
    brow = c.mask(torch.maximum(bv.abs() - thickness, bu.abs() - p["brow_length"]) * p["scale"])
    return over(face, brow * 0.88, p["hair"] * 0.55 * (1 - 0.3 * p["bald"]) + p["skin"] * 0.10)
