"""The training of the small quality network on a toy, the distortions it sees, and what its rating is held to."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from antibench.zoo import train
from antibench.zoo.eight_bit import packed
from antibench.zoo.portraits import ClipFactory
from antibench.zoo.quality import PEOPLE, PEOPLE_HELD_OUT, QUALITIES, RatingNet, load_quality, rating
from antibench.zoo.training import quality
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.distortions import HELD_OUT, LEVELS, TRAINED, distorted
from antibench.zoo.training.draws import Draws
from antibench.zoo.training.quality import draw, measure_quality

CPU = torch.device("cpu")
NAME = "quality-small"


@pytest.fixture(scope="module")
def pool() -> Pool:
    frames, _ = ClipFactory(32, 1, CPU, offset=8_000_000).batch(0, 4, 2)
    return Pool(frames, torch.zeros(8, 3))


def test_a_network_is_trained_and_its_loss_falls(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = dataclasses.replace(QUALITIES[NAME].train, steps=140, batch=16, learning_rate=4e-3, ema=0.9)
    monkeypatch.setitem(QUALITIES, NAME, dataclasses.replace(QUALITIES[NAME], widths=(8, 12), train=plan))
    monkeypatch.setattr(quality, "TRAINED", {"noise": TRAINED["noise"]})
    monkeypatch.setattr(quality, "HELD_OUT", {"impulses": HELD_OUT["impulses"]})
    rendered: list[tuple[int, int]] = []

    def few(size: int, count: int, device: torch.device, offset: int = 0) -> Pool:
        rendered.append((size, offset))
        return pool

    monkeypatch.setattr(train, "render_photos", few)
    assert train.main([NAME, "--out", str(tmp_path), "--device", "cpu"]) == 0
    assert rendered == [(64, PEOPLE), (64, PEOPLE_HELD_OUT)]
    record = json.loads((tmp_path / NAME / "training.json").read_text())["network"]
    assert (record["steps"], record["seed"]) == (140, plan.seed)
    kinds = {value.dtype for value in load_file(tmp_path / NAME / "network.safetensors").values()}
    assert kinds <= {torch.int8, torch.float16}
    torch.manual_seed(plan.seed)
    fresh = measure_quality(RatingNet((8, 12)).eval(), pool, plan.seed)
    trained = measure_quality(load_quality(NAME, tmp_path / NAME), pool, plan.seed)
    assert trained["held_out_loss"] < 0.85 * fresh["held_out_loss"]
    assert trained["spearman_trained"] > max(0.7, fresh["spearman_trained"] + 0.2)
    # What is recorded is measured on the file that was written.
    card = json.loads((tmp_path / NAME / "card.json").read_text())
    assert card["figures"] == pytest.approx(trained, abs=1e-3)
    assert card["protections_seen"] == []
    assert not set(card["distortions"]) & set(card["distortions_held_out"])


def test_the_people_are_nobodys_elses() -> None:
    """128 photos of 64 people a batch: those of the purifiers and the protectors end long before."""
    assert PEOPLE >= 5_000_000 + train.POOL
    assert PEOPLE_HELD_OUT >= PEOPLE + train.PHOTOS


def test_the_file_is_as_small_as_its_recipe_says() -> None:
    size = len(save(packed(RatingNet(QUALITIES[NAME].widths).state_dict())))
    assert 0.6 * QUALITIES[NAME].most_bytes < size < QUALITIES[NAME].most_bytes < 1_000_000


@pytest.mark.parametrize("kind", [*TRAINED, *HELD_OUT])
def test_every_level_of_every_kind_is_worse_than_the_one_before(kind: str) -> None:
    """By SSIM, of which the network knows nothing, on the mean over rendered photos; and in whole 8-bit levels."""
    frames, _ = ClipFactory(64, 1, CPU, offset=8_000_001).batch(0, 4, 1)
    photos, draws, similar = frames[:, 0].float() / 255, Draws(0, CPU), []
    for level in range(LEVELS):
        found = [
            distorted(photo, kind, level, other, draws) for photo, other in zip(photos, photos.flip(0), strict=True)
        ]
        for photo, one in zip(photos, found, strict=True):
            assert one.shape == photo.shape
            assert float((one * 255 - (one * 255).round()).abs().max()) < 1e-4
            assert 0 <= float(one.min()) <= float(one.max()) <= 1
        pairs = zip(photos.numpy(), (one.numpy() for one in found), strict=True)
        similar.append(np.mean([structural_similarity(a, b, channel_axis=0, data_range=1) for a, b in pairs]))
    assert similar[0] > 0.9
    assert (np.diff(similar) < 0.002).all()
    assert similar[-1] < 0.9


def test_strengths_run_geometrically() -> None:
    noise = TRAINED["noise"]
    assert [noise.strength(level) for level in range(LEVELS)] == pytest.approx([2, 4, 8, 16, 32])


def test_what_distortions_do_by_hand() -> None:
    grey, white = torch.full((3, 16, 16), 0.5), torch.ones(3, 16, 16)
    draws = Draws(0, CPU)
    assert distorted(grey, "ghost", 4, white, draws).mean() == pytest.approx(0.45 * 0.5 + 0.55, abs=1 / 255)
    assert float((distorted(grey, "noise", 4, white, draws) * 255).std()) == pytest.approx(32, rel=0.1)
    assert float(distorted(grey, "blur", 4, white, draws).sub(grey).abs().max()) <= 1 / 255
    off = (distorted(grey, "colour", 2, white, draws) * 255 - 127.5)[:, 0, 0]
    assert float(off.norm()) == pytest.approx(TRAINED["colour"].strength(2), abs=2)
    ramp = torch.linspace(0, 1, 256).view(1, 16, 16).repeat(3, 1, 1)
    assert len((distorted(ramp, "posterised", 4, white, draws) * 255).unique()) == 3


def test_a_batch_holds_every_level_and_clean_photos_are_excellent(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = draw(pool, torch.arange(400) % 8, Draws(0, CPU))
    assert batch["x"].shape == (400, 3, 32, 32)
    share = torch.bincount(batch["level"], minlength=LEVELS) / 400
    assert float((share[1:] - 0.18).abs().max()) < 0.06
    assert float(share[0]) == pytest.approx(0.28, abs=0.06)
    monkeypatch.setattr(quality, "CLEAN_SHARE", 1.0)
    clean = draw(pool, torch.arange(8), Draws(0, CPU))
    assert int(clean["level"].sum()) == 0
    photos = pool.frames[:, 0].float() / 255
    for one in clean["x"]:
        flips = [photos, photos.flip(-1), photos.flip(-2), photos.flip(-1).flip(-2)]
        assert any(bool((one == photo).all()) for group in flips for photo in group)


def test_the_rating_is_the_mean_level() -> None:
    torch.testing.assert_close(rating(torch.zeros(1, 5)), torch.tensor([0.5]))
    sure = torch.full((5, 5), -40.0).fill_diagonal_(40.0)
    torch.testing.assert_close(rating(sure), torch.tensor([1, 0.75, 0.5, 0.25, 0.0]))


def test_measured_is_the_rank_correlation(pool: Pool) -> None:
    """A network that answers by how much neighbouring pixels differ: its correlation for noise, from other draws, by
    SciPy's own call on scores that are made here."""

    class Roughness(nn.Module):
        def forward(self, photos: Tensor) -> Tensor:
            rough = photos.diff(dim=-1).abs().mean((1, 2, 3))
            return torch.stack([-rough, *[torch.zeros_like(rough)] * 3, rough], dim=1) * 50

    network = Roughness()
    found = measure_quality(network, pool, 0)
    photos, draws = pool.frames[:, 0].float() / 255, Draws(1, CPU)
    scores, levels = [], []
    for level in range(LEVELS):
        for photo in photos:
            scores.append(float(rating(network(distorted(photo, "noise", level, photo, draws)[None]))))
            levels.append(-level)
    assert found["spearman_noise"] == pytest.approx(float(spearmanr(scores, levels).statistic), abs=0.03)
    assert found["spearman_noise"] > 0.9
    assert found["spearman_blur"] < 0, "by roughness alone, a blurred photo is better"
    assert found["clean"] == pytest.approx(float(rating(network(photos)).mean()))
