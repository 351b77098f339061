"""Weight files that ship inside installed packages: found without importing the package, checked before use."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from antibench.errors import UserError


@cache
def packaged_file(package: str, relative: str, sha256: str) -> Path:
    """The path of a file inside an installed package.

    Args:
        package: Import name.
        relative: Path inside the package, with forward slashes.
        sha256: What the file must hash to.

    Raises:
        UserError: if the package is not installed or the file is not the expected one.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"the package {package} is missing: install antibench[offline]")
    path = Path(spec.submodule_search_locations[0]) / relative
    if not path.is_file():
        raise UserError(f"{package} does not hold {relative}: reinstall antibench[offline]")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise UserError(f"{package}/{relative} has sha256 {found[:12]}..., expected {sha256[:12]}...: not loaded")
    return path
