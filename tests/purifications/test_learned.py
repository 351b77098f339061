"""The learned purifications against closed forms: networks that know the answer, and what they are then asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tiny_networks import tiny, use, use_tiny
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, interpolate, pad

from antibench.contracts import ImageU8, LearnedPurification, Place
from antibench.errors import UserError
from antibench.pixels import to_float, to_u8
from antibench.purifications import gridpure
from antibench.purifications._diffusion import Diffusion, ancestral, deterministic, renewed, within_side
from antibench.purifications._perceptual import stages_apart
from antibench.purifications.denoiser import Denoiser
from antibench.purifications.diffpure import DiffPure
from antibench.purifications.gridpure import GrIDPure
from antibench.purifications.img2img import Img2Img
from antibench.purifications.impress import Impress
from antibench.purifications.noisy_upscaling import NoisyUpscaling
from antibench.purifications.sr_down_up import SrDownUp
from antibench.purifications.vae_round_trip import VaeRoundTrip
from antibench.registry import PURIFICATIONS
from antibench.testing.purification_contract import sample_photo

SCHEDULE = {"num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02}
SHARES = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
"""Of the photo's variance at each level, by hand."""
NAMES = ["denoiser", "diffpure", "gridpure", "img2img", "impress", "noisy-upscaling", "sr-down-up", "vae-round-trip"]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def applied(plugin: Any, photo: ImageU8, strength: float, seed: int = 0) -> ImageU8:
    result: ImageU8 = plugin.apply(photo, strength=strength, rng=np.random.default_rng(seed))
    return result


class Asked:
    """A diffusion model that keeps what it is asked; it knows the photo, or that photos are normal of some width."""

    def __init__(self, photo: Tensor | None = None, width: float = 0.0, side: int = 64) -> None:
        self.photo, self.width = photo, width
        self.asked: list[tuple[int, Tensor]] = []
        self.model = Diffusion(self.noise_in, SCHEDULE, side, 8)

    def noise_in(self, noised: Tensor, level: Tensor) -> Tensor:
        assert level.shape == noised.shape[:1]
        self.asked.append((int(level[0]), noised))
        share = float(SHARES[int(level[0])])
        if self.photo is None:  # the best estimate for photos that are normal noise of this width
            return noised * (1 - share) ** 0.5 / (share * self.width**2 + 1 - share)
        clean = pad(2 * self.photo - 1, (0, -self.photo.shape[-1] % 8, 0, -self.photo.shape[-2] % 8), mode="replicate")
        return (noised - share**0.5 * clean) / (1 - share) ** 0.5

    @property
    def levels(self) -> list[int]:
        return [level for level, _ in self.asked]


def test_the_photo_is_noised_to_the_level_of_the_schedule() -> None:
    photo = to_float(sample_photo(size=(16, 24)))
    asked = Asked(photo)
    renewed(asked.model, photo, ancestral(asked.model, 100, 10), seeded())
    noise = torch.randn(photo.shape, generator=seeded())
    expected = SHARES[99] ** 0.5 * (2 * photo - 1) + (1 - SHARES[99]) ** 0.5 * noise
    torch.testing.assert_close(asked.asked[0][1], expected.float(), atol=1e-5, rtol=0)
    assert asked.levels == [99, 89, 79, 69, 59, 49, 39, 29, 19, 9]


@pytest.mark.parametrize(
    ("levels", "steps", "asked"), [(50, 5, [49, 39, 29, 19, 9]), (3, 10, [2, 1, 0]), (10, 1, [9]), (7, 2, [6, 3])]
)
def test_steps_divide_the_levels_evenly_and_are_no_more_than_there_are(
    levels: int, steps: int, asked: list[int]
) -> None:
    assert ancestral(Asked(width=1).model, levels, steps).timesteps.tolist() == asked


@pytest.mark.parametrize("size", [(16, 24), (37, 51), (1, 1)])
@pytest.mark.parametrize("kind", ["ancestral", "deterministic"])
def test_a_perfect_denoiser_gives_the_clean_photo(kind: str, size: tuple[int, int]) -> None:
    clean = to_float(sample_photo(size=size))
    model = Asked(clean).model
    sampler = ancestral(model, 150, 7) if kind == "ancestral" else deterministic(model, 0.3, 20)
    spoiled = (clean + 0.1 * torch.randn(clean.shape, generator=seeded(1))).clamp(0, 1)
    torch.testing.assert_close(renewed(model, spoiled, sampler, seeded()), clean, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["ancestral", "deterministic"])
