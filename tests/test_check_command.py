"""`antibench check`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from antibench.cli import main
from antibench.registry import ALL, MODELS, Entry
from antibench.testing.check import Check, attempt


def code_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["check", *arguments])
    return int(str(ended.value.code))


def test_a_plugin_that_keeps_its_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("resize@1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok    name is kebab-case and version a whole number from 1"
    assert lines[-1] == "resize@1: none of 14 checks failed"
    assert all(line.startswith("ok    ") for line in lines[:-1])


def test_what_is_not_kept_is_named_and_ends_with_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("not a photo")
    assert code_of("folder", "--set", f"path={tmp_path}") == 3
    out = capsys.readouterr().out
    assert "FAIL  every case can be read: b.png: not an image in a format that Pillow reads\n" in out
    assert out.endswith("folder@1: 1 of 10 checks failed\n")


def test_json_is_all_there_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("resize", "--set", "filter=box", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["name"], answer["kind"], answer["ok"]) == ("resize@1", "purifications", True)
    assert answer["checks"][0] == {
        "name": "name is kebab-case and version a whole number from 1",
        "ok": True,
        "detail": "",
    }
    assert len(answer["checks"]) == 14


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resise"], "nothing is registered as 'resise'; did you mean 'resize'"),
        (["resize@9"], "this antibench has resize@1"),
        (["resize", "--set", "fliter=box"], "has no parameter 'fliter'; did you mean 'filter'?"),
        (["resize", "--set", "filter=nearest"], "filter must be bicubic"),
        (["resize", "--set", "filter"], "write key=value"),
        (["resize", "--kind", "metrics"], "unknown metric 'resize'"),
        (["folder", "--set", "path=nowhere"], "nowhere: No such file or directory"),
        (["folder"], "needs a path"),
        (["x", "--plugin", "nowhere.py"], "nowhere.py: no such file"),
        (["resize", "--weights", "resize=."], "resize is no video model"),
        (["svd", "--weights", "svd=nowhere"], "--weights svd=nowhere: no such folder"),
        (["svd", "--weights", "ltx-video=."], "what is checked is svd"),
        (["cogvideox-small", "--weights", "cogvideox-small=."], "cogvideox-small takes no local weights"),
    ],
)
def test_bad_input_is_one_line_and_ends_with_four(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(*arguments) == 4
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_name_of_two_kinds_needs_the_kind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    also = Entry("resize", 1, "", "nowhere:Resize", "a test")
    monkeypatch.setitem(ALL["metrics"]._entries, "resize", also)
    assert code_of("resize") == 4
    assert "add --kind purifications or --kind metrics" in capsys.readouterr().err
    assert code_of("resize", "--kind", "purifications") == 0


def test_a_model_of_the_embedded_world_is_measured_against_the_gate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The contract and the gate take minutes and have tests of their own: here, that both are asked."""

    def contract(plugin_cls: type[Any], **params: Any) -> Iterator[Check]:
        print("a progress bar of some library")
        yield Check("contract", True)

    def gate(name: str) -> list[Check]:
        return [Check(f"gate of {name}", False, "0.2, at least 0.4")]

    assert MODELS.load("cogvideox-small").card.world == "small"
    monkeypatch.setitem(sys.modules, "antibench.testing.model_contract", SimpleNamespace(checks=contract))
    monkeypatch.setitem(sys.modules, "antibench.zoo.gate", SimpleNamespace(run=gate))
    assert code_of("cogvideox-small") == 3
    captured = capsys.readouterr()
    assert captured.out.splitlines()[:2] == ["ok    contract", "FAIL  gate of cogvideox-small: 0.2, at least 0.4"]
    assert "progress bar" in captured.err


def test_local_weights_reach_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    seen: list[dict[str, Any]] = []

    def contract(plugin_cls: type[Any], **given: Any) -> Iterator[Check]:
        seen.append(given)
        yield Check("contract", True)

    monkeypatch.setitem(sys.modules, "antibench.testing.model_contract", SimpleNamespace(checks=contract))
    assert code_of("svd", "--set", "steps=2", "--weights", f"svd={tmp_path}") == 0
    assert seen == [{"steps": 2, "weights": tmp_path.resolve()}]


def test_the_plugin_of_the_documentation(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "purifications.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "posterise.py").write_text(example)
    arguments = ["check", "posterise", "--plugin", str(tmp_path / "posterise.py")]
    command = [sys.executable, "-c", f"from antibench.cli import main; main({arguments})"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("posterise@1: none of 14 checks failed\n")


def test_an_exception_is_a_fault_not_a_crash() -> None:
    def fault() -> str | None:
        raise KeyError("x")

    assert attempt("rule", fault) == Check("rule", False, "raises KeyError: 'x'")
    assert attempt("rule", lambda: "bad") == Check("rule", False, "bad")
    assert attempt("rule", lambda: None) == Check("rule", True, "")
