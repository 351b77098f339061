"""Tables of baselines within pages: ``python -m antibench.report.blocks README.md docs/ci.md`` writes them anew.

A page says where one belongs and which it is, by the start of its title:

    <!-- table of results/baselines/ci.json: ism0[dlib] on dynamicrafter-small -->
    ...
    <!-- end -->

Paths are relative to the working directory. With --check nothing is written; exit code 1 if a page differs.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

from antibench.baseline import read_baseline
from antibench.errors import UserError
from antibench.report.markdown import pipe_table
from antibench.report.table import Table
from antibench.report.tables import tables

_BLOCK = re.compile(r"(<!-- table of (\S+\.json): (.+?) -->\n).*?(\n<!-- end -->)", re.DOTALL)


def rewritten(page: str, root: Path = Path()) -> str:
    """A page with every table of a baseline as the baseline has it.

    Raises:
        UserError: if there is no such baseline or no such table in it.
    """

    def block(found: re.Match[str]) -> str:
        start, file, title, end = found.groups()
        return start + pipe_table(_titled(root / file, title)) + end

    return _BLOCK.sub(block, page)


def blocks(page: str) -> list[tuple[str, str]]:
    """(file, title) of every table of a baseline in a page."""
    return [(found[2], found[3]) for found in _BLOCK.finditer(page)]


def _titled(file: Path, title: str) -> Table:
    held = _tables(file)
    for table in held:
        if table.title == title or re.match(re.escape(title) + r"\b\W", table.title):
            return table
    raise UserError(f"{file} has no table {title!r} (it has: {'; '.join(table.title for table in held)})")


@cache
def _tables(file: Path) -> list[Table]:
    return tables(read_baseline(file).run.summary())


def main(arguments: list[str]) -> int:
    """The command line."""
    differ = []
    for page in [Path(argument) for argument in arguments if argument != "--check"]:
        before = page.read_text("utf-8")
        after = rewritten(before)
        if after != before:
            differ.append(page)
            if "--check" not in arguments:
                page.write_text(after, "utf-8")
    print("\n".join(f"{page}: {'differs' if '--check' in arguments else 'rewritten'}" for page in differ))
    return int(bool(differ) and "--check" in arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
