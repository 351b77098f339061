"""Weights that the user fetched once: in the hub's cache at a pinned commit, or in torch's cache with a known SHA-256.

A metric never fetches anything: a run that scores must not depend on the network, so what is missing is an error that
names the command which fetches it.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache

from antibench.errors import UserError
from antibench.models.origin import Origin

SHA256 = re.compile(r"[0-9a-f]{8,64}")


def from_hub(kind: Any, repo_id: str, revision: str, **options: Any) -> Any:
    """A network of transformers from the hub's cache: all of its weights, in float32, frozen.

    Args:
        kind: Its class.
        repo_id: Repository on the hub.
        revision: 40 hex digits of the commit.
        options: More for `from_pretrained`.

    Raises:
        UserError: if the commit is not in the cache, or the weights there do not fit.
    """
    from antibench.models.pretrained import load_network  # brings transformers, which a plan does without

    config = try_to_load_from_cache(repo_id, "config.json", revision=revision)
    if not isinstance(config, str):
        raise UserError(
            f"the weights of {repo_id} are not in the cache of the hub; fetch them once with: "
            f"hf download {repo_id} --revision {revision}"
        )
    with torch.random.fork_rng(devices=[]):  # fresh weights are drawn before the trained ones replace them
        network = load_network(
            kind, Path(config).parent, Origin(repo_id, revision), dtype=torch.float32, local_files_only=True, **options
        )
    return network.eval().requires_grad_(False)


@cache
def fetched_file(name: str, url: str, sha256: str) -> Path:
    """A file in torch's cache, once its content is known to be the one expected.

    Args:
        name: Its name below `checkpoints`.
        url: Where it is to be had.
        sha256: All 64 hex digits of its hash or the first ones (torch names its files by eight).

    Raises:
        UserError: if it is not there, or its content is another one, or no hash is given.
    """
    place = '"$(python -c "import torch; print(torch.hub.get_dir())")/checkpoints/' + f'{name}"'
    if not SHA256.fullmatch(sha256):
        raise UserError(
            f"{name} has no published hash that antibench knows; give the metric's parameter sha256 what "
            f"`sha256sum {place}` prints (it is {sha256!r} now)"
        )
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.is_file():
        raise UserError(
            f"the weights {name} are not in torch's cache; fetch them once with: curl -L --create-dirs -o {place} {url}"
        )
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if not found.startswith(sha256):
        raise UserError(
            f"{name} in torch's cache has sha256 {found[:12]}..., expected {sha256[:12]}...; fetch it again"
        )
    return path


def torchscript_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a TorchScript archive by their dotted names. It holds code: open only what a hash vouches for.

    Raises:
        RuntimeError: if it is no such archive.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch means to drop the format, which these files have
        archive: Any = torch.jit.load  # not typed
        return dict(archive(str(path), map_location="cpu").state_dict())
