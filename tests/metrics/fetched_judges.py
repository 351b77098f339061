"""Small instances of the judges that a user fetches, as files where the real ones lie: their loaders read these.

The classes, the layout of the files and the places are those of the real weights; widths and depths are not, and the
weights are random, so what these networks say means nothing.
"""

from __future__ import annotations

import functools
import hashlib
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from torch import nn
from transformers import Dinov2Config, Dinov2Model, ViTConfig, ViTModel

from antibench.metrics.judges import aesthetic, clip, dino, dreamsim, fetched, lpips_net, musiq
from antibench.metrics.judges.memo import PixelMemo
from antibench.models.pretrained import quiet_libraries

HIDDEN: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "initializer_range": 0.2}
"""Weights so large that the class token depends on the picture."""


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network and no answer of another test."""
    nets = (
        dino.dino_net,
        dino.dinov2_net,
        clip.clip_net,
        aesthetic.aesthetic_head,
        lpips_net.lpips_net,
        musiq.musiq_net,
        dreamsim.dreamsim_net,
    )
    for kept in (fetched.fetched_file, clip.clip_text, clip._memo, *nets):
        kept.cache_clear()
    monkeypatch.setattr(dino, "_V1", PixelMemo(dino._v1))
    monkeypatch.setattr(dino, "_V2", PixelMemo(dino._v2))
    monkeypatch.setattr(dreamsim, "_EMBEDDINGS", PixelMemo(dreamsim._embedding))
    monkeypatch.setattr(musiq, "_RATINGS", PixelMemo(musiq._rated))


def use(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Let the judges find what `make` put there, in place of the user's own caches."""
    forget(monkeypatch)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(root / "hub"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(root / "torch"))
    monkeypatch.setattr(musiq, "Musiq", small_musiq)
    rater = root / "torch" / "checkpoints" / musiq.FILE
    if rater.is_file():
        monkeypatch.setitem(musiq.SHA256, musiq.FILE, sha256_of(root, musiq.FILE)[:8])
    for network in clip.SHA256:
        path = root / "torch" / "checkpoints" / f"{network}.pt"
        if path.is_file():
            monkeypatch.setitem(clip.SHA256, network, hashlib.sha256(path.read_bytes()).hexdigest())


def make(root: Path) -> None:
    """Write all of them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vit = ViTConfig(image_size=224, patch_size=32, intermediate_size=32, **HIDDEN)
        _to_hub(root, dino.V1, ViTModel(vit, add_pooling_layer=False))
        _to_hub(root, dino.V2, Dinov2Model(Dinov2Config(image_size=224, patch_size=32, **HIDDEN)))
        checkpoints = root / "torch" / "checkpoints"
        checkpoints.mkdir(parents=True)
        for network, width in (("ViT-B-32", 32), ("ViT-L-14", 768)):
            save_archive(clip_weights(width), checkpoints / f"{network}.pt")
        torch.save(nn.Linear(768, 1).state_dict(), checkpoints / aesthetic.FILE)
        torch.save(rating_in_range(small_musiq()).state_dict(), checkpoints / musiq.FILE)


def _to_hub(root: Path, where: tuple[str, str], network: Any) -> None:
    folder = root / "hub" / f"models--{where[0].replace('/', '--')}" / "snapshots" / where[1]
    with quiet_libraries():
        network.save_pretrained(folder)


def clip_model(embedding: int) -> Any:
    """A small CLIP of open_clip's own class; pictures of 64 px."""
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

    vision = CLIPVisionCfg(layers=2, width=64, patch_size=32, image_size=64)
    text = CLIPTextCfg(context_length=77, vocab_size=49408, width=64, heads=1, layers=1)
    return CLIP(embedding, vision, text, quick_gelu=True)


def clip_weights(embedding: int) -> dict[str, torch.Tensor]:
    """The weights of a small CLIP by OpenAI's names, with the three facts that OpenAI's files hold beside them."""
    facts = {"input_resolution": 64, "context_length": 77, "vocab_size": 49408}
    weights = {name: value for name, value in clip_model(embedding).state_dict().items() if name != "attn_mask"}
    return {**weights, **{name: torch.tensor(value) for name, value in facts.items()}}


def save_archive(weights: dict[str, torch.Tensor], path: Path) -> None:
    """Write a TorchScript module that holds weights under their dotted names, as OpenAI's files do."""
    root = nn.Module()
    for name, value in weights.items():
        *parents, last = name.split(".")
        owner = root
        for part in parents:
            if part not in dict(owner.named_children()):
                owner.add_module(part, nn.Module())
            owner = owner.get_submodule(part)
        owner.register_buffer(last, value.clone())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch means to drop TorchScript; OpenAI's files are of it
        torch.jit.save(torch.jit.script(root), str(path))


def sha256_of(root: Path, name: str) -> str:
    """The hash of a file of torch's cache."""
    return hashlib.sha256((root / "torch" / "checkpoints" / name).read_bytes()).hexdigest()


def lpips_with_random_trunk() -> Any:
    """The network of package lpips; what its trunk would be filled with comes from a download of its own."""
    import lpips

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        return lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval().requires_grad_(False)


small_musiq = functools.partial(musiq.Musiq, width=12, heads=2, inner=16, layers=2)


def rating_in_range(net: musiq.Musiq) -> musiq.Musiq:
    """The network with a head that rates about 50, and weights that tell places and scales apart."""
    for value in (net.transformer_encoder.cls, *net.transformer_encoder.posembed_input.values()):
        nn.init.normal_(value)
    nn.init.normal_(net.transformer_encoder.scaleembed_input["scale_emb"])
    nn.init.normal_(net.head.weight, std=8.0)
    nn.init.constant_(net.head.bias, 50.0)
    return net


class Means(nn.Module):
    """In place of DreamSim's ensemble: mean colours of a 4 x 4 grid, and one more number."""

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        assert image.shape[1:] == (3, 224, 224)
        assert 0 <= image.min() <= image.max() <= 1
        grid = nn.functional.adaptive_avg_pool2d(image, 4).flatten(1)
        return torch.cat([grid, torch.ones(len(image), 1)], dim=1)


def fake_dreamsim(monkeypatch: pytest.MonkeyPatch, root: Path) -> Means:
    """Let package dreamsim seem to be installed, and its files to lie where they should; gives back its network."""
    net, folder = Means(), root / "torch" / "checkpoints" / "dreamsim"
    folder.mkdir(exist_ok=True)
    for part in dreamsim.PARTS:
        (folder / part).touch()

    def load(pretrained: bool, device: str, cache_dir: str, dreamsim_type: str) -> tuple[Means, None]:
        assert (pretrained, device, cache_dir, dreamsim_type) == (True, "cpu", str(folder), "ensemble")
        return net, None

    package = types.ModuleType("dreamsim")
    monkeypatch.setattr(package, "dreamsim", load, raising=False)
    monkeypatch.setitem(sys.modules, "dreamsim", package)
    monkeypatch.setattr(dreamsim, "version", lambda name: dreamsim.VERSION)
    return net
