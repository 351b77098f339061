"""The loaders of the real checkpoints, on tiny checkpoints laid out as the hub's cache lays them out.

Every file of these is made by the classes that read the real ones, text tokenizer included; only the sizes differ.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from diffusers import CogVideoXImageToVideoPipeline, DiffusionPipeline
from huggingface_hub import HfApi, constants
from safetensors.torch import load_file
from transformers import T5Config, T5EncoderModel, T5Tokenizer

from antibench.contracts import ModelCard
from antibench.errors import UserError
from antibench.local_weights import checked
from antibench.models.specs import SVDXT, CogVideoX5BI2V, CogVideoX15I2V
from antibench.testing.model_contract import checks
from antibench.testing.tiny_cogvideox import SERIES_1_5, WIDTH, TinyCogVideoX
from antibench.testing.tiny_svd import TinySVD

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclasses.dataclass(frozen=True)
class CachedSVD(SVDXT):
    """A tiny checkpoint through the loader of the real one."""

    steps: int = 2
    revision: str = REVISION

    card: ClassVar[ModelCard] = ModelCard("Tiny", repo_id="org/svd", revision=REVISION)
    size: ClassVar[tuple[int, int]] = TinySVD.size
    frames: ClassVar[int] = TinySVD.frames


@dataclasses.dataclass(frozen=True)
class CachedCogVideoX(CogVideoX5BI2V):
    """A tiny checkpoint through the loader of the real one."""

    steps: int = 2
    revision: str = REVISION

    card: ClassVar[ModelCard] = ModelCard("Tiny", repo_id="org/cogvideox", revision=REVISION)
    size: ClassVar[tuple[int, int]] = (48, 40)
    """The smallest that the decoder's tiles, half as large and overlapping by 1/6 and 1/5, divide."""
    frames: ClassVar[int] = TinyCogVideoX.frames


@dataclasses.dataclass(frozen=True)
class CachedCogVideoX15(CogVideoX15I2V):
    """A tiny checkpoint of the 1.5 series through the loader of the real one."""

    steps: int = 2
    revision: str = REVISION

    card: ClassVar[ModelCard] = ModelCard("Tiny", repo_id="org/cogvideox1.5", revision=REVISION)
    size: ClassVar[tuple[int, int]] = CachedCogVideoX.size
    frames: ClassVar[int] = TinyCogVideoX.frames


