"""Weights in eight bits: what is kept, how far off it may be, and files that are refused."""

from __future__ import annotations

import pytest
import torch

from antibench.errors import UserError
from antibench.zoo.eight_bit import SUFFIX, packed, restored


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_values_on_the_grid_come_back_as_they_are() -> None:
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randint(-127, 128, (48, 16, 3, 3), generator=generator)
    numbers[:, 0, 0, 0] = 127
    numbers[7] = 0
    matrix = numbers * 2.0 ** torch.randint(-12, 3, (48, 1, 1, 1), generator=generator)
    kept = packed({"weight": matrix})
    assert torch.equal(kept["weight"], numbers.to(torch.int8))
    assert torch.equal(restored(kept)["weight"], matrix)


def test_no_value_is_off_by_more_than_half_a_step() -> None:
    matrix = drawn(64, 8, 3, 3) * drawn(64, 1, 1, 1, seed=1).exp()
    kept = packed({"weight": matrix})
    off = (restored(kept)["weight"] - matrix).abs()
    half = matrix.flatten(1).abs().amax(1) / 127 / 2
    assert bool((off.flatten(1) <= half[:, None] * (1 + 1e-3)).all())  # a step is rounded to 16 bits
    assert float(off.max()) > 0


def test_packing_again_changes_nothing() -> None:
    kept = packed({"weight": drawn(64, 64)})
    again = packed(restored(kept))
    assert torch.equal(again["weight"], kept["weight"])
    torch.testing.assert_close(again["weight" + SUFFIX], kept["weight" + SUFFIX], rtol=1e-6, atol=0)


def test_small_tensors_stay_in_16_bits() -> None:
    state = {"bias": drawn(5000), "table": drawn(6, 96), "weight": drawn(64, 64), "scale": torch.tensor(2.5)}
    kept = packed(state)
    assert {name: value.dtype for name, value in kept.items()} == {
        "bias": torch.float16,
        "table": torch.float16,
        "scale": torch.float16,
        "weight": torch.int8,
        "weight" + SUFFIX: torch.float16,
    }
    back = restored(kept)
    assert back.keys() == state.keys()
    assert {value.dtype for value in back.values()} == {torch.float32}
    assert torch.equal(back["bias"], state["bias"].half().float())


def test_a_file_of_floats_alone_is_read_as_it_is() -> None:
    halves = {"weight": drawn(64, 64).half()}
    assert torch.equal(restored(halves)["weight"], halves["weight"].float())


def test_files_without_the_right_steps_are_refused() -> None:
    kept = packed({"weight": drawn(64, 64)})
    with pytest.raises(UserError, match=r"weight of shape \(64, 64\) has no step sizes"):
        restored({"weight": kept["weight"]})
    with pytest.raises(UserError, match=r"has \(63,\) step sizes"):
        restored({**kept, "weight" + SUFFIX: kept["weight" + SUFFIX][:-1]})
    with pytest.raises(UserError, match="belongs to no matrix"):
        restored({"weight" + SUFFIX: kept["weight" + SUFFIX]})
