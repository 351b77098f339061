"""Record what independent implementations say about the test pictures, into `oracles/*.json`.

Run by hand, in an environment that also has the implementations asked; neither antibench nor its tests need them::

    pip install --no-deps --target /tmp/oracles facenet-pytorch==2.6.0 dlib-bin==20.0.1.post1
    PYTHONPATH=/tmp/oracles:tests/metrics python tests/metrics/record_oracles.py

- `mtcnn.json`: facenet-pytorch's MTCNN (its own copy of the weights, its own cascade).
- `dlib.json`: dlib's C++ network on 150x150 inputs, and dlib's whole pipeline (its own detector, landmarks, alignment).
- `st_lpips.json`: package stlpips_pytorch's own modules.
"""

from __future__ import annotations

import json
import math
import sys
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dlib
import numpy as np
import skimage.data
import torch
from facenet_pytorch import MTCNN
from judge_pictures import chips, detection_pictures, distance_pictures
from PIL import Image

HERE = Path(__file__).parent / "oracles"


def mtcnn() -> dict[str, Any]:
    answers = {}
    for name, picture in detection_pictures().items():
        enlarge = max(1, math.ceil(192 / min(picture.shape[:2])))
        large = Image.fromarray(picture).resize(
            (picture.shape[1] * enlarge, picture.shape[0] * enlarge), Image.Resampling.BICUBIC
        )
        smallest = max(12.0, 0.15 * min(large.size))
        boxes, scores, points = MTCNN(keep_all=True, min_face_size=smallest, device="cpu").detect(large, landmarks=True)
        found = [] if boxes is None else sorted(zip(scores, boxes, points, strict=True), key=lambda face: -face[0])
        answers[name] = [
            {"score": float(score), "box": (box / enlarge).tolist(), "landmarks": (marks / enlarge).tolist()}
            for score, box, marks in found
        ]
    return answers


def dlib_answers() -> dict[str, Any]:
    spec = find_spec("face_recognition_models")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    models = Path(spec.submodule_search_locations[0]) / "models"
    net = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))
    landmarks = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    whole = skimage.data.astronaut()
    face = dlib.get_frontal_face_detector()(whole, 1)[0]
    pipeline = net.compute_face_descriptor(whole, landmarks(whole, face))
    answers = {name: list(net.compute_face_descriptor(np.ascontiguousarray(chip))) for name, chip in chips().items()}
    return {"chips": answers, "astronaut": list(pipeline)}


def st_lpips() -> dict[str, Any]:
    for name in ("torchsummary", "IPython"):  # imported by the package without being declared or used
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torchsummary"].summary = sys.modules["IPython"].embed = None  # type: ignore[attr-defined]
    from stlpips_pytorch import stlpips

    answers: dict[str, Any] = {}
    for backbone in ("vgg", "alex"):
        net = stlpips.LPIPS(net=backbone, variant="shift_tolerant", verbose=False)
        for name, pair in distance_pictures().items():
            image, other = (torch.tensor(np.ascontiguousarray(p)).permute(2, 0, 1)[None] / 255 for p in pair)
            with torch.no_grad():
                answers.setdefault(backbone, {})[name] = float(net(image, other, normalize=True))
    return answers


if __name__ == "__main__":
    for file, record in (("mtcnn", mtcnn), ("dlib", dlib_answers), ("st_lpips", st_lpips)):
        (HERE / f"{file}.json").write_text(json.dumps(record(), indent=1) + "\n")
