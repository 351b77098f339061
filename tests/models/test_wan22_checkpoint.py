"""What is held of the published Wan 2.2 checkpoints, on tiny ones saved as diffusers converted them.

The authors' configuration of I2V-A14B: 40 steps, shift 5, scale 3.5 on both sides of a boundary at 0.9. The conversion
to diffusers (`scripts/convert_wan_to_diffusers.py`) saves it with `boundary_ratio` 0.9, the network of high noise as
`transformer` and that of low noise as `transformer_2`, and a scheduler of shift 3. TI2V-5B it saves as a pipeline from
text, with `expand_timesteps`, and shift 5.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from diffusers import UniPCMultistepScheduler

from antibench.models.specs_flow import Wan22A14B, Wan22TI2V
from antibench.testing.tiny_wan import TinyWan22A14B, TinyWan22TI2V


@dataclass(frozen=True)
class LocalA14B(Wan22A14B):
    """A tiny checkpoint through the loader of the real one, with all of its settings."""

    dtype: Any = "float32"

    size: ClassVar[tuple[int, int]] = TinyWan22A14B.size
    frames: ClassVar[int] = TinyWan22A14B.frames


@dataclass(frozen=True)
class LocalTI2V(Wan22TI2V):
    """Likewise."""

    dtype: Any = "float32"

    size: ClassVar[tuple[int, int]] = TinyWan22TI2V.size
    frames: ClassVar[int] = TinyWan22TI2V.frames


def saved(tiny: Any, folder: Path) -> dict[str, Any]:
    """Save a tiny checkpoint; its index."""
    tiny.load("cpu").pipe.save_pretrained(folder)
    index: dict[str, Any] = json.loads((folder / "model_index.json").read_text())
    return index


def test_the_spec_of_a14b_samples_as_its_authors_do() -> None:
    spec = Wan22A14B()
    assert (spec.steps, spec.shift, spec.guidance, spec.guidance_2) == (40, 5.0, 3.5, 3.5)


def test_a14b_is_loaded_with_the_authors_shift_and_the_boundary_of_the_checkpoint(tmp_path: Path) -> None:
    assert saved(TinyWan22A14B(), tmp_path)["boundary_ratio"] == 0.9
    assert json.loads((tmp_path / "scheduler" / "scheduler_config.json").read_text())["flow_shift"] == 3.0
    model: Any = LocalA14B().load("cpu", tmp_path)
    scheduler = model.pipe.scheduler
    assert isinstance(scheduler, UniPCMultistepScheduler)
    config = scheduler.config
    assert (config.flow_shift, config.num_train_timesteps) == (5.0, 1000)
    assert (config.prediction_type, config.use_flow_sigmas) == ("flow_prediction", True)
    # s = 5 u / (1 + 4 u): the boundary at s = 0.9 is at u = 9 / 14.
    assert model.sigma(9 / 14) == pytest.approx(0.9)
    assert model._transformer(model.timestep(9 / 14 + 1e-3)) is model.pipe.transformer
    assert model._transformer(900.0) is model.pipe.transformer
    assert model._transformer(899.0) is model.pipe.transformer_2
    assert model._transformer(model.timestep(9 / 14 - 1e-3)) is model.pipe.transformer_2


def test_of_a14bs_steps_the_same_ones_run_on_each_network_as_the_adapter_says(tmp_path: Path) -> None:
    saved(TinyWan22A14B(), tmp_path)
    model: Any = LocalA14B(guidance=1.0, guidance_2=1.0).load("cpu", tmp_path)
    ran: list[tuple[Any, float]] = []
    for network in (model.pipe.transformer, model.pipe.transformer_2):
        network.register_forward_pre_hook(
            lambda network, args, given: ran.append((network, float(given["timestep"]))), with_kwargs=True
        )
    model.generate(np.zeros((*model.size, 3), np.uint8), "smile", 0)
    assert len(ran) == 40
    assert all(network is model._transformer(timestep) for network, timestep in ran)
    high = [timestep for network, timestep in ran if network is model.pipe.transformer]
    # Levels u = 1, 39 / 40, ... of which those from u = 9 / 14 on, s = 0.9, are of high noise.
    assert len(high) == sum(u / 40 > 9 / 14 for u in range(1, 41))
    assert high == sorted(high, reverse=True)


def test_ti2v_is_loaded_from_a_pipeline_that_was_saved_for_text(tmp_path: Path) -> None:
    index = saved(TinyWan22TI2V(), tmp_path)
    assert index["expand_timesteps"]
    (tmp_path / "model_index.json").write_text(
        json.dumps(
            {name: part for name, part in index.items() if not name.startswith("image_")}
            | {"_class_name": "WanPipeline"}
        )
    )
    model: Any = LocalTI2V().load("cpu", tmp_path)
    assert model.held == 1
    assert model.pipe.scheduler.config.flow_shift == 5.0
