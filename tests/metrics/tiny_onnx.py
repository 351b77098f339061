"""Networks small enough to know by heart, in ONNX files: a detector that takes red for a face, and a mean colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STRIDES = (8, 16, 32)
SIDES = (1.0, 1.0, 1.0, 1.0)
"""Distances to the sides of each box, in strides."""
POINTS = np.array([[-0.06, -0.06], [0.06, -0.06], [0.0, 0.0], [-0.05, 0.06], [0.05, 0.06]])
"""Landmarks of each box about its centre, in strides: so near that the face cut by them lies within the box."""


def _saved(nodes: list[onnx.NodeProto], outputs: list[str], constants: dict[str, np.ndarray], path: Path) -> None:
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, None, None])
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None]) for name in outputs]
    initial = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", [given], made, initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def detector(path: Path) -> None:
    """Of the cells of 32 pixels, the second anchor scores the mean of the first channel; all others score -1.

    Boxes reach one stride from the centre of an anchor to each side.
    """
    nodes, outputs, constants = [], [], {}
    for kind, width in (("score", 1), ("sides", 4), ("points", 10)):
        for stride in STRIDES:
            weight = np.zeros((2 * width, 3, 1, 1), dtype=np.float32)
            bias = np.full(2 * width, -1.0, dtype=np.float32)
            if kind == "score" and stride == 32:
                weight[1, 0], bias[1] = 1, 0
            elif kind == "sides":
                bias = np.tile(np.array(SIDES, dtype=np.float32), 2)
            elif kind == "points":
                bias = np.tile(POINTS.reshape(-1).astype(np.float32), 2)
            name = f"{kind}{stride}"
            constants |= {
                f"{name}-w": weight,
                f"{name}-b": bias,
                f"{name}-shape": np.array([-1, width], dtype=np.int64),
            }
            nodes += [
                helper.make_node(
                    "AveragePool",
                    ["x"],
                    [f"{name}-pool"],
                    kernel_shape=[stride, stride],
                    strides=[stride, stride],
                ),
                helper.make_node("Conv", [f"{name}-pool", f"{name}-w", f"{name}-b"], [f"{name}-conv"]),
                helper.make_node("Transpose", [f"{name}-conv"], [f"{name}-last"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"{name}-last", f"{name}-shape"], [name]),
            ]
            outputs.append(name)
    _saved(nodes, outputs, constants, path)


def mean_colour(path: Path) -> None:
    """The embedding of a face is the mean of each channel."""
    nodes = [helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2, 3], keepdims=0)]
    _saved(nodes, ["mean"], {}, path)


def two_inputs(path: Path) -> None:
    """No network that a judge can run."""
    nodes = [helper.make_node("Add", ["x", "y"], ["z"])]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xyz"]
    graph = helper.make_graph(nodes, "two", values[:2], values[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