def test_photos_that_are_noise_keep_their_width(kind: str) -> None:
    """The reverse process leads back to the distribution of the photos: without its own noise, or with twice as much,
    the ancestral one would not; with any, the deterministic one would not."""
    width = 0.25
    photo = (0.5 + width / 2 * torch.randn((1, 3, 64, 64), generator=seeded(2))).clamp(0, 1)
    model = Asked(width=width).model
    sampler = ancestral(model, 150, 150) if kind == "ancestral" else deterministic(model, 0.15, 1000)
    found = renewed(model, photo, sampler, seeded(3))
    assert float(found.std()) == pytest.approx(width / 2, rel=0.02)
    assert not torch.allclose(found, photo, atol=0.05)


def test_img2img_redoes_the_last_share_of_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = sample_photo(size=(16, 16))
    asked = Asked(to_float(photo))
    monkeypatch.setattr("antibench.purifications.img2img.diffusion_of", lambda plugin, place: asked.model)
    assert np.array_equal(applied(Img2Img(), photo, 0.1), photo)
    assert asked.levels == [80, 60, 40, 20, 0]
    first = asked.asked[0][1]
    assert float((first - SHARES[80] ** 0.5 * (2 * to_float(photo) - 1)).std()) == pytest.approx(
        (1 - SHARES[80]) ** 0.5, rel=0.05
    )


def test_no_noise_gives_the_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny(monkeypatch)
    photo = sample_photo(size=(37, 51))
    assert np.array_equal(applied(DiffPure(), photo, 0), photo)
    assert not np.array_equal(applied(DiffPure(), photo, 0.001), photo)


def test_diffpure_takes_t_for_a_share_of_the_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = sample_photo(size=(16, 16))
    asked = Asked(to_float(photo))
    monkeypatch.setattr("antibench.purifications.diffpure.diffusion_of", lambda plugin, place: asked.model)
    assert np.array_equal(applied(DiffPure(steps=3), photo, 0.15), photo)
    assert asked.levels == [149, 99, 49]
    DiffPure(steps=3).twin(to_float(photo), strength=0.15, generator=seeded())
    assert asked.levels[3:] == [149], "the twin is one step"


@pytest.mark.parametrize("size", [(100, 60), (20, 90), (64, 64)])
def test_a_photo_is_renewed_at_the_size_the_model_knows(size: tuple[int, int]) -> None:
    seen: list[tuple[int, ...]] = []
    model = Asked(width=1, side=32).model

    def keep(photos: Tensor) -> Tensor:
        seen.append(tuple(photos.shape[-2:]))
        return photos

    photo = torch.full((1, 3, *size), 0.5)
    torch.testing.assert_close(within_side(model, photo, keep), photo, atol=1e-6, rtol=0)
    assert seen == {(100, 60): [(53, 32)], (20, 90): [(20, 90)], (64, 64): [(32, 32)]}[size]


