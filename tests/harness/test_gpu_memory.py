"""Too little GPU memory: what a model needs, what there is, and which options lower the need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_runs import RunFake, fake_suite, lines_of

from antibench import run as run_module
from antibench.engine.bench import Bench
from antibench.engine.gpu import GpuMemory, gpu_memory, shortage, too_large, weights_gb
from antibench.jobs import GenerateJob
from antibench.models.dynamicrafter.specs import DynamiCrafter512
from antibench.models.opensora.specs import OpenSora12
from antibench.models.specs import SVDXT, CogVideoX5BI2V
from antibench.models.specs_flow import Wan22A14B
from antibench.registry import MODELS
from antibench.resolve import instance, resolve
from antibench.run import Settings
from antibench.store import Store
from antibench.suite_options import only_models

LARGE = GpuMemory(free=3 * 10**9, total=24 * 10**9)
SMALL = GpuMemory(free=7 * 10**9, total=8 * 10**9)


def fake_hungry(**params: Any) -> Any:
    """The plugin as the session's plugin file registered it."""
    return MODELS.create("fake-hungry", params)


def hungry(memory: GpuMemory | None, store: Path, **params: Any) -> str:
    """The reason that a job of the model ends with."""
    sets = [f"models.fake-hungry.{key}={json.dumps(value)}" for key, value in params.items()]
    suite = fake_suite(*sets, overrides=(only_models(("fake-hungry",)),))
    kept = Store(store)
    kept.prepare()
    work = run_module.prepare(suite, "cpu", kept)
    job = next(job for job in work.graph.ordered() if isinstance(job, GenerateJob))
    outcome = Bench(kept, "cpu", memory_of=lambda device: memory).perform(job)
    assert outcome.status == "failed"
    assert not outcome.fatal
    return outcome.reason or ""


@pytest.mark.parametrize("where", ["load", "generate"])
def test_a_full_gpu_is_told_with_what_would_help(where: str, tmp_path: Path) -> None:
    told = hungry(LARGE, tmp_path, where=where)
    assert told.endswith(
        "fake-hungry: too little GPU memory for fake-hungry: its weights take about 20 GB, activations come on top; "
        "the GPU has 24.0 GB, 3.0 GB of them free; "
        "try `--set models.fake-hungry.low_memory=true`, `--set models.fake-hungry.recompute=1`"
    )


def test_a_model_that_cannot_fit_is_not_loaded(tmp_path: Path) -> None:
    told = hungry(SMALL, tmp_path, where="generate", dtype="float32")
    assert "take about 40 GB, activations come on top; the GPU has 8.0 GB, 7.0 GB of them free" in told
    assert "`--set models.fake-hungry.dtype=bfloat16`" in told


def test_where_nothing_is_left_to_lower_that_is_said(tmp_path: Path) -> None:
    told = hungry(LARGE, tmp_path, where="load", low_memory=True)
    assert "about 12 GB" in told
    assert told.endswith("none of its parameters takes less: use a larger GPU")


def test_a_run_goes_on_after_it(run_fake: RunFake) -> None:
    ran = run_fake(overrides=(only_models(("fake-hungry",)),))
    video = [row for row in lines_of(ran.folder) if row["scope"] == "video"]
    assert {row["status"] for row in video} == {"failed"}
    assert all("too little GPU memory for fake-hungry" in row["reason"] for row in video)
    photo = [row for row in lines_of(ran.folder) if row["scope"] == "photo" and row["role"] == "reference"]
    assert {row["status"] for row in photo} == {"ok"}


def test_other_models_of_the_worker_are_named() -> None:
    told = shortage(fake_hungry(), "mine", LARGE, beside=["svd"])
    assert "; svd loaded beside it, which `--model` can leave out; try `--set models.mine.low_memory" in told


@pytest.mark.parametrize(
    ("spec", "gigabytes"),
    [
        (SVDXT(), 4.5),
        (SVDXT(dtype="float32"), 9.0),
        (CogVideoX5BI2V(), 21.0),
        (CogVideoX5BI2V(low_memory=True), 11.5),
        (CogVideoX5BI2V(dtype="float32"), 42.0),
        (OpenSora12(), 22.0),
        (OpenSora12(text_dtype="bfloat16"), 12.5),
        (OpenSora12(low_memory=True), 3.0),
        (DynamiCrafter512(low_memory=True), 5.2),
        (Wan22A14B(), 69.0),
    ],
    ids=repr,
)
def test_what_the_weights_take_follows_from_card_and_parameters(spec: Any, gigabytes: float) -> None:
    assert weights_gb(spec) == gigabytes


def test_a_text_encoder_on_the_host_costs_the_gpu_nothing_in_either_type() -> None:
    assert weights_gb(fake_hungry(dtype="float32", low_memory=True)) == 24.0


def test_only_weights_beyond_the_whole_gpu_are_refused_beforehand() -> None:
    exact = GpuMemory(free=0, total=20 * 10**9)
    assert too_large(fake_hungry(), "m", exact) is None, "whether activations fit is found by trying"
    assert too_large(fake_hungry(), "m", None) is None
    assert "8.0 GB" in str(too_large(fake_hungry(), "m", SMALL))


def test_a_card_without_figures_says_so_and_refuses_nothing() -> None:
    spec = resolve(fake_suite()).models[0]
    assert gpu_memory("cpu") is None
    unknown = instance(spec)
    assert too_large(unknown, "m", SMALL) is None
    assert "an amount that its card does not know" in shortage(unknown, "m", None)


def test_settings_of_a_run_have_no_weights_unless_they_are_given() -> None:
    assert Settings(Path("x")).weights == {}
