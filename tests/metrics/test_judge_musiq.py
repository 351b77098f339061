"""MUSIQ: its parts against plain implementations, its whole against the padded and masked sequence of its authors."""

from __future__ import annotations

from pathlib import Path

import fetched_judges
import numpy as np
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision import transforms

from antibench.contracts import CellView
from antibench.errors import UserError
from antibench.metrics.judges import musiq
from antibench.metrics.judges.musiq import PATCH, Musiq, musiq_input, tokens
from antibench.metrics.vbench_imaging_quality import VbenchImagingQuality
from antibench.testing.metric_contract import portrait, sample_view


@pytest.fixture(scope="module")
def net() -> Musiq:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return fetched_judges.rating_in_range(fetched_judges.small_musiq()).eval().requires_grad_(False)


def picture(height: int, width: int) -> Tensor:
    return torch.tensor(skimage.data.chelsea()[:height, :width]).permute(2, 0, 1)[None] / 255


def test_it_is_as_large_as_its_paper_says() -> None:
    """27 million (table 2 of the paper)."""
    with torch.device("meta"):
        assert round(sum(value.numel() for value in Musiq().parameters()) / 1e6) == 27


def test_kernels_are_standardised() -> None:
    """A 7 x 7 of stride 2 on 32 x 32: two zeros above and left, three below and right, as TensorFlow pads."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        conv = musiq.StandardisedConv(3, 4, 7, stride=2, bias=False).requires_grad_(False)
    x = picture(32, 32)
    kernels = conv.weight.numpy()
    kernels = (kernels - kernels.mean(axis=(1, 2, 3), keepdims=True)) / kernels.std(
        axis=(1, 2, 3), ddof=1, keepdims=True
    )
    padded = np.pad(x[0].numpy(), ((0, 0), (2, 3), (2, 3)))
    expected = [(padded[:, 2 * 5 : 2 * 5 + 7, 2 * 11 : 2 * 11 + 7] * kernel).sum() for kernel in kernels]
    found = conv(x)
    assert found.shape == (1, 4, 16, 16)
    np.testing.assert_allclose(found[0, :, 5, 11].numpy(), expected, atol=1e-3)


def test_tokens_are_patches_of_three_sizes() -> None:
    """A picture of 64 x 96: 224 wide it is 149 high, 384 wide 256 high; its own size is cut without a rest."""
    image = picture(64, 96) * 2 - 1
    patches, places, scales = tokens(image)
    assert torch.bincount(scales).tolist() == [5 * 7, 8 * 12, 2 * 3]
    own = patches[scales == 2].reshape(2, 3, 3, PATCH, PATCH)
    torch.testing.assert_close(own.permute(2, 0, 3, 1, 4).reshape(1, 3, 64, 96), image)
    first = patches[scales == 0].reshape(5, 7, 3, PATCH, PATCH)
    assert first[0, :, :, :5].abs().max() == 0  # 160 - 149 = 11 rows of nothing, five of them above
    assert first[-1, :, :, -6:].abs().max() == 0
    assert first[0, :, :, 5].abs().min() >= 0
    assert first[0, :, :, 5].abs().max() > 0
    assert places.shape == scales.shape == (137,)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 12, 16])
def test_places_are_the_nearest_of_ten(count: int) -> None:
    """By torch's own nearest-neighbour interpolation of 0..9."""
    expected = F.interpolate(torch.arange(10.0)[None, None], count, mode="nearest")[0, 0].long()
    image = torch.zeros(1, 3, 32 * count, 32)
    _, places, scales = tokens(image)
    assert (places[scales == 2] // 10).tolist() == expected.tolist()
    assert (places[scales == 2] % 10).tolist() == [0] * count
    _, places, scales = tokens(image.transpose(2, 3))
    assert (places[scales == 2] % 10).tolist() == expected.tolist()


def test_the_rating_is_that_of_the_padded_and_masked_sequence(net: Musiq) -> None:
    """The authors fill each resized picture's tokens up to 7 x 7 and 12 x 12 and mask what they filled in."""
    image = picture(64, 96)
    patches, places, scales = tokens(image * 2 - 1)
    rows = []
    for scale, most in ((0, 49), (1, 144), (2, 6)):
        mine = scales == scale
        fill = most - int(mine.sum())
        cut = torch.cat([patches[mine], torch.zeros(fill, 3, PATCH, PATCH)])
        facts = [torch.cat([part[mine], torch.zeros(fill, dtype=torch.long)]) for part in (places, scales)]
        rows.append((cut, *facts, torch.arange(most) < int(mine.sum())))
    cut, place, scale_of, kept = (torch.cat(parts) for parts in zip(*rows, strict=True))
    encoder = net.transformer_encoder
    x = F.relu(net.gn_root(net.conv_root(cut)))
    x = F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 3, 2)
    x = net.embedding(net.block1(x).permute(0, 2, 3, 1).reshape(len(cut), -1))
    x = x + encoder.posembed_input["position_emb"][0][place] + encoder.scaleembed_input["scale_emb"][scale_of]
    x = torch.cat([encoder.cls[0], x])
    kept = torch.cat([torch.tensor([True]), kept])
    for block in encoder.transformer.values():
        y = block.norm1(x)
        heads = []
        for head in range(2):
            q, k, v = (
                part(y)[:, 6 * head : 6 * head + 6]
                for part in (block.attention.query, block.attention.key, block.attention.value)
            )
            weights = (q @ k.T / 6**0.5).masked_fill(~(kept[:, None] & kept), -1e3).softmax(dim=-1)
            heads.append(weights @ v)
        x = x + block.attention.out(torch.cat(heads, dim=1))
        x = x + block.mlp["fc2"](F.gelu(block.mlp["fc1"](block.norm2(x))))
    expected = float(net.head(encoder.encoder_norm(x[0])))
    assert float(net(image)) == pytest.approx(expected, abs=1e-3)
    assert abs(expected - 50) > 0.01


