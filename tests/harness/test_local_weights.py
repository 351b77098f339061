"""`--weights MODEL=PATH`: which files, what they do to keys, and that a run says so without the path."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from fake_runs import PLUGINS, SUITE, RunFake, antibench, command, fake_suite, inline_pool, lines_of

from antibench import local_weights as local_weights_module
from antibench import run as run_module
from antibench.compare import compare
from antibench.errors import UserError
from antibench.local_weights import LocalWeights, digests, local_weights
from antibench.models.opensora.specs import OpenSora12
from antibench.models.specs import SVDXT
from antibench.progress import Quiet
from antibench.rescore import rescore
from antibench.resolve import resolve
from antibench.run import Settings, default_out
from antibench.runfiles import read_run
from antibench.store import Store
from antibench.suite import Suite
from antibench.suite_options import only_models

ONLY = only_models(("fake-local",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return saved(tmp_path / "secret-place", "3")


def saved(folder: Path, noise: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.ckpt").write_text(noise)
    (folder / "README.md").write_text("not read")
    return folder


def suite_of_local() -> Suite:
    return fake_suite(overrides=(ONLY,))


def chosen(*given: str, store: Path, suite: Suite | None = None) -> dict[str, LocalWeights]:
    return local_weights(suite or suite_of_local(), given, Store(store), lambda text: None)


def keys(weights: dict[str, LocalWeights]) -> list[str]:
    return [model.digest for model in resolve(suite_of_local(), "cpu", digests(weights)).models]


def test_spelling_and_place_do_not_change_keys_and_one_byte_does(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    copy = saved(tmp_path / "copy", "3")
    (copy / "README.md").write_text("another")
    (copy / ".cache").mkdir()
    (copy / ".cache" / "model.ckpt.json").write_text("notes of a client")
    relative = os.path.relpath(folder)
    spellings = [folder, f"{folder}/", f"{folder}/../{folder.name}", relative, link, copy, folder / "model.ckpt"]
    found = {str(keys(chosen(f"fake-local={path}", store=tmp_path / "store"))) for path in spellings}
    assert len(found) == 1
    pinned = str(keys({}))
    (copy / "model.ckpt").write_text("4")
    other = str(keys(chosen(f"fake-local={copy}", store=tmp_path / "store")))
    assert len({pinned, other, *found}) == 3


def test_every_byte_counts_but_is_read_once(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store"
    first = chosen(f"fake-local={folder}", store=store)
    monkeypatch.setattr(local_weights_module.hashlib, "file_digest", None)
    assert chosen(f"fake-local={folder}", store=store) == first
    monkeypatch.undo()
    before = (folder / "model.ckpt").stat()
    (folder / "model.ckpt").write_text("5")
    os.utime(folder / "model.ckpt", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert chosen(f"fake-local={folder}", store=store) != first, "same size, and the time of change put back"


def test_reading_much_is_announced(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(local_weights_module, "SLOW_GB", 0.0)
    local_weights(suite_of_local(), [f"fake-local={folder}"], Store(tmp_path / "store"), said.append)
    assert said == ["reading 0.0 GB of local weights once, to know them again"]


def test_the_parts_of_a_pipeline_count_and_nothing_beside_them(tmp_path: Path) -> None:
    index = {"_class_name": "P", "unet": ["diffusers", "U"], "off": [None, None], "../up": ["x", "y"], "n": 3}
    for name in ("unet/w.safetensors", "unet/config.json", "unet/notes.md", "other/w.safetensors", "big.safetensors"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    found = local_weights_module._files(tmp_path, SVDXT)
    assert found.keys() == {"model_index.json", "unet/w.safetensors", "unet/config.json"}


WRONG = [
    ("fake-local", "write MODEL=PATH, such as svd=weights/svd"),
    ("=x", "write MODEL=PATH"),
    ("fake-locl={folder}", "the suite has no model or purification 'fake-locl'; did you mean 'fake-local' or"),
    ("svd={folder}", "the suite has no model or purification 'svd' (it has: fake-local, fake-grain)"),
    ("fake-local={folder}/nowhere", "secret-place/nowhere: no such folder"),
    ("fake-local={empty}", "empty: the folder holds no model.ckpt"),
]


@pytest.mark.parametrize(("given", "told"), WRONG)
def test_what_is_wrong_is_named(given: str, told: str, folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError) as caught:
        chosen(given.format(folder=folder, empty=empty), store=tmp_path / "store")
    assert str(caught.value).startswith("--weights ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_given_twice_or_to_a_model_that_has_its_own(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the weights of fake-local are given twice"):
        chosen(f"fake-local={folder}", f"fake-local={folder}", store=tmp_path)
    with pytest.raises(UserError, match="fake-shift takes no local weights; what it has is part of antibench"):
        chosen(f"fake-shift={folder}", store=tmp_path, suite=fake_suite())


def test_a_pipeline_is_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "unet.safetensors"
    file.write_text("")
    with pytest.raises(UserError, match=r"unet\.safetensors: a file; give the folder that holds model_index\.json"):
        local_weights_module.checked("svd", SVDXT, file)
    with pytest.raises(UserError, match=r"the folder holds no OpenSora-STDiT-v3/model\.safetensors"):
        local_weights_module.checked("opensora-1.2", OpenSora12, tmp_path)


def test_a_run_says_that_the_weights_are_local_and_nowhere_where(
    folder: Path, tmp_path: Path, run_fake: RunFake
) -> None:
    weights = chosen(f"fake-local={folder}", store=tmp_path / "store")
    pinned = run_fake(overrides=(ONLY,), out="pinned")
    ran = run_fake(overrides=(ONLY,), out="local", weights=weights)
    assert ran.computed > 0, "what the pinned weights made is not taken for theirs"
    digest = weights["fake-local"].digest
    plan = json.loads((ran.folder / "plan.json").read_text())
    assert [model["local_weights"] for model in plan["header"]["models"]] == [digest]
    assert json.loads((ran.folder / "env.json").read_text())["local_weights"] == {"fake-local": digest}
    assert "local_weights" not in json.loads((pinned.folder / "plan.json").read_text())["header"]["models"][0]
    assert json.loads((pinned.folder / "env.json").read_text())["local_weights"] == {}
    for file in (*ran.folder.rglob("*"), *(tmp_path / "store").rglob("*.json")):
        assert not file.is_file() or b"secret-place" not in file.read_bytes()
    cells = [{line["cell"] for line in lines_of(run.folder) if line["target"]} for run in (pinned, ran)]
    assert not cells[0] & cells[1]
    with pytest.raises(UserError, match="fake-local has other weights in A than in B"):
        compare(*(part for run in (pinned, ran) for part in (read_run(run.folder).header, read_run(run.folder).cells)))

    moved = tmp_path / "moved"
    folder.rename(moved)
    again = chosen(f"fake-local={moved}", store=tmp_path / "store")
    assert run_fake(overrides=(ONLY,), out="moved", weights=again).computed == 0
    assert run_fake(overrides=(ONLY,), out="local", weights=again).summary == ran.summary


def test_rescore_finds_the_videos(
    folder: Path, tmp_path: Path, run_fake: RunFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run_fake(overrides=(ONLY,), weights=chosen(f"fake-local={folder}", store=tmp_path / "store"))
    monkeypatch.setattr(run_module, "local_pool", inline_pool)
    again = rescore(Settings(ran.folder, tmp_path / "store"), ("fake-odd",), Quiet())
    assert again.summary["cells"]["failed"] == 0
    assert again.summary["cells"]["skipped"] > 0


def test_the_folder_of_a_run_is_another_one(folder: Path, tmp_path: Path) -> None:
    suite = suite_of_local()
    weights = chosen(f"fake-local={folder}", store=tmp_path / "store")
    assert default_out(suite, weights) != default_out(suite) == default_out(suite, {})


def test_the_path_reaches_the_workers(folder: Path, tmp_path: Path) -> None:
    options = ["--suite", SUITE, "--plugin", PLUGINS, "--model", "fake-local", "--limit", "2"]
    options += ["--store", tmp_path / "store", "--weights", f"fake-local={folder}"]
    argv = command("run", *options, "--out", tmp_path / "run", "--workers", "1", "--quiet", "--json")
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cells"]["failed"] == 0
    planned = antibench("plan", *options)
    assert "weights from local folders: fake-local" in planned.stdout
    told = antibench("run", *options, "--weights", "fake-locl=x", cwd=tmp_path)
    assert told.returncode == 4
    assert told.stderr.count("\n") == 1
