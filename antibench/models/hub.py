"""Real checkpoints: from a local folder, from the local cache of the Hugging Face hub, or downloaded once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline, ModelMixin
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache
from transformers import PreTrainedModel

from antibench.errors import UserError
from antibench.models.origin import Origin, short
from antibench.models.pretrained import BROKEN, INDEX, load_network, network_parts, quiet_libraries

PROBE_SECONDS = 5.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def load_pipeline(
    kind: type[DiffusionPipeline],
    origin: Origin,
    dtype: str,
    device: str,
    *,
    float32: Sequence[str] = (),
    on_host: Sequence[str] = (),
    given: Mapping[str, Any] | None = None,
) -> Any:
    """Load a pipeline at a pinned commit or from a local folder, safetensors only, each network with all its weights.

    Args:
        kind: Class of the pipeline.
        origin: Where it comes from.
        dtype: "bfloat16" or "float32"; half precision overflows in the VAE.
        device: Torch device.
        float32: Parts that are loaded in float32 whatever the dtype; those the pipeline lacks are passed over.
        on_host: Parts that stay in the host's memory.
        given: Parts that are not loaded but handed over, by name.

    Raises:
        UserError: unknown dtype, no commit, weights that are neither cached nor within reach, or that do not fit.
    """
    require_commit(origin, "revision")
    wanted = dtype_of(dtype, origin.repo_id)
    folder = _folder_of(kind, origin)
    parts = {
        name: load_network(
            network,
            folder / name,
            origin,
            part=name,
            dtype=torch.float32 if name in float32 else wanted,
            use_safetensors=True,
            local_files_only=True,
        )
        for name, network in network_parts(folder, kind, origin).items()
    }
    try:
        with quiet_libraries():
            pipe = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True, **parts, **(given or {}))
    except BROKEN as error:
        raise origin.broken(error) from error
    for name, part in pipe.components.items():
        if isinstance(part, torch.nn.Module) and name not in on_host:
            part.to(device)
    return pipe


def load_pretrained(kind: Any, origin: Origin, **options: Any) -> Any:
    """Load a model or tokenizer of transformers at a pinned commit or from a folder; no code of either is run.

    Args:
        kind: Its class, or an `Auto...` class.
        origin: Where it comes from.
        options: More for `from_pretrained`.

    Raises:
        UserError: if it is neither cached nor within reach, or its weights do not fit.
    """
    where: str | Path = origin.repo_id if origin.local is None else origin.local
    if origin.local is not None:
        options = {**options, "local_files_only": True}
    else:
        cached = isinstance(try_to_load_from_cache(origin.repo_id, "config.json", revision=origin.revision), str)
        if not cached:
            _require_hub(origin)
        options = {**options, "revision": origin.revision, "local_files_only": cached}
    if isinstance(kind, type) and issubclass(kind, PreTrainedModel):
        return load_network(kind, where, origin, **options)
    try:
        with quiet_libraries():
            return kind.from_pretrained(str(where), **options)
    except BROKEN as error:
        raise origin.broken(error) from error


def load_alone(kind: Any, origin: Origin) -> Any:
    """Load a network of diffusers in float32, or a scheduler, that lies at the root of its repository or folder.

    Args:
        kind: Its class.
        origin: Where it comes from.

    Raises:
        UserError: if it is neither cached nor within reach, has no safetensors, or its weights do not fit.
    """
    folder = fetch_file(origin, kind.config_name).parent
    if issubclass(kind, ModelMixin):
        fetch_file(origin, SAFETENSORS_WEIGHTS_NAME)
        return load_network(kind, folder, origin, dtype=torch.float32, use_safetensors=True, local_files_only=True)
    try:
        with quiet_libraries():
            return kind.from_pretrained(folder, local_files_only=True)
    except BROKEN as error:
        raise origin.broken(error) from error


def require_commit(origin: Origin, parameter: str) -> str:
    """The revision of an origin, if it is a commit. Local weights need none.

    Args:
        origin: Where the weights come from.
        parameter: The model's parameter that takes the revision.

    Raises:
        UserError: if it is not 40 hex digits: a branch may move, and a result would not say what it is of.
    """
    if origin.local is None and not _COMMIT.fullmatch(origin.revision):
        raise UserError(
            f"{origin.repo_id} needs a commit: set the model's parameter {parameter} to its 40 hex digits, which "
            f"`git ls-remote https://huggingface.co/{origin.repo_id} HEAD` prints (it is {origin.revision!r} now)"
        )
    return origin.revision


def fetch_file(origin: Origin, name: str) -> Path:
    """One file of a repository at a pinned commit, or of the local folder in its place, which may be the file itself.

    Args:
        origin: Where it comes from.
        name: The file's name in the repository.

    Raises:
        UserError: if the file is neither there nor cached nor within reach.
    """
    if origin.local is not None:
        path = origin.local if origin.local.is_file() else origin.local / name
        if not path.is_file():
            raise UserError(f"{origin.shown}: {path} is not there")
        return path
    cached = try_to_load_from_cache(origin.repo_id, name, revision=origin.revision)
    if isinstance(cached, str):
        return Path(cached)
    _require_hub(origin)
    try:
        return Path(hf_hub_download(origin.repo_id, name, revision=origin.revision))
    except OSError as error:
        reason = f"{name} of {origin.repo_id} cannot be fetched ({short(error)})"
        raise UserError(f"{reason}; {origin.remedy}") from error


def dtype_of(name: str, repo_id: str) -> torch.dtype:
    """The type of a checkpoint's weights.

    Raises:
        UserError: for one that the model does not compute in.
    """
    if name not in DTYPES:
        raise UserError(f"{repo_id}: dtype {name!r} is not one of {', '.join(DTYPES)}")
    return DTYPES[name]


def _folder_of(kind: type[DiffusionPipeline], origin: Origin) -> Path:
    """The folder of a pipeline's files, downloaded if need be."""
    if origin.local is not None:
        return origin.local
    cached = isinstance(try_to_load_from_cache(origin.repo_id, INDEX, revision=origin.revision), str)
    if not cached:
        _require_hub(origin)
    try:
        with quiet_libraries():
            return Path(
                kind.download(origin.repo_id, revision=origin.revision, use_safetensors=True, local_files_only=cached)
            )
    except BROKEN as error:
        raise origin.broken(error) from error


def _require_hub(origin: Origin) -> None:
    """Fail within seconds where a download cannot work, instead of after the client's own retries."""
    if constants.HF_HUB_OFFLINE:
        raise UserError(f"{origin.repo_id} is not in the cache and HF_HUB_OFFLINE is set; {origin.remedy}")
    try:
        HfApi().model_info(origin.repo_id, revision=origin.revision, timeout=PROBE_SECONDS)
    except Exception as error:  # the network errors of the client share no base class across its versions
        raise UserError(f"{origin.repo_id} cannot be fetched ({short(error)}); {origin.remedy}") from error
