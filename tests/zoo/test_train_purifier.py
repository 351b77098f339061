"""The training of the small purifiers from end to end on toys, and what their losses and their files are held to."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler
from safetensors.torch import load_file, save
from torch import Tensor, nn

from antibench.errors import UserError
from antibench.purifications._jpeg_twin import jpeg_twin
from antibench.zoo import network_file, train
from antibench.zoo.eight_bit import packed
from antibench.zoo.portraits import ClipFactory
from antibench.zoo.purifier_networks import DnCNN, PixelDiffusion, SuperResolution
from antibench.zoo.purifiers import (
    PEOPLE,
    PEOPLE_HELD_OUT,
    PURIFIERS,
    Purifier,
    build_purifier,
    load_purifier,
)
from antibench.zoo.recipes import Training
from antibench.zoo.training import degradation
from antibench.zoo.training.clips import Pool
from antibench.zoo.training.draws import Draws
from antibench.zoo.training.purifiers import OBJECTIVES, measure_purifier

CPU = torch.device("cpu")
UNET = {"sample_size": 16, "block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4}
UNET |= {"down_block_types": ("DownBlock2D", "AttnDownBlock2D"), "up_block_types": ("AttnUpBlock2D", "UpBlock2D")}
NARROW: dict[str, dict[str, Any]] = {
    "diffusion": {"fold": 2, "unet": {**UNET, "attention_head_dim": 8}},
    "denoiser": {"depth": 4, "width": 8},
    "super-resolution": {"blocks": 1, "width": 8},
    "vae": {"block_out_channels": (8, 8, 16), "norm_num_groups": 4, "sample_size": 32},
}


def photos(count: int = 16, size: int = 32) -> Tensor:
    """Rendered photos (count, 3, size, size) in [0, 1]."""
    frames, _ = ClipFactory(size, 1, CPU, offset=5_000_000).batch(0, count, 1)
    return frames[:, 0].float() / 255


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Narrow networks, 40 steps of four photos of 32 px. Returns what was asked to be rendered: size and offset."""
    for name, purifier in PURIFIERS.items():
        plan = dataclasses.replace(purifier.train, steps=40, batch=4, learning_rate=2e-3, ema=0.9)
        network = {**purifier.network, **NARROW[purifier.task]}
        monkeypatch.setitem(PURIFIERS, name, dataclasses.replace(purifier, network=network, train=plan))
    rendered: list[tuple[int, int]] = []

    def few(size: int, count: int, device: torch.device, offset: int = 0) -> Pool:
        rendered.append((size, offset))
        return Pool((photos(8) * 255).byte()[:, None], torch.zeros(8, 3, dtype=torch.long))

    monkeypatch.setattr(train, "render_photos", few)
    return rendered


@pytest.mark.parametrize("name", PURIFIERS)
def test_a_network_is_trained_and_its_loss_falls(toy: list[tuple[int, int]], tmp_path: Path, name: str) -> None:
    asked = [name, "--stage", "network", "--out", str(tmp_path), "--device", "cpu"]
    assert train.main(asked) == 0
    assert toy == [(64, PEOPLE), (64, PEOPLE_HELD_OUT)]
    folder, purifier = tmp_path / name, PURIFIERS[name]
    record = json.loads((folder / "training.json").read_text())["network"]
    assert (record["steps"], record["of"], record["seed"]) == (40, 40, purifier.train.seed)
    assert {value.dtype for value in load_file(folder / "network.safetensors").values()} <= {torch.int8, torch.float16}

    pool = Pool((photos(8) * 255).byte()[:, None], torch.zeros(8, 3))
    torch.manual_seed(purifier.train.seed)
    kind = OBJECTIVES[purifier.task]
    fresh = measure_purifier(kind(build_purifier(purifier).eval(), purifier.train), pool)
    trained = measure_purifier(kind(load_purifier(name, folder), purifier.train), pool)
    assert trained["held_out_loss"] < 0.9 * fresh["held_out_loss"]
    # What is recorded, in the card as well, is measured on the file that was written.
    recorded = {key: value for key, value in record.items() if key in trained}
    assert recorded == pytest.approx(trained, abs=1e-3)
    card = json.loads((folder / "card.json").read_text())
    assert card["figures"] == recorded
    assert card["protections_seen"] == []


