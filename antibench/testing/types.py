"""Type-check the package as it is installed: ``python -m antibench.testing.types``.

The folders attacks/, metrics/, purifications/ and suites/ are packages of antibench only after installation, and mypy
does not read that mapping. So it is shown a tree in which they lie where they belong.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

MAPPED = ("attacks", "metrics", "purifications", "suites")


def main() -> int:
    """Run mypy; its exit code."""
    root = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "antibench"
        tree.mkdir()
        for item in (root / "antibench").iterdir():
            if item.name != "__pycache__":
                (tree / item.name).symlink_to(item)
        for name in MAPPED:
            (tree / name).symlink_to(root / name)
        command = [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"), str(tree)]
        return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
