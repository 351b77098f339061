"""Metrics whose networks have to be fetched, on small instances read from files by the loaders of the real ones."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import fetched_judges
import numpy as np
import pytest
import skimage.data
import torch
from huggingface_hub import constants
from PIL import Image
from torchvision import transforms
from transformers import CLIPImageProcessor, ViTModel
from without_weights import WITH_SMALL_INSTANCES

from antibench.contracts import CellView, ImageU8, Metric, Unscored
from antibench.errors import UserError
from antibench.metrics.clip_i import ClipI
from antibench.metrics.clip_t import ClipT
from antibench.metrics.dino_image import DinoImage
from antibench.metrics.judges import aesthetic, clip, dino, dreamsim, fetched, lpips_net, raft
from antibench.metrics.judges.clip import Seen
from antibench.metrics.judges.deep_features import cosine
from antibench.metrics.judges.fetched import fetched_file
from antibench.metrics.lpips_video import LpipsVideo
from antibench.metrics.pic_dreamsim import PicDreamsim
from antibench.metrics.vbench_aesthetic_quality import VbenchAestheticQuality
from antibench.metrics.vbench_dynamic_degree import VbenchDynamicDegree
from antibench.metrics.vbench_dynamic_degree_raft import VbenchDynamicDegreeRaft
from antibench.registry import METRICS
from antibench.testing.metric_contract import checks, portrait, sample_view

FILES = {"vbench-aesthetic-quality[laion]": aesthetic.FILE}
"""Files of which no hash is published."""
MEANINGLESS = "rising noise moves the score one way, the declared one"
"""What only trained weights can do."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("judges")
    fetched_judges.make(root)
    return root


