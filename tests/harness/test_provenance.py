"""A finished run is recognised by everything that it depends on, and by nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fake_runs import PLUGINS, fake_suite

from antibench.provenance import fingerprint
from antibench.suite_options import image_folder


def test_it_depends_on_suite_device_and_plugin_files(tmp_path: Path) -> None:
    plain = fingerprint(fake_suite(), "cpu", ())
    assert plain == fingerprint(fake_suite(), "cpu", ())
    copy = tmp_path / "copy.py"
    copy.write_text(PLUGINS.read_text())
    others = {
        fingerprint(fake_suite("budgets=[4]"), "cpu", ()),
        fingerprint(fake_suite(), "cuda", ()),
        fingerprint(fake_suite(), "cpu", (PLUGINS,)),
    }
    assert len({plain, *others}) == 4
    assert fingerprint(fake_suite(), "cpu", (PLUGINS,)) == fingerprint(fake_suite(), "cpu", (copy,))
    copy.write_text(PLUGINS.read_text() + "\n")
    assert fingerprint(fake_suite(), "cpu", (PLUGINS,)) != fingerprint(fake_suite(), "cpu", (copy,))


def test_it_depends_on_the_files_of_a_folder_of_photos(tmp_path: Path) -> None:
    suite = fake_suite(overrides=(image_folder(tmp_path),))
    marks = [fingerprint(suite, "cpu", ())]
    (tmp_path / "a.png").write_bytes(b"a")
    marks.append(fingerprint(suite, "cpu", ()))
    (tmp_path / "captions.csv").write_text("file,caption\na.png,hello\n")
    marks.append(fingerprint(suite, "cpu", ()))
    os.utime(tmp_path / "a.png", ns=(1, 1))
    marks.append(fingerprint(suite, "cpu", ()))
    assert len(set(marks)) == 4
    assert marks[-1] == fingerprint(suite, "cpu", ())


def test_it_imports_no_plugin_and_no_torch() -> None:
    code = (
        "import sys; from antibench.provenance import fingerprint; from antibench.suite_file import load_suite\n"
        "fingerprint(load_suite('full'), 'cpu', ())\n"
        "print('torch' in sys.modules, 'antibench.attacks.advdm' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "False"]
