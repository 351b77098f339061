"""A file of reference data: weights, inputs, intermediate and final outputs of a network, with its configuration.

The names of a safetensors file say what a tensor is: ``weights.<parameter>``; ``inputs.<name>`` or
``inputs_<case>.<name>``; ``outputs.<name>``, ``outputs_<case>.<name>``, either with ``_fp64`` (the same in double
precision) or ``_eps`` (the same after scaling some weights down, which makes every epsilon matter) before the dot or
before the case; ``trace.<module>`` or ``trace_<case>.<module>``. The metadata hold the configuration as JSON.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from safetensors import SafetensorError, safe_open
from torch import Tensor

from antibench.errors import UserError

Variant = Literal["plain", "fp64", "eps"]
_VARIANTS: tuple[Variant, ...] = ("fp64", "eps")


class Group(NamedTuple):
    """One call: which inputs, and how the network is changed for it."""

    case: str
    """Empty for the call without a name."""
    variant: Variant


@dataclass(frozen=True)
class EpsCase:
    """Which weights are scaled down, and by how much."""

    regex: str
    scale: float

    def apply(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights with those scaled whose name the pattern is found in."""
        return {name: value * self.scale if re.search(self.regex, name) else value for name, value in weights.items()}


@dataclass(frozen=True)
class ReferenceFile:
    """An opened file of reference data; tensors are read when they are asked for."""

    path: Path
    metadata: dict[str, str]
    names: frozenset[str] = field(repr=False)

    @classmethod
    def open(cls, path: Path) -> ReferenceFile:
        """Read names and metadata of a safetensors file.

        Raises:
            UserError: if there is none, or it is broken.
        """
        try:
            with safe_open(path, framework="pt") as file:
                return cls(path, file.metadata() or {}, frozenset(file.keys()))
        except (OSError, SafetensorError) as error:
            raise UserError(f"{path}: cannot be read as safetensors ({error})") from error

    def tensor(self, name: str) -> Tensor:
        """One tensor.

        Raises:
            UserError: if the file has none of that name.
        """
        if name not in self.names:
            raise UserError(f"{self.path} lacks the tensor {name!r}")
        with safe_open(self.path, framework="pt") as file:
            return cast(Tensor, file.get_tensor(name))

    def group(self, prefix: str) -> dict[str, Tensor]:
        """Every tensor below ``<prefix>.``, by the rest of its name, in the order of the names."""
        start = f"{prefix}."
        with safe_open(self.path, framework="pt") as file:
            return {n.removeprefix(start): file.get_tensor(n) for n in sorted(self.names) if n.startswith(start)}

    def entry(self, name: str) -> str:
        """A metadata entry.

        Raises:
            UserError: if it is missing.
        """
        if name not in self.metadata:
            raise UserError(f"{self.path} has no metadata entry {name!r}")
        return self.metadata[name]

    def json(self, name: str) -> Any:
        """A metadata entry that is JSON.

        Raises:
            UserError: if it is missing or not JSON.
        """
        try:
            return json.loads(self.entry(name))
        except ValueError as error:
            raise UserError(f"{self.path}: metadata entry {name!r} is not JSON ({error})") from error

    def eps_case(self) -> EpsCase:
        """How the weights are changed for the `_eps` outputs."""
        given = self.json("eps_case")
        return EpsCase(given["regex"], float(given["scale"]))

    def groups(self) -> list[Group]:
        """The calls whose outputs the file holds."""
        prefixes = sorted({name.split(".")[0] for name in self.names if name.startswith("outputs")})
        return [_group(prefix) for prefix in prefixes]

    def outputs(self, group: Group) -> dict[str, Tensor]:
        """The outputs of a call."""
        if group.variant == "plain":
            return self.group(f"outputs{_suffix(group.case)}")
        after, before = f"{_suffix(group.case)}_{group.variant}", f"_{group.variant}{_suffix(group.case)}"
        return self.group(f"outputs{after}") or self.group(f"outputs{before}")

    def inputs(self, case: str) -> dict[str, Tensor]:
        """The inputs of a case."""
        return self.group(f"inputs{_suffix(case)}")

    def trace(self, case: str) -> dict[str, Tensor]:
        """Outputs of submodules during the call of a case."""
        return self.group(f"trace{_suffix(case)}")

    def sibling(self, name: str) -> ReferenceFile:
        """Another file in the same folder.

        Raises:
            UserError: if the name leads out of the folder, or there is no such file.
        """
        if Path(name).name != name:
            raise UserError(f"{self.path} refers to {name!r}, which is not a file beside it")
        return ReferenceFile.open(self.path.parent / name)


def _group(prefix: str) -> Group:
    case = prefix.removeprefix("outputs").removeprefix("_")
    for variant in _VARIANTS:
        if case == variant or case.endswith(f"_{variant}"):
            return Group(case.removesuffix(variant).removesuffix("_"), variant)
        if case.startswith(f"{variant}_"):
            return Group(case.removeprefix(f"{variant}_"), variant)
    return Group(case, "plain")


def _suffix(case: str) -> str:
    return f"_{case}" if case else ""