def boxes(height: int, width: int, side: int) -> list[tuple[slice, slice]]:
    """The tiles of GrIDPure written down: every half side, and one at each far edge."""

    def starts(length: int) -> list[int]:
        return [
            *[start for start in range(length) if start % (side // 2) == 0 and start < length - side],
            length - side,
        ]

    return [(slice(y, y + side), slice(x, x + side)) for y in starts(height) for x in starts(width)]


def test_gridpure_averages_tiles_and_corners_and_blends_with_what_each_iteration_was_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Renewing stands for the mean of a tile: then the result can be had from plain loops."""
    side, gamma = 16, 0.1
    photo = sample_photo(size=(40, 27))
    monkeypatch.setattr(gridpure, "diffusion_of", lambda plugin, place: Asked(width=1, side=side).model)
    monkeypatch.setattr(
        gridpure, "renewed", lambda model, x, sampler, generator: x.mean((2, 3), keepdim=True).expand_as(x)
    )
    expected = photo / 255.0
    for _ in range(2):
        total, times = np.zeros_like(expected), np.zeros((40, 27, 1))
        for box in boxes(40, 27, side):
            total[box] += expected[box].mean((0, 1))
            times[box] += 1
        corners = [(rows, columns) for rows in (slice(0, 8), slice(32, 40)) for columns in (slice(0, 8), slice(19, 27))]
        mean = np.mean([expected[corner].mean((0, 1)) for corner in corners], axis=0)
        for corner in corners:
            total[corner] += mean
            times[corner] += 1
        expected = (1 - gamma) * total / times + gamma * expected
    result = applied(GrIDPure(gamma=gamma), photo, 2)
    assert np.abs(result - expected * 255).max() < 0.51


def test_tiles_of_512_at_256_are_nine_and_the_corners() -> None:
    found = gridpure.tiles(512, 512, 256)
    assert [(int(rows[0]), int(columns[0])) for rows, columns in found[:9]] == [
        (y, x) for y in (0, 128, 256) for x in (0, 128, 256)
    ]
    rows, columns = found[9]
    assert rows.tolist() == columns.tolist() == [*range(128), *range(384, 512)]


@pytest.mark.parametrize("size", [(64, 64), (30, 64), (1, 1)])
def test_a_photo_of_one_tile_is_that_tile(size: tuple[int, int]) -> None:
    ((rows, columns),) = gridpure.tiles(*size, 64)
    assert (rows.tolist(), columns.tolist()) == (list(range(size[0])), list(range(size[1])))


def test_gridpure_noises_a_little_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(width=0.5)
    monkeypatch.setattr(gridpure, "diffusion_of", lambda plugin, place: asked.model)
    applied(GrIDPure(steps=2), sample_photo(size=(16, 16)), 3)
    assert asked.levels == [9, 4] * 3


class Knows(nn.Module):
    """A network that answers with what it was made with, and keeps what it is given."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer, self.given = answer, list[Tensor]()

    def forward(self, photos: Tensor) -> Tensor:
        self.given.append(photos)
        return self.answer


def test_a_perfect_denoiser_network_gives_the_clean_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    clean, noisy = sample_photo(0), sample_photo(1)
    network = Knows(to_float(clean))
    use(monkeypatch, network)
    assert np.array_equal(applied(Denoiser(), noisy, 2), clean)
    assert torch.equal(network.given[0], to_float(noisy))
    assert torch.equal(network.given[1], to_float(clean)), "the second time it is given its own result"


class Doubles(nn.Module):
    """Twice the size by repeating pixels; keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Tensor] = []

    def forward(self, photos: Tensor) -> Tensor:
        self.given.append(photos)
        return interpolate(photos, scale_factor=2, mode="nearest")


@pytest.fixture
def doubles(monkeypatch: pytest.MonkeyPatch) -> Doubles:
    from antibench.purifications import _upscaling

    network = Doubles()
    use(monkeypatch, network)
    monkeypatch.setattr(_upscaling, "SuperResolution", Doubles)
    return network


@pytest.mark.parametrize(
    ("strength", "given"),
    [(0.5, [(24, 32)]), (0.75, [(36, 48)]), (0.25, [(12, 16), (24, 32)]), (0.4, [(19, 26), (38, 52)])],
)
def test_super_resolution_is_asked_as_often_as_it_takes(
    doubles: Doubles, strength: float, given: list[tuple[int, int]]
) -> None:
    photo = sample_photo(size=(48, 64))
    result = applied(SrDownUp(), photo, strength)
    assert [tuple(x.shape[-2:]) for x in doubles.given] == given
    assert result.shape == photo.shape
    if strength == 0.5:
        small = interpolate(to_float(photo), size=(24, 32), mode="bicubic", antialias=True).clamp(0, 1)
        assert np.array_equal(result, to_u8(small).repeat(2, 0).repeat(2, 1)), "what the network says is not touched"


@pytest.mark.parametrize(("level", "passes", "sigma"), [(160, 1, 0.05), (320, 1, 0.1), (640, 2, 0.1), (480, 2, 0.075)])
def test_noise_before_the_upscaler_grows_with_the_level_and_above_320_comes_in_passes(
    doubles: Doubles, level: float, passes: int, sigma: float
) -> None:
    grey = np.full((64, 64, 3), 128, np.uint8)
    result = applied(NoisyUpscaling(), grey, level)
    assert result.shape == grey.shape
    assert [tuple(x.shape[-2:]) for x in doubles.given] == [(64, 64)] * passes
    before = 128 / 255
    for given in doubles.given:
        assert float((given - before).std()) == pytest.approx(sigma, rel=0.03)
        repeated = interpolate(given, scale_factor=2, mode="nearest")
        before = interpolate(repeated, size=(64, 64), mode="bicubic", antialias=True).clamp(0, 1)
    assert np.array_equal(result, to_u8(before)), "the enlarged photo is brought back to size and nothing else"


@pytest.mark.parametrize("size", [(37, 51), (10, 7)])
def test_three_round_trips_are_the_decoded_means_of_three(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_tiny(monkeypatch)
    vae: Any = tiny("purifier-vae-small")
    photo = sample_photo(size=size)
    x = pad(2 * to_float(photo) - 1, (0, size[1] % 2, 0, size[0] % 2), mode="replicate")
    results = {}
    for times in (1, 2, 3):
        x = vae.decode(vae.encode(x).latent_dist.mean).sample.clamp(-1, 1)
        results[times] = to_u8(x[..., : size[0], : size[1]] / 2 + 0.5)
    assert np.array_equal(applied(VaeRoundTrip(), photo, 1), results[1])
    assert np.array_equal(applied(VaeRoundTrip(), photo, 3), results[3])
    assert not np.array_equal(results[2], results[3])


def float_result(plugin: Impress, photo: ImageU8, strength: float) -> Tensor:
    return 2 * plugin.purified(to_float(photo), strength, seeded(), Place()) - 1


def test_impress_lowers_its_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny(monkeypatch)
    vae: Any = tiny("purifier-vae-small")
    photo = sample_photo(size=(16, 24))
    fixed = 2 * to_float(photo) - 1
    distance = stages_apart(vae, fixed)
    plugin = Impress()
    values = [
        float(plugin.objective(vae, x, distance))
        for x in (fixed, *(float_result(plugin, photo, n) for n in plugin.grid))
    ]
    assert float(distance(fixed)) == 0
    assert values[0] == pytest.approx(float((vae(fixed).sample - fixed).square().mean()), rel=1e-6)
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.8 * values[0]


def test_impress_is_held_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the weight the same iterations go far beyond it."""
    use_tiny(monkeypatch)
    photo = sample_photo(size=(16, 24))
    distance = stages_apart(tiny("purifier-vae-small"), 2 * to_float(photo) - 1)
    free, held = (
        float(distance(float_result(Impress(share=1, bound=0.005, weight=weight), photo, 80))) for weight in (0.0, 20.0)
    )
    assert free > 3 * 0.005
    assert held < 1.1 * 0.005


def test_impress_takes_its_share_of_steps_of_adam(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step of Adam is its learning rate, shortened by an epsilon of 1e-5 beside the gradient."""
    use_tiny(monkeypatch)
    vae: Any = tiny("purifier-vae-small")
    photo = np.full((16, 16, 3), 90, np.uint8)
    start = (2 * to_float(photo) - 1).requires_grad_()
    (gradient,) = torch.autograd.grad((vae(start).sample - start).square().mean(), start)
    expected = start - 0.01 * gradient / (gradient.abs() + 1e-5)
    torch.testing.assert_close(float_result(Impress(), photo, 100), expected.detach(), atol=1e-5, rtol=0)


def test_the_distance_of_stages_is_that_of_cosines() -> None:
    vae: Any = tiny("purifier-vae-small")
    one, other = (2 * to_float(sample_photo(seed, (16, 24))) - 1 for seed in (0, 1))
    kept: list[Tensor] = []
    hooks = [block.register_forward_hook(lambda *args: kept.append(args[2])) for block in vae.encoder.down_blocks]
    vae.encode(one)
    vae.encode(other)
    for hook in hooks:
        hook.remove()
    stages = len(hooks)
    expected = [2 - 2 * cosine_similarity(kept[i], kept[stages + i], dim=1).mean() for i in range(stages)]
    assert float(stages_apart(vae, other)(one)) == pytest.approx(float(sum(expected)) / stages, rel=1e-5)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("diffpure", {"network": "purifier-vae-small"}, "network must be purifier-diffusion-small or ORG/NAME"),
    ("denoiser", {"network": "org/name"}, "network must be purifier-denoiser-small, got"),
    ("impress", {"revision": "0" * 40}, "revision is for a repository"),
    ("diffpure", {"steps": 0}, "steps must be at least 1"),
    ("gridpure", {"gamma": 1.0}, "gamma must be"),
    ("gridpure", {"levels": 0}, "levels and steps must be"),
    ("impress", {"share": 0.0}, "share must be"),
    ("impress", {"distance": "psnr"}, "distance must be"),
    ("noisy-upscaling", {"noise": -0.1}, "noise must be"),
    ("img2img", {"steps": 0}, "steps must be"),
]


@pytest.mark.parametrize(("name", "params", "told"), WRONG)
def test_a_wrong_parameter_is_named(name: str, params: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        PURIFICATIONS.create(name, params)


@pytest.mark.parametrize(
    ("name", "strength"),
    [
        ("diffpure", 1.5),
        ("gridpure", 2.5),
        ("impress", 0),
        ("vae-round-trip", 1.5),
        ("denoiser", 0),
        ("sr-down-up", 1),
        ("noisy-upscaling", 0),
        ("img2img", 0),
        *((name, float("nan")) for name in NAMES),
    ],
)
def test_a_strength_that_is_none_is_refused(name: str, strength: float, monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny(monkeypatch)
    with pytest.raises(ValueError, match="strength is"):
        applied(PURIFICATIONS.create(name), sample_photo(size=(8, 8)), strength)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_told_where_to_compute(name: str) -> None:
    assert isinstance(PURIFICATIONS.create(name), LearnedPurification)


def test_an_embedded_network_is_not_read_from_a_folder(tmp_path: Any) -> None:
    with pytest.raises(UserError, match="purifier-vae-small is part of antibench"):
        VaeRoundTrip().apply(sample_photo(), strength=1, rng=np.random.default_rng(0), place=Place("cpu", tmp_path))
