"""ST-LPIPS against its package, LPIPS and deep features against hand-made cases."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from judge_pictures import distance_pictures

from antibench.contracts import CellView, ImageU8, Unscored
from antibench.errors import UserError
from antibench.metrics.features_image import FeaturesImageVgg
from antibench.metrics.judges import deep_features, lpips_net, stlpips
from antibench.metrics.lpips_alex import LpipsAlex
from antibench.metrics.st_lpips import StLpipsVgg
from antibench.metrics.st_lpips_alex import StLpipsAlex
from antibench.testing.metric_contract import portrait, sample_view

ORACLE = json.loads((Path(__file__).parent / "oracles" / "st_lpips.json").read_text())


def fidelity_view(photo: ImageU8, protected: ImageU8) -> CellView:
    return CellView(photo, protected, protected, protected[None], protected[None])


@pytest.mark.parametrize("name", distance_pictures())
@pytest.mark.parametrize("metric", [StLpipsVgg(), StLpipsAlex()])
def test_st_lpips_is_that_of_its_package(metric: StLpipsVgg, name: str) -> None:
    photo, other = distance_pictures()[name]
    assert metric.score(fidelity_view(photo, other)) == pytest.approx(ORACLE[metric.backbone][name], abs=2e-6)


@pytest.mark.parametrize("metric", [StLpipsVgg(), StLpipsAlex()])
def test_st_lpips_of_equal_photos_is_zero(metric: StLpipsVgg) -> None:
    assert metric.score(fidelity_view(portrait(), portrait())) == 0.0


@pytest.mark.parametrize("metric", [StLpipsVgg(), StLpipsAlex()])
def test_bounds_of_st_lpips_follow_from_its_weights(metric: StLpipsVgg) -> None:
    most = 2 * sum(float(head.max()) for head in stlpips.st_lpips_net(metric.backbone).heads)
    assert most <= metric.bounds[1] < most + 0.05


def test_bounds_of_lpips_follow_from_its_weights() -> None:
    spec = find_spec("lpips")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "weights" / "v0.1" / "alex.pth"
    heads = torch.load(path, map_location="cpu", weights_only=True)
    most = 2 * sum(float(head.max()) for head in heads.values())
    assert most <= LpipsAlex.bounds[1] < most + 0.1


@pytest.mark.parametrize("backbone", ["vgg", "alex"])
def test_the_smallest_size_works_and_one_less_is_unscored(backbone: stlpips.Backbone) -> None:
    side = stlpips.SMALLEST
    assert stlpips.distance(portrait(size=side), portrait(shift=2, size=side), backbone) > 0
    small = portrait(size=side - 1)
    assert isinstance(StLpipsVgg().score(fidelity_view(small, small)), Unscored)


def test_lpips_without_its_weights_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lpips_net.lpips_net.cache_clear()
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UserError, match=r"st-lpips\[vgg\]"):
        LpipsAlex().score(fidelity_view(portrait(), portrait()))


def test_lpips_refuses_a_damaged_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lpips_net.lpips_net.cache_clear()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "alexnet-owt-7be5be79.pth").write_text("<html>404</html>")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UserError, match="damaged"):
        lpips_net.lpips_net()


def test_lpips_is_shown_images_from_minus_one_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[float, float]] = []

    def net(image: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        shown.append((float(image.min()), float(image.max())))
        return (image - other).abs().mean()

    monkeypatch.setattr(lpips_net, "lpips_net", lambda: net)
    black, white = np.zeros((32, 32, 3), dtype=np.uint8), np.full((32, 32, 3), 255, dtype=np.uint8)
    assert LpipsAlex().score(fidelity_view(black, white)) == 2.0
    assert LpipsAlex().score(fidelity_view(white, white)) == 0.0
    assert shown == [(1.0, 1.0), (1.0, 1.0)]


def test_lpips_calls_the_package_as_it_wants_to_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own network with a random trunk: symmetric, zero for equal images, equal to a direct call."""
    import lpips

    with torch.random.fork_rng(devices=[]), pytest.warns(UserWarning, match="weights"):
        net: Any = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval().requires_grad_(False)
    monkeypatch.setattr(lpips_net, "lpips_net", lambda: net)
    photo, other = distance_pictures()["other"]
    direct = net(*(torch.tensor(p).permute(2, 0, 1)[None] / 255 for p in (photo, other)), normalize=True)
    assert lpips_net.distance(photo, other) == pytest.approx(float(direct), rel=1e-5)
    assert lpips_net.distance(photo, photo) == 0.0


def test_cosine_by_hand() -> None:
    a, b = np.array([3, 4], dtype=np.float32), np.array([4, 3], dtype=np.float32)
    assert deep_features.cosine(a, b) == pytest.approx(24 / 25)
    assert deep_features.cosine(a, -a) == -1.0
    assert deep_features.cosine(a, a * 0) == 0.0


def test_features_are_the_mean_activations_of_the_last_three_stages() -> None:
    """By hand from a forward pass through the layers, one after the other."""
    photo = portrait()
    net = stlpips.st_lpips_net("vgg")
    x = torch.tensor(photo).permute(2, 0, 1)[None] / 127.5 - 1
    x = (x - torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1)) / torch.tensor([0.458, 0.448, 0.450]).view(3, 1, 1)
    stages = []
    with torch.no_grad():
        for index, layer in enumerate(net.trunk):
            x = layer(x)
            if index in (17, 25, 33):
                stages.append(x[0].mean(dim=(1, 2)))
    expected = torch.cat([stage / stage.norm() for stage in stages]).numpy()
    np.testing.assert_allclose(deep_features.vgg_features(photo), expected, atol=1e-5)


def test_large_pictures_are_reduced_to_the_size_the_trunk_knows() -> None:
    large, small = (deep_features.vgg_features(portrait(size=size)) for size in (448, 224))
    assert deep_features.cosine(large, small) > 0.99


def test_another_network_is_a_subclass_with_another_extract() -> None:
    class Mean(FeaturesImageVgg):
        def extract(self, image: ImageU8) -> deep_features.Features:
            return np.array([image.mean(), 1], dtype=np.float32)

    view = sample_view()
    value = Mean().score(view)
    vectors = [np.array([picture.mean(), 1]) for picture in (view.photo, *view.frames[1:])]
    unit = [vector / np.linalg.norm(vector) for vector in vectors]
    assert value == pytest.approx(np.mean([unit[0] @ other for other in unit[1:]]))
