"""ArcFace and RetinaFace as package `deepface` runs them, which is how Anti-DreamBooth measures ISM.

The package needs TensorFlow and is imported only here, on first use; it fetches weights that it does not find, so that
nothing is asked of it before they are there.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from antibench.contracts import ImageU8
from antibench.errors import UserError
from antibench.metrics.judges.downloaded import checked
from antibench.metrics.judges.memo import PixelMemo
from antibench.metrics.judges.onnx_network import Floats

FILES = {"arcface_sha256": "arcface_weights.h5", "retinaface_sha256": "retinaface.h5"}
"""The file that each hash is of."""
_NO_FACE = "could not be detected"
"""In the message of the package's error for a picture without a face; older versions raise a plain ValueError."""


@cache
def embedder(arcface_sha256: str, retinaface_sha256: str) -> PixelMemo[Floats | None]:
    """From an (H, W, 3) uint8 image to the embedding of its largest face, (512,), or None without a face.

    Raises:
        UserError: if the package or its weights are missing, no hash is given, or a file is another one.
    """
    folder = Path(os.environ.get("DEEPFACE_HOME") or Path.home()) / ".deepface" / "weights"
    for (parameter, name), sha256 in zip(FILES.items(), (arcface_sha256, retinaface_sha256), strict=True):
        path = folder / name
        if not path.is_file():
            raise UserError(f"DeepFace's {name} is not in {folder}; it comes with the first use of the package")
        if not sha256:
            raise UserError(
                f"no hash of {name} is known here: set the metric's parameter {parameter} to what `sha256sum {path}` "
                "prints, so that a result says of which weights it is"
            )
        checked(path, sha256)
    try:
        from deepface import DeepFace
    except ImportError as error:
        raise UserError(f"DeepFace is not installed ({error}); run: pip install 'antibench[deepface]'") from None
    return PixelMemo(lambda image: _largest(DeepFace, image))


def _largest(package: Any, image: ImageU8) -> Floats | None:
    try:
        faces: list[dict[str, Any]] = package.represent(
            img_path=np.ascontiguousarray(image[..., ::-1]),  # arrays are blue, green, red there, as OpenCV reads files
            model_name="ArcFace",
            detector_backend="retinaface",
            enforce_detection=True,
            align=True,
        )
    except ValueError as error:
        if _NO_FACE in str(error):
            return None
        raise
    face = max(faces, key=lambda one: one["facial_area"]["w"] * one["facial_area"]["h"])
    return np.asarray(face["embedding"], dtype=np.float32)
