"""Networks of diffusers and transformers, loaded whole or not at all.

Their own loaders warn of weights that are missing and go on with random ones; here that is an error.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import diffusers.utils.logging
import transformers
import transformers.utils.logging
from diffusers import DiffusionPipeline, ModelMixin
from safetensors import SafetensorError
from transformers import PreTrainedModel

from antibench.errors import UserError
from antibench.models.origin import Origin
from antibench.models.weights import check_whole, told_misfit

INDEX = "model_index.json"
BROKEN = (OSError, ValueError, RuntimeError, TypeError, KeyError, AttributeError, ImportError, SafetensorError)
"""What the two libraries raise over files that are missing, cut short or of something else."""
DENOISERS = frozenset({"unet", "transformer"})
"""Parts that no model here does without, though some pipelines do."""
_LIBRARIES = {"diffusers": diffusers, "transformers": transformers}


def network_parts(folder: Path, kind: type[DiffusionPipeline], origin: Origin) -> dict[str, Any]:
    """The networks that a pipeline's folder says it holds, with their classes; tokenizers and the like are left out.

    Args:
        folder: Holds `model_index.json`.
        kind: The pipeline that is to be made of them.
        origin: Where the folder comes from, for messages.

    Raises:
        UserError: if it holds no index, or the parts of another pipeline.
    """
    index = _read_index(folder, origin)
    listed = {name: part for name, part in index.items() if _is_part(part)}
    parameters = {name: one for name, one in inspect.signature(kind.__init__).parameters.items() if name != "self"}
    optional = set(kind._optional_components) - DENOISERS
    lacking = [
        name
        for name, one in parameters.items()
        if name not in listed and name not in optional and (one.default is one.empty or name in DENOISERS)
    ]
    if lacking:
        held = index.get("_class_name", "an unnamed pipeline")
        raise UserError(f"{origin.shown}: holds {held}, not {kind.__name__}: it has no {', '.join(lacking)}")
    found = {}
    for name, one in parameters.items():
        network = _network_class(*listed[name]) if name in listed else None
        if network is not None:
            _check_kind(name, network, one.annotation, origin)
            found[name] = network
    return found


def load_network(kind: Any, where: str | Path, origin: Origin, part: str = "", **options: Any) -> Any:
    """Load a network with all of its weights.

    Args:
        kind: A model class of diffusers or transformers, or an `Auto...` class.
        where: Its folder, or a repository of the hub.
        origin: Where it comes from, for messages.
        part: Which part of the origin it is, for messages.
        options: More for `from_pretrained`.

    Raises:
        UserError: naming the first missing, unexpected and mis-shaped weights, or the file that is not whole. What a
            text or image encoder's file holds beside the encoder (its decoder, its other tower) is no fault.
    """
    if isinstance(where, Path):
        if not where.is_dir():
            raise origin.broken(f"there is no {part}/" if part else "there is no such folder")
        for file in sorted(where.glob("*.safetensors")):
            check_whole(file, f"{origin.shown}: {part}/{file.name}" if part else f"{origin.shown}: {file.name}")
    try:
        with quiet_libraries():
            network, told = kind.from_pretrained(
                str(where), output_loading_info=True, ignore_mismatched_sizes=True, **options
            )
    except BROKEN as error:
        raise origin.broken(error) from error
    unread = [name for name, value in network.state_dict().items() if value.is_meta]
    changed = sorted(told["mismatched_keys"])
    missing = sorted({*told["missing_keys"], *unread} - {name for name, *_ in changed})
    unexpected = sorted(told["unexpected_keys"])
    if missing or changed or (unexpected and isinstance(network, ModelMixin)):
        place = f"{part} of the {origin.shown}" if part and origin.local else f"{part} of {origin.shown}"
        raise UserError(
            f"{place if part else origin.shown} does not fit the model: {told_misfit(missing, unexpected, changed)}"
        )
    return network


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """No progress bars and no warnings of the two libraries: the run has its own bars, and what they would warn of is
    an error here. A download still shows the hub client's bar."""
    libraries = (diffusers.utils.logging, transformers.utils.logging)
    shown = [library for library in libraries if library.is_progress_bar_enabled()]
    levels = [(library, library.get_verbosity()) for library in libraries]
    for library in shown:
        library.disable_progress_bar()
    for library, _ in levels:
        library.set_verbosity_error()
    try:
        yield
    finally:
        for library in shown:
            library.enable_progress_bar()
        for library, level in levels:
            library.set_verbosity(level)


def _read_index(folder: Path, origin: Origin) -> dict[str, Any]:
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{origin.shown}: holds no {INDEX}") from None
    except (OSError, ValueError) as error:
        raise origin.broken(f"{INDEX}: {error}") from error
    if not isinstance(index, dict):
        raise origin.broken(f"{INDEX} is no table of parts")
    return index


def _is_part(value: Any) -> bool:
    """Whether an entry of an index names a library and a class; two nulls stand for a part that is left out."""
    return isinstance(value, list) and len(value) == 2 and all(isinstance(item, str) for item in value)


def _network_class(library: str, name: str) -> Any:
    """The class of a network of the two libraries; None for anything else, which the pipeline loads by itself."""
    found = getattr(_LIBRARIES.get(library), name, None)
    if isinstance(found, type) and issubclass(found, ModelMixin | PreTrainedModel):
        return found
    return None


def _check_kind(name: str, found: Any, wanted: Any, origin: Origin) -> None:
    """Only networks of diffusers: encoders of transformers come in forms that do as well as the one declared."""
    if isinstance(wanted, type) and issubclass(wanted, ModelMixin) and not issubclass(found, wanted):
        raise UserError(f"{origin.shown}: {name} is {found.__name__}, not {wanted.__name__}: another model's weights")
