"""The picture being painted: pixel grid, head geometry, light, and the soft-edged shapes everything is made of.

All tensors are (N, C, H, W) with N = clips x frames. A shape is a signed distance in half-image units, negative
inside; `Canvas.mask` turns it into coverage with an edge about one pixel wide, so that pictures are antialiased.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from antibench.zoo.identity import Values


def over(image: Tensor, coverage: Tensor, colour: Tensor) -> Tensor:
    """Paint `colour` over `image` where `coverage` is 1."""
    return image + coverage * (colour - image)


def rotate(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates of a point in axes turned by `angle`."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    return cos * x + sin * y, -sin * x + cos * y


def ellipse(x: Tensor, y: Tensor, half_width: Tensor, half_height: Tensor) -> Tensor:
    """Approximate signed distance to an axis-aligned ellipse at the origin."""
    ratio = torch.sqrt((x / half_width) ** 2 + (y / half_height) ** 2 + 1e-9) - 1
    return ratio * torch.minimum(half_width, half_height)


class Canvas:
    """Pixel coordinates, head coordinates and shading of a batch of frames.

    Attributes:
        p: Every value of identity, scene and motion, one per frame: (N, 1, 1, 1), colours (N, 3, 1, 1).
        x, y: Pixel centres in [-1, 1].
        u, v: The same in head units, turned upright with the head.
        head: Signed distance to the outline of the face.
        light: Direction of the light (N, 3, 1, 1).
        lambert: Diffuse light on the head; `shade`: the same with ambient light.
        texture: Four skin fields that move with the head (N, 4, H, W).
    """

    def __init__(self, identity: Values, scene: Values, motion: Values, size: int) -> None:
        self.clips, self.frames = motion["yaw"].shape
        self.size = size
        self.device = motion["yaw"].device
        still = {**identity, **scene}
        self.p = {name: self.per_frame(value) for name, value in still.items() if value.ndim <= 2}
        self.p |= {name: value.reshape(-1, 1, 1, 1) for name, value in motion.items()}
        self.fields = {name: value for name, value in still.items() if value.ndim > 2}
        centres = (torch.arange(size, device=self.device) + 0.5) / size * 2 - 1
        self.y, self.x = (axis[None, None] for axis in torch.meshgrid(centres, centres, indexing="ij"))
        self._place_head()
        self._light_head(identity["skin_texture"])

    def per_frame(self, value: Tensor) -> Tensor:
        """(B,) -> (N, 1, 1, 1); (B, C) -> (N, C, 1, 1)."""
        wide = value[:, None] if value.ndim == 1 else value
        return wide[:, None].expand(-1, self.frames, -1).reshape(-1, wide.shape[1], 1, 1)

    def repeat(self, field: Tensor) -> Tensor:
        """(B, C, h, w) -> (N, C, h, w)."""
        return field[:, None].expand(-1, self.frames, -1, -1, -1).reshape(-1, *field.shape[1:])

    def mask(self, distance: Tensor, softness: float = 1.0) -> Tensor:
        """Coverage of a shape; `softness` below 1 widens its edge."""
        return torch.sigmoid(-distance * self.size / 2 * 2.2 * softness)

    def colour(self, *rgb: float) -> Tensor:
        """A constant colour, (1, 3, 1, 1)."""
        return torch.tensor(rgb, device=self.device).view(1, 3, 1, 1)

    def _place_head(self) -> None:
        p = self.p
        self.sin_yaw, self.cos_yaw = torch.sin(p["yaw"]), torch.cos(p["yaw"])
        self.sin_pitch, self.cos_pitch = torch.sin(p["pitch"]), torch.cos(p["pitch"])
        u, v = rotate(self.x - p["centre_x"], self.y - p["centre_y"], p["roll"])
        self.u, self.v = u / p["scale"], v / p["scale"]
        self.width = p["head_width"] * (1 + 0.06 * self.sin_yaw.abs())
        across = (self.width * (1 - p["jaw_taper"] * self.v.clamp(min=0) ** 1.6)).clamp(min=0.12)
        down = torch.where(self.v < 0, self.v / 1.02, self.v / (1.0 + 0.05 * p["mouth_open"]))
        power = p["head_power"]
        superellipse = ((self.u.abs() / across + 1e-6) ** power + (down.abs() + 1e-6) ** power) ** (1 / power)
        self.head = (superellipse - 1) * 0.8 * p["scale"]
        self._across = across

    def _light_head(self, skin_texture: Tensor) -> None:
        p = self.p
        normal_x, normal_y = (self.u / self._across).clamp(-1, 1), (self.v * 0.95).clamp(-1, 1)
        self.normal_z = torch.sqrt((1 - normal_x**2 - normal_y**2).clamp(min=0.02))
        light = torch.cat([p["light_x"], p["light_y"], torch.full_like(p["light_x"], 0.75)], 1)
        self.light = light / light.norm(dim=1, keepdim=True)
        self.light_side = torch.sign(self.light[:, :1])
        lit = normal_x * self.light[:, :1] + normal_y * self.light[:, 1:2] + self.normal_z * self.light[:, 2:3]
        self.lambert = lit.clamp(min=0)
        self.shade = p["ambient"] + (1.12 - p["ambient"]) * self.lambert
        longitude, latitude = torch.asin(normal_x * 0.98) - p["yaw"], torch.asin(normal_y * 0.98) - p["pitch"]
        where = torch.stack([(longitude / 2.0).squeeze(1), (latitude / 1.8).squeeze(1)], -1).clamp(-1, 1)
        self.texture = F.grid_sample(
            self.repeat(skin_texture), where, mode="bilinear", padding_mode="reflection", align_corners=False
        )

    def project(self, face_x: Tensor, face_y: Tensor, depth: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
        """Where a point of the frontal face lies on the turned head: u, v, and how much it is foreshortened across."""
        width = self.p["head_width"]
        across = face_x / width
        z = torch.sqrt((1 - across**2 - 0.5 * face_y**2).clamp(min=0.05)) * depth
        u = width * (across * self.cos_yaw + z * self.sin_yaw * 0.85)
        v = face_y * self.cos_pitch + z * self.sin_pitch * 0.75
        return u, v, (self.cos_yaw - across / z * self.sin_yaw * 0.8).clamp(0.3, 1.25)

    def backdrop(self) -> Tensor:
        """The background: a gradient, two noise fields and up to four soft spots."""
        p, size = self.p, (self.size, self.size)
        along = self.x * torch.cos(p["backdrop_angle"]) + self.y * torch.sin(p["backdrop_angle"])
        mix = (along * 0.5 + 0.5).clamp(0, 1)
        grain = F.interpolate(self.fields["backdrop_coarse"], size=size, mode="bicubic")
        grain = grain + F.interpolate(self.fields["backdrop_fine"], size=size, mode="bilinear")
        image = p["backdrop_a"] * (1 - mix) + p["backdrop_b"] * mix + self.repeat(grain)
        colours = self.per_frame(self.fields["spot_colour"].flatten(1))
        for spot in range(4):
            x, y, r, a = (p[f"spot_{part}"][:, spot : spot + 1] for part in ("x", "y", "radius", "alpha"))
            coverage = self.mask(ellipse(self.x - x, self.y - y, r, r), 0.35) * a
            image = over(image, coverage, colours[:, 3 * spot : 3 * spot + 3])
        return image

    def develop(self, image: Tensor, noise: torch.Generator | None) -> Tensor:
        """What the camera makes of it: gain, colour temperature, vignette, sensor noise."""
        p = self.p
        balance = torch.cat([1 + p["temperature"], torch.ones_like(p["temperature"]), 1 - p["temperature"]], 1)
        image = image * p["gain"] * balance * (1 - p["vignette"] * (self.x**2 + self.y**2) * 0.5)
        if noise is not None:
            image = image + torch.randn(image.shape, generator=noise, device=self.device) * p["sensor_noise"]
        return image.clamp(0, 1).view(self.clips, self.frames, 3, self.size, self.size)
