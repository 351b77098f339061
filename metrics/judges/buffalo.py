"""InsightFace's buffalo_l: SCRFD-10GF finds a face, ResNet-50 trained with ArcFace on WebFace600K embeds it.

The two files are those of InsightFace's release v0.7. Its package is not needed (it would bring a second OpenCV): what
it does around the networks is in `scrfd` and `arcface`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from antibench.contracts import ImageU8
from antibench.errors import UserError
from antibench.metrics.judges.arcface import aligned, embedding
from antibench.metrics.judges.detection import Face
from antibench.metrics.judges.downloaded import cached_in_hub, checked, judges_folder
from antibench.metrics.judges.memo import PixelMemo
from antibench.metrics.judges.onnx_network import Floats, Network, onnx_network
from antibench.metrics.judges.scrfd import Scrfd

REPO, REVISION = "public-data/insightface", "33c1063c49c785b7652d3fd529f86fa4f149392b"
"""A mirror of the release on the hub; the hashes say that its files are the release's."""
SHA256 = {
    "det_10g.onnx": "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
    "w600k_r50.onnx": "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
}
LICENCE = "weights (InsightFace buffalo_l) for non-commercial research only; InsightFace's code MIT"
FACTS = (
    "buffalo_l of InsightFace's release v0.7: det_10g.onnx (SHA-256 5838f7fe...) on pictures fitted into 640 px, "
    "score 0.5, overlap 0.4, the largest face; w600k_r50.onnx (4c06341c...) on five landmarks aligned to 112 px. "
    "Neither file could be run where this was written: the code around them is tested on small networks."
)


def find(image: ImageU8) -> Face | None:
    """The largest face of an (H, W, 3) uint8 image, or None.

    Raises:
        UserError: if the weights or onnxruntime are missing.
    """
    return _FACES(image)


def embed(image: ImageU8) -> Floats | None:
    """Embedding of the largest face, (512,), or None if there is no face. Strangers have a cosine of about 0.

    Raises:
        UserError: if the weights or onnxruntime are missing.
    """
    return _EMBEDDINGS(image)


def weights(name: str) -> Path:
    """One of the two files: in InsightFace's own folder, that of the judges, or the hub's cache.

    Raises:
        UserError: if it is in none of them, or is another one.
    """
    for folder in (Path("~/.insightface/models/buffalo_l").expanduser(), judges_folder() / "buffalo_l"):
        if (folder / name).is_file():
            return checked(folder / name, SHA256[name])
    cached = cached_in_hub(REPO, REVISION, f"models/buffalo_l/{name}")
    if cached is None:
        raise UserError(
            f"InsightFace's {name} is not here (non-commercial weights); fetch it once with: hf download {REPO} "
            f"models/buffalo_l/{name} --revision {REVISION}, or unpack buffalo_l.zip of InsightFace's release v0.7 "
            f"into {judges_folder() / 'buffalo_l'}"
        )
    return checked(cached, SHA256[name])


@lru_cache(maxsize=1)
def detector() -> Scrfd:
    """The detector, loaded once per process."""
    return Scrfd(onnx_network(weights("det_10g.onnx")))


@lru_cache(maxsize=1)
def recogniser() -> Network:
    """The recognition network, loaded once per process."""
    return onnx_network(weights("w600k_r50.onnx"))


def _largest(image: ImageU8) -> Face | None:
    return next(iter(detector().detect(image)), None)


def _embedding(image: ImageU8) -> Floats | None:
    face = find(image)
    return None if face is None else embedding(aligned(image, face.landmarks), recogniser())


_FACES = PixelMemo(_largest)
_EMBEDDINGS = PixelMemo(_embedding)
