"""Real checkpoints: from the local cache of the Hugging Face hub, or downloaded once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers.utils.logging
import torch
import transformers.utils.logging
from diffusers import DiffusionPipeline
from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache

from antibench.errors import UserError

PROBE_SECONDS = 5.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def load_pipeline(
    kind: type[DiffusionPipeline],
    repo_id: str,
    revision: str,
    dtype: str,
    device: str,
    *,
    float32: Sequence[str] = (),
    on_host: Sequence[str] = (),
) -> Any:
    """Load a pipeline at a pinned commit, safetensors only.

    Args:
        kind: Class of the pipeline.
        repo_id: Repository on the hub.
        revision: 40 hex digits of the commit.
        dtype: "bfloat16" or "float32"; half precision overflows in the VAE.
        device: Torch device.
        float32: Parts that are loaded in float32 whatever the dtype; those the pipeline lacks are passed over.
        on_host: Parts that stay in the host's memory.

    Raises:
        UserError: unknown dtype, no commit, or weights that are neither cached nor within reach.
    """
    require_commit(repo_id, revision, "revision")
    dtypes = {"default": dtype_of(dtype, repo_id), **dict.fromkeys(float32, torch.float32)}
    cached = isinstance(try_to_load_from_cache(repo_id, "model_index.json", revision=revision), str)
    if not cached:
        _require_hub(repo_id, revision)
    try:
        with _without_bars():
            pipe = kind.from_pretrained(
                repo_id, revision=revision, dtype=dtypes, use_safetensors=True, local_files_only=cached
            )
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{repo_id} is not whole in the cache ({reason}); {_remedy(repo_id, revision)}") from error
    for name, part in pipe.components.items():
        if isinstance(part, torch.nn.Module) and name not in on_host:
            part.to(device)
    return pipe


def load_pretrained(kind: Any, repo_id: str, revision: str, **options: Any) -> Any:
    """Load a model or tokenizer of transformers at a pinned commit; no code of the repository is run.

    Args:
        kind: Its class, or an `Auto...` class.
        repo_id: Repository on the hub.
        revision: 40 hex digits of the commit.
        options: More for `from_pretrained`.

    Raises:
        UserError: if it is neither cached nor within reach.
    """
    cached = isinstance(try_to_load_from_cache(repo_id, "config.json", revision=revision), str)
    if not cached:
        _require_hub(repo_id, revision)
    try:
        with _without_bars():
            return kind.from_pretrained(repo_id, revision=revision, local_files_only=cached, **options)
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{repo_id} is not whole in the cache ({reason}); {_remedy(repo_id, revision)}") from error


def require_commit(repo_id: str, revision: str, parameter: str) -> str:
    """A revision, if it is a commit.

    Args:
        repo_id: Repository on the hub.
        revision: What was given.
        parameter: The model's parameter that takes it.

    Raises:
        UserError: if it is not 40 hex digits: a branch may move, and a result would not say what it is of.
    """
    if not _COMMIT.fullmatch(revision):
        raise UserError(
            f"{repo_id} needs a commit: set the model's parameter {parameter} to its 40 hex digits, which "
            f"`git ls-remote https://huggingface.co/{repo_id} HEAD` prints (it is {revision!r} now)"
        )
    return revision


def fetch_file(repo_id: str, name: str, revision: str) -> Path:
    """One file of a repository at a pinned commit.

    Args:
        repo_id: Repository on the hub.
        name: The file's name in it.
        revision: 40 hex digits of the commit.

    Raises:
        UserError: if the file is neither cached nor within reach.
    """
    cached = try_to_load_from_cache(repo_id, name, revision=revision)
    if isinstance(cached, str):
        return Path(cached)
    _require_hub(repo_id, revision)
    try:
        return Path(hf_hub_download(repo_id, name, revision=revision))
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{name} of {repo_id} cannot be fetched ({reason}); {_remedy(repo_id, revision)}") from error


def dtype_of(name: str, repo_id: str) -> torch.dtype:
    """The type of a checkpoint's weights.

    Raises:
        UserError: for one that the model does not compute in.
    """
    if name not in DTYPES:
        raise UserError(f"{repo_id}: dtype {name!r} is not one of {', '.join(DTYPES)}")
    return DTYPES[name]


def _require_hub(repo_id: str, revision: str) -> None:
    """Fail within seconds where a download cannot work, instead of after the client's own retries."""
    if constants.HF_HUB_OFFLINE:
        raise UserError(f"{repo_id} is not in the cache and HF_HUB_OFFLINE is set; {_remedy(repo_id, revision)}")
    try:
        HfApi().model_info(repo_id, revision=revision, timeout=PROBE_SECONDS)
    except Exception as error:  # the network errors of the client share no base class across its versions
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{repo_id} cannot be fetched ({reason}); {_remedy(repo_id, revision)}") from error


def _remedy(repo_id: str, revision: str) -> str:
    return f"run `hf download {repo_id} --revision {revision}` where the hub can be reached, or set HF_HOME"


@contextmanager
def _without_bars() -> Iterator[None]:
    """No progress bars of the two libraries; the run has its own. A download still shows the hub client's."""
    libraries = (diffusers.utils.logging, transformers.utils.logging)
    shown = [library for library in libraries if library.is_progress_bar_enabled()]
    for library in shown:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in shown:
            library.enable_progress_bar()
