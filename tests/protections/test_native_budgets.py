"""By the same epsilon, published code means sizes that are a factor of two apart: what each card says of its own."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np
import pytest

from antibench.attacks.advdm import AdvDM
from antibench.budget import linf_levels, settle
from antibench.components import ModelFacts, ProtectionFacts
from antibench.contracts import VideoModel
from antibench.pixels import to_float
from antibench.plan import Variant
from antibench.registry import PROTECTIONS
from antibench.testing.protection_contract import sample_context
from antibench.testing.purification_contract import sample_photo

STATED = re.compile(r"([\d./]+) on \[(-?\d), (\d)\][^;]*?which is ([\d.]+) levels")
# Budgets in 8-bit levels, from the code of each: what is stated, over the width of its range, times 255.
NATIVE = {
    "photoguard": [255 * 0.06 / 2],
    "photoguard-diffusion": [255 * 0.1 / 2],
    "vgmshield": [4 / 2],
    "editshield": [4 / 1, 255 * 0.03],
    "sds": [16 / 2],
    "mist-vaijsc": [16 / 2],
    "advdm": [16 / 2],
}
IN_LEVELS = {"mist-paper": 16, "diffusionguard": 16}
NAMES = [*NATIVE, *IN_LEVELS, "encoder-target", "dct-shield"]


@pytest.mark.parametrize("name", NATIVE)
def test_a_card_converts_its_stated_epsilon_rightly(name: str) -> None:
    found = STATED.findall(PROTECTIONS.load(name).card.native_budget)
    levels = [255 * float(Fraction(epsilon)) / (int(high) - int(low)) for epsilon, low, high, _ in found]
    assert levels == pytest.approx(NATIVE[name])
    assert [float(said) for *_, said in found] == pytest.approx(levels, abs=0.005)


@pytest.mark.parametrize("name", IN_LEVELS)
def test_a_card_that_states_levels_states_the_original_ones(name: str) -> None:
    assert PROTECTIONS.load(name).card.native_budget.startswith(f"{IN_LEVELS[name]} levels")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("budget", [4, 16])
def test_the_saved_photo_keeps_the_budget_and_its_psnr(svd: VideoModel, name: str, budget: int) -> None:
    """An L-infinity budget of e levels cannot cost more than 20 log10(255 / e) dB; figures below it are of another
    budget than they say."""
    photo = sample_photo(size=(16, 16))
    plugin = PROTECTIONS.create(name, {"steps": 4, **({"alpha": 1.0} if name != "dct-shield" else {})})
    settled = settle(plugin.perturb(to_float(photo), sample_context(svd, budget_levels=budget)), photo, budget)
    assert settled.proposed_levels <= budget * (1 + 1e-5)
    assert budget / 2 <= linf_levels(settled.image, photo) <= budget
    error = np.mean((settled.image.astype(float) - photo.astype(float)) ** 2)
    assert 10 * math.log10(255**2 / error) >= 20 * math.log10(255 / budget)


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("sds", "still_latents"),
        ("photoguard", "image_latents"),
        ("encoder-target", "image_latents"),
        ("editshield", "image_latents"),
        ("dct-shield", "image_latents"),
        ("vgmshield", "vae_features"),
        ("diffusionguard", "diffusion_loss"),
        ("photoguard-diffusion", "diffusion_loss"),
        ("mist-paper", "diffusion_loss"),
        ("mist-vaijsc", "image_latents"),
    ],
)
def test_a_model_that_lacks_what_it_takes_is_refused_by_name(svd: VideoModel, name: str, lacking: str) -> None:
    needs = PROTECTIONS.load(name).needs
    facts = ProtectionFacts("protections", name, name, 1, needs=needs)
    for gives, refused in ((svd.gives, False), (svd.gives - {lacking}, True)):
        model = ModelFacts("models", "poor", "poor", 1, gives=gives)
        reason = Variant("protection", name, 8, facts, model).skipped
        assert reason == (f"{name} needs {lacking}, which poor does not give" if refused else None)


def test_both_signs_of_advdm_are_parameters() -> None:
    assert (AdvDM().sign, AdvDM(sign="-").sign) == ("+", "-")