def test_the_residual_unit_by_hand(net: Musiq) -> None:
    x = torch.rand(2, 64, 8, 8, generator=torch.Generator().manual_seed(0))
    unit = net.block1
    inner = F.relu(unit.gn1(unit.conv1(x)))
    inner = F.relu(unit.gn2(unit.conv2(inner)))
    expected = F.relu(unit.gn_proj(unit.conv_proj(x)) + unit.gn3(unit.conv3(inner)))
    torch.testing.assert_close(unit(x), expected)
    assert unit.gn1.eps == unit.gn_proj.eps == 1e-4


def test_large_pictures_are_reduced_as_vbench_does() -> None:
    large = np.ascontiguousarray(np.tile(skimage.data.chelsea(), (2, 2, 1)))
    pixels = torch.tensor(large.astype(np.float32)).permute(2, 0, 1)[None]
    scale = 512.0 / max(pixels.shape[2:])
    size = (int(scale * pixels.shape[2]), int(scale * pixels.shape[3]))
    expected = transforms.Resize(size=size)(pixels) / 255
    torch.testing.assert_close(musiq_input(large), expected, atol=1e-5, rtol=0)
    small = portrait()
    torch.testing.assert_close(musiq_input(small), torch.tensor(small).permute(2, 0, 1)[None] / 255)


def test_imaging_quality_is_the_mean_rating_over_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antibench.metrics.vbench_imaging_quality.musiq_rating", lambda image: float(image.mean()))
    frames = np.stack([np.full((32, 32, 3), level, dtype=np.uint8) for level in (20, 40, 90)])
    view = CellView(frames[0], frames[0], frames[0], frames, frames)
    assert VbenchImagingQuality().score(view) == pytest.approx(0.5)


def test_weights_of_another_network_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched_judges.use(monkeypatch, tmp_path)
    path = tmp_path / "torch" / "checkpoints" / musiq.FILE
    path.parent.mkdir(parents=True)
    torch.save({"head.weight": torch.zeros(1, 12)}, path)
    monkeypatch.setitem(musiq.SHA256, musiq.FILE, fetched_judges.sha256_of(tmp_path, musiq.FILE))
    with pytest.raises(UserError, match=r"does not fit the model: .* missing"):
        VbenchImagingQuality().score(sample_view())
