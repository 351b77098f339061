"""The DeepFace variant of ISM on a package that answers as DeepFace does: what it is asked, and what is made of it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from antibench.contracts import CellView, ImageU8, Unscored
from antibench.errors import UserError
from antibench.metrics.ism_deepface import IsmDeepFace
from antibench.metrics.judges import deepface_arcface, faces
from antibench.metrics.judges.identity import mean_embedding
from antibench.metrics.judges.onnx_network import Floats
from antibench.testing.metric_contract import checks

HASHES = {"arcface_sha256": hashlib.sha256(b"arc").hexdigest(), "retinaface_sha256": hashlib.sha256(b"ret").hexdigest()}


def face(size: int, *embedding: float) -> dict[str, Any]:
    area = {"x": 0, "y": 0, "w": size, "h": size, "left_eye": None, "right_eye": None}
    return {"embedding": list(embedding), "facial_area": area, "face_confidence": 1.0}


class Package:
    """The level of red of the first pixel is the angle of the larger face in degrees; 255 has no face, 254 fails."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def represent(self, img_path: ImageU8, **options: Any) -> list[dict[str, Any]]:
        self.asked.append(options)
        level = int(img_path[0, 0, 2])  # blue, green, red
        if level == 255:
            raise ValueError(
                "Face could not be detected in numpy array.Please confirm that the picture is a face photo"
            )
        if level == 254:
            raise ValueError("invalid detector_backend passed")
        angle = np.radians(level)
        return [face(9, 0.0, -1.0), face(10, np.cos(angle), np.sin(angle)), face(8, 1.0, 1.0)]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    folder = tmp_path / ".deepface" / "weights"
    folder.mkdir(parents=True)
    (folder / "arcface_weights.h5").write_bytes(b"arc")
    (folder / "retinaface.h5").write_bytes(b"ret")
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    fake, found = ModuleType("deepface"), Package()
    fake.DeepFace = found  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "deepface", fake)
    deepface_arcface.embedder.cache_clear()
    yield found
    deepface_arcface.embedder.cache_clear()


def picture(red: int) -> ImageU8:
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    image[..., 0] = red
    return image


def view(*frames: int) -> CellView:
    video = np.stack([picture(frame) for frame in frames])
    return CellView(picture(0), picture(0), picture(0), video, video)


def test_the_largest_face_counts_and_frames_without_one_drop_out(package: Package) -> None:
    assert IsmDeepFace(**HASHES).score(view(90, 60, 255, 90, 0)) == pytest.approx((0.5 + 0 + 1) / 3, abs=1e-6)
    asked = {"model_name": "ArcFace", "detector_backend": "retinaface", "enforce_detection": True, "align": True}
    assert package.asked == [asked] * 4, "the photo, which is also the last frame, and the others once each"


@pytest.mark.usefixtures("package")
def test_no_face_and_one_frame() -> None:
    metric = IsmDeepFace(**HASHES)
    assert metric.score(view(0, 255, 255)) == Unscored("none of 2 judged frames has a face")
    assert metric.score(replace(view(0, 0), photo=picture(255))) == Unscored(
        "no face is found in the photo that the frames are compared with"
    )
    assert metric.score(view(60)) == pytest.approx(0.5, abs=1e-6)
    with pytest.raises(ValueError, match="invalid detector_backend"):
        metric.score(view(0, 254))


def test_weights_and_package_must_be_there_and_pinned(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="retinaface_sha256 must be the 64 hex digits"):
        IsmDeepFace(retinaface_sha256="1")
    with pytest.raises(UserError, match="set the metric's parameter arcface_sha256"):
        IsmDeepFace().score(view(0))
    with pytest.raises(UserError, match=r"arcface_weights\.h5 has sha256"):
        deepface_arcface.embedder("0" * 64, HASHES["retinaface_sha256"])
    monkeypatch.setitem(sys.modules, "deepface", None)
    with pytest.raises(UserError, match=r"antibench\[deepface\]"):
        IsmDeepFace(**HASHES).score(view(0))
    monkeypatch.setenv("DEEPFACE_HOME", "/nowhere")
    with pytest.raises(UserError, match=r"arcface_weights\.h5 is not in /nowhere"):
        IsmDeepFace(**HASHES).score(view(0))
    assert package.asked == []


def test_contract_with_judges_that_ship(monkeypatch: pytest.MonkeyPatch) -> None:
    """DeepFace needs TensorFlow and a download; MTCNN and the dlib ResNet in its place keep the same rules."""

    @dataclass(frozen=True)
    class Stand(IsmDeepFace):
        def embed(self, image: ImageU8) -> Floats | None:
            found = faces.embed(image)
            return None if found is None else found - mean_embedding("real")

    assert [check for check in checks(Stand) if not check.ok] == []
