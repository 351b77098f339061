"""InsightFace's pipeline around networks known by heart: decoding, suppression and alignment against other libraries
and by hand, then the metrics from pictures to numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import tiny_onnx
import torch
from skimage.transform import SimilarityTransform
from torchvision.ops import nms

from antibench.contracts import CellView, ImageU8, Metric, Unscored
from antibench.errors import UserError
from antibench.metrics.fdfr_buffalo import FdfrBuffalo
from antibench.metrics.ism0_buffalo import Ism0Buffalo
from antibench.metrics.ism_buffalo import IsmBuffalo
from antibench.metrics.ism_photo_buffalo import IsmPhotoBuffalo
from antibench.metrics.judges import buffalo, downloaded, faces
from antibench.metrics.judges.alignment import ARCFACE
from antibench.metrics.judges.arcface import aligned, embedding, onto_template
from antibench.metrics.judges.identity import mean_embedding
from antibench.metrics.judges.memo import PixelMemo
from antibench.metrics.judges.onnx_network import Floats, onnx_network
from antibench.metrics.judges.scrfd import Scrfd, decoded, letterboxed
from antibench.metrics.judges.suppression import suppress
from antibench.testing.metric_contract import checks

METRICS: list[Metric] = [IsmBuffalo(), Ism0Buffalo(), IsmPhotoBuffalo(), FdfrBuffalo()]


def outputs(size: int = 32) -> list[Floats]:
    """What a network says that sees no face: nine outputs of zeros."""
    places = [2 * (size // stride) ** 2 for stride in (8, 16, 32)]
    return [np.zeros((count, width), dtype=np.float32) for width in (1, 4, 10) for count in places]


def test_an_anchor_is_decoded_by_hand() -> None:
    found = outputs()
    # Stride 16 on 32 px has 2x2 places of two anchors each: number 5 is the second of row 1, column 0, at (0, 16).
    found[1][5], found[4][5] = 0.5, (1, 0.5, 2, 1)
    found[7][5] = (0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 1)
    found[1][4] = 0.4999
    for given in (found, [value[None] for value in found]):  # some exports keep the axis of the batch
        boxes, scores, landmarks = decoded(given, 32, 0.5)
        np.testing.assert_array_equal(boxes, [[-16, 8, 32, 32]])
        np.testing.assert_array_equal(scores, [0.5])
        np.testing.assert_array_equal(landmarks, [[[0, 16], [16, 16], [8, 24], [0, 32], [16, 32]]])


def test_another_detector_is_refused() -> None:
    with pytest.raises(ValueError, match="9 outputs, not 6"):
        decoded(outputs()[:6], 32, 0.5)
    with pytest.raises(ValueError, match="stride 8 of a square of 64 has 128 anchors"):
        decoded(outputs(), 64, 0.5)


@pytest.mark.parametrize(
    ("shape", "inside"),
    [((427, 640), (427, 640)), ((300, 451), (425, 640)), ((200, 100), (640, 320)), ((5, 5), (640,) * 2)],
)
def test_a_picture_is_fitted_into_the_square(shape: tuple[int, int], inside: tuple[int, int]) -> None:
    """300 x 451: 640 * 300 / 451 = 425.7, cut off as InsightFace does."""
    canvas, scale = letterboxed(np.full((*shape, 3), 200, dtype=np.uint8), 640)
    assert scale == inside[0] / shape[0]
    assert (canvas[: inside[0], : inside[1]] == 200).all()
    assert canvas.sum() == 200 * 3 * inside[0] * inside[1]


def test_suppression_is_that_of_torchvision() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 100, (200, 2))
    boxes, scores = np.concatenate([corners, corners + rng.uniform(5, 60, (200, 2))], axis=1), rng.uniform(size=200)
    expected = nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.4).numpy()
    assert 10 < len(expected) < 190
    np.testing.assert_array_equal(suppress(boxes, scores, 0.4), expected)


def test_border_pixels_count_where_they_are_said_to() -> None:
    """Boxes of 10x10 pixels moved by 4: 60 of 140 shared, 0.429. Without their last pixels 45 of 117, 0.385."""
    boxes, scores = np.array([[0.0, 0, 9, 9], [4, 0, 13, 9]]), np.array([0.9, 0.8])
    assert list(suppress(boxes, scores, 0.4, inclusive=1)) == [0]
    assert list(suppress(boxes, scores, 0.43, inclusive=1)) == [0, 1]
    assert list(suppress(boxes, scores, 0.4)) == [0, 1]


def test_alignment_is_that_of_scikit_image_and_of_opencv() -> None:
    rng = np.random.default_rng(0)
    for scale in (0.2, 1.0, 5.0):
        rough = ARCFACE * scale + rng.normal(size=(5, 2)) * 3 * scale + 40
        expected = SimilarityTransform.from_estimate(rough, ARCFACE)
        np.testing.assert_allclose(onto_template(rough), expected.params[:2], atol=1e-9)
    turned = (ARCFACE @ [[np.cos(0.4), np.sin(0.4)], [-np.sin(0.4), np.cos(0.4)]]) * 1.7 + [30, -12]
    exact, _ = cv2.estimateAffinePartial2D(turned, ARCFACE)
    np.testing.assert_allclose(onto_template(turned), exact, atol=1e-6)


def test_a_face_is_cut_where_the_template_has_it() -> None:
    """A ramp of x and y: the aligned ramp says from which place of the picture each pixel came."""
    rows, columns = np.mgrid[:250, :250]
    ramp = np.stack([columns, rows, np.full_like(rows, 7)], axis=-1).astype(np.uint8)
    landmarks = ARCFACE * 1.5 + [20, 30]
    cut = aligned(ramp, landmarks)
    assert cut.shape == (112, 112, 3)
    for (x, y), (left, top) in zip(landmarks, ARCFACE.round().astype(int), strict=True):
        np.testing.assert_allclose(cut[top, left, :2], [x, y], atol=1.5)
    beyond = aligned(ramp, landmarks - 150)
    assert (beyond[0, 0] == 0).all()


def test_of_two_on_one_place_the_likelier_stays_and_the_largest_comes_first() -> None:
    """On the square of 64 px, for a picture of 32: two boxes of 48 px that share half, one of 16 elsewhere."""
    found = outputs(64)
    for place, score, reach in ((0, 0.6, 48), (2, 0.7, 48), (30, 0.9, 16)):  # stride 16: 4 places of 2 anchors a row
        found[1][place], found[4][place] = score, (0, 0, reach / 16, reach / 16)
    faces_found = Scrfd(lambda blob: found, size=64).detect(np.zeros((32, 32, 3), dtype=np.uint8))
    assert [face.score for face in faces_found] == pytest.approx([0.7, 0.9])
    np.testing.assert_allclose(faces_found[0].box, [8, 0, 32, 24])
    np.testing.assert_allclose(faces_found[1].box, [24, 24, 32, 32])
    both = Scrfd(lambda blob: found, size=64, overlap=0.55).detect(np.zeros((32, 32, 3), dtype=np.uint8))
    assert len(both) == 3, "32 x 48 of 64 x 48 pixels is a half"


def picture(green: int, found: bool = True) -> ImageU8:
    """320 px, black; a square that the tiny detector takes for a face, as it has all red."""
    image = np.zeros((320, 320, 3), dtype=np.uint8)
    image[60:120, 60:120] = (255 if found else 100, green, 0)
    return image


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The two tiny networks in the place of InsightFace's."""
    folder = tmp_path / "judges" / "buffalo_l"
    folder.mkdir(parents=True)
    tiny_onnx.detector(folder / "det_10g.onnx")
    tiny_onnx.mean_colour(folder / "w600k_r50.onnx")
    monkeypatch.setenv("ANTIBENCH_JUDGES", str(tmp_path / "judges"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for file in folder.iterdir():
        monkeypatch.setitem(buffalo.SHA256, file.name, hashlib.sha256(file.read_bytes()).hexdigest())
    fresh(monkeypatch)
    yield folder
    buffalo.detector.cache_clear()
    buffalo.recogniser.cache_clear()


def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget networks and pictures."""
    buffalo.detector.cache_clear()
    buffalo.recogniser.cache_clear()
    monkeypatch.setattr(buffalo, "_FACES", PixelMemo(buffalo._largest))
    monkeypatch.setattr(buffalo, "_EMBEDDINGS", PixelMemo(buffalo._embedding))


@pytest.mark.usefixtures("tiny")
def test_a_face_is_found_in_pixels_of_the_picture() -> None:
    """On the square of 640 px the red lies at 120 to 240. Of the cells of 32 px from 96, 128 ... only those that it
    covers wholly or nearly so have a mean above 0.5 after (x - 127.5) / 128; a box reaches 32 px (16 of the picture)
    from the cell's corner. Neighbouring boxes overlap by a third, below 0.4, those of the same place do not arise."""
    face = buffalo.find(picture(0))
    assert face is not None
    assert face.score == pytest.approx(127.5 / 128, abs=1e-6)
    np.testing.assert_allclose(face.box[2:] - face.box[:2], [32, 32])
    assert (face.box / 16 == np.round(face.box / 16)).all()
    np.testing.assert_allclose(face.landmarks[2], (face.box[:2] + face.box[2:]) / 2)
    assert buffalo.find(picture(255, found=False)) is None
    assert buffalo.find(picture(0)[..., ::-1]) is None, "blue is no face: channels are in the order of the network"


@pytest.mark.usefixtures("tiny")
def test_an_embedding_is_of_pixels_between_minus_one_and_one() -> None:
    network = buffalo.recogniser()
    flat = np.zeros((112, 112, 3), dtype=np.uint8) + np.array([255, 127, 0], dtype=np.uint8)
    np.testing.assert_allclose(embedding(flat, network), [1, -0.5 / 127.5, -1], atol=1e-6)


def cosine(a: int, b: int) -> float:
    """Between mean colours (255, a, 0) and (255, b, 0), both on the network's scale."""
    x, y = (np.array([1, (green - 127.5) / 127.5, -1]) for green in (a, b))
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


@pytest.mark.usefixtures("tiny")
def test_scores_by_hand() -> None:
    frames = np.stack([picture(40), picture(0), picture(200), picture(0, found=False), picture(255)])
    view = CellView(picture(0), picture(0), picture(120), frames, frames)
    seen = [cosine(0, 0), cosine(0, 200), cosine(0, 255)]  # frame 0 is not judged
    assert IsmBuffalo().score(view) == pytest.approx(sum(seen) / 3, abs=1e-4)
    assert Ism0Buffalo().score(view) == pytest.approx(sum(seen) / 4, abs=1e-4)
    assert FdfrBuffalo().score(view) == 0.25
    assert IsmPhotoBuffalo().score(view) == pytest.approx(cosine(0, 120), abs=1e-4)


@pytest.mark.usefixtures("tiny")
def test_no_face_and_one_frame() -> None:
    none, some = picture(0, found=False), picture(0)
    lost = CellView(some, some, none, np.stack([none] * 3), np.stack([some] * 3))
    assert IsmBuffalo().score(lost) == Unscored("none of 2 judged frames has a face")
    assert (Ism0Buffalo().score(lost), FdfrBuffalo().score(lost), IsmPhotoBuffalo().score(lost)) == (0, 1, 0)
    nobody = CellView(none, none, some, some[None], some[None])
    for metric in METRICS[:3]:
        assert metric.score(nobody) == Unscored("no face is found in the photo that the frames are compared with")
    assert FdfrBuffalo().score(nobody) == 0
    assert IsmBuffalo().score(CellView(some, some, some, some[None], some[None])) == pytest.approx(1)


def test_files_are_looked_up_and_checked(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Path("~/.insightface/models/buffalo_l").expanduser()
    own.mkdir(parents=True)
    (own / "det_10g.onnx").write_bytes((tiny / "det_10g.onnx").read_bytes())
    assert buffalo.weights("det_10g.onnx") == own / "det_10g.onnx"
    (own / "det_10g.onnx").write_bytes(b"another network")
    with pytest.raises(UserError, match=r"det_10g\.onnx has sha256"):
        buffalo.weights("det_10g.onnx")
    (own / "det_10g.onnx").unlink()
    moved = (tiny / "det_10g.onnx").rename(tiny / "cached.onnx")
    with pytest.raises(UserError, match=r"hf download public-data/insightface models/buffalo_l/det_10g\.onnx"):
        buffalo.weights("det_10g.onnx")
    monkeypatch.setattr(buffalo, "cached_in_hub", lambda repo, revision, name: moved)
    assert buffalo.weights("det_10g.onnx") == moved
    moved.write_bytes(b"another network in the cache")
    with pytest.raises(UserError, match=r"cached\.onnx has sha256"):
        buffalo.weights("det_10g.onnx")


def test_the_hub_s_cache_is_asked_at_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, str]] = []

    def cached(repo_id: str, name: str, *, revision: str) -> str | None:
        asked.append((repo_id, name, revision))
        return str(tmp_path) if revision == "a" * 40 else None

    monkeypatch.setattr(downloaded, "try_to_load_from_cache", cached)
    assert downloaded.cached_in_hub("org/name", "a" * 40, "file") == tmp_path
    assert downloaded.cached_in_hub("org/name", "b" * 40, "file") is None
    assert asked == [("org/name", "file", "a" * 40), ("org/name", "file", "b" * 40)]


def test_a_file_that_is_no_such_network_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"no network")
    tiny_onnx.two_inputs(tmp_path / "two.onnx")
    for name in ("no.onnx", "two.onnx"):
        with pytest.raises(UserError, match=f"{name} is no network of one input"):
            onnx_network(tmp_path / name)


def test_without_onnxruntime_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"antibench\[faces\]"):
        onnx_network(Path("any.onnx"))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_contract_with_judges_that_ship(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    """InsightFace's files come from a download; MTCNN and the dlib ResNet in their place keep the same rules."""

    def embed(image: ImageU8) -> Floats | None:
        face = faces.embed(image)
        return None if face is None else face - mean_embedding("real")

    monkeypatch.setattr(buffalo, "find", faces.find)
    monkeypatch.setattr(buffalo, "embed", embed)
    found = list(checks(type(metric)))
    assert len(found) == 14
    assert [check for check in found if not check.ok] == []


def test_real_weights_tell_people_apart_where_they_are_at_hand() -> None:
    """Not run without InsightFace's files: one face in a photo of one person, and none in that of a cat."""
    try:
        buffalo.weights("det_10g.onnx"), buffalo.weights("w600k_r50.onnx")
    except UserError as error:
        pytest.skip(str(error))
    astronaut = skimage.data.astronaut()
    face = buffalo.find(astronaut)
    assert face is not None
    assert 180 < face.landmarks[:, 0].mean() < 270
    assert buffalo.find(np.ascontiguousarray(skimage.data.chelsea())) is None
