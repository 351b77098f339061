"""Networks in ONNX files, run by onnxruntime on one core of the CPU: the same numbers whatever else runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from antibench.errors import UserError

Floats: TypeAlias = npt.NDArray[np.float32]
Network: TypeAlias = Callable[[Floats], list[Floats]]
"""From the one input to all outputs, in the order of the file."""


def onnx_network(path: Path) -> Network:
    """Load a network of one input.

    Raises:
        UserError: if onnxruntime is not installed, or the file is no such network.
    """
    try:
        import onnxruntime
    except ImportError:
        raise UserError("onnxruntime is not installed; run: pip install 'antibench[faces]'") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors alone
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
    except Exception as error:  # its errors share no base class, and a graph may have other inputs
        raise UserError(f"{path.name} is no network of one input that onnxruntime can run ({error})") from error
    name = given.name

    def run(values: Floats) -> list[Floats]:
        return [np.asarray(output, dtype=np.float32) for output in session.run(None, {name: values})]

    return run
