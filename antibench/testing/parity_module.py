"""Compare a network with every call of it that a reference file holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from antibench.models.layers import captured
from antibench.testing.parity_compare import DOUBLE, MODULE, Compared, compare
from antibench.testing.parity_file import Group, ReferenceFile, Variant

Network = TypeVar("Network", bound=nn.Module)
Inputs = dict[str, Tensor]
Outputs = Mapping[str, Callable[[], Tensor]]
"""How to compute each output, by name; only those that a file holds are computed."""


def own_inputs(reference: ReferenceFile, group: Group) -> Inputs:
    """The inputs of a call's case, or those without a case."""
    return reference.inputs(group.case) or reference.inputs("")


def own_weights(reference: ReferenceFile) -> dict[str, Tensor]:
    """The weights that a file holds."""
    return reference.group("weights")


@dataclass(frozen=True)
class ModuleKind(Generic[Network]):
    """A network that reference files exist for.

    Attributes:
        build: The network with a file's configuration.
        load: Gives it weights, strictly; raises `UserError` if they do not fit.
        outputs: What a call gives.
        traced: The output whose computation passes through the traced submodules.
        layers: Submodules by the names that traces use.
        tolerance: What an output in float32 is allowed.
        inputs: What a call is given, in single precision.
        weights: What is loaded.
    """

    build: Callable[[ReferenceFile], Network]
    load: Callable[[Network, dict[str, Tensor]], None]
    outputs: Callable[[Network, Inputs, ReferenceFile], Outputs]
    traced: str
    layers: Callable[[Network], Mapping[str, nn.Module]]
    tolerance: Callable[[str], float] = lambda output: MODULE
    inputs: Callable[[ReferenceFile, Group], Inputs] = own_inputs
    weights: Callable[[ReferenceFile], dict[str, Tensor]] = own_weights

    def check(self, reference: ReferenceFile) -> Iterator[Compared]:
        """Every output of every call, and the traces."""
        networks: dict[Variant, Network] = {}
        for group in reference.groups():
            if group.variant not in networks:
                networks[group.variant] = self.network(reference, group.variant)
            yield from self._call(networks[group.variant], reference, group)

    def network(self, reference: ReferenceFile, variant: Variant) -> Network:
        """The network with a file's weights, changed for a variant; frozen, in evaluation mode."""
        weights = self.weights(reference)
        if variant == "eps":
            weights = reference.eps_case().apply(weights)
        network = self.build(reference)
        self.load(network, weights)
        return (network.double() if variant == "fp64" else network).eval().requires_grad_(False)

    def _call(self, network: Network, reference: ReferenceFile, group: Group) -> Iterator[Compared]:
        double = group.variant == "fp64"
        inputs = self.inputs(reference, group)
        if double:
            inputs = {name: value.double() if value.is_floating_point() else value for name, value in inputs.items()}
        outputs = self.outputs(network, inputs, reference)
        label = "".join(f"{part}: " for part in (group.case, group.variant) if part not in ("", "plain"))
        for name, wanted in reference.outputs(group).items():
            if name not in outputs:
                yield Compared(label + name, torch.inf, MODULE, "nothing computes this output")
                continue
            tolerance = DOUBLE if double else self.tolerance(name)
            yield compare(label + name, outputs[name](), wanted, tolerance)
        if group.variant == "plain":
            yield from self._traces(network, outputs, reference.trace(group.case), label)

    def _traces(self, network: Network, outputs: Outputs, trace: Inputs, label: str) -> Iterator[Compared]:
        """One line for all submodules: the first in the order of the call that differs too much, or the furthest.

        Submodules that the network lacks, or whose rows it arranges otherwise, are counted and left alone: where that
        matters the outputs differ too.
        """
        layers = self.layers(network)
        known = [name for name in trace if name in layers]
        if not known:
            return
        with captured(layers, known) as seen:
            outputs[self.traced]()
        alike = [name for name in seen if seen[name].shape == trace[name].shape]
        compared = [compare(name, seen[name], trace[name], _scaled(trace[name])) for name in alike]
        if not compared:
            return
        differing = [one for one in compared if not one.ok]
        worst = differing[0] if differing else max(compared, key=lambda one: one.error / one.tolerance)
        kind = "first that differs" if differing else "furthest"
        detail = f"{kind}: {worst.name}" + (f"; {len(trace) - len(alike)} left out" if len(alike) < len(trace) else "")
        yield Compared(f"{label}{len(compared)} submodules", worst.error, worst.tolerance, detail)


def _scaled(values: Tensor) -> float:
    """Activations inside a network can be far larger than its outputs, and so can their rounding."""
    return MODULE * max(1.0, float(values.abs().max()))