def t5() -> tuple[T5Tokenizer, T5EncoderModel]:
    """A tokenizer of letters and a random encoder."""
    letters = [(letter, -1.0) for letter in "▁abcdefghijklmnopqrstuvwxyz"]
    tokenizer = T5Tokenizer([("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *letters], extra_ids=0)
    config = T5Config(vocab_size=40, d_model=WIDTH, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    return tokenizer, T5EncoderModel(config)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hub")
    TinySVD(clip=True).load("cpu").pipe.save_pretrained(snapshot(root, "svd"))
    save_cogvideox(snapshot(root, "cogvideox"), {}, {})
    save_cogvideox(snapshot(root, "cogvideox1.5"), SERIES_1_5, {"invert_scale_latents": True})
    return root


def save_cogvideox(folder: Path, transformer: dict[str, Any], vae: dict[str, Any]) -> None:
    height, width = CachedCogVideoX.size
    sizes = {"sample_height": height // 4, "sample_width": width // 4, "max_text_seq_length": 48}
    tiny = TinyCogVideoX(
        vae={"sample_height": height, "sample_width": width, **vae}, transformer={**sizes, **transformer}
    )
    parts = tiny.load("cpu").pipe.components
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts["tokenizer"], parts["text_encoder"] = t5()
    CogVideoXImageToVideoPipeline(**parts).save_pretrained(folder)


def snapshot(root: Path, name: str) -> Path:
    return root / f"models--org--{name}" / "snapshots" / REVISION


@pytest.fixture(autouse=True)
def offline_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("spec", [CachedSVD, CachedCogVideoX, CachedCogVideoX15])
def test_real_loaders_keep_the_contract(spec: type[Any], dtype: str) -> None:
    assert [check for check in checks(spec, dtype=dtype) if not check.ok] == []


def test_weights_are_those_of_the_cache(cache: Path) -> None:
    model: Any = CachedSVD(dtype="float32").load("cpu")
    saved = load_file(snapshot(cache, "svd") / "unet" / "diffusion_pytorch_model.safetensors")
    loaded = model.pipe.unet.state_dict()
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)
    assert loaded.keys() == saved.keys()


@pytest.mark.parametrize(("spec", "name"), [(CachedCogVideoX, "cogvideox"), (CachedCogVideoX15, "cogvideox1.5")])
def test_a_folder_gives_every_network_as_it_was_saved(
    spec: type[Any], name: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache / "empty"))
    folder = checked(name, spec, snapshot(cache, name))
    pipe = spec(dtype="float32", revision="").load("cpu", folder).pipe
    files = sorted(folder.glob("*/*.safetensors"))
    assert {file.parent.name for file in files} == {"text_encoder", "transformer", "vae"}
    for file in files:
        loaded = getattr(pipe, file.parent.name).state_dict()
        # The table of positions is saved in float64.
        assert all(torch.equal(loaded[weight], value.float()) for weight, value in load_file(file).items())


@pytest.mark.parametrize(("spec", "part"), [(CachedSVD, "unet"), (CachedCogVideoX, "transformer")])
def test_blocks_run_again_in_the_backward_pass_and_the_gradient_stays(spec: type[Any], part: str) -> None:
    model = spec(dtype="float32").load("cpu")
    denoiser = getattr(model.pipe, part)
    image = torch.rand(1, 3, *model.size, generator=torch.Generator().manual_seed(0))
    clip = model.encode_clip(np.zeros((model.frames, *model.size, 3), np.uint8))
    noise = torch.randn(clip.shape, generator=torch.Generator().manual_seed(1))
    runs: list[int] = []
    for module in denoiser.modules():
        module.register_forward_pre_hook(lambda module, args: runs.append(1))

    def gradient() -> torch.Tensor:
        leaf = image.clone().requires_grad_()
        seen = model.denoise(
            leaf, "", clip_latents=clip, t=0.5, noise=noise, guided=True, capture=(model.layers[1], model.layers[-1])
        )
        loss = seen.loss + sum(feature.square().mean() for feature in seen.features.values())
        (found,) = torch.autograd.grad(loss, leaf)
        return found

    recomputed = gradient()
    with_recomputation = len(runs)
    runs.clear()
    denoiser.disable_gradient_checkpointing()
    torch.testing.assert_close(recomputed, gradient(), rtol=1e-3, atol=1e-9)
    assert with_recomputation > 1.5 * len(runs)
    assert recomputed.any()


def test_pickled_weights_are_refused(cache: Path) -> None:
    """A pickle beside no safetensors file is not a fallback."""
    folder = snapshot(cache, "pickled")
    TinySVD(clip=True).load("cpu").pipe.save_pretrained(folder, safe_serialization=False)

    @dataclasses.dataclass(frozen=True)
    class Pickled(CachedSVD):
        card: ClassVar[ModelCard] = ModelCard("Tiny", repo_id="org/pickled", revision=REVISION)

    assert list(folder.rglob("*.bin"))
    with pytest.raises(UserError, match="hf download org/pickled"):
        Pickled().load("cpu")


def test_offline_and_not_cached_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DiffusionPipeline, "from_pretrained", None)
    with pytest.raises(UserError, match=f"HF_HUB_OFFLINE is set; run `hf download .* --revision {SVDXT().revision}`"):
        SVDXT().load("cpu")


def test_an_unreachable_hub_is_said_before_a_download_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(api: HfApi, repo_id: str, *, revision: str, timeout: float) -> None:
        assert timeout <= 5
        raise ConnectionError("Name or service not known\nand more")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(HfApi, "model_info", unreachable)
    monkeypatch.setattr(DiffusionPipeline, "from_pretrained", None)
    with pytest.raises(UserError, match=r"cannot be fetched \(Name or service not known\); run `hf download"):
        CogVideoX5BI2V().load("cpu")


def test_half_precision_is_refused() -> None:
    with pytest.raises(UserError, match="dtype 'float16' is not one of bfloat16, float32"):
        CachedSVD(dtype="float16").load("cpu")  # type: ignore[arg-type]
