"""CLIB-FIQA around a tiny CLIP: the marginal by the words of the prompts, the loader, and the metric."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from antibench.contracts import CellView, Unscored
from antibench.errors import UserError
from antibench.metrics import clib_fiqa as metric_module
from antibench.metrics.clib_fiqa import ClibFiqaMetric
from antibench.metrics.judges import clib_fiqa as judge
from antibench.metrics.judges.arcface import aligned
from antibench.metrics.judges.faces import find
from antibench.testing.metric_contract import checks, portrait, ruined_views, sample_view

TINY: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {"layers": [1, 1, 1, 1], "width": 8, "head_width": 64, "image_size": 224, "patch_size": None},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    "quick_gelu": True,
}


@pytest.fixture(scope="module")
def tiny() -> torch.nn.Module:
    torch.manual_seed(0)
    clip = judge.build_clip(TINY).eval().requires_grad_(False)
    cast(Any, clip).logit_scale.fill_(np.log(40))
    return clip


@pytest.fixture
def file(tiny: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The tiny CLIP as the authors write theirs, half precision and all, in the folder of the judges."""
    path = tmp_path / "clib-fiqa" / judge.FILE
    path.parent.mkdir()
    state = {f"module.{name}": value.half() for name, value in tiny.state_dict().items()}
    torch.save({**state, "input_resolution": torch.tensor(224), "vocab_size": torch.tensor(49408)}, path)
    monkeypatch.setenv("ANTIBENCH_JUDGES", str(tmp_path))
    monkeypatch.setattr(judge, "build_clip", lambda build=judge.build_clip: build(TINY))
    judge.clib_fiqa.cache_clear()
    yield path
    judge.clib_fiqa.cache_clear()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_prompts_are_those_of_the_paper() -> None:
    said = judge.prompts()
    assert len(said) == len(set(said)) == 360
    first = "a photo of a hazy, obstructed, and profile face with exaggerated expression under extreme lighting"
    assert said[:2] == [f"{first}, which is of {word} quality" for word in ("bad", "poor")]
    last = "a photo of a clear, unobstructed, and frontal face with typical expression under normal lighting"
    assert said[-1] == f"{last}, which is of perfect quality"


def test_the_marginal_is_over_the_word_of_each_prompt() -> None:
    logits = torch.randn(3, 360, generator=torch.Generator().manual_seed(0)) * 3
    worth = {"bad": 0.1, "poor": 0.3, "fair": 0.5, "good": 0.7, "perfect": 0.9}
    for row, found in zip(logits.double().numpy(), judge.expected_quality(logits), strict=True):
        weight = np.exp(row - row.max())
        words = [prompt.split(" quality")[0].rsplit(" ", 1)[1] for prompt in judge.prompts()]
        expected = sum(worth[word] * part for word, part in zip(words, weight / weight.sum(), strict=True))
        assert float(found) == pytest.approx(expected, abs=1e-6)
    sure = torch.full((1, 360), -50.0)
    sure[0, [4, 9]] = 50  # "perfect", in two circumstances
    assert float(judge.expected_quality(sure)) == pytest.approx(0.9, abs=1e-6)


def test_pixels_are_those_of_the_authors_transform() -> None:
    face = portrait(size=112)
    expected = transforms.Compose(
        [
            transforms.Resize([224, 224]),
            transforms.ToTensor(),
            transforms.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        ]
    )(Image.fromarray(face))
    torch.testing.assert_close(judge.pixels(face)[0], expected, atol=1e-6, rtol=0)


def test_a_score_is_the_softmax_of_scaled_cosines(tiny: torch.nn.Module) -> None:
    import open_clip

    face, clip = portrait(size=112), cast(Any, tiny)
    image = clip.encode_image(judge.pixels(face))[0].double().numpy()
    texts = clip.encode_text(open_clip.tokenize(judge.prompts())).double().numpy()
    logits = 40 * texts @ image / np.linalg.norm(texts, axis=1) / np.linalg.norm(image)
    share = np.exp(logits - logits.max())
    share = (share / share.sum()).reshape(-1, 5).sum(axis=0)
    assert judge.ClibFiqa(tiny).score(face) == pytest.approx(float(share @ [0.1, 0.3, 0.5, 0.7, 0.9]), abs=1e-5)


def test_the_names_are_those_of_openai_s_file() -> None:
    """A few that its code spells out; open_clip's class has them all, or a strict load would fail."""
    names = set(judge.build_clip(TINY).state_dict())
    for part in (
        "visual.attnpool.positional_embedding",
        "visual.layer1.0.downsample.0.weight",
        "visual.bn3.running_var",
    ):
        assert part in names
    assert {"transformer.resblocks.0.attn.in_proj_weight", "transformer.resblocks.0.mlp.c_fc.bias"} <= names
    assert {
        "token_embedding.weight",
        "positional_embedding",
        "ln_final.bias",
        "text_projection",
        "logit_scale",
    } <= names


def test_a_face_of_the_video_is_found_aligned_and_scored(file: Path) -> None:
    view = sample_view()
    network = judge.clib_fiqa(sha256(file))
    expected = []
    for frame in view.frames[1:]:
        face = find(frame)
        assert face is not None
        expected.append(network.score(aligned(frame, face.landmarks)))
    score = ClibFiqaMetric(sha256=sha256(file)).score(view)
    assert score == pytest.approx(np.mean(expected), abs=1e-9)
    assert len(set(expected)) == 4


@pytest.mark.usefixtures("file")
def test_without_a_face_nothing_is_scored() -> None:
    flat = ruined_views()["grey"]
    assert ClibFiqaMetric().score(flat) == Unscored("none of 4 judged frames has a face")
    one = CellView(flat.photo, flat.photo, flat.photo, flat.frames[:1], flat.frames[:1])
    assert ClibFiqaMetric().score(one) == Unscored("none of 1 judged frames has a face")


def test_the_weights_must_be_pinned_and_whole(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sha256 must be the 64 hex digits"):
        ClibFiqaMetric(sha256="abc")
    with pytest.raises(ValueError, match="judged_frames is 0"):
        ClibFiqaMetric(judged_frames=0)
    with pytest.raises(UserError, match="set the metric's parameter sha256"):
        judge.clib_fiqa("")
    with pytest.raises(UserError, match="has sha256"):
        judge.clib_fiqa("0" * 64)
    state = torch.load(file, weights_only=True)
    del state["module.ln_final.bias"]
    torch.save(state, tmp_path / "less.pth")
    with pytest.raises(UserError, match="does not hold the weights of CLIB-FIQA"):
        judge.fill(judge.build_clip(), tmp_path / "less.pth")
    (tmp_path / "page.pth").write_text("<html>quota exceeded</html>")
    with pytest.raises(UserError, match="does not hold the weights of CLIB-FIQA"):
        judge.fill(judge.build_clip(), tmp_path / "page.pth")
    file.unlink()
    with pytest.raises(UserError, match=r"drive\.google\.com"):
        judge.clib_fiqa("0" * 64)


def test_contract_with_a_sharpness_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny CLIP with random weights has no direction; a score that falls with noise has the declared one."""

    class Smoothness:
        def score(self, face: Any) -> float:
            return float(0.1 + 0.8 * np.exp(-np.abs(np.diff(face.astype(float), axis=0)).mean() / 20))

    monkeypatch.setattr(metric_module, "clib_fiqa", lambda sha256: Smoothness())
    assert [check for check in checks(ClibFiqaMetric) if not check.ok] == []
