"""The face judges against independent implementations, recorded by `record_oracles.py`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from judge_pictures import chips, detection_pictures
from skimage.transform import SimilarityTransform

from antibench.errors import UserError
from antibench.metrics.judges import faces, shipped
from antibench.metrics.judges.alignment import arcface_cut, dlib_cut
from antibench.metrics.judges.deep_features import cosine
from antibench.metrics.judges.detection import Detector
from antibench.metrics.judges.dlib_face import face_net
from antibench.metrics.judges.identity import mean_embedding
from antibench.metrics.judges.mobileface import mobileface_net
from antibench.metrics.judges.mtcnn import SHA256, networks
from antibench.metrics.judges.stlpips import st_lpips_net
from antibench.testing.metric_contract import portrait

ORACLES = Path(__file__).parent / "oracles"


def oracle(name: str) -> Any:
    return json.loads((ORACLES / f"{name}.json").read_text())


@pytest.mark.parametrize("name", detection_pictures())
def test_faces_are_where_facenet_pytorch_finds_them(name: str) -> None:
    picture, expected = detection_pictures()[name], oracle("mtcnn")[name]
    enlarge = max(1, math.ceil(192 / min(picture.shape[:2])))
    found = Detector().detect(picture)
    assert len(found) == len(expected)
    for face, other in zip(found, expected, strict=True):
        assert face.score == pytest.approx(other["score"], abs=1e-4)
        np.testing.assert_allclose(face.landmarks, other["landmarks"], atol=0.01)
        # Its landmarks are 0-based as ours, its boxes 1-based in the enlarged picture.
        np.testing.assert_allclose(face.box, np.array(other["box"]) - 1 / enlarge, atol=0.01)


def test_the_oracle_has_faces_and_no_faces() -> None:
    assert [len(found) for found in oracle("mtcnn").values()] == [1, 1, 1, 1, 2, 0]


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_picture_has_no_face(level: int) -> None:
    assert Detector().detect(np.full((64, 64, 3), level, dtype=np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 90, 3), (11, 300, 3)])
def test_odd_sizes_have_no_face_and_do_not_fail(shape: tuple[int, ...]) -> None:
    ramp = np.linspace(0, 255, math.prod(shape)).astype(np.uint8).reshape(shape)
    assert Detector().detect(ramp) == []


def test_faces_below_the_least_share_are_not_looked_for() -> None:
    photo = np.zeros((400, 400, 3), dtype=np.uint8)
    photo[150:250, 150:250] = portrait(size=100)
    assert len(Detector(min_face_share=0.1).detect(photo)) == 1
    assert Detector(min_face_share=0.6).detect(photo) == []


@pytest.mark.parametrize("name", chips())
def test_embedding_is_that_of_dlib(name: str) -> None:
    chip = torch.tensor(chips()[name]).permute(2, 0, 1)[None].to(torch.float32)
    with torch.no_grad():
        embedding = face_net()(chip)[0].numpy()
    np.testing.assert_allclose(embedding, oracle("dlib")["chips"][name], atol=2e-6)


@pytest.mark.parametrize("name", chips(112))
def test_second_embedding_is_that_of_the_original_graph(name: str) -> None:
    """Recorded from TensorFlow.js; the largest values are around 17, so this is 2e-6 of them."""
    chip = torch.tensor(chips(112)[name]).permute(2, 0, 1)[None].to(torch.float32)
    with torch.no_grad():
        embedding = mobileface_net()(chip)[0].numpy()
    np.testing.assert_allclose(embedding, oracle("mobileface")[name], atol=4e-5)


def test_own_detection_and_alignment_agree_with_the_whole_pipeline_of_dlib() -> None:
    centre = mean_embedding("real")
    dlibs = np.array(oracle("dlib")["astronaut"], dtype=np.float32)
    stranger = np.array(oracle("dlib")["chips"]["lfw"], dtype=np.float32)
    own = faces.embed(skimage.data.astronaut())
    assert own is not None
    assert cosine(own - centre, dlibs - centre) > 0.9
    assert cosine(own - centre, stranger - centre) < 0.3


@pytest.mark.parametrize("turn", [0.0, 0.5, -1.2])
@pytest.mark.parametrize("scale", [0.2, 1.0, 2.6])
def test_alignment_takes_the_eyes_where_dlib_has_them(turn: float, scale: float) -> None:
    """Two bright dots, turned and scaled, come out at the same two places of the cut."""
    direction = np.array([math.cos(turn), math.sin(turn)]) * 50 * scale
    middle = np.array([150.0, 140.0])
    eyes = np.stack([middle - direction / 2, middle + direction / 2])
    rows, columns = np.mgrid[0:300, 0:300]
    dots = sum(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (4 * scale) ** 2)) for x, y in eyes)
    picture = np.repeat(np.clip(dots * 255, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    cut = dlib_cut(picture, np.concatenate([eyes, np.zeros((3, 2))]))[0, 0].numpy()
    for left, expected in ((0, (0.2273302, 0.2213958)), (75, (0.7528139, 0.2212328))):
        half = cut[:, left : left + 75]
        y, x = (np.indices(half.shape) * half).sum(axis=(1, 2)) / half.sum()
        np.testing.assert_allclose([x + left, y], (np.array(expected) + 0.25) / 1.5 * 150, atol=0.3)


@pytest.mark.parametrize("turn", [0.0, 0.5, -1.2])
@pytest.mark.parametrize("scale", [0.4, 1.0, 2.6])
def test_alignment_by_five_landmarks_is_the_similarity_of_scikit_image(turn: float, scale: float) -> None:
    """Landmarks that no similarity fits: the picture of smooth waves comes out as theirs would sample it."""
    template = [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
    placed = SimilarityTransform(scale=scale, rotation=turn)(np.array(template) - 56) + 200
    landmarks = placed + np.random.default_rng(0).normal(size=(5, 2)) * 3 * scale
    fitted = SimilarityTransform.from_estimate(np.array(template), landmarks)

    def waves(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 127.5 + 60 * np.sin(x / (9 * scale)) + 60 * np.cos(y / (7 * scale))

    rows, columns = np.mgrid[0:400, 0:400]
    picture = np.repeat(np.round(waves(columns, rows)).astype(np.uint8)[..., None], 3, axis=2)
    cut = arcface_cut(picture, landmarks)[0, 0].numpy()
    assert cut.shape == (112, 112)
    rows, columns = np.mgrid[0:112, 0:112]
    x, y = fitted(np.stack([columns.ravel(), rows.ravel()], axis=1)).T.reshape(2, 112, 112)
    inside = (x > 2) & (x < 397) & (y > 2) & (y < 397)
    assert inside.mean() > 0.8
    np.testing.assert_allclose(cut[inside], waves(x, y)[inside], atol=4)


@pytest.mark.parametrize("recogniser", faces.RECOGNITION)
def test_embed_gives_nothing_where_there_is_no_face(recogniser: faces.Recogniser) -> None:
    assert faces.embed(np.zeros((64, 64, 3), dtype=np.uint8), recogniser) is None


def test_a_picture_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def detect(self: Detector, image: np.ndarray) -> list[Any]:
        looked.append(1)
        return []

    monkeypatch.setattr(Detector, "detect", detect)
    picture = np.random.default_rng(77).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    for _ in range(3):
        assert faces.find(picture.copy()) is None
        assert faces.embed(picture.copy()) is None
        assert faces.embed(picture.copy(), "mobileface") is None
    assert looked == [1]


def test_judges_have_no_gradients() -> None:
    nets = [*networks(), face_net(), mobileface_net(), st_lpips_net("vgg"), st_lpips_net("alex")]
    assert not any(parameter.requires_grad for net in nets for parameter in net.parameters())
    assert not any(net.training for net in nets)


@pytest.mark.parametrize("recogniser", faces.RECOGNITION)
def test_judges_run_without_grad_mode(recogniser: faces.Recogniser) -> None:
    modes: list[bool] = []
    net = faces.RECOGNITION[recogniser].net()
    hook = net.register_forward_hook(lambda *_: modes.append(torch.is_grad_enabled()))
    try:
        with torch.enable_grad():
            # A picture that no other test shows: what was judged before is remembered, and no network runs.
            assert faces.embed(portrait(shift=3, size=70), recogniser) is not None
    finally:
        hook.remove()
    assert modes == [False]


def test_missing_package_names_the_extra() -> None:
    with pytest.raises(UserError, match=r"antibench\[offline\]"):
        shipped.shipped_file("no_such_package", "weights.bin", "0" * 64)


def test_a_changed_weight_file_is_refused_before_it_is_opened() -> None:
    with pytest.raises(UserError, match=r"pnet\.lz4 has sha256 ea6b0c3e685e"):
        shipped.shipped_file("mtcnn", "assets/weights/pnet.lz4", SHA256["onet"])
