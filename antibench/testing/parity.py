"""Compare this project's own networks with reference data: ``python -m antibench.testing.parity PATH...``.

A path is a file or a folder. What a file is about is told by its folder, named after a family of models, and the start
of its name: ``dynamicrafter/unet_small.safetensors``. Its configuration and weights are its own, so files of any size
can be checked. Every output's largest absolute difference is printed beside what is allowed.

Exit codes: 0 all within tolerance, 1 something is not or cannot be built, 4 wrong usage.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from pydantic import ValidationError
from torch.nn.attention import SDPBackend, sdpa_kernel

from antibench.errors import ExitCode, UserError, closest
from antibench.testing.parity_compare import Check, Compared

FAMILIES = {
    "dynamicrafter": "antibench.testing.parity_dynamicrafter",
    "opensora": "antibench.testing.parity_opensora",
}
"""Folder name -> module whose `KINDS` maps the start of a file's name to its check."""
SUFFIXES = (".safetensors", ".json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check all paths and print what was found; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m antibench.testing.parity", description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="reference file, or folder of them")
    try:
        checks = {file: check_of(file) for path in parser.parse_args(arguments).paths for file in files(path)}
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return ExitCode.USAGE
    compared = failed = 0
    for file, check in checks.items():
        print(file)
        for one in run(file, check):
            print(line(one), flush=True)
            compared, failed = compared + 1, failed + (not one.ok)
    verdict = f"{failed} above tolerance" if failed else "all within tolerance"
    print(f"{compared} compared, {verdict}")
    return 1 if failed else 0


def files(path: Path) -> list[Path]:
    """The reference files that a path stands for: itself, or those of known families below it.

    Raises:
        UserError: if there is nothing there.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder")
    found = [
        file for file in sorted(path.resolve().rglob("*")) if file.suffix in SUFFIXES and file.parent.name in FAMILIES
    ]
    if not found:
        raise UserError(f"{path}: no reference files in folders named {' or '.join(FAMILIES)}")
    return found


def check_of(file: Path) -> Check:
    """How to check a file.

    Raises:
        UserError: if folder or file name say nothing known.
    """
    family = file.resolve().parent.name
    if family not in FAMILIES:
        raise UserError(f"{file}: the folder {family!r} is no family of models; known: {', '.join(FAMILIES)}")
    kinds: Mapping[str, Check] = importlib.import_module(FAMILIES[family]).KINDS
    fitting = [kind for kind in kinds if file.stem == kind or file.stem.startswith(f"{kind}_")]
    if not fitting:
        hint = closest(file.stem, kinds)
        raise UserError(f"{file}: {family} files start with {', '.join(kinds)}{hint}")
    return kinds[max(fitting, key=len)]


def run(file: Path, check: Check) -> list[Compared]:
    """Everything compared in a file; a file that cannot be built or run is one difference without bound.

    Attention is not fused and no gradient is kept, which is how such files are computed. One thread: the networks are
    small, and threads that wait for each other on a busy machine cost more than they bring.
    """
    compared: list[Compared] = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            compared.extend(check(file))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        compared.append(Compared("configuration", torch.inf, 0.0, f"{place}: {first['msg']}"))
    except Exception as error:
        reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        compared.append(Compared("file", torch.inf, 0.0, reason))
    finally:
        torch.set_num_threads(threads)
    return compared


def line(one: Compared) -> str:
    """One comparison as text."""
    verdict = "ok  " if one.ok else "FAIL"
    detail = f"  ({one.detail})" if one.detail else ""
    return f"  {verdict} {one.name:<44} {one.error:.1e} of {one.tolerance:.0e}{detail}"


if __name__ == "__main__":
    sys.exit(main())
