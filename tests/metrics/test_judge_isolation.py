"""No protection and no video model can reach a judge: neither by import nor by opening its weights."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import antibench
from antibench.metrics.judges import aesthetic, clip, dino, musiq, raft, video_features

ROOT = Path(antibench.__file__).parent
HARNESS = {"antibench.zoo.gate", "antibench.zoo.gate_table", "antibench.zoo.world_mean"}
"""Modules beside the models that measure them; no model and no protection imports them."""
OWN_JUDGE = ("antibench.zoo.quality", "antibench.zoo.training.quality")
"""The quality network that is trained here: only the command that trains it imports it."""
JUDGES_PACKAGES = {"mtcnn", "face_recognition_models", "stlpips_pytorch", "lpips", "dreamsim"}
FETCHED = {dino.V1[0], dino.V2[0], raft.FILE, musiq.FILE, aesthetic.FILE, video_features.I3D} | {
    f"{network}.pt" for network in clip.SHA256
}
"""Repositories and files of judges that a user fetches."""


def sources() -> dict[str, Path]:
    """Every module of antibench by its name."""
    outer = {name: ROOT.parent / name for name in ("attacks", "purifications", "metrics", "suites")}
    found = {}
    for package, folder in [("antibench", ROOT), *((f"antibench.{name}", path) for name, path in outer.items())]:
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join([package, *(part for part in parts if part != "__init__")])] = path
    return found


SOURCES = sources()
JUDGES_FILES = {path.name for path in SOURCES["antibench.metrics.judges"].parent.glob("*.safetensors")}
"""Weights of judges that antibench ships itself."""
GUARDED = sorted(
    name
    for name in SOURCES
    if name.startswith(("antibench.attacks", "antibench.perturb", "antibench.models", "antibench.zoo"))
    and name not in HARNESS
)


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(SOURCES[name].read_text())


@cache
def imports(name: str) -> frozenset[str]:
    """Modules of antibench a module imports anywhere in its text, functions and type checking included."""
    wanted: set[str] = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            wanted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            wanted |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    parents = {module.rsplit(".", depth)[0] for module in wanted for depth in range(1, module.count(".") + 1)}
    return frozenset((wanted | parents) & SOURCES.keys())


def reachable(name: str) -> set[str]:
    seen, left = set(), [name]
    while left:
        module = left.pop()
        if module not in seen:
            seen.add(module)
            left += imports(module)
    return seen


def test_the_search_finds_what_it_should() -> None:
    judges = reachable("antibench.metrics.ism0")
    assert {f"antibench.metrics.judges.{name}" for name in ("mtcnn", "dlib_face", "mobileface")} <= judges
    assert "antibench.metrics.judges.dino" in reachable("antibench.metrics.dino_image")
    assert "mobileface.safetensors" in JUDGES_FILES
    assert {"facebook/dino-vitb16", "ViT-B-32.pt"} <= FETCHED
    assert len([name for name in GUARDED if name.startswith("antibench.attacks.")]) >= 6
    assert len([name for name in GUARDED if name.startswith("antibench.models.")]) >= 2
    assert len([name for name in GUARDED if name.startswith("antibench.perturb.")]) >= 2


@pytest.mark.parametrize("name", GUARDED)
def test_no_import_leads_to_a_metric(name: str) -> None:
    assert [module for module in reachable(name) if module.startswith("antibench.metrics")] == []


@pytest.mark.parametrize("name", [name for name in GUARDED if name not in (*OWN_JUDGE, "antibench.zoo.train")])
def test_nothing_leads_to_the_quality_network(name: str) -> None:
    assert reachable(name).isdisjoint({*OWN_JUDGE, "antibench.zoo.train"})
    strings = {node.value for node in ast.walk(tree(name)) if isinstance(node, ast.Constant)}
    assert not [said for said in strings if isinstance(said, str) and "quality-small" in said]


def test_the_quality_metric_does_reach_its_network() -> None:
    assert "antibench.zoo.quality" in reachable("antibench.metrics.quality_small")


@pytest.mark.parametrize("name", GUARDED)
def test_no_name_leads_to_a_judge(name: str) -> None:
    """Neither the registry of metrics nor a package that ships a judge's weights is spoken of."""
    names = {node.id for node in ast.walk(tree(name)) if isinstance(node, ast.Name)}
    strings = {node.value for node in ast.walk(tree(name)) if isinstance(node, ast.Constant)}
    assert "METRICS" not in names
    assert not strings & (JUDGES_PACKAGES - {"lpips"})
    forbidden = {"antibench.metrics", *JUDGES_FILES, *FETCHED}
    assert not [said for said in strings if isinstance(said, str) and any(word in said for word in forbidden)]


@pytest.mark.slow
def test_importing_all_protections_and_models_loads_no_judge() -> None:
    code = (
        "import importlib, sys\n"
        f"for name in {GUARDED!r}: importlib.import_module(name)\n"
        f"packages = {sorted(JUDGES_PACKAGES - {'lpips'})!r}\n"
        "found = [m for m in sys.modules if m.startswith('antibench.metrics') or m.split('.')[0] in packages]\n"
        "assert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