@pytest.fixture
def judges(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small judges, where the real ones would lie."""
    fetched_judges.use(monkeypatch, made)
    return made


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Caches that hold nothing."""
    fetched_judges.use(monkeypatch, tmp_path)
    return tmp_path


def wide() -> ImageU8:
    return np.ascontiguousarray(skimage.data.chelsea()[:96, :144])


def parameters(name: str, judges: Path) -> dict[str, Any]:
    """The hashes that nobody has published, and the leave that DreamSim needs."""
    if "dreamsim" in name:
        return {"remote_code": True}
    return {"sha256": fetched_judges.sha256_of(judges, FILES[name])} if name in FILES else {}


@pytest.mark.parametrize("name", WITH_SMALL_INSTANCES)
def test_contract(name: str, judges: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RAFT takes seconds a frame, so the metric that it serves looks along another flow here."""
    net = fetched_judges.lpips_with_random_trunk()
    monkeypatch.setattr(lpips_net, "lpips_net", lambda: net)
    fetched_judges.fake_dreamsim(monkeypatch, judges)
    monkeypatch.setattr(VbenchDynamicDegreeRaft, "estimate", VbenchDynamicDegree.estimate)
    found = list(checks(METRICS.load(name), **parameters(name, judges)))
    assert len(found) == 14
    assert [check for check in found if not check.ok and check.name != MEANINGLESS] == []


@pytest.mark.parametrize("name", WITH_SMALL_INSTANCES)
def test_without_weights_the_error_says_how_to_get_them(
    name: str, nothing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = r"fetch them once with: (hf download \S+ --revision [0-9a-f]{40}|curl -L |python -c )"
    given: dict[str, Any] = {"sha256": "0" * 64} if name in FILES else {}
    if "dreamsim" in name:
        given, how = {"remote_code": True}, "fetch them once with: curl -L -o dreamsim.zip https"
        monkeypatch.setattr(dreamsim, "version", lambda package: dreamsim.VERSION)
    with pytest.raises(UserError, match=how):
        METRICS.create(name, given).score(sample_view())


@pytest.mark.parametrize("name", FILES)
def test_without_a_hash_the_error_says_how_to_give_one(name: str, judges: Path) -> None:
    with pytest.raises(UserError, match="parameter sha256 what `sha256sum "):
        METRICS.create(name).score(sample_view())


@pytest.mark.parametrize("name", WITH_SMALL_INSTANCES)
def test_card_says_which_weights(name: str) -> None:
    """A commit or a hash, or that there is none; and a licence."""
    card = METRICS.load(name).card
    if "dreamsim" in name:
        assert "no published SHA-256" in card.reference
        return
    assert any(len(word.strip(";,")) in (40, 64, 8) for word in card.reference.replace("@", " ").split()), (
        card.reference
    )
    assert card.licence


def test_weights_that_do_not_fit_are_refused(judges: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers would go on with random ones."""
    shutil.copytree(judges / "hub", tmp_path / "hub")
    (config,) = (tmp_path / "hub" / "models--facebook--dino-vitb16" / "snapshots" / dino.V1[1]).glob("config.json")
    config.write_text(config.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 3'))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(UserError, match=r"facebook/dino-vitb16 does not fit the model: \d+ missing"):
        dino.dino_net()


def test_a_file_of_another_hash_is_refused(judges: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected 000000000000"):
        fetched_file("ViT-B-32.pt", "https://example.org", "0" * 64)


@pytest.mark.parametrize("sha256", ["", "0" * 7, "G" * 64, "0" * 65])
def test_a_file_without_a_hash_is_not_opened(sha256: str, judges: Path) -> None:
    with pytest.raises(UserError, match="parameter sha256"):
        fetched_file("ViT-B-32.pt", "https://example.org", sha256)


def test_a_file_that_is_no_archive_is_refused(nothing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = nothing / "torch" / "checkpoints" / "ViT-B-32.pt"
    path.parent.mkdir(parents=True)
    path.write_text("<html>404</html>")
    fetched_judges.use(monkeypatch, nothing)  # which gives it its own hash
    with pytest.raises(UserError, match="is not OpenAI's ViT-B-32"):
        clip.clip_net("ViT-B-32")


@pytest.mark.parametrize("picture", [portrait(), portrait(size=300), wide()])
def test_dino_sees_what_vbench_shows_it(picture: ImageU8) -> None:
    """VBench's own chain of transforms, on a float tensor of levels."""
    chain = transforms.Compose(
        [
            transforms.Resize(size=224, antialias=False),
            transforms.Lambda(lambda x: x.float().div(255.0)),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    expected = chain(torch.tensor(picture.astype(np.float32)).permute(2, 0, 1)[None])
    assert min(expected.shape[2:]) == 224
    torch.testing.assert_close(dino.dino_input(picture), expected, atol=1e-5, rtol=0)


def test_the_two_ways_to_show_dino_a_picture_differ() -> None:
    """A wide picture shows whether it is cut, stripes finer than the grid whether it is antialiased."""
    assert dino.dino_input(wide()).shape == (1, 3, 224, 336)
    assert dino.dinov2_input(wide()).shape == (1, 3, 224, 224)
    stripes = np.tile(np.array([0, 255], dtype=np.uint8)[None, :, None], (500, 250, 3))
    assert dino.dinov2_input(stripes).std() < 0.5 < 1 < dino.dino_input(stripes).std()


def test_dinov2_sees_what_its_processor_shows_it() -> None:
    """The preprocessor_config.json of facebook/dinov2-base, through PIL."""
    chain = transforms.Compose(
        [
            transforms.Resize(256, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    for picture in (portrait(size=300), wide()):
        difference = dino.dinov2_input(picture)[0] - chain(Image.fromarray(picture))
        assert difference.abs().max() < 2 / 255 / 0.224  # PIL rounds to levels twice


def test_dino_features_are_the_normed_class_token(judges: Path) -> None:
    """By hand: embed, every layer, the last norm, the first token; on a picture whose grid is not the trained one."""
    net = dino.dino_net()
    assert isinstance(net, ViTModel)
    with torch.no_grad():
        tokens = net.embeddings(dino.dino_input(wide()), interpolate_pos_encoding=True)
        assert tokens.shape[1] == 1 + 7 * 10
        for layer in net.layers:
            tokens = layer(tokens)
        expected = net.layernorm(tokens)[0, 0].numpy()
    np.testing.assert_allclose(dino.dino_features(wide()), expected, atol=1e-5)


def test_dino_is_loaded_once_frozen_and_in_float32(judges: Path) -> None:
    net = dino.dino_net()
    assert net is dino.dino_net()
    assert not net.training
    assert not any(value.requires_grad or value.dtype != torch.float32 for value in net.parameters())


@pytest.mark.parametrize("picture", [portrait(), portrait(size=300), wide()])
def test_clip_sees_what_transformers_would_show_it(picture: ImageU8) -> None:
    """Its processor of OpenAI's CLIP: another implementation of the same preparation."""
    expected = CLIPImageProcessor(size={"shortest_edge": 224}, crop_size=224)(picture, return_tensors="pt").pixel_values
    found = Seen("ViT-B-32").prepared(picture, 224)
    assert found.shape == expected.shape == (1, 3, 224, 224)
    assert (found - expected).abs().max() < 2 / 255 / 0.26


def test_clip_sees_what_vbench_shows_it() -> None:
    """VBench's own chain of transforms, on a float tensor of levels; not antialiased, unlike CLIP's own."""
    chain = transforms.Compose(
        [
            transforms.Resize(224, interpolation=transforms.InterpolationMode.BICUBIC, antialias=False),
            transforms.CenterCrop(224),
            transforms.Lambda(lambda x: x.float().div(255.0)),
            transforms.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        ]
    )
    for picture in (portrait(), skimage.data.astronaut(), wide()):
        expected = chain(torch.tensor(picture.astype(np.float32)).permute(2, 0, 1)[None])
        found = Seen("ViT-B-32", vbench=True).prepared(picture, 224)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert (found - Seen("ViT-B-32").prepared(wide(), 224)).abs().max() < 1
    large = skimage.data.astronaut()
    assert (
        Seen("ViT-B-32", vbench=True).prepared(large, 224) - Seen("ViT-B-32").prepared(large, 224)
    ).abs().max() > 0.3


def test_clip_is_the_network_that_was_saved(judges: Path) -> None:
    """The file's weights in a network built by hand, rounded to half precision as OpenAI's files are."""
    import open_clip

    stored = fetched.torchscript_weights(judges / "torch" / "checkpoints" / "ViT-B-32.pt")
    by_hand = fetched_judges.clip_model(32).eval()
    by_hand.load_state_dict({name: stored[name] for name in by_hand.state_dict() if name in stored}, strict=False)
    seen = Seen("ViT-B-32")
    with torch.no_grad():
        image = by_hand.encode_image(seen.prepared(portrait(), 64))[0].numpy()
        text = by_hand.encode_text(open_clip.tokenize(["a person pans"]))[0].numpy()
    np.testing.assert_allclose(seen(portrait()), image, rtol=0.02, atol=0.01)
    np.testing.assert_allclose(clip.clip_text("ViT-B-32", "a person pans"), text, rtol=0.02, atol=0.01)
    assert clip.clip_net("ViT-B-32").visual.transformer.resblocks[0].mlp.gelu.__class__.__name__ == "QuickGELU"


def test_clip_t_by_hand(judges: Path) -> None:
    view = sample_view()
    caption = clip.clip_text("ViT-B-32", view.caption).astype(np.float64)
    expected = []
    for frame in view.frames[1:]:
        embedded = Seen("ViT-B-32")(frame).astype(np.float64)
        expected.append(embedded @ caption / np.linalg.norm(embedded) / np.linalg.norm(caption))
    assert ClipT().score(view) == pytest.approx(np.mean(expected), abs=1e-9)
    assert ClipT().score(replace(view, caption="a red car")) != ClipT().score(view)


@pytest.mark.parametrize("caption", ["", "  "])
def test_clip_t_needs_a_caption(caption: str, judges: Path) -> None:
    value = ClipT().score(replace(sample_view(), caption=caption))
    assert isinstance(value, Unscored)
    assert "caption" in value.reason


@pytest.mark.parametrize("metric", [DinoImage(), ClipI()])
def test_likeness_is_to_the_photo_and_leaves_out_frame_0(metric: Metric, judges: Path) -> None:
    view = sample_view()
    assert metric.score(replace(view, frames=np.stack([view.photo] * 3))) == pytest.approx(1.0)
    noise = np.random.default_rng(0).integers(0, 256, view.photo.shape, dtype=np.uint8)
    other_first = replace(view, frames=np.concatenate([noise[None], view.frames[1:]]))
    assert metric.score(other_first) == metric.score(view)
    assert metric.score(replace(view, frames=np.stack([noise] * 5))) < metric.score(view)


def test_two_networks_never_share_an_answer(judges: Path) -> None:
    """The memory of a judge is its own: DINO, DINOv2 and CLIP's two ways to see give four answers."""
    picture = portrait(size=100)
    answers = [dino.dino_features(picture), dino.dinov2_features(picture)]
    assert cosine(*answers) < 0.999
    plain, vbench = Seen("ViT-B-32")(picture), Seen("ViT-B-32", vbench=True)(picture)
    assert not np.array_equal(plain, vbench)


def test_one_frame_is_judged_and_two_sizes_are_brought_together(judges: Path) -> None:
    photo, frame = portrait(size=128), portrait(size=64)
    view = CellView(photo, photo, photo, frame[None], frame[None])
    assert DinoImage().score(view) > 0.9


def test_aesthetic_quality_by_hand(judges: Path) -> None:
    """A head of known weights: 5 + 40 times the first entry of the unit embedding, mean over frames, a tenth of it."""
    path = judges / "torch" / "checkpoints" / aesthetic.FILE
    before = path.read_bytes()
    try:
        weight = torch.zeros(1, 768)
        weight[0, 0] = 40
        torch.save({"weight": weight, "bias": torch.tensor([5.0])}, path)
        metric = VbenchAestheticQuality(fetched_judges.sha256_of(judges, aesthetic.FILE))
        view = sample_view()
        embedded = np.stack([Seen("ViT-L-14", vbench=True)(frame) for frame in view.frames]).astype(np.float64)
        first = embedded[:, 0] / np.linalg.norm(embedded, axis=1)
        assert metric.score(view) == pytest.approx((5 + 40 * first.mean()) / 10, abs=1e-6)
    finally:
        path.write_bytes(before)


def test_lpips_of_two_videos_is_the_mean_over_their_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown from -1 to 1, frame k with frame k, frame 0 left out."""
    monkeypatch.setattr(lpips_net, "lpips_net", lambda: lambda a, b: (a - b).abs().mean())
    levels = [np.full((32, 32, 3), value, dtype=np.uint8) for value in (0, 51, 102, 255)]
    clean = np.stack([levels[0]] * 4)
    view = CellView(levels[0], levels[0], levels[0], np.stack(levels), clean)
    assert LpipsVideo(judged_frames=3).score(view) == pytest.approx(2 * (0.2 + 0.4 + 1.0) / 3, abs=1e-6)
    assert isinstance(LpipsVideo().score(replace(view, clean_frames=clean[:2])), Unscored)


@pytest.mark.slow
def test_raft_is_asked_as_its_authors_ask_it(nothing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader reads torchvision's names strictly; the flow is that of a direct call on a padded pair."""
    from torchvision.models.optical_flow import raft_large

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = raft_large(weights=None).eval()
    path = nothing / "torch" / "checkpoints" / raft.FILE
    path.parent.mkdir(parents=True)
    torch.save(net.state_dict(), path)
    monkeypatch.setitem(raft.SHA256, raft.FILE, fetched_judges.sha256_of(nothing, raft.FILE)[:8])
    monkeypatch.setattr(raft, "STEPS", 2)
    raft.raft_net.cache_clear()
    frames = np.stack([skimage.data.chelsea()[20 : 20 + 129, k : k + 140] for k in (0, 3)])
    (found,) = raft.raft_flows(frames)
    pair = torch.tensor(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
    padded = torch.nn.functional.pad(pair, (2, 2, 3, 4), mode="replicate")
    assert padded.shape[2:] == (136, 144)
    with torch.no_grad():
        expected = net(padded[:1], padded[1:], num_flow_updates=2)[-1][0, :, 3:132, 2:142]
    np.testing.assert_allclose(found, expected.permute(1, 2, 0).numpy(), atol=1e-4)
    weights = net.state_dict()
    weights.pop("mask_predictor.conv.bias")
    torch.save(weights, path)
    monkeypatch.setitem(raft.SHA256, raft.FILE, fetched_judges.sha256_of(nothing, raft.FILE))
    fetched_file.cache_clear()
    raft.raft_net.cache_clear()
    with pytest.raises(UserError, match=r"1 missing: mask_predictor\.conv\.bias"):
        raft.raft_net()


def test_raft_flow_of_enlarged_frames_is_in_their_own_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that says 6 pixels to the right everywhere: 2 of a frame that was enlarged three times."""

    def net(now: torch.Tensor, after: torch.Tensor, num_flow_updates: int) -> list[torch.Tensor]:
        assert now.shape == after.shape == (1, 3, 144, 168)
        assert num_flow_updates == 20
        assert -1 <= now.min() < now.max() <= 1
        return [torch.stack([torch.full(now.shape[2:], 6.0), torch.zeros(now.shape[2:])])[None]]

    monkeypatch.setattr(raft, "raft_net", lambda: net)
    picture = np.ascontiguousarray(skimage.data.chelsea()[:47, :55])
    flows = raft.raft_flows(np.stack([picture] * 3))
    assert [flow.shape for flow in flows] == [(47, 55, 2)] * 2
    np.testing.assert_allclose(flows[0], np.broadcast_to([2.0, 0.0], (47, 55, 2)), atol=1e-6)


def test_dreamsim_is_asked_for_leave_and_for_its_package(judges: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No code that antibench does not know runs unless it is told to."""
    view = sample_view()
    fetched_judges.fake_dreamsim(monkeypatch, judges)
    with pytest.raises(UserError, match="remote_code = true"):
        PicDreamsim().score(view)
    assert isinstance(PicDreamsim(remote_code=True).score(view), float)
    with pytest.raises(UserError, match="remote_code = true"):  # although the answers are known by now
        PicDreamsim().score(view)
    monkeypatch.undo()
    fetched_judges.use(monkeypatch, judges)
    with pytest.raises(UserError, match=r"not installed; run: pip install 'antibench\[dreamsim\]'"):
        PicDreamsim(remote_code=True).score(view)
    monkeypatch.setattr(dreamsim, "version", lambda package: "0.1.3")
    with pytest.raises(UserError, match=r"is 0\.1\.3, not 0\.2\.1"):
        PicDreamsim(remote_code=True).score(view)


def test_pic_by_hand(judges: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 - (1 - cosine) of what the package's network makes of pictures squeezed to 224 x 224."""
    made = fetched_judges.fake_dreamsim(monkeypatch, judges)
    view = sample_view()
    chain = transforms.Compose(
        [transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC), transforms.ToTensor()]
    )
    for picture in (view.photo, wide()):
        torch.testing.assert_close(dreamsim.dreamsim_input(picture)[0], chain(Image.fromarray(picture)))
    vectors = [made.embed(dreamsim.dreamsim_input(item))[0].double() for item in (view.photo, *view.frames[1:])]
    unit = [vector / vector.norm() for vector in vectors]
    expected = np.mean([float(unit[0] @ other) for other in unit[1:]])
    assert PicDreamsim(remote_code=True).score(view) == pytest.approx(expected, abs=1e-6)
