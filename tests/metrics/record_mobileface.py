"""Record what TensorFlow.js makes of the test faces with the original graph, into `oracles/mobileface.json`.

Run by hand, where node has package @tensorflow/tfjs; neither antibench nor its tests need it::

    npm install @tensorflow/tfjs@4.22.0
    NODE_PATH=node_modules python tests/metrics/record_mobileface.py package/models/mobileface.json

The graph is that of `convert_mobileface.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from judge_pictures import chips

HERE = Path(__file__).parent


def main() -> None:
    """Write the embedding of each chip."""
    faces = chips(112)
    pixels = np.stack([chip[..., ::-1] for chip in faces.values()]).tobytes()
    command = ["node", str(HERE / "record_mobileface.cjs"), sys.argv[1]]
    answers = json.loads(subprocess.run(command, input=pixels, capture_output=True, check=True).stdout)
    found = {name: answer for name, answer in zip(faces, answers, strict=True)}
    (HERE / "oracles" / "mobileface.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
