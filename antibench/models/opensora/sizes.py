"""The sizes and lengths that Open-Sora 1.2 was trained at, by name. Any other size works too."""

from __future__ import annotations

from antibench.errors import UserError, closest

ASPECTS = (
    "3:8", "9:21", "12:25", "1:2", "9:17", "27:50", "9:16", "5:8", "2:3", "3:4", "1:1", "4:3", "3:2", "16:9",
    "17:9", "2:1", "50:27",
)  # fmt: skip
"""Height to width."""
_SIZES = {
    "144p": (
        (117, 312), (125, 291), (133, 277), (135, 270), (139, 262), (141, 260), (144, 256), (151, 241), (156, 234),
        (166, 221), (192, 192), (221, 165), (235, 156), (256, 144), (263, 139), (271, 135), (277, 132),
    ),
    "240p": (
        (196, 522), (210, 490), (222, 462), (226, 452), (232, 438), (236, 436), (240, 426), (252, 404), (262, 393),
        (276, 368), (320, 320), (370, 278), (392, 262), (426, 240), (440, 232), (452, 226), (462, 222),
    ),
    "360p": (
        (294, 784), (314, 732), (332, 692), (340, 680), (350, 662), (352, 652), (360, 640), (380, 608), (392, 588),
        (416, 554), (480, 480), (554, 416), (588, 392), (640, 360), (660, 350), (678, 340), (692, 332),
    ),
    "480p": (
        (392, 1046), (420, 980), (444, 925), (452, 904), (466, 880), (470, 870), (480, 854), (506, 810), (522, 784),
        (554, 738), (640, 640), (740, 555), (784, 522), (854, 480), (880, 466), (906, 454), (924, 444),
    ),
    "720p": (
        (588, 1568), (628, 1466), (666, 1388), (678, 1356), (698, 1318), (706, 1306), (720, 1280), (758, 1212),
        (784, 1176), (832, 1110), (960, 960), (1108, 832), (1176, 784), (1280, 720), (1320, 698), (1358, 680),
        (1386, 666),
    ),
    "1080p": (
        (882, 2352), (942, 2198), (998, 2080), (1018, 2036), (1048, 1980), (1058, 1958), (1080, 1920), (1138, 1820),
        (1176, 1764), (1248, 1664), (1440, 1440), (1662, 1246), (1764, 1176), (1920, 1080), (1980, 1048),
        (2036, 1018), (2078, 998),
    ),
}  # fmt: skip
"""(height, width) of each aspect, in the order of `ASPECTS`."""
SIZES = {name: dict(zip(ASPECTS, sizes, strict=True)) for name, sizes in _SIZES.items()}
"""Resolution -> aspect -> (height, width) in pixels."""
NUM_FRAMES = {
    "1x": 51,
    "2x": 102,
    "4x": 204,
    "8x": 408,
    "16x": 816,
    "2s": 51,
    "4s": 102,
    "8s": 204,
    "16s": 408,
    "32s": 816,
}
"""Length in clips of two seconds, or in seconds -> frames at 24 a second, in whole chunks of the autoencoder."""
SINGLE_FRAME_FPS = 120
"""What the network is told of the speed of a picture."""


def size_of(resolution: str, aspect: str) -> tuple[int, int]:
    """(height, width) in pixels.

    Raises:
        UserError: for an unknown name.
    """
    if resolution not in SIZES:
        raise UserError(f"resolution {resolution!r} is not one of {', '.join(SIZES)}{closest(resolution, SIZES)}")
    if aspect not in SIZES[resolution]:
        raise UserError(f"aspect {aspect!r} is not one of {', '.join(ASPECTS)}{closest(aspect, ASPECTS)}")
    return SIZES[resolution][aspect]


def frames_of(length: str) -> int:
    """Frames of a named length, or of a number of frames.

    Raises:
        UserError: for an unknown name.
    """
    if length in NUM_FRAMES:
        return NUM_FRAMES[length]
    if length.isdecimal() and int(length) > 0:
        return int(length)
    raise UserError(f"length {length!r} is neither a number of frames nor one of {', '.join(NUM_FRAMES)}")


def fps_of(frames: int, fps: float) -> float:
    """What the network is told of the speed of a clip."""
    return SINGLE_FRAME_FPS if frames == 1 else fps