def test_the_people_are_nobodys_elses() -> None:
    """128 photos of 64 people a batch: neither the victims' clips nor the held-out photos come near the next offset."""
    batches = train.PHOTOS // 128
    taken = [range(0, train.POOL // 128), range(train.HELD_OUT_OFFSET, train.HELD_OUT_OFFSET + 2)]
    taken += [range(PEOPLE, PEOPLE + batches), range(PEOPLE_HELD_OUT, PEOPLE_HELD_OUT + 4)]
    assert len(set().union(*taken)) == sum(map(len, taken))


@pytest.mark.parametrize("name", PURIFIERS)
def test_a_file_is_as_small_as_its_recipe_says(name: str) -> None:
    size = len(save(packed(build_purifier(PURIFIERS[name]).state_dict())))
    assert 0.6 * PURIFIERS[name].most_bytes < size < PURIFIERS[name].most_bytes


@pytest.mark.parametrize(
    ("name", "more", "told"),
    [
        ("purifier-sr-small", ["--stage", "vae"], "has the one stage `network`"),
        ("purifier-sr-small", ["--round", "2"], "has the one stage `network`"),
        ("cogvideox-small", ["--stage", "network"], "cogvideox-small has no stage `network`"),
    ],
)
def test_a_stage_that_a_network_does_not_have_is_refused(
    capsys: pytest.CaptureFixture[str], name: str, more: list[str], told: str
) -> None:
    with pytest.raises(SystemExit):
        train.main([name, *more, "--device", "cpu"])
    assert told in capsys.readouterr().err


def test_missing_weights_say_how_to_make_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(network_file, "files", lambda package: tmp_path)
    with pytest.raises(UserError, match=r"python -m antibench\.zoo\.train purifier-sr-small"):
        load_purifier("purifier-sr-small")
    with pytest.raises(UserError, match="no small purifier 'sr'"):
        load_purifier("sr")


def diffusion() -> PixelDiffusion:
    network = {**PURIFIERS["purifier-diffusion-small"].network, **NARROW["diffusion"]}
    return PixelDiffusion(**network)


def test_the_diffusion_model_noises_as_diffusers_does_and_its_loss_is_of_the_noise() -> None:
    network, x = diffusion(), photos(4)
    scheduler = DDPMScheduler(**PURIFIERS["purifier-diffusion-small"].network["scheduler"])
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    level = torch.tensor([0, 50, 400, 999])
    noised = network.noised(x, level, noise)
    torch.testing.assert_close(noised, scheduler.add_noise(x, noise, level))  # type: ignore[arg-type]

    objective = OBJECTIVES["diffusion"](network, PURIFIERS["purifier-diffusion-small"].train)
    batch = objective.draw(x, Draws(0, CPU))

    class Knows(nn.Module):
        def forward(self, noised: Tensor, level: Tensor) -> Tensor:
            share = network.alphas_cumprod[level].view(-1, 1, 1, 1)
            return (noised - share.sqrt() * (2 * x - 1)) / (1 - share).sqrt()

    objective.network = Knows()
    assert float(objective(batch)) < 1e-6


def test_the_right_noise_leaves_the_clean_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = diffusion(), photos(2)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    level = torch.tensor([100, 300])
    monkeypatch.setattr(PixelDiffusion, "forward", lambda self, noised, level: noise)
    torch.testing.assert_close(network.clean(network.noised(x, level, noise), level), x, atol=1e-5, rtol=0)


def test_the_fold_puts_every_pixel_back_where_it_was() -> None:
    class Echo(nn.Module):
        def forward(self, x: Tensor, level: Tensor, return_dict: bool) -> tuple[Tensor]:
            assert x.shape[1:] == (12, 16, 16)
            return (x,)

    network, x = diffusion(), photos(2)
    network.unet = Echo()
    assert torch.equal(network(x, torch.zeros(2, dtype=torch.long)), x)


def test_half_of_the_levels_lie_in_the_lowest_quarter() -> None:
    objective = OBJECTIVES["diffusion"](diffusion(), PURIFIERS["purifier-diffusion-small"].train)
    level = objective.draw(torch.zeros(4000, 3, 2, 2), Draws(0, CPU))["level"]
    assert float((level < 250).float().mean()) == pytest.approx(0.5, abs=0.03)
    assert 900 < int(level.max()) < 1000


@torch.no_grad()
def test_networks_that_add_nothing_leave_the_photo_and_the_bicubic_one() -> None:
    x = photos(2)
    denoiser, enlarger = DnCNN(depth=3, width=4), SuperResolution(blocks=1, width=4)
    for last in (denoiser.layers[-1], enlarger.tail):
        nn.init.zeros_(last.weight)  # type: ignore[arg-type]
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    assert torch.equal(denoiser(x), x)
    bicubic = nn.functional.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)
    assert torch.equal(enlarger(x), bicubic)


def test_noise_is_of_three_kinds_and_stays_in_its_bounds() -> None:
    grey = torch.full((600, 3, 16, 16), 0.5)
    off = (degradation.spoiled(grey, Draws(0, CPU))[150:] - grey[150:]) * 255
    spread, most = off.std((1, 2, 3)), off.abs().amax((1, 2, 3))
    # Largest over spread: 1 for random signs, sqrt(3) for uniform, over 3 for Gaussian noise; where it can be told.
    ratio = (most / spread)[spread > 4]
    share = [float(part.float().mean()) for part in (ratio < 1.25, (ratio > 1.5) & (ratio < 2), ratio > 2.6)]
    assert sum(share) > 0.99
    assert min(share) > 0.2
    bounded = (most / spread)[spread > 0.5] < 2  # all but Gaussian noise
    assert 15 < float(most[spread > 0.5][bounded].max()) <= degradation.MOST_LEVELS + 1
    assert 15 < float(spread.max()) < degradation.MOST_LEVELS + 1


def test_a_quarter_goes_through_jpeg_each_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(degradation, "JPEG_QUALITY", (50, 50))
    monkeypatch.setattr(degradation, "MOST_LEVELS", 0.0)
    x = degradation.eight_bits(photos(8))
    found = degradation.spoiled(x, Draws(0, CPU))
    for index in range(8):
        alone = jpeg_twin(x[index : index + 1], quality=50, halve_chroma=True)[0] if index < 2 else x[index]
        # Rows next to another photo take their chroma in part from it.
        assert float((found[index] - alone)[:, 1:-1].abs().max()) <= 0.51 / 255


def test_halved_photos_are_the_antialiased_ones_with_noise_on_most(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = torch.full((400, 3, 32, 32), 0.5)
    spread = (degradation.halved(grey, Draws(0, CPU)) * 255).std((1, 2, 3))
    assert float((spread > 0).float().mean()) == pytest.approx(degradation.SMALL_SHARE, abs=0.07)
    assert 20 < float(spread.max()) < degradation.SMALL_MOST_LEVELS + 1
    monkeypatch.setattr(degradation, "SMALL_SHARE", 0.0)
    x = photos(2)
    small = nn.functional.interpolate(x, scale_factor=0.5, mode="bicubic", antialias=True)
    assert float((degradation.halved(x, Draws(0, CPU)) - small.clamp(0, 1)).abs().max()) <= 0.501 / 255


def test_the_vae_draws_its_latents_and_pays_for_them() -> None:
    purifier: Purifier = PURIFIERS["purifier-vae-small"]
    network = {**purifier.network, **NARROW["vae"]}
    plan = Training(steps=1, batch=2, learning_rate=1e-3, seed=1, kl=1.0)
    vae: Any = build_purifier(dataclasses.replace(purifier, network=network)).eval()
    objective = OBJECTIVES["vae"](vae, plan)
    batch = objective.draw(photos(2), Draws(0, CPU))
    with torch.no_grad():
        posterior = vae.encode(batch["x"]).latent_dist
        y = vae.decode(posterior.mean + posterior.std * batch["noise"]).sample
        off = y - batch["x"]
        slopes = (off[..., 1:, :] - off[..., :-1, :]).abs().mean() + (off[..., 1:] - off[..., :-1]).abs().mean()
        # diffusers sums the divergence over a photo's latents; here it is a mean over them.
        expected = off.abs().mean() + 0.6 * slopes + posterior.kl().mean() / posterior.mean[0].numel()
        torch.testing.assert_close(objective(batch), expected)
